"""The catalogue is checked data: every fault is named, and nothing hostile is expanded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.registry.fakes import install
from zoo.errors import CatalogueInvalid
from zoo.registry import Policy, Registry
from zoo.registry.catalogue import own_catalogue_path, parse_catalogue, read_catalogue

MODEL = """
- name: thing
  distribution: zoo-thing
  summary: A thing.
  tasks: [regression]
"""


def test_the_zoos_own_catalogue_follows_its_schema() -> None:
    models = read_catalogue(own_catalogue_path())

    assert {"cnn", "mlp_classifier"} <= {model.name for model in models}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "valid dictionary"),
        ("models: []", "schema_version"),
        ("schema_version: 2\nmodels: []", "schema_version"),
        ("schema_version: 1\nmodels: [1]", "models.0"),
        (f"schema_version: 1\nmodels:{MODEL}  colour: red", "models.0.colour"),
        (f"schema_version: 1\nmodels:{MODEL.replace('thing', '../up', 1)}", "models.0.name"),
        (f"schema_version: 1\nmodels:{MODEL.replace('regression', 'magic')}", "models.0.tasks.0"),
        (f"schema_version: 1\nmodels:{MODEL}{MODEL.strip(chr(10))}", "stands in it twice"),
        ("schema_version: 1\nmodels: [", "while parsing"),
        ("a: &a [x]\nb: *a", "aliases"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("x" * (4 * 2**20 + 1), "at most"),
        ("[" * 5_000, ""),
    ],
)
def test_a_wrong_catalogue_is_refused_with_the_place_of_its_fault(
    text: str, complaint: str
) -> None:
    with pytest.raises(CatalogueInvalid) as caught:
        parse_catalogue(text, source="x/registry.yaml")

    assert complaint in caught.value.why
    assert "x/registry.yaml" in caught.value.what


@given(st.text(max_size=200))
def test_any_text_is_a_catalogue_or_a_typed_error(text: str) -> None:
    try:
        parse_catalogue(text, source="fuzz")
    except CatalogueInvalid:
        return


def test_a_third_partys_catalogue_joins_the_zoos_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        "zoo-thing",
        points={"zoo.catalogues": {"thing": "thing_package"}},
        files={
            "thing_package/__init__.py": "raise RuntimeError('imported')",
            "thing_package/registry.yaml": f"schema_version: 1\nmodels:{MODEL}",
        },
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(Policy())

    assert registry.listing("thing").status == "not installed"
    assert [entry.name for entry in registry.listings(task="regression")][-1] == "thing"


def test_a_broken_fragment_is_reported_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        "zoo-torn",
        points={"zoo.catalogues": {"torn": "torn_package"}},
        files={"torn_package/__init__.py": "", "torn_package/registry.yaml": "schema_version: 9"},
    )
    install(tmp_path, "zoo-gone", points={"zoo.catalogues": {"gone": "no_such_package"}})
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(Policy())

    assert "cnn" in registry.names()
    assert len(registry.catalogue_problems) == 2
    with pytest.raises(CatalogueInvalid):
        Registry(Policy(strict=True)).names()
