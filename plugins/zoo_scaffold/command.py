"""The command ``zoo new``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from zoo import console
from zoo_scaffold.kinds import KINDS, Kind, find_kind


@click.command(
    "new",
    epilog=console.example("zoo new my-model --kind image-classification --author 'Ada Lovelace'"),
)
@click.argument("name", help="The name of the plugin: my-model.")
@click.option(
    "--kind",
    "kind_name",
    metavar="KIND",
    help=f"The kind of package: {', '.join(kind.name for kind in KINDS)}.",
)
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
    kind_name: str | None,
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
    from zoo_scaffold.names import name_package
    from zoo_scaffold.package import GROUPS, new_package

    asking = sys.stdin.isatty() and sys.stderr.isatty() and not as_json
    kind = _ask_kind() if asking and kind_name is None else find_kind(kind_name)
    names = name_package(name, GROUPS[kind.plugin])
    default = f"the authors of {names.distribution}"
    if asking:
        author = author or _ask("author", default)
        license = license or _ask(f"license ({', '.join(LICENSES)})", LICENSES[0])
    written = new_package(names, kind, Author(author or default, license or LICENSES[0]), into)
    entry = names.entry(kind.plugin)
    if as_json:
        files = sorted(file for file in written.rglob("*") if file.is_file())
        console.emit_json(
            {
                "path": written,
                "kind": kind.name,
                "plugin": kind.plugin,
                "name": entry,
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
        + (f"      zoo train {entry}\n" if kind.plugin == "model" else "")
        + f"      zoo check {entry}"
    )


def _ask_kind() -> Kind:
    """Return the kind that is chosen by its number or its name."""
    for number, kind in enumerate(KINDS, start=1):
        console.note(f"{number:4}  {kind.name}: {kind.summary}")
    numbers = {str(number): kind.name for number, kind in enumerate(KINDS, start=1)}
    while True:
        answer = _ask(f"kind of package (1 to {len(KINDS)})", "1")
        if answer in numbers or answer in numbers.values():
            return find_kind(numbers.get(answer, answer))


def _ask(question: str, default: str) -> str:
    """Return an answer, or the default for an empty line; standard output has only the result."""
    click.echo(f"{question} [{default}]: ", nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.strip() or default
