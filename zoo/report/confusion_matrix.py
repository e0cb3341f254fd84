"""Where everything in a drawing of a confusion matrix goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.metrics import ClassificationTables

LARGEST = 60
"""Up to so many classes are all drawn; of more, those with the most mistakes."""

DRAWN = 40
"""How many are drawn of more than that."""

_NUMBERS_UP_TO = 24
_LONGEST_LABEL = 20
_STRONG_SHARE = 0.25


@dataclass(frozen=True)
class Cell:
    """One count: its place, its color and what it says."""

    x: float
    y: float
    count: int
    share: float
    strength: float
    right: bool
    true: str
    predicted: str


@dataclass(frozen=True)
class Tick:
    """One class on both axes."""

    place: float
    label: str
    short: str


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix, laid out."""

    cells: tuple[Cell, ...]
    ticks: tuple[Tick, ...]
    cell: float
    side: float
    left: float
    top: float
    width: float
    height: float
    font: float
    numbers: bool
    upright: bool
    left_out: int


@dataclass(frozen=True)
class Confusion:
    """One class taken for another."""

    true: str
    predicted: str
    count: int
    support: int


def lay_out(tables: ClassificationTables) -> Matrix:
    """Return the drawing of a confusion matrix in units of about a pixel."""
    labels, counts = tables.labels, tables.confusion
    shown = list(range(len(labels)))
    if len(labels) > LARGEST:
        shown = sorted(sorted(shown, key=lambda i: -_mistakes(counts, i))[:DRAWN])
    classes = len(shown)
    cell = 40.0 if classes <= 12 else 27.0 if classes <= _NUMBERS_UP_TO else 13.0
    if classes <= 4:
        cell = 72.0
    font = 14.0 if classes <= 4 else 12.0 if classes <= _NUMBERS_UP_TO else 9.0
    short = [_shorten(labels[i]) for i in shown]
    longest = max(len(text) for text in short) * font * 0.6
    upright = longest > cell * 0.95
    left, top = longest + 30, (longest if upright else font) + 34
    side = classes * cell
    largest = max((p.count / p.support for p in confusions(tables, None)), default=1.0)
    largest = max(largest, _STRONG_SHARE)
    cells = []
    for row, i in enumerate(shown):
        support = sum(counts[i])
        for column, j in enumerate(shown):
            if not counts[i][j]:
                continue
            share = counts[i][j] / support
            cells.append(
                Cell(
                    x=left + column * cell,
                    y=top + row * cell,
                    count=counts[i][j],
                    share=share,
                    strength=round(
                        share if i == j else max(0.18, 0.9 * (share / largest) ** 0.7), 3
                    ),
                    right=i == j,
                    true=labels[i],
                    predicted=labels[j],
                )
            )
    return Matrix(
        cells=tuple(cells),
        ticks=tuple(
            Tick((place + 0.5) * cell, labels[i], short[place]) for place, i in enumerate(shown)
        ),
        cell=cell,
        side=side,
        left=left,
        top=top,
        width=left + side + 2,
        height=top + side + 2,
        font=font,
        numbers=classes <= _NUMBERS_UP_TO,
        upright=upright,
        left_out=len(labels) - classes,
    )


def confusions(tables: ClassificationTables, most: int | None) -> list[Confusion]:
    """Return the pairs of classes that are confused, most often first; ``None`` for all."""
    found = [
        Confusion(tables.labels[i], tables.labels[j], count, sum(row))
        for i, row in enumerate(tables.confusion)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(found, key=lambda pair: (-pair.count, -pair.count / pair.support))[:most]


def _mistakes(counts: Sequence[Sequence[int]], i: int) -> int:
    return sum(counts[i]) + sum(row[i] for row in counts) - 2 * counts[i][i]


def _shorten(label: str) -> str:
    if len(label) <= _LONGEST_LABEL:
        return label
    return f"{label[: _LONGEST_LABEL // 2]}…{label[1 - _LONGEST_LABEL // 2 :]}"


__all__ = ["DRAWN", "LARGEST", "Cell", "Confusion", "Matrix", "Tick", "confusions", "lay_out"]
