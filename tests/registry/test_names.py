"""How models are called: what can be read in one way, in two, or in none."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.registry.fakes import architecture, install
from zoo.architecture import ArchitectureInfo
from zoo.errors import (
    CatalogInvalid,
    NameCollision,
    PluginBroken,
    UnknownModel,
)
from zoo.names import (
    Reference,
    identity,
    name_fault,
    parse_reference,
    split_version,
)
from zoo.registry.catalog import parse_catalog
from zoo.registry.policy import Pin, Policy
from zoo.registry.registry import Registry

GROUP = "zoo.architectures"
CATALOGS = "zoo.catalogs"

MODELS = st.from_regex(r"[a-z][a-z0-9]{0,6}(_[a-z0-9]{1,4})?", fullmatch=True).filter(
    lambda name: name_fault(name) is None
)
DISTRIBUTIONS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(r"[1-9][0-9]{0,2}", fullmatch=True)
WEIGHTS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def entry(name: str, distribution: str, more: str = "") -> str:
    return (
        f"- name: {name}\n  distribution: {distribution}\n  summary: A thing.\n"
        f"  tasks: [regression]\n{more}"
    )


def weights(name: str) -> str:
    return (
        f"  weights:\n  - id: {name}\n    trained_on: digits\n    parameters: 1\n    bytes: 1\n"
        f"    sha256: {'a' * 64}\n"
    )


def add(
    site: Path, distribution: str, models: dict[str, str], entries: str = "", **more: object
) -> None:
    """Install a distribution with a package, its models by announced name, and a catalog."""
    package = distribution.replace("-", "_") + "_package"
    source = "\n".join(
        architecture(split_version(name)[0], cls, split_version(name)[1])
        for name, cls in models.items()
    )
    points = {GROUP: {name: f"{package}:{cls}" for name, cls in models.items()}}
    files = {f"{package}/__init__.py": source}
    if entries:
        points[CATALOGS] = {"own": package}
        files[f"{package}/registry.yaml"] = f"schema_version: 1\nmodels:\n{entries}"
    install(site, distribution, points=points, files=files, **more)


@given(MODELS, DISTRIBUTIONS | st.just(""), VERSIONS | st.just(""), WEIGHTS | st.just(""))
def test_what_is_written_is_among_what_is_read(model, distribution, version, weights):
    said = Reference(model, distribution, version, weights)
    parts = [distribution, f"{model}@{version}" if version else model, weights]
    text = ":".join(part for part in parts if part)

    found = parse_reference(text)

    assert said in found
    assert len(found) <= (2 if text.count(":") == 1 and not version else 1)


@given(st.text(alphabet=string.printable + "сα@:", max_size=20))
def test_any_text_is_read_as_names_or_as_nothing(text):
    for reading in parse_reference(text):
        assert name_fault(reading.model) is None
        assert set(text) >= set(reading.model)


@given(MODELS, VERSIONS)
def test_an_identity_says_the_version_unless_it_is_the_first(model, version):
    assert split_version(identity(model, version)) == (model, version)
    assert ("@" in identity(model, version)) == (version != "1")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("con", "device"),
        ("lpt9", "device"),
        ("../up", "lower-case letters"),
        ("CNN", "lower-case letters"),
        ("cnn ", "lower-case letters"),
        ("a__b", "lower-case letters"),
        ("сnn", "CYRILLIC SMALL LETTER ES"),
        ("x" * 65, "65 characters"),
        ("", "lower-case letters"),
    ],
)
def test_what_is_no_name_is_refused_everywhere_with_the_same_reason(name, complaint):
    assert complaint in (name_fault(name) or "")
    with pytest.raises(ValueError, match="name"):
        ArchitectureInfo(name=name, summary="A thing of a test.", tasks=("classification",))
    with pytest.raises(CatalogInvalid, match=r"models\.0\.name|valid"):
        parse_catalog(
            f"schema_version: 1\nmodels:\n{entry(repr(name), 'zoo-x')}", source="registry.yaml"
        )


def test_a_look_alike_is_broken_and_its_letter_is_named(site: Path) -> None:
    add(site, "zoo-alike", {"сnn": "Model"})
    registry = Registry(Policy())

    assert registry.listing("сnn").status == "broken"
    with pytest.raises(PluginBroken) as caught:
        registry.get("сnn")
    assert "CYRILLIC SMALL LETTER ES" in caught.value.why
    assert "zoo-alike 1.0" in caught.value.what
    assert registry.get("cnn").info.name == "cnn"


def test_a_plain_name_means_the_newest_version_and_each_can_be_asked_for(site: Path) -> None:
    add(site, "zoo-many", {"many": "One", "many@2": "Two", "many@10": "Ten"})
    registry = Registry(Policy())

    assert type(registry.get("many")).__name__ == "Ten"
    assert type(registry.get("many@1")).__name__ == "One"
    assert type(registry.get("zoo-many:many@2")).__name__ == "Two"
    assert registry.listing("many").versions == ("10", "2", "1")
    assert registry.listing("many").identity == "many@10"
    with pytest.raises(UnknownModel, match="no version 3") as caught:
        registry.get("many@3")
    assert "10, 2, 1" in caught.value.why


def test_a_recorded_version_is_used_again_after_a_newer_one_came(site: Path) -> None:
    add(site, "zoo-old", {"aging": "One"})
    recorded = Registry(Policy()).get("aging").info.identity
    assert recorded == "aging"

    add(site / "new", "zoo-old", {"aging": "One", "aging@2": "Two"}, version="2.0")
    import sys

    sys.path.insert(0, str(site / "new"))
    try:
        sys.modules.pop("zoo_old_package", None)
        registry = Registry(Policy())
        assert type(registry.get("aging")).__name__ == "Two"
        assert type(registry.recall("aging", "zoo-old")).__name__ == "One"
        assert type(registry.recall("aging@2")).__name__ == "Two"
    finally:
        sys.path.remove(str(site / "new"))
        sys.modules.pop("zoo_old_package", None)


def test_a_recorded_distribution_is_not_replaced_by_another(site: Path) -> None:
    add(site, "zoo-mine", {"shared": "Model"})
    add(site, "zoo-theirs", {"shared": "Model"})
    registry = Registry(Policy())

    assert type(registry.recall("shared", "zoo-mine")).__module__ == "zoo_mine_package"
    with pytest.raises(UnknownModel, match="zoo-gone does not offer"):
        registry.recall("shared", "zoo-gone")
    moved = Registry(Policy(pins={"shared": Pin("zoo-theirs")}))
    assert type(moved.recall("shared", "zoo-gone")).__module__ == "zoo_theirs_package"


def test_a_higher_version_from_another_distribution_is_a_collision(site: Path) -> None:
    add(site, "zoo-first", {"fought": "Model"})
    add(site, "zoo-second", {"fought@99": "Model"})
    registry = Registry(Policy())

    with pytest.raises(NameCollision):
        registry.get("fought")
    assert registry.resolve("fought@99").distribution == "zoo-second"
    assert (
        Registry(Policy(pins={"fought": Pin("zoo-first")})).resolve("fought").distribution
        == "zoo-first"
    )


def test_a_class_of_another_version_than_its_entry_point_says_is_broken(site: Path) -> None:
    add(site, "zoo-liar", {"liar": "Model"})
    install(site, "zoo-liar-two", points={GROUP: {"liar@2": "zoo_liar_package:Model"}}, files={})
    with pytest.raises(PluginBroken) as caught:
        Registry(Policy()).get("liar@2")
    assert "'liar@2'" in caught.value.why


def test_a_name_announced_twice_by_one_distribution_is_broken(site: Path) -> None:
    info = install(site, "zoo-twice", files={"twice_module.py": architecture("twice")})
    (info / "entry_points.txt").write_text(
        "[zoo.architectures]\ntwice = twice_module:Model\ntwice@1 = twice_module:Model\n"
    )
    assert Registry(Policy()).listing("twice").status == "broken"


def test_weights_are_a_part_of_the_name(site: Path) -> None:
    add(site, "zoo-w", {"heavy": "Model"}, entry("heavy", "zoo-w", weights("tiny")))
    registry = Registry(Policy())

    for name in ("heavy:tiny", "zoo-w:heavy:tiny", "heavy@1:tiny", "zoo-w:heavy@1:tiny"):
        assert registry.get(name).info.name == "heavy"
        assert registry.resolve(name).weights == "tiny"
    assert registry.resolve("zoo-w:heavy").weights == ""
    assert registry.resolve("cnn:mnist").weights == "mnist"


def test_one_colon_means_weights_if_there_is_a_model_of_that_name(site: Path) -> None:
    add(site, "heavy", {"tiny": "Model"})
    add(site, "zoo-w2", {"heavy": "Other"}, entry("heavy", "zoo-w2", weights("tiny")))
    registry = Registry(Policy())

    found = registry.resolve("heavy:tiny")
    assert (found.identity, found.weights) == ("heavy", "tiny")
    assert registry.get("heavy:tiny@1").info.name == "tiny"
    assert registry.resolve("heavy@1:tiny").weights == "tiny"
    assert registry.resolve("zoo-w2:heavy").weights == ""


@pytest.mark.parametrize(
    ("asked", "near"),
    [("cnnn", "cnn"), ("cnnn@2", "cnn"), ("CNN", "cnn"), ("cnnn:digits", "cnn"), ("сnn", "cnn")],
)
def test_a_misspelt_name_gets_the_nearest_whatever_form_it_has(asked, near):
    with pytest.raises(UnknownModel) as caught:
        Registry(Policy()).get(asked)
    assert f"did you mean {near}" in caught.value.why
