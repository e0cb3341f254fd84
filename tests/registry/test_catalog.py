"""The catalog is checked data: every fault is named, and nothing hostile is expanded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.registry.fakes import install
from zoo.errors import CatalogInvalid, UnknownModel
from zoo.registry.catalog import parse_catalog, read_catalog
from zoo.registry.entrypoints import own_catalog_path
from zoo.registry.policy import Policy
from zoo.registry.registry import Registry

GROUP = "zoo.architectures"

MODEL = """
- name: thing
  distribution: zoo-thing
  summary: A thing.
  tasks: [regression]
"""


def test_the_zoos_own_catalog_follows_its_schema() -> None:
    models = read_catalog(own_catalog_path()).models

    assert {"cnn", "mlp_classifier"} <= {model.name for model in models}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Expected `object`"),
        ("models: []", "schema_version"),
        ("schema_version: 2\nmodels: []", "schema_version"),
        ("schema_version: 1\nmodels: [1]", "models.0"),
        (f"schema_version: 1\nmodels:{MODEL}  color: red", "models.0.color"),
        (f"schema_version: 1\nmodels:{MODEL.replace('thing', '../up', 1)}", "models.0.name"),
        (f"schema_version: 1\nmodels:{MODEL.replace('regression', 'Magic!')}", "models.0.tasks.0"),
        (f"schema_version: 1\nmodels:{MODEL}{MODEL.strip(chr(10))}", "listed twice"),
        ("schema_version: 1\nmodels: [", "while parsing"),
        ("a: &a [x]\nb: *a", "aliases"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("x" * (4 * 2**20 + 1), "at most"),
        ("[" * 5_000, ""),
    ],
)
def test_a_wrong_catalog_is_refused_with_the_place_of_its_fault(text: str, complaint: str) -> None:
    with pytest.raises(CatalogInvalid) as caught:
        parse_catalog(text, source="x/registry.yaml")

    assert complaint in caught.value.why
    assert "x/registry.yaml" in caught.value.what


@given(st.text(max_size=200))
def test_any_text_is_a_catalog_or_a_typed_error(text: str) -> None:
    try:
        parse_catalog(text, source="fuzz")
    except CatalogInvalid:
        return


def test_a_third_partys_catalog_joins_the_zoos_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        "zoo-thing",
        points={"zoo.catalogs": {"thing": "thing_package"}},
        files={
            "thing_package/__init__.py": "raise RuntimeError('imported')",
            "thing_package/registry.yaml": f"schema_version: 1\nmodels:{MODEL}",
        },
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(Policy())

    assert registry.listing("thing").status == "not installed"
    assert [entry.name for entry in registry.listings(task="regression")][-1] == "thing"


def test_a_broken_third_party_catalog_is_reported_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        "zoo-torn",
        points={"zoo.catalogs": {"torn": "torn_package"}},
        files={"torn_package/__init__.py": "", "torn_package/registry.yaml": "schema_version: 9"},
    )
    install(tmp_path, "zoo-gone", points={"zoo.catalogs": {"gone": "no_such_package"}})
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(Policy())

    assert "cnn" in registry.names()
    assert len(registry.catalog.problems) == 2


def add_catalog(site: Path, name: str, value: str, path: str, models: str, **more: object) -> None:
    """Install a distribution with a catalog, and a package that nobody may import."""
    package = Path(path).parent / "__init__.py"
    install(
        site,
        name,
        points={
            "zoo.catalogs": {"own": value},
            "zoo.architectures": {"thing": f"{value}.models:Thing"},
        },
        files={
            str(package): "raise SystemExit('imported')",
            path: f"schema_version: 1\nmodels:{models}",
        },
        **more,
    )


OWN_WEIGHTS = """
  weights:
  - {{id: big, trained_on: digits, parameters: 7, bytes: 9, sha256: {sha}, file: {file}}}
"""


def weighted(file: str) -> str:
    return MODEL.rstrip("\n") + OWN_WEIGHTS.format(sha="a" * 64, file=file)


def test_a_third_partys_model_is_described_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "  license: MIT\n  parameters: 7\n  default_dataset: diabetes\n"
    models = MODEL + more + OWN_WEIGHTS.format(sha="a" * 64, file="thing_package/big.h5").lstrip()
    models = models.replace("weights:\n", "  weights:\n", 1) if "\nweights" in models else models
    add_catalog(tmp_path, "zoo-thing", "thing_package", "thing_package/registry.yaml", models)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(Policy())

    listing = registry.listing("thing")
    assert registry.catalog.problems == []
    assert listing.status == "ready"
    assert listing.entry is not None
    assert (listing.entry.license, listing.entry.parameters) == ("MIT", 7)
    assert listing.entry.weights[0].id == "big"
    assert registry.listings(task="regression", installed=True)[-1].name == "thing"


@pytest.mark.parametrize(
    ("value", "path", "source"),
    [
        ("acme.zoo.models", "acme/zoo/models/registry.yaml", None),
        ("acme_flat", "acme_flat/registry.yaml", None),
        ("acme.edit", "acme/edit/registry.yaml", "source"),
    ],
)
def test_a_catalog_deep_in_a_package_is_found_and_no_parent_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, path: str, source: str | None
) -> None:
    site = tmp_path / "site"
    editable = tmp_path / source if source else None
    add_catalog(site, "zoo-thing", value, path, weighted(f"{value}/big.h5"), editable=editable)
    root = editable or site
    for parent in list(Path(path).parents)[1:-1]:
        (root / parent / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(site)
    if editable:
        monkeypatch.syspath_prepend(editable)
    registry = Registry(Policy())

    entry = registry.listing("thing").entry
    assert registry.catalog.problems == []
    assert entry is not None
    assert entry.weights[0].file == f"{value}/big.h5"


@pytest.mark.parametrize(
    ("models", "complaint"),
    [
        (MODEL.replace("zoo-thing", "neural-zoo").replace("thing", "cnn", 1), "of neural-zoo"),
        (MODEL.replace("zoo-thing", "zoo-other"), "of zoo-other"),
    ],
    ids=["the zoo's", "another's"],
)
def test_a_catalog_is_not_believed_about_others_and_the_refusal_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: str, complaint: str
) -> None:
    more = MODEL.replace("thing", "honest", 1)
    add_catalog(
        tmp_path, "zoo-thing", "thing_package", "thing_package/registry.yaml", models + more
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(Policy())

    (problem,) = registry.catalog.problems
    assert complaint in problem.what
    assert "zoo-thing 1.0" in problem.what
    assert "left out" in problem.why
    assert [e.distribution for e in registry.catalog.named(GROUP, "cnn")] == ["neural-zoo"]
    assert registry.listing("thing").entry is None
    assert "honest" in registry.names()


@pytest.mark.parametrize(
    "file", ["../up/x.h5", "thing/../x.h5", "thing", "/etc/passwd", "a b/x", "thing//x", "t/a\\b"]
)
def test_a_path_that_could_lead_out_of_its_package_is_refused(file: str) -> None:
    with pytest.raises(CatalogInvalid, match=r"weights\.0\.file"):
        parse_catalog(f"schema_version: 1\nmodels:{weighted(repr(file))}", source="x")


def test_what_is_described_and_not_announced_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        "zoo-thing",
        points={"zoo.catalogs": {"own": "thing_package"}},
        files={"thing_package/registry.yaml": f"schema_version: 1\nmodels:{MODEL}"},
    )
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UnknownModel, match="'thing' is not installed") as caught:
        Registry(Policy()).get("thing")
    assert caught.value.fix == "pip install --upgrade zoo-thing"


def test_each_of_two_that_offer_one_name_is_described_by_its_own_catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        models = MODEL.replace("zoo-thing", f"zoo-{name}").replace("A thing", f"Thing {name}")
        add_catalog(tmp_path, f"zoo-{name}", f"{name}_pack", f"{name}_pack/registry.yaml", models)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(Policy())

    assert registry.listing("thing").status == "collision"
    for name in ("one", "two"):
        entry = registry.listing(f"zoo-{name}:thing").entry
        assert entry is not None
        assert entry.summary == f"Thing {name}."


def test_a_catalog_that_is_no_file_or_too_large_is_refused_unread(tmp_path: Path) -> None:
    large = tmp_path / "registry.yaml"
    with large.open("wb") as stream:
        stream.truncate(2**40)
    for path in (tmp_path, large, tmp_path / "absent"):
        with pytest.raises(CatalogInvalid, match="cannot be read"):
            read_catalog(path)


def test_default_values_are_not_written() -> None:
    (model,) = parse_catalog(f"schema_version: 1\nmodels:{MODEL}", source="x").models
    assert set(model.model_dump(exclude_defaults=True)) == {
        *("name", "distribution", "summary", "tasks"),
    }


def test_datasets_and_commands_are_described_too() -> None:
    file = parse_catalog(
        "schema_version: 1\n"
        "datasets: [{name: digits, distribution: d, summary: s, task: classification}]\n"
        "commands: [{name: damage-report, distribution: d, summary: s}]\n",
        source="x",
    )
    assert (file.datasets[0].offline, file.commands[0].name) == (True, "damage-report")
    with pytest.raises(CatalogInvalid, match=r"commands\.0\.name"):
        parse_catalog(
            "schema_version: 1\ncommands: [{name: ../x, distribution: d, summary: s}]", source="x"
        )
