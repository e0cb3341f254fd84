"""Names are resolved to plugins; whatever a plugin does, the others stay usable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.fakes import architecture, install
from zoo.architecture import Architecture, ArchitectureInfo
from zoo.config import ModelConfig
from zoo.errors import (
    NameCollision,
    PluginBroken,
    PolicyDenied,
    RegistryError,
    UnknownDataset,
    UnknownModel,
    ZooError,
)
from zoo.registry.policy import Pin, Policy, read_policy
from zoo.registry.registry import Registry
from zoo.version import API_VERSION

GROUP = "zoo.architectures"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the front of sys.path, like an environment of its own."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def add(site: Path, distribution: str, name: str, module: str, source: str) -> None:
    install(
        site,
        distribution,
        points={GROUP: {name: f"{module}:Model"}},
        files={f"{module}.py": source},
    )


def origin(registry: Registry, name: str) -> tuple[str, str]:
    provider = registry.resolve(name).provider
    return provider.distribution, provider.version


def test_an_installed_plugin_is_found_by_name_and_comes_with_its_provenance(site: Path) -> None:
    add(site, "zoo-found", "found_model", "found_module", architecture("found_model"))
    registry = Registry(Policy())

    assert registry.get("found_model").info.name == "found_model"
    assert origin(registry, "found_model") == ("zoo-found", "1.0")
    assert registry.listing("found_model").providers[0].location == str(site)


def test_listing_imports_no_plugin(site: Path) -> None:
    add(site, "zoo-loud", "loud", "loud_module", "raise SystemExit('imported')")

    assert "loud" in [listing.name for listing in Registry(Policy()).listings()]
    assert "loud_module" not in sys.modules


def test_names_come_in_natural_order(site: Path) -> None:
    for number in (16, 9, 2):
        add(site, f"zoo-xg{number}", f"xg{number}", f"xg{number}_module", "")

    names = [listing.name for listing in Registry(Policy()).listings("xg*")]
    assert names == ["xg2", "xg9", "xg16"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('no luck')", "ValueError: no luck"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import not_there_at_all", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("Other = 1", "AttributeError"),
        ("Model = 7", "expected a class derived from zoo.Architecture. Received: 7"),
        (architecture("another_name"), "info.name is 'another_name'"),
        (architecture("bad").replace("def build", "def not_build"), "does not implement build"),
        (
            architecture("bad").replace("tasks=(", f"api_version={API_VERSION + 1}, tasks=("),
            "upgrade neural-zoo",
        ),
        (architecture("bad").replace("Config = zoo.ModelConfig", "Config = dict"), "Config"),
        (architecture("bad").replace('default_dataset = "digits"', ""), "default_dataset"),
    ],
)
def test_a_broken_plugin_is_quarantined_with_its_reason_and_the_rest_works(
    site: Path, source: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(site, "zoo-bad", "bad", "bad_module", source)
    add(site, "zoo-good", "good", "good_module", architecture("good"))
    registry = Registry(Policy())

    with pytest.raises(PluginBroken) as caught:
        registry.get("bad")

    assert reason in caught.value.why
    assert "zoo-bad 1.0" in caught.value.what
    assert "pip" in caught.value.fix
    assert registry.get("good").info.name == "good"
    assert registry.listing("bad").status == "broken"
    with pytest.raises(PluginBroken):
        registry.get("bad")


def test_an_interrupt_while_a_plugin_loads_passes_and_is_not_held_against_it(
    site: Path,
) -> None:
    add(site, "zoo-int", "interrupting", "interrupting_module", "raise KeyboardInterrupt")
    registry = Registry(Policy())

    with pytest.raises(KeyboardInterrupt):
        registry.get("interrupting")

    assert registry.listing("interrupting").status == "ready"


def test_two_distributions_with_one_name_are_an_error_that_says_how_to_choose(site: Path) -> None:
    add(site, "zoo-left", "twin", "left_module", architecture("twin"))
    add(site, "zoo-right", "twin", "right_module", architecture("twin"))
    registry = Registry(Policy())

    with pytest.raises(NameCollision) as caught:
        registry.get("twin")

    assert "zoo-left 1.0" in caught.value.why
    assert "zoo-right 1.0" in caught.value.why
    assert registry.listing("twin").status == "collision"
    assert type(registry.get("zoo-right:twin")).__module__ == "right_module"
    pinned = Registry(Policy(pins={"twin": Pin("zoo-left")}))
    assert type(pinned.get("twin")).__module__ == "left_module"


def test_one_distribution_met_twice_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, version in (("editable", "2.0"), ("wheel", "1.0")):
        install(
            tmp_path / place,
            "Zoo_Double" if place == "wheel" else "zoo-double",
            version=version,
            points={GROUP: {"double": "double_module:Model"}},
            files={"double_module.py": architecture("double")},
        )
    monkeypatch.syspath_prepend(tmp_path / "wheel")
    monkeypatch.syspath_prepend(tmp_path / "editable")

    assert origin(Registry(Policy()), "double") == ("zoo-double", "2.0")


def test_an_unknown_name_gets_the_nearest_ones_and_a_next_step() -> None:
    with pytest.raises(UnknownModel) as caught:
        Registry(Policy()).get("cnnn")

    assert "did you mean cnn?" in caught.value.why
    assert caught.value.fix == "zoo info cnn"
    assert caught.value.exit_code == 3


def test_a_name_that_only_the_catalog_knows_gets_the_install_command() -> None:
    registry = Registry(Policy(), announced=[])

    assert registry.listing("cnn").status == "not installed"
    with pytest.raises(UnknownModel) as caught:
        registry.get("cnn")
    assert caught.value.fix == "pip install neural-zoo"


@pytest.mark.parametrize(
    ("requires", "missing"),
    [
        (["zoo-nowhere>=2"], "zoo-nowhere>=2"),
        (["numpy", "neural-zoo>=900"], "neural-zoo>=900"),
        (["numpy>=1", "zoo-nowhere; extra == 'all'", "zoo-nowhere; python_version < '3'"], ""),
        (["not a requirement at all"], ""),
    ],
)
def test_a_requirement_that_is_not_installed_is_named_with_the_install_command(
    site: Path, requires: list[str], missing: str
) -> None:
    install(
        site,
        "zoo-needy",
        points={"zoo.architectures": {"needy": "zoo_needy:Model"}},
        files={"zoo_needy.py": architecture("needy")},
        requires=requires,
    )
    registry = Registry()
    (found,) = registry.listings("needy")

    assert found.status == ("broken" if missing else "ready")
    assert "zoo_needy" not in sys.modules
    if missing:
        with pytest.raises(PluginBroken, match=f"it requires {missing}") as caught:
            registry.get("needy")
        assert caught.value.fix == f"pip install '{missing}'"


def test_policy_blocks_and_allows_by_distribution(site: Path) -> None:
    add(site, "zoo-shady", "shady", "shady_module", architecture("shady"))

    blocked = Registry(read_policy({"ZOO_BLOCK": "Zoo_Shady"}))
    with pytest.raises(PolicyDenied, match="may not run") as caught:
        blocked.get("shady")
    assert "ZOO_BLOCK" in caught.value.why
    assert blocked.listing("shady").status == "denied"
    only = Registry(read_policy({"ZOO_ALLOW": "zoo-shady"}))
    assert only.get("shady").info.name == "shady"
    assert only.listing("cnn").status == "denied"


def test_a_pin_that_cannot_be_read_is_a_typed_error() -> None:
    with pytest.raises(ZooError, match="ZOO_PIN"):
        read_policy({"ZOO_PIN": "cnn"})


def test_a_name_that_is_no_identifier_is_broken_not_fatal(site: Path) -> None:
    add(site, "zoo-path", "../escape", "path_module", architecture("escape"))
    registry = Registry(Policy())

    assert registry.listing("../escape").status == "broken"
    assert registry.get("cnn").info.name == "cnn"


def test_an_unknown_task_is_a_typed_error_with_the_nearest_one() -> None:
    with pytest.raises(RegistryError) as caught:
        Registry(Policy()).listings(task="clasification")

    assert "zoo list --task classification" in caught.value.fix


class _Local(Architecture[ModelConfig]):
    info = ArchitectureInfo(
        name="local", summary="Defined in a notebook.", tasks=("classification",), tags=("odd",)
    )
    Config = ModelConfig
    default_dataset = "digits"

    def build(self, config: ModelConfig, data: object) -> None:
        raise NotImplementedError


def test_an_architecture_defined_in_this_process_can_be_registered_and_listed_by_its_tags() -> None:
    registry = Registry(Policy())
    registry.register(_Local)

    assert isinstance(registry.get("local"), _Local)
    assert [entry.name for entry in registry.listings(tags=["odd"])] == ["local"]


def test_a_registered_architecture_may_have_a_version_and_is_recalled_by_it() -> None:
    registry = Registry(Policy())

    class Second(_Local):
        info = _Local.info.model_copy(update={"version": "2"})

    registry.register(Second)
    for name in ("local", "local@2"):
        assert isinstance(registry.get(name), Second)
    assert isinstance(registry.recall("local@2", "(registered here)"), Second)
    assert origin(registry, "local@2") == ("(registered here)", "0")
    with pytest.raises(UnknownModel):
        registry.recall("local", "(registered here)")


def test_a_registered_name_must_be_free_and_its_class_must_follow_the_contract() -> None:
    registry = Registry(Policy())

    class Taken(_Local):
        info = _Local.info.model_copy(update={"name": "cnn"})

    with pytest.raises(NameCollision):
        registry.register(Taken)
    with pytest.raises(PluginBroken):
        registry.register(dict)


def test_the_core_names_no_architecture_of_its_own() -> None:
    names = {listing.name for listing in Registry(Policy()).listings()}
    core = Path(__file__).parents[2] / "zoo"
    code = {
        path.relative_to(core): path.read_text()
        for folder in ("registry", "training", "exporting", "runtime", "data", "metrics")
        for path in (core / folder).rglob("*.py")
    }

    offenders = [
        (str(path), name)
        for path, text in code.items()
        for name in names
        if f'"{name}"' in text or f"zoo_{name}" in text
    ]
    assert offenders == []


def test_listing_imports_neither_keras_nor_its_friends() -> None:
    heavy = "{'keras', 'tensorflow', 'onnx', 'onnxruntime', 'numpy'}"
    code = f"import sys, zoo; zoo.list_models(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_output_of_an_import_does_not_mix_with_results(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(site, "zoo-prints", "prints", "prints_module", "print('hi')\n" + architecture("prints"))
    Registry(Policy()).get("prints")
    assert capsys.readouterr() == ("", "hi\n")


# Other groups.


def offer(site: Path, distribution: str, group: str, name: str, source: str) -> None:
    module = f"{distribution.replace('-', '_')}_module"
    points = {group: {name: f"{module}:thing"}}
    install(site, distribution, points=points, files={f"{module}.py": source})


@pytest.mark.parametrize("group", ["zoo.datasets", "zoo.commands"])
def test_every_group_has_the_same_rules(site: Path, group: str) -> None:
    offer(site, f"zoo-a-{group[4:]}", group, "shared_name", "raise ValueError('a')")
    offer(site, f"zoo-b-{group[4:]}", group, "shared_name", "raise SystemExit('b')")
    registry = Registry(Policy())

    assert len(registry.providers(group)) >= 2
    assert "shared_name" in registry.names(group)
    with pytest.raises(NameCollision, match="shared_name"):
        registry.load(group, "shared_name")
    with pytest.raises(PluginBroken, match="zoo-b") as caught:
        registry.load(group, f"zoo-b-{group[4:]}:shared_name")
    assert "SystemExit: b" in caught.value.why
    (listing,) = registry.listings("shared_name", group=group)
    assert listing.status == "collision"
    pin = Policy(pins={"shared_name": Pin(f"zoo-a-{group[4:]}")})
    with pytest.raises(PluginBroken, match="zoo-a"):
        Registry(pin).load(group, "shared_name")
    blocked = Registry(Policy(block={f"zoo-b-{group[4:]}": "here"}))
    assert blocked.resolve("shared_name", group).provider.distribution == f"zoo-a-{group[4:]}"


def test_an_unknown_dataset_and_an_unknown_command_are_typed_errors(site: Path) -> None:
    offer(site, "zoo-sets", "zoo.datasets", "flowers", "thing = 1")
    registry = Registry(Policy())
    with pytest.raises(UnknownDataset, match="flowrs") as caught:
        registry.load("zoo.datasets", "flowrs")
    assert "did you mean flowers?" in caught.value.why
    with pytest.raises(RegistryError, match="there is no command 'wash'"):
        registry.load("zoo.commands", "wash")


def test_a_command_must_be_a_command(site: Path) -> None:
    offer(site, "zoo-number", "zoo.commands", "count", "thing = 7")
    with pytest.raises(PluginBroken, match="count") as caught:
        Registry(Policy()).load("zoo.commands", "count")
    assert "expected a click.Command. Received: 7" in caught.value.why


def test_a_name_is_resolved_once_and_handed_on(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(Policy())
    calls = []
    look_up = registry._look_up
    monkeypatch.setattr(registry, "_look_up", lambda *words: calls.append(words) or look_up(*words))
    found = registry.resolve("cnn:mnist")
    assert (found.identity, found.weights, found.provider.distribution) == (
        *("cnn", "mnist", "neural-zoo"),
    )
    assert registry.get(found) is registry.get("cnn:mnist")
    assert registry.resolve("cnn:mnist").weights == "mnist"
    assert len(calls) == 1
