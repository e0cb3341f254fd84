"""A ``registry.yaml`` with each thing wrong that a third party may get wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.harness import SECONDS, measured
from zoo.errors import CatalogInvalid
from zoo.registry.catalog import parse_catalog, read_catalog

_MODEL: dict[str, Any] = {
    "name": "thing",
    "distribution": "zoo-thing",
    "summary": "A thing.",
    "tasks": ["regression"],
}
_WEIGHTS: dict[str, Any] = {
    "id": "a",
    "trained_on": "digits",
    "parameters": 1,
    "bytes": 1,
    "sha256": "0" * 64,
}


def one(**change: Any) -> str:
    """Return a catalog of one model with something else in it."""
    return json.dumps({"schema_version": 1, "models": [_MODEL | change]})


def weighted(**change: Any) -> str:
    return one(weights=[_WEIGHTS | change])


CATALOGS: dict[str, tuple[str, str]] = {
    "a name that is a number": (one(name=7), "models.0.name"),
    "a name in capitals": (one(name="Thing"), "models.0.name"),
    "a name with a line break": (one(name="thing\n"), "models.0.name"),
    "a summary that is a list": (one(summary=["a"]), "models.0.summary"),
    "a summary that is null": (one(summary=None), "models.0.summary"),
    "tasks that are a text": (one(tasks="regression"), "models.0.tasks"),
    "parameters below zero": (one(parameters=-1), "models.0.parameters"),
    "parameters that are no number": (one(parameters="many"), "models.0.parameters"),
    "parameters that are endless": (
        "schema_version: 1\nmodels: [{name: thing, distribution: d, summary: s, tasks: "
        "[regression], parameters: .inf}]",
        "models.0.parameters",
    ),
    "weights that are a mapping": (one(weights={}), "models.0.weights"),
    "weights of an id with a path": (weighted(id="../a"), "weights.0.id"),
    "weights of no bytes": (weighted(bytes=0), "weights.0.bytes"),
    "weights with half a digest": (weighted(sha256="0" * 63), "weights.0.sha256"),
    "weights with a digest in capitals": (weighted(sha256="A" * 64), "weights.0.sha256"),
    "weights with a figure that is no number": (
        weighted(
            measured={
                "metrics": {"a": {"value": None}},
                "split": "test",
                "examples": 1,
                "command": "x",
            }
        ),
        "measured.metrics.value",
    ),
    "weights measured on nothing": (
        weighted(measured={"metrics": {}, "split": "test", "examples": 0, "command": "x"}),
        "measured.examples",
    ),
    "an artifact with an error below zero": (
        one(
            artifacts=[
                {"path": "a", "bytes": 1, "sha256": "0" * 64, "opset": 18, "worst_error": -1}
            ]
        ),
        "artifacts.0.worst_error",
    ),
    "a date where a text is": ("schema_version: 1\nmodels: [{name: 2024-01-01}]", "models.0.name"),
    "a day that is not": ("schema_version: 1\nmodels: [{name: 2024-13-45}]", "month"),
    "two documents": ("schema_version: 1\n---\nschema_version: 1", "document"),
    "a tab": ("schema_version: 1\n\tmodels: []", "tab"),
    "a control character": ("schema_version: \x01", "control characters"),
    "a key that is a list": ("{[1]: 2}", ""),
    "binary data": ("schema_version: !!binary aGVsbG8=", "schema_version"),
}


@pytest.mark.parametrize("name", CATALOGS)
def test_a_catalog_that_is_wrong_is_refused_with_the_place_of_its_fault(name: str):
    content, says = CATALOGS[name]
    with measured() as cost, pytest.raises(CatalogInvalid) as caught:
        parse_catalog(content, source="there/registry.yaml")
    assert says in caught.value.why
    assert "there/registry.yaml" in caught.value.what
    assert caught.value.fix
    assert cost.seconds < SECONDS


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        Path.mkdir,
        lambda place: place.symlink_to("/dev/zero"),
        lambda place: place.write_bytes(b"\xff\xfe"),
    ],
    ids=["a pipe", "a folder", "an endless device", "UTF-16"],
)
def test_a_catalog_that_is_no_file_is_refused(make, tmp_path):
    make(tmp_path / "registry.yaml")
    with (
        measured() as cost,
        pytest.raises(CatalogInvalid, match=r"registry\.yaml cannot be read") as caught,
    ):
        read_catalog(tmp_path / "registry.yaml")
    assert caught.value.why and caught.value.fix
    assert cost.seconds < SECONDS
