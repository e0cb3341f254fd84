"""Summaries of what was understood of a dataset: columns, classes, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zoo.runtime.table import Cells
from zoo.runtime.values import is_missing

_EXAMPLES = 3


@dataclass(frozen=True)
class ColumnSummary:
    """One column of a table, as it was understood.

    Attributes:
        name: Its name.
        kind: ``numeric``, ``categorical``, ``class``, ``measurement``, ``text``, ``date`` or
            ``dropped``.
        reason: Why it is of that kind.
        examples: Its first different cells.
        missing: Number of missing cells.

    Example:
        >>> ColumnSummary("age", "numeric", "all of its cells are numbers", ("31", "47")).missing
        0
    """

    name: str
    kind: str
    reason: str
    examples: tuple[str, ...] = ()
    missing: int = 0

    @classmethod
    def of(cls, name: str, kind: str, reason: str, cells: Cells) -> ColumnSummary:
        """Return the summary of cells."""
        if cells.plain is not None:
            first = dict.fromkeys(cells.plain[:20].tolist())
            present = [f"{value:.6g}" for value in first if value == value]  # noqa: PLR0124 - NaN
        else:
            present = [text for text in cells.texts if not is_missing(text)]
        return cls(name, kind, reason, tuple(present[:_EXAMPLES]), int(cells.missing().sum()))


@dataclass(frozen=True)
class DatasetSummary:
    """What was understood of a dataset.

    Attributes:
        id: The registered name, or the name of the file or folder.
        task: Its task.
        sizes: Number of examples in each split.
        columns: The columns, if it is a table.
        classes: Number of training examples of each class.
        notes: What else was decided, in words.

    Example:
        >>> summary: DatasetSummary = zoo.dataset("digits").summary()
        >>> summary.sizes["test"]
        269
    """

    id: str
    task: str
    sizes: Mapping[str, int]
    columns: tuple[ColumnSummary, ...] = ()
    classes: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()
