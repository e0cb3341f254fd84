"""Terminal output and command-line options, for the commands of the zoo and of packages.

A package adds a command by an entry point in the group ``zoo.commands`` that leads to a
``click.Command``. Results go to standard output, everything else to standard error.

Example:
    >>> @click.command("count", epilog=console.example("zoo count runs"))
    ... @click.argument("folder", type=console.PATH, help="A folder of runs.")
    ... @console.json_option
    ... def count(folder, as_json):
    ...     '''Count the runs in a folder.'''
    ...     found = zoo.runs(folder)
    ...     console.emit_json(len(found)) if as_json else console.emit(str(len(found)))
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

import click

from zoo.native_logs import native_logs_hidden

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")

PATH = click.Path(path_type=Path)
"""The type of an option or argument that is a path."""

COUNT = click.IntRange(min=1)
"""The type of a positive number."""

_STYLES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_NOT_A_FIELD = {
    "batch_size": "--batch-size",
    "data": "--data",
    "data_options": "--data-option",
    "epochs": "--epochs",
    "name": "",
    "patience": "--patience",
    "plan": "",
    "progress": "",
    "resume": "--resume",
    "run_dir": "--run-dir",
    "seed": "--seed",
    "weights": "--weights",
}
_INTEGER = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
"""The option ``--json`` of a command; its argument is ``as_json``."""

settings_option = click.option(
    "--set",
    "set_",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a field of the model's configuration; repeatable. Dots reach nested fields: "
    "optimizer.learning_rate=0.01. 'zoo info NAME --schema' lists the fields.",
)
data_option = click.option(
    "--data",
    metavar="ID|PATH",
    help="A dataset's name, or your own data: a folder of class folders or of captioned images, "
    "a .npz, .csv, .tsv, .parquet or .xlsx file, or sentence pairs. Default: the model's own "
    "dataset, which works offline.",
)
other_data_option = click.option(
    "--data",
    metavar="ID|PATH",
    help="Other data with the same inputs and classes, or the new path of the same data. "
    "Default: the data that the model was trained on.",
)
data_options_option = click.option(
    "--data-option",
    multiple=True,
    metavar="KEY=VALUE",
    help="How to read the data, e.g. target=price or image_size=32; repeatable.",
)
group_by_option = click.option(
    "--group-by",
    metavar="COLUMN,...",
    help="Columns of a table: rows with equal values in all of them stay in one split.",
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="Random seed.  [default: 0]"
)


class FunctionCommand(click.Command):
    """A command that is a function of Python too: ``zoo.NAME``, found by the name of the command.

    Args:
        *args: As for ``click.Command``.
        function: Where the function is: ``"package:name"``. It is imported when it is used.
        **attributes: As for ``click.Command``.

    Example:
        >>> @click.command("count", cls=FunctionCommand, function="builtins:len")
        ... @click.argument("folder", type=PATH)
        ... def count(folder):
        ...     emit(str(len(zoo.runs(folder))))
    """

    def __init__(self, *args: Any, function: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.function = function


def example(*lines: str) -> str:
    """Return a help epilog that shows a command line.

    Example:
        >>> @click.command("count", epilog=example("zoo count runs"))
        ... @click.argument("folder", type=PATH)
        ... @click.option("--most", type=COUNT, default=100)
        ... @seed_option
        ... @json_option
        ... @quiet_frameworks
        ... def count(folder, most, seed, as_json):
        ...     '''Count the runs in a folder.'''
        ...     found = min(most, len(zoo.runs(folder)))
        ...     emit_json(found) if as_json else emit(f"{found} runs")
        >>> Path("runs").mkdir()
        >>> count(["runs"], standalone_mode=False)
        0 runs
    """
    # \b keeps click from joining the lines.
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def pairs(texts: Iterable[str], *, option: str) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` texts; the values are YAML scalars or flow collections.

    Raises:
        click.BadParameter: If a text has no ``=``, a key comes twice, or a value is not YAML.
    """
    values: dict[str, Any] = {}
    for text in texts:
        key, found, value = text.partition("=")
        key = key.strip()
        if not found or not key:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint=option)
        if key in values:
            raise click.BadParameter(f"{key!r} is given twice", param_hint=option)
        values[key] = scalar(value.strip(), option=option)
    return values


def settings(texts: Iterable[str]) -> dict[str, Any]:
    """Parse the values of ``--set`` as the configuration of a model.

    Raises:
        click.BadParameter: If a key is not a field of a configuration, but has its own option.
    """
    values = pairs(texts, option="--set")
    for key in values:
        if key in _NOT_A_FIELD:
            own = f"; use {_NOT_A_FIELD[key]}" if _NOT_A_FIELD[key] else ""
            raise click.BadParameter(
                f"{key} is not part of a model's configuration{own}", param_hint="--set"
            )
    return values


def open_data(data: str | None, data_option: Iterable[str]) -> Any:
    """Return the value of ``--data``, as a dataset if ``--data-option`` says how to read it.

    Raises:
        click.BadParameter: If there are options and no data.
        DataError: If it cannot be opened.
    """
    options = pairs(data_option, option="--data-option")
    if not options:
        return data
    if data is None:
        raise click.BadParameter("it needs --data", param_hint="--data-option")
    import zoo

    return zoo.dataset(data, **options)


def scalar(text: str, *, option: str = "--set") -> Any:
    """Parse a value by the YAML 1.2 core schema.

    Raises:
        click.BadParameter: If a list, mapping or quoted string is malformed.
    """
    # PyYAML follows YAML 1.1, where off is false and 1e-3 is text.
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if not text.startswith(("[", "{", '"', "'")):
        return text
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # A date such as 2024-13-45 is a ValueError, thousands of brackets a RecursionError.
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise click.BadParameter(f"{text[:80]!r}: {problem}", param_hint=option) from error


def emit(text: str = "") -> None:
    """Print a result on standard output.

    Example:
        >>> emit("3 runs")
        3 runs
    """
    print(text)


def emit_json(value: Any, *, file: IO[str] | None = None) -> None:
    """Print a value as strict JSON: UTF-8, without NaN, keys in their order.

    Example:
        >>> emit_json({"runs": 3, "folder": Path("runs")})
        {
          "runs": 3,
          "folder": "runs"
        }
    """
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    print(text, file=file or sys.stdout)


def note(text: str) -> None:
    """Print a message that is not the result on standard error.

    Example:
        >>> note("reading 3 runs")   # on standard error
    """
    print(text, file=sys.stderr)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    note(f"{paint('warning:', 'yellow', stream=sys.stderr)} {printable(text)}")


def plain(value: Any) -> Any:
    """Convert a value to JSON types.

    Records become objects, arrays lists, paths text; a number that is not finite becomes null,
    because JSON has no notation for it.
    """
    value = _unwrapped(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def _unwrapped(value: Any) -> Any:
    """Return the plain data inside a record, an array or an enumeration; else the value."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    for method in ("as_dict", "as_dicts", "model_dump", "tolist"):
        if callable(getattr(value, method, None)):
            return getattr(value, method)()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.repr]
        return {name: getattr(value, name) for name in fields}
    return value


def paint(text: str, style: str, *, stream: IO[str] | None = None) -> str:
    """Return text in a color, if its stream is a terminal that wants it; by default stdout.

    Example:
        >>> emit(paint("ready", "yellow"))   # in a terminal, in color
        ready
    """
    plain_text = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain_text or not (stream or sys.stdout).isatty():
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, fold: bool = False) -> str:
    """Format rows as aligned columns under a header; numbers are right-aligned.

    Args:
        header: The names of the columns.
        rows: One value per column; ``None`` is left blank.
        fold: On a terminal that is too narrow, put the last column below its row. Otherwise the
            line is cut there. In a pipe it is always whole.

    Example:
        >>> emit(table(["name", "size"], [["cnn", 63], ["lstm", 1200]]))
        name  size
        cnn     63
        lstm  1200
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    right = [bool(cells) and all(_is_number(row[at]) for row in cells) for at in range(len(header))]
    lines = [list(header), *cells]
    widths = [max(_width(line[at]) for line in lines) for at in range(len(header))]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if fold and room is not None and sum(widths) + 2 * len(widths) > room:
        import textwrap

        folded = functools.partial(
            textwrap.fill, width=room, initial_indent="    ", subsequent_indent="    "
        )
        return "\n".join(
            f"{_line(line[:-1], widths[:-1], right[:-1], room)}\n{folded(line[-1])}"
            for line in lines
        )
    return "\n".join(_line(line, widths, right, room) for line in lines)


def _line(
    cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], room: int | None
) -> str:
    padding = [" " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)]
    aligned = [
        pad + cell if is_right else cell + pad
        for cell, pad, is_right in zip(cells, padding, right, strict=True)
    ]
    text = "  ".join(aligned).rstrip()
    return text if room is None else shortened(text, room)


def printable(text: str) -> str:
    """Return text on one line, without control characters: it may come from anywhere."""
    return text if text.isprintable() else _CONTROL.sub("\ufffd", " ".join(text.splitlines()))


def shortened(text: str, room: int) -> str:
    """Cut a text to a number of terminal columns."""
    if _width(text) <= room:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, room - 1).rstrip() + "…"


def brief(value: Any, room: int | None = None) -> str:
    """Format a value on one line: a dash for none, six digits of a number, structures as JSON.

    Args:
        value: What :func:`plain` converts.
        room: Cut it, and hashes, to this number of terminal columns.
    """
    value = plain(value)
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if room is None:
        return printable(text)
    if _SHA256.fullmatch(text):
        return f"{text[:12]}…"
    return shortened(printable(text), room)


def score(
    value: float,
    low: float | None = None,
    high: float | None = None,
    unit: str | None = None,
) -> str:
    """Format a score with four digits, its interval in brackets, and its unit."""
    text = _four_digits(value)
    if low is not None and high is not None:
        text += f" [{_four_digits(low)}, {_four_digits(high)}]"
    return f"{text} {unit}" if unit else text


def _four_digits(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def comparison(parts: Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]) -> str:
    """Format the tables of a comparison by title; those without rows are named in the last line.

    Args:
        parts: By title, the header and the rows of a table.
    """
    found = [f"{title}\n{table(header, rows)}" for title, (header, rows) in parts.items() if rows]
    alike = [title for title, (_, rows) in parts.items() if not rows]
    return "\n\n".join([*found, f"alike: {', '.join(alike)}"] if alike else found)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_number(text: str) -> bool:
    return not text or text.replace(",", "").replace(".", "").lstrip("-").isdigit()


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Format names and values in two columns, without empty values."""
    known = [(name, str(value)) for name, value in pairs if value not in (None, "", (), [])]
    width = max((len(name) for name, _ in known), default=0)
    gap = "\n" + " " * (width + 2)
    return "\n".join(name.ljust(width) + "  " + gap.join(text.splitlines()) for name, text in known)


def size(count: int) -> str:
    """Format a number of bytes with its unit."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def quiet_frameworks(command: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """Decorate the function of a command that may import a framework, to hide its startup logs.

    With ``zoo --debug`` everything is shown.
    """

    @functools.wraps(command)
    def quiet(*args: _Params.args, **options: _Params.kwargs) -> _Result:
        context = click.get_current_context(silent=True)
        if context is not None and context.find_root().params.get("debug"):
            return command(*args, **options)
        with native_logs_hidden():
            return command(*args, **options)

    return quiet


__all__ = [
    "COUNT",
    "PATH",
    "FunctionCommand",
    "data_option",
    "data_options_option",
    "emit",
    "emit_json",
    "example",
    "json_option",
    "note",
    "paint",
    "pairs",
    "quiet_frameworks",
    "seed_option",
    "settings",
    "settings_option",
    "table",
]
