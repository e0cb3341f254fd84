"""Run the sources of the course and write them as notebooks, with what every cell gave.

A source is a Python file in the percent format: a cell begins with ``# %%``, a cell of Markdown
with ``# %% [markdown]``, and ``tags=["measured"]`` marks a cell whose numbers come from training.
Its notebook in the parent folder has the same cells and is never edited by hand. A cell runs as it
would in Jupyter: its last expression is shown, and so are the figures that it left open.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import itertools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COURSE = Path(__file__).resolve().parents[1] / "docs" / "course"
_HEAD = re.compile(r"^# %%(?P<text> \[markdown\])?(?: tags=(?P<tags>\[.+\]))?$")
_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_CLOSE = 1e-4


@dataclass
class Cell:
    """A cell: its kind, its text, its tags, and what it gave."""

    kind: str
    text: str
    tags: list[str] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)


def read_source(text: str) -> list[Cell]:
    """Return the cells of a source."""
    cells: list[Cell] = []
    lines: list[str] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            lines = []
            kind = "markdown" if head["text"] else "code"
            cells.append(Cell(kind, "", json.loads(head["tags"] or "[]")))
        elif not cells:
            raise ValueError("a source begins with a cell: # %%")
        lines.append(line)
        body = lines[1:]
        if cells[-1].kind == "markdown":
            body = [row.removeprefix("#").removeprefix(" ") for row in body if row]
        cells[-1].text = "\n".join(body).strip("\n")
    return cells


def run(cells: list[Cell]) -> None:
    """Run the cells of code in order, in one namespace, and keep what they give.

    An error of a cell ends the run as it is.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for place, cell in enumerate(cells, 1):
        if cell.kind == "code":
            cell.outputs = _run_cell(cell.text, namespace, f"<cell {place}>")


def _run_cell(text: str, namespace: dict[str, Any], name: str) -> list[dict[str, Any]]:
    import matplotlib.pyplot as plt

    tree = ast.parse(text, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    written, shown = io.StringIO(), None
    try:
        with contextlib.redirect_stdout(written):
            exec(compile(tree, name, "exec"), namespace)  # noqa: S102 - the course is its own code
            if last is not None:
                code = compile(ast.Expression(last.value), name, "eval")
                shown = eval(code, namespace)  # noqa: S307
    except Exception as error:
        error.add_note(f"{name}:\n{text}\nprinted:\n{written.getvalue()}")
        raise
    outputs: list[dict[str, Any]] = []
    if written.getvalue():
        stream = {"name": "stdout", "output_type": "stream"}
        outputs.append({**stream, "text": _lines(written.getvalue())})
    if shown is not None:
        data = {"text/plain": _lines(repr(shown))}
        outputs.append({"data": data, "metadata": {}, "output_type": "display_data"})
    for number in plt.get_fignums():
        image = io.BytesIO()
        # Without the version of matplotlib in the file, which would differ elsewhere.
        kept = {"bbox_inches": "tight", "metadata": {"Software": None}}
        figure = plt.figure(number)
        figure.savefig(image, format="png", **kept)
        data = {"image/png": base64.b64encode(image.getvalue()).decode()}
        titles = [ax.get_title() or ax.get_ylabel() for ax in figure.axes]
        about = {"image/png": {"alt": "Figure: " + ", ".join(filter(None, titles))}}
        outputs.append({"data": data, "metadata": about, "output_type": "display_data"})
    plt.close("all")
    return outputs


def notebook(cells: list[Cell]) -> dict[str, Any]:
    """Return cells as a notebook of the format 4.5."""
    counts = itertools.count(1)
    return {
        "cells": [_notebook_cell(cell, place, counts) for place, cell in enumerate(cells, 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _notebook_cell(cell: Cell, place: int, counts: Iterator[int]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": f"cell-{place:02}",
        "metadata": {"tags": cell.tags} if cell.tags else {},
        "source": _lines(cell.text),
    }
    if cell.kind == "code":
        found |= {"execution_count": next(counts), "outputs": cell.outputs}
    return found


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def printed(cell: dict[str, Any]) -> str:
    """Return the text that a cell of a notebook gave."""
    texts = [
        output.get("text") or output["data"].get("text/plain", ()) for output in cell["outputs"]
    ]
    return "".join("".join(text) for text in texts)


def agree(stored: str, new: str, *, numbers: bool = True) -> bool:
    """Return whether two outputs agree.

    The words must be equal. A number may differ by a ten-thousandth of it, or by one in its last
    printed place: other processors round otherwise. Without ``numbers`` only the words count.
    """
    if _words(stored) != _words(new):
        return False
    pairs = zip(_NUMBER.findall(stored), _NUMBER.findall(new), strict=True)
    return not numbers or all(_near(one, other) for one, other in pairs)


def _words(text: str) -> str:
    # Without spaces: columns are as wide as their numbers.
    return "".join(_NUMBER.sub("0", text).split())


def _near(one: str, other: str) -> bool:
    first, second = (float(text.replace(",", "").replace("−", "-")) for text in (one, other))
    mantissa, _, power = one.lower().partition("e")
    places = len(mantissa.partition(".")[2]) - int(power or 0)
    return math.isclose(first, second, rel_tol=_CLOSE, abs_tol=1.01 * 10.0**-places)


def _write(source: Path, out: Path) -> None:
    cells = read_source(source.read_text("utf-8"))
    run(cells)
    text = json.dumps(notebook(cells), indent=1, ensure_ascii=False, sort_keys=True)
    out.write_text(text + "\n", "utf-8")
    print(f"{source.stem}: {time.process_time():.0f} s of CPU time")


def main() -> int:
    """Run the modules that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="modules, such as 2_gradients")
    parser.add_argument("--here", type=Path, metavar="OUT", help="run one in this process")
    chosen = parser.parse_args()
    known = sorted(path.stem for path in (COURSE / "source").glob("*.py"))
    if unknown := set(chosen.names) - set(known):
        parser.error(f"no module {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    environment = dict(os.environ)
    if "CONCRETE" in environment:  # modules run in another folder
        environment["CONCRETE"] = str(Path(environment["CONCRETE"]).resolve())
    for name in chosen.names or known:
        source, out = COURSE / "source" / f"{name}.py", COURSE / f"{name}.ipynb"
        if chosen.here:
            _write(source, chosen.here)
            continue
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, name, "--here", str(out)]
            done = subprocess.run(command, cwd=folder, env=environment, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
