"""The command ``zoo new``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo import console

if TYPE_CHECKING:
    from zoo_scaffold.kinds import Kind


@click.command(
    "new", epilog=console.example("zoo new my-model --modality image --author 'Ada Lovelace'")
)
@click.argument("name", help="The name of the plugin: my-model.")
@click.option(
    "--kind",
    "plugin",
    type=click.Choice(["model", "dataset", "command"]),
    default="model",
    help="The kind of plugin.",
)
@click.option("--task", metavar="TASK", help="The task: classification, regression or forecasting.")
@click.option("--modality", metavar="KIND", help="The input: image, tabular, series or text.")
@click.option("--author", metavar="NAME", help="The author. Default: 'the authors of ...'.")
@click.option(
    "--license", metavar="SPDX", help="Apache-2.0, MIT or BSD-3-Clause. Default: Apache-2.0"
)
@click.option(
    "--into",
    type=console.PATH,
    metavar="FOLDER",
    default=Path(),
    help="Where to create the package's folder.",
)
@console.json_option
def new(
    name: str,
    plugin: str,
    task: str | None,
    modality: str | None,
    author: str | None,
    license: str | None,
    into: Path,
    as_json: bool,
) -> None:
    """Create a plugin package.

    It has tests, a card and a license, and trains as it is. On a terminal, missing options are
    asked for.
    """
    from zoo_scaffold.author import LICENSES, Author
    from zoo_scaffold.kinds import COMMAND, DATASET, find_kind
    from zoo_scaffold.names import name_package
    from zoo_scaffold.package import GROUPS, new_package

    names = name_package(name, GROUPS[plugin])
    asking = sys.stdin.isatty() and sys.stderr.isatty() and not as_json
    if plugin != "model":
        kind = DATASET if plugin == "dataset" else COMMAND
    else:
        kind = _ask_kind(task, modality) if asking else find_kind(task, modality)
    default = f"the authors of {names.distribution}"
    if asking:
        author = author or _ask("author", default)
        license = license or _ask(f"license ({', '.join(LICENSES)})", LICENSES[0])
    written = new_package(names, kind, Author(author or default, license or LICENSES[0]), into)
    if as_json:
        files = sorted(file for file in written.rglob("*") if file.is_file())
        console.emit_json(
            {
                "path": written,
                "kind": plugin,
                "model": names.model,
                "distribution": names.distribution,
                "task": kind.task,
                "modality": kind.modality,
                "files": [file.relative_to(written) for file in files],
            }
        )
        return
    console.emit(str(written))
    console.note(
        f"\nnext: cd {written}\n"
        '      pip install -e ".[dev]"\n'
        "      python -m pytest\n"
        + (f"      zoo train {names.model}\n" if plugin == "model" else "")
        + f"      zoo check {names.model.replace('_', '-') if plugin == 'command' else names.model}"
    )


def _ask_kind(task: str | None, modality: str | None) -> Kind:
    """Return the kind of a model, and ask if several fit."""
    from zoo_scaffold.kinds import KINDS, find_kind

    fitting = [k for k in KINDS if task in (None, k.task) and modality in (None, k.modality)]
    if len(fitting) < 2:
        return find_kind(task, modality)
    for number, kind in enumerate(fitting, start=1):
        console.note(f"  {number}  {kind.task} of {kind.modality}: {kind.summary}")
    while True:
        answer = _ask(f"kind of model (1 to {len(fitting)})", "1")
        if answer.isdecimal() and 1 <= int(answer) <= len(fitting):
            return fitting[int(answer) - 1]


def _ask(question: str, default: str) -> str:
    """Return an answer, or the default for an empty line; standard output has only the result."""
    click.echo(f"{question} [{default}]: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.strip() or default
