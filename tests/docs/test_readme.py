"""The README, followed from its first line to its last as a newcomer would."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml

import zoo
from tests.docs.newcomer import (
    Newcomer,
    write_aircraft,
    write_digit,
    write_flowers,
    write_photos,
)
from tests.docs.pages import ROOT, Block, after, blocks

README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = ROOT / "examples" / "zoo-softmax" / "zoo_softmax.py"
# The scripts and the examples are also tried where packages are installed, and every model has
# tests of its own.
SLOW = ("scripts/demo", "zoo export transformer")
RUNNABLE = [
    pytest.param(
        block,
        id=f"line-{block.line}",
        marks=[pytest.mark.slow] if any(words in block.text for words in SLOW) else [],
    )
    for block in blocks(README)
    # The source of the example is compared with its file, and installed by a later block.
    if block.language in {"sh", "python"} and block.text != EXAMPLE.read_text("utf-8")
]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory, forks):
    pytest.importorskip("PIL", reason="the README reads photos")
    pytest.importorskip("hatchling", reason="the README installs the example")
    newcomer = Newcomer(tmp_path_factory.mktemp("newcomer"), forks)
    write_photos(newcomer.folder / "photos")
    write_flowers(newcomer.folder / "flowers.csv")
    write_digit(newcomer.folder / "digit.png")
    write_aircraft(newcomer.folder / "photo.jpg")
    return newcomer


def _published() -> set[str]:
    catalog = yaml.safe_load((ROOT / "registry.yaml").read_text("utf-8"))
    return {entry["id"] for model in catalog["models"] for entry in model.get("weights", ())}


@pytest.mark.parametrize("block", RUNNABLE)
def test_every_block_of_the_readme_runs_in_order(block: Block, newcomer: Newcomer):
    if "scripts/" in block.text and Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        pytest.skip("scripts/ make and use .venv, and these tests run in another environment")
    if "zoo new my-model" in block.text and "my_model" in zoo.list_models():
        pytest.skip("another package that is installed here has that name")
    if 'weights="digits"' in block.text and "digits" not in _published():
        pytest.skip("no weights are published in registry.yaml yet")
    done = newcomer.run(block.language, block.text)
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "runs/cnn-1/metrics.json",
        "runs/cnn-2/model.keras",
        "runs/softmax-1/model.keras",
        "exports/softmax/1/model.onnx",
        "exports/cnn/1/model.onnx",
        "exports/cnn/1/manifest.json",
        "exports/cnn/1/vectors.npz",
        "exports/cnn/1/card.md",
    ],
)
def test_what_the_readme_names_is_there_at_its_end(name, newcomer: Newcomer):
    if not (newcomer.folder / "runs").exists():
        pytest.skip("the blocks that make it were not run")
    assert (newcomer.folder / name).is_file()


@pytest.mark.slow
def test_the_example_passes_the_tests_that_it_carries(newcomer: Newcomer):
    done = newcomer.run(
        "sh",
        "pip install --editable ./examples/zoo-softmax; python -m pytest -q examples/zoo-softmax",
    )
    assert done.returncode == 0, done.stdout
    # Its own five, and a test for each check up to the level that it claims.
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) >= 25, done.stdout


def test_the_photos_and_the_flowers_were_what_their_runs_learned_from(newcomer: Newcomer):
    import json

    if not (newcomer.folder / "runs").exists():
        pytest.skip("the blocks that make it were not run")
    records = [json.loads(path.read_text()) for path in newcomer.folder.glob("runs/*/run.json")]
    learned = {Path(record["data"]["source"]).name: record for record in records}
    assert {"digits", "photos", "flowers.csv"} <= set(learned)
    assert learned["flowers.csv"]["data"]["spec"]["inputs"][0]["missing"] is True
    assert learned["photos"]["config"]["dropout"] == 0.3
    assert learned["photos"]["data"]["spec"]["inputs"][0]["shape"] == [16, 16, 3]


def test_the_example_in_the_readme_is_the_file():
    assert after(README, "example") == f"```python\n{EXAMPLE.read_text('utf-8')}```\n"


def test_the_entry_point_in_the_readme_is_that_of_the_example():
    (block,) = [block for block in blocks(README) if block.language == "toml"]
    assert block.text in (EXAMPLE.parent / "pyproject.toml").read_text("utf-8")


def _figures():
    path = ROOT / "scripts" / "_figures.py"
    spec = importlib.util.spec_from_file_location("_figures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_figures_in_the_readme_are_those_of_the_catalog():
    catalog = (ROOT / "registry.yaml").read_text("utf-8")
    assert after(README, "figures") == _figures().render(catalog), "to repair: scripts/figures"


def test_a_figure_is_shown_with_its_interval_its_seeds_and_its_cost():
    table = _figures().render(CATALOG)
    assert table == (
        "| model | trained on | parameters | measure | value | 95 % interval | seeds | CPU time |\n"
        "| --- | --- | ---: | --- | ---: | --- | ---: | ---: |\n"
        "| `cnn` | digits | 9,999 | accuracy | .9876 | .9812 to .9940 | 5 | 42 s |\n"
        "| `cnn` | mnist | 99,999 | accuracy | .9964 | .9950 to .9975 | 1 | 31 min |\n"
    )


def test_a_catalog_without_figures_says_so():
    assert _figures().render("schema_version: 1\nmodels: []\n") == "No weights are published yet.\n"


def test_new_figures_replace_the_old_ones_and_nothing_else():
    page = "before\n\n<!-- figures: kept -->\n\nold\nold\n\nafter | this\n"
    figures = _figures()
    once = figures.replace(page, "| new |\n")
    assert once == "before\n\n<!-- figures: kept -->\n\n| new |\n\nafter | this\n"
    assert figures.replace(once, "| new |\n") == once


CATALOG = """
schema_version: 1
models:
- name: cnn
  distribution: neural-zoo
  summary: A network.
  tasks: [classification]
  weights:
  - id: digits
    trained_on: digits
    parameters: 9999
    file: zoo_cnn/weights/digits.weights.h5
    bytes: 9
    sha256: "0000000000000000000000000000000000000000000000000000000000000000"
    measured:
      metrics: {accuracy: {value: 0.98764, low: 0.9812, high: 0.994}}
      split: test
      examples: 269
      seeds: 5
      cpu_seconds: 41.7
      command: scripts/measure cnn digits --seeds 5
  - id: mnist
    trained_on: mnist
    parameters: 99999
    file: zoo_cnn/weights/mnist.weights.h5
    bytes: 9
    sha256: "0000000000000000000000000000000000000000000000000000000000000000"
    measured:
      metrics: {accuracy: {value: 0.9964, low: 0.995, high: 0.9975}}
      split: test
      examples: 10000
      cpu_seconds: 1860.0
      command: scripts/measure cnn mnist
"""
