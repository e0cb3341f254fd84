"""The header of a table: how a file is laid out, names of columns, and what is no data.

A column without a name and without any value is left out, and so is a first one that only numbers
the rows. Empty rows at the end of a table do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zoo.errors import BadRecord
from zoo.runtime.table import Cells
from zoo.runtime.values import is_number

_FEW, _TIMES, _OFTEN = 50, 3, 0.05
"""A name is a cell if its column has so few different texts, and it is so often among them."""


@dataclass(frozen=True)
class Layout:
    r"""How a file with columns is laid out.

    Attributes:
        header: Whether the first row holds names; ``None`` refuses one that looks like data.
        names: Names of the columns: instead of the header, or of a file that has none.
        skip: Number of lines before the header.
        encoding: Encoding that the user chose; ``None`` for UTF-8 where there is no choice.

    Example:
        >>> _ = Path("below.csv").write_text("Made on Monday\n\nx,y\n1,2\n")
        >>> read_table(Path("below.csv"), layout=Layout(skip=2)).header
        ['x', 'y']
    """

    header: bool | None = None
    names: Sequence[str] = ()
    skip: int = 0
    encoding: str | None = None


USUAL = Layout()
"""The layout of which nothing is said."""


def name_columns(found: Sequence[str], file: str, line: int) -> tuple[list[str], list[str]]:
    """Return the names of columns, and those that were made up for columns without one.

    Raises:
        BadRecord: If two columns have the same name.
    """
    names = [name or f"column_{place}" for place, name in enumerate(found, 1)]
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise BadRecord(
            f"two columns are called {twice!r}",
            file=file,
            row=line,
            column=twice,
            why="columns are asked for by their names",
            fix="rename one of them in the header line; header=false if the file has none",
        )
    return names, [name for name, given in zip(names, found, strict=True) if not given]


def settle_columns(
    columns: Mapping[str, Cells], made_up: Sequence[str]
) -> tuple[dict[str, Cells], list[str]]:
    """Leave out what is no data: empty rows at the end, and columns without a name and a value.

    Returns:
        The columns, and what was left out, in words.
    """
    kept, notes = dict(columns), []
    blank = None
    for cells in columns.values():
        missing = cells.missing()
        blank = missing if blank is None else blank & missing
        if not blank[-1]:
            break
    if blank is not None and blank[-1] and not blank.all():
        count, least = len(blank), int(np.flatnonzero(~blank)[-1]) + 1
        # NA is a mark that somebody wrote, and no empty cell.
        while count > least and not any(cells.text(count - 1) for cells in columns.values()):
            count -= 1
        if count < len(blank):
            kept = {name: cells.take(np.arange(count)) for name, cells in kept.items()}
            empty = len(blank) - count
            what = "row at the end is" if empty == 1 else "rows at the end are"
            notes.append(f"{empty} empty {what} left out")
    first = next(iter(columns))
    for name in made_up:
        numbers = kept[name].plain
        if kept[name].missing().all():
            why = "it has no value, and is left out"
        elif name == first and numbers is not None and _counts_rows(numbers):
            why = "it numbers the rows, and is left out"
        else:
            notes.append(f"a column has no name: it is called {name}")
            continue
        del kept[name]
        notes.append(f"column {list(columns).index(name) + 1} has no name: {why}")
    return kept or dict(columns), notes


def _counts_rows(numbers: npt.NDArray[np.float64]) -> bool:
    return numbers[0] in (0, 1) and bool((np.diff(numbers) == 1).all())


def like_data(header: Sequence[str], file: str, line: int, known: Collection[str]) -> BadRecord:
    """Return the error about a first row that is like the rows below it.

    Args:
        header: Its cells.
        file: The file.
        line: Its line.
        known: Names that a model asks for; without any, options of the data decide.
    """
    options = (
        "; as an option of the data, header=false makes up names, names=[...] gives them, and "
        "header=true takes this line for names"
    )
    return BadRecord(
        "the first line looks like data, not like a header",
        file=file,
        row=line,
        why=f"it holds {', '.join(map(repr, header[:4]))}, as the rows below it do",
        fix=f"add a line with the columns' names at the top: {','.join(known)}"
        if known
        else f"add a line with the columns' names at the top{options}",
    )


def looks_like_data(header: Sequence[str], columns: dict[str, Cells]) -> bool:
    """Return whether a first row is like the rows below it."""
    pairs = list(zip(header, columns.values(), strict=True))
    numeric = [cells.plain is not None for _, cells in pairs]
    if any(is_number(name) and number for (name, _), number in zip(pairs, numeric, strict=True)):
        return True
    if any(len(parts) > 1 and all(map(is_number, parts)) for parts in map(str.split, header)):
        return True  # cells with spaces between them
    if any(numeric):
        return False
    return all(name in cells.texts for name, cells in pairs) or any(
        _is_cell(name, cells) for name, cells in pairs
    )


def _is_cell(name: str, cells: Cells) -> bool:
    """Return whether a name is one of few different texts in its own column, again and again."""
    if len(cells.texts) > _FEW or name not in cells.texts:
        return False
    count = int((cells.codes == cells.texts.index(name)).sum())
    return count >= _TIMES and count > _OFTEN * len(cells)
