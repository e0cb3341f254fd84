"""The course: its notebooks are what their sources give."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, links

COURSE = ROOT / "docs" / "course"
SOURCES = sorted((COURSE / "source").glob("*.py"))
NAMES = [source.stem for source in SOURCES]


def _script():
    spec = importlib.util.spec_from_file_location("_course", ROOT / "scripts" / "_course.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


course = _script()


def _notebook(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def _text(cells: list[dict], kind: str) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == kind)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_the_cells_of_its_source(name):
    source = course.read_source((COURSE / "source" / f"{name}.py").read_text("utf-8"))
    stored = _notebook(COURSE / f"{name}.ipynb")["cells"]
    again = course.notebook(source)["cells"]
    for cell in (*stored, *again):
        cell.pop("outputs", None)
    assert stored == again, f"to repair: scripts/course {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_reads_without_running_it(name):
    path = COURSE / f"{name}.ipynb"
    assert path.stat().st_size <= 400_000
    cells = _notebook(path)["cells"]
    assert any(cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    kinds = {output["output_type"] for cell in cells for output in cell.get("outputs", ())}
    assert kinds <= {"stream", "display_data"}
    for cell in cells:
        assert len("".join(cell["source"]).splitlines()) <= (
            15 if cell["cell_type"] == "code" else 40
        ), cell["id"]


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_has_a_solution(name):
    text = _text(_notebook(COURSE / f"{name}.ipynb")["cells"], "markdown")
    exercises, _, solutions = text.partition("## Solutions")
    asked = re.findall(r"^\*\*Exercise (\d+)\.\*\*", exercises, re.MULTILINE)
    assert asked == [str(number) for number in range(1, len(asked) + 1)]
    assert len(asked) >= 3
    assert re.findall(r"^\*\*(\d+)\.\*\*", solutions, re.MULTILINE) == asked


def test_the_page_of_the_course_leads_to_every_notebook():
    page = (COURSE / "README.md").read_text("utf-8")
    assert {link for link in links(page) if link.endswith(".ipynb")} == {
        f"{name}.ipynb" for name in NAMES
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_gives_what_is_stored(name, tmp_path):
    """Its own assertions hold; its words are equal, and so are numbers that no training made."""
    local = Path(os.environ.get("ZOO_SHARED_DATA", "")) / "concrete" / "concrete_data.csv"
    concrete = {"CONCRETE": str(local)} if local.is_file() else {}
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "_course.py", name, "--here", "new.ipynb"],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **concrete},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr, done.stderr[-3000:]
    assert "WARNING:tensorflow" not in done.stderr, done.stderr[-3000:]
    sys.stdout.write(done.stdout)
    stored = _notebook(COURSE / f"{name}.ipynb")["cells"]
    for cell, other in zip(stored, _notebook(tmp_path / "new.ipynb")["cells"], strict=True):
        tags = cell["metadata"].get("tags", ())
        if cell["cell_type"] == "markdown" or ("concrete" in tags and not concrete):
            continue
        before, after = course.printed(cell), course.printed(other)
        assert course.agree(before, after, numbers="measured" not in tags), (before, after)


@pytest.mark.parametrize(
    ("stored", "new", "numbers", "expected"),
    [
        ("loss 0.51", "loss 0.52", True, True),  # one in the last place
        ("loss 0.51", "loss 0.53", True, False),
        ("loss 0.51", "loss 0.93", False, True),
        ("loss 0.51", "cost 0.51", False, False),
        ("12,345 rows", "12,346 rows", True, True),
        ("12,345 rows", "12,545 rows", True, False),
        ("1.20e-05", "1.21e-05", True, True),
        ("1.20e-05", "1.30e-05", True, False),
        ("[1.  12.]", "[ 1. 12.]", True, True),
        ("1 2", "1", False, False),
    ],
)
def test_outputs_agree_if_their_words_are_equal_and_their_numbers_close(
    stored, new, numbers, expected
):
    assert course.agree(stored, new, numbers=numbers) is expected


def test_a_cell_shows_what_it_prints_its_last_value_and_its_figures():
    source = (
        "# %% [markdown]\n# # Title\n#\n# text\n\n# %% tags=[\"measured\"]\nprint('a')\n1 + 1\n"
    )
    source += "# %%\nimport matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nx = 1\n"
    cells = course.read_source(source)
    assert [cell.kind for cell in cells] == ["markdown", "code", "code"]
    assert cells[0].text == "# Title\n\ntext"
    course.run(cells)
    stored = course.notebook(cells)["cells"]
    assert stored[1]["metadata"] == {"tags": ["measured"]}
    assert course.printed(stored[1]) == "a\n2"
    assert list(stored[2]["outputs"][0]["data"]) == ["image/png"]
