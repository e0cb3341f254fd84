"""``zoo new``: a package of one's own, to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.options import Json, example
from zoo.cli.output import emit, emit_json, note

if TYPE_CHECKING:
    from zoo.scaffold import Kind


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What the model is called: my-model.")
    ],
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="What it is for: classification, regression or forecasting."
        ),
    ] = None,
    modality: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="What it reads: image, tabular, series or text."),
    ] = None,
    author: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who answers for it; 'the authors of ...' if left out."),
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(metavar="SPDX", help="Apache-2.0 (if left out), MIT or BSD-3-Clause."),
    ] = None,
    into: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the package's folder is made.")
    ] = Path(),
    as_json: Json = False,
) -> None:
    """Write a package with a model of your own, to begin with.

    Complete with tests, a card and a license, and it trains as it is. On a terminal, what is left
    out is asked for.
    """
    from zoo.scaffold import LICENSES, Author, find_kind, name_package, new_package

    names = name_package(name)
    asking = sys.stdin.isatty() and sys.stderr.isatty() and not as_json
    kind = _ask_kind(task, modality) if asking else find_kind(task, modality)
    default = f"the authors of {names.distribution}"
    if asking:
        author = author or _ask("author", default)
        license = license or _ask(f"license ({', '.join(LICENSES)})", LICENSES[0])
    written = new_package(names, kind, Author(author or default, license or LICENSES[0]), into)
    if as_json:
        files = sorted(file for file in written.rglob("*") if file.is_file())
        emit_json(
            {
                "path": written,
                "model": names.model,
                "distribution": names.distribution,
                "task": kind.task,
                "modality": kind.modality,
                "files": [file.relative_to(written) for file in files],
            }
        )
        return
    emit(str(written))
    note(
        f"\nnext: cd {written}\n"
        '      pip install -e ".[dev]"\n'
        "      python -m pytest\n"
        f"      zoo train {names.model}\n"
        f"      zoo check {names.model}"
    )


def _ask_kind(task: str | None, modality: str | None) -> Kind:
    """Return the kind that is meant, asking which where several fit."""
    from zoo.scaffold import KINDS, find_kind

    fitting = [k for k in KINDS if task in (None, k.task) and modality in (None, k.modality)]
    if len(fitting) < 2:
        return find_kind(task, modality)
    for number, kind in enumerate(fitting, start=1):
        note(f"  {number}  {kind.task} of {kind.modality}: {kind.summary}")
    while True:
        answer = _ask(f"what is it for (1 to {len(fitting)})", "1")
        if answer.isdecimal() and 1 <= int(answer) <= len(fitting):
            return fitting[int(answer) - 1]


def _ask(question: str, default: str) -> str:
    """Return an answer, or the default for an empty line. Standard output has the result alone."""
    print(f"{question} [{default}]: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise typer.Abort
    return line.strip() or default


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command("new", epilog=example("zoo new my-model --modality image --author 'Ada Lovelace'"))(
        new
    )


__all__ = ["add_commands", "new"]
