"""The page on runs and artifacts names every field that is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.runtime.artifact_files import FileEntry
from zoo.runtime.manifest import Graph, Manifest, Parity, Tolerance, read_manifest
from zoo.spec import Column, DataSpec, TensorSpec, TextSpec

PAGE = Path(__file__).parents[2] / "docs" / "runs-and-artifacts.md"


def section(title: str) -> str:
    """Return what stands below a title of the page."""
    parts = re.split(r"^##+ (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[title]


def words(text: str) -> set[str]:
    """Return what a text sets in code."""
    return set(re.findall(r"`([^`]+)`", text))


def named(title: str) -> set[str]:
    """Return what a section of the page sets in code."""
    return words(section(title))


def first_column(title: str) -> set[str]:
    """Return what the first column of a section's table sets in code."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return words(" ".join(line.split("|")[1] for line in lines))


def test_every_field_of_a_run_is_on_the_page_and_no_other(run):
    assert first_column("`run.json`") == set(run.record)
    for group in ("architecture", "plan", "data", "versions", "host", "code", "model"):
        assert set(run.record[group]) <= named("`run.json`"), group
    (session,) = run.record["sessions"]
    assert set(session) | set(run.record["code"]["zoo"]) <= named("`run.json`")


def test_every_file_of_a_run_is_on_the_page(run):
    zoo.evaluate(run)
    files = first_column("A run: `runs/<name>-<n>/`")
    known = {re.sub(r"\d{5}", "N", file) for file in files}
    for path in run.path.rglob("*"):
        if path.is_file():
            name = re.sub(r"\d{5}", "N", str(path.relative_to(run.path)))
            assert name in known or name.endswith(".sha256"), name


def test_the_columns_of_the_history_are_on_the_page(run):
    metrics = {"accuracy", "val_accuracy"}
    assert set(run.history[0]) - metrics <= named("A run: `runs/<name>-<n>/`")


def test_every_field_of_the_figures_is_on_the_page(run):
    zoo.evaluate(run)
    measured: dict[str, Any] = run.metrics.model_dump()
    assert first_column("`metrics.json`") == set(measured)
    assert set(measured["tables"]) | set(measured["scores"]["accuracy"]) <= named("`metrics.json`")


def test_every_file_of_an_artifact_is_on_the_page_and_no_other(artifact):
    named = first_column("An artifact: `exports/<name>/<version>/`")
    assert named == {"SIGNATURE.onnx", *(path.name for path in artifact.path.iterdir())}


def test_the_file_of_a_further_signature_has_its_name():
    folder = PAGE.parents[1] / "exports" / "autoencoder" / "1"
    graphs = read_manifest(folder).graphs
    assert [graph.file for graph in graphs[1:]] == [
        f"{graph.signature}.onnx" for graph in graphs[1:]
    ]
    assert graphs[0].file == "model.onnx" and len(graphs) == 3


def test_every_field_of_a_manifest_is_on_the_page_and_no_other():
    assert first_column("`manifest.json`") == {*Manifest.__annotations__, "sha256"}
    assert set(FileEntry.__annotations__) | set(DataSpec.__annotations__) <= named(
        "`manifest.json`"
    )


@pytest.mark.parametrize("kind", [TensorSpec, TextSpec, Column, Tolerance, Parity])
def test_every_field_of_a_graph_is_on_the_page(kind):
    assert first_column("One of the `graphs`") == set(Graph.__annotations__)
    fields = {name for name in kind.__annotations__ if not name.startswith("_")}
    assert fields <= named("One of the `graphs`")
