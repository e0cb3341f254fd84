"""What an evaluation shows besides its numbers, as plain data that a report draws.

A few forms serve every task. Each has a title, and a caption that says in a sentence what is to be
seen in it. A figure holds a few thousand points at most: :func:`thin` chooses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from zoo.config import Frozen

if TYPE_CHECKING:
    import numpy as np

MOST_POINTS = 2_000
"""A picture of more points is no clearer."""

_Numbers = tuple[float, ...]


class _Figure(Frozen):
    title: str
    caption: str = ""


def _same_length(what: str, *columns: Sequence[object]) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"{what} differ in length: {', '.join(str(len(c)) for c in columns)}")


class Scatter(_Figure):
    """Points.

    Attributes:
        diagonal: Whether to draw the line on which both coordinates are equal.
        groups: The name of each point's group; empty if there are none.
    """

    kind: Literal["scatter"] = "scatter"
    x: _Numbers
    y: _Numbers
    x_label: str
    y_label: str
    diagonal: bool = False
    groups: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _same_length("x, y and groups", self.x, self.y, self.groups or self.x)
        return self


class Series(Frozen):
    """One line.

    Attributes:
        low: Lower ends of a band around it; empty if there is none.
        high: Upper ends.
        emphasis: Whether it is what the picture is about.
    """

    name: str
    x: _Numbers
    y: _Numbers
    low: _Numbers = ()
    high: _Numbers = ()
    emphasis: bool = False

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _same_length("x, y, low and high", self.x, self.y, self.low or self.x, self.high or self.x)
        return self


class Lines(_Figure):
    """Lines over one axis.

    Attributes:
        ticks: Places on the axis and what to write there; chosen by the numbers if empty.
        square: Whether it stays about as high as wide, however many points a line has.
    """

    kind: Literal["lines"] = "lines"
    series: tuple[Series, ...] = Field(min_length=1)
    x_label: str
    y_label: str
    ticks: tuple[tuple[float, str], ...] = ()
    square: bool = False


class Bars(_Figure):
    """One bar a name, with the ends of an interval where it has one.

    Attributes:
        label: What the length of a bar is.
        emphasis: The names of the bars that the picture is about.
    """

    kind: Literal["bars"] = "bars"
    names: tuple[str, ...] = Field(min_length=1)
    values: _Numbers
    lows: _Numbers = ()
    highs: _Numbers = ()
    label: str
    emphasis: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fit(self) -> Self:
        bare = self.values
        _same_length("the columns", self.names, bare, self.lows or bare, self.highs or bare)
        return self


class Histogram(_Figure):
    """How many there are in each bin; several groups lie over each other.

    Attributes:
        edges: One more than there are bins, rising.
        counts: One row a group.
        groups: Their names; one group needs none.
    """

    kind: Literal["histogram"] = "histogram"
    edges: _Numbers
    counts: tuple[_Numbers, ...] = Field(min_length=1)
    groups: tuple[str, ...] = ()
    label: str

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _same_length("the bins", self.edges[1:], *self.counts)
        _same_length("the groups", self.counts, self.groups or self.counts)
        return self


class PictureRow(Frozen):
    """Pictures side by side.

    Attributes:
        images: Each by :func:`encode_picture`; an empty text leaves a place free.
    """

    label: str = ""
    images: tuple[str, ...]


class Pictures(_Figure):
    """Rows of pictures; those of one column belong together.

    Attributes:
        columns: What stands above each column; nothing if empty.
    """

    kind: Literal["pictures"] = "pictures"
    rows: tuple[PictureRow, ...] = Field(min_length=1)
    columns: tuple[str, ...] = ()


class Texts(_Figure):
    """A table of texts.

    Attributes:
        marks: Of each row ``good``, ``bad`` or nothing; empty if rows are not judged.
    """

    kind: Literal["texts"] = "texts"
    header: tuple[str, ...] = Field(min_length=1)
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[Literal["good", "bad", ""], ...] = ()

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _same_length("the columns", self.header, *self.rows)
        _same_length("rows and marks", self.rows, self.marks or self.rows)
        return self


class CaptionedPicture(Frozen):
    """A picture and what was written below it.

    Attributes:
        image: By :func:`encode_picture`.
        written: What was written, part by part, and whether the part is right.
        meant: What should have been; empty where that was written.
    """

    image: str
    written: tuple[tuple[str, bool], ...]
    meant: str = ""


class Sheet(_Figure):
    """Pictures side by side, each with its text."""

    kind: Literal["sheet"] = "sheet"
    pictures: tuple[CaptionedPicture, ...] = Field(min_length=1)


Figure = Annotated[
    Scatter | Lines | Bars | Histogram | Pictures | Texts | Sheet, Field(discriminator="kind")
]

_LIST: TypeAdapter[tuple[Figure, ...]] = TypeAdapter(
    tuple[Figure, ...], config={"defer_build": True}
)


def pack_figures(figures: Sequence[Figure]) -> bytes:
    """Return figures as JSON."""
    return _LIST.dump_json(tuple(figures))


def unpack_figures(raw: bytes) -> tuple[Figure, ...]:
    """Return the figures that :func:`pack_figures` wrote.

    Raises:
        ValueError: If these are none.
    """
    return _LIST.validate_json(raw)


def encode_picture(array: np.ndarray) -> str:
    """Return a picture as text: PNG in base 64.

    Args:
        array: uint8, or values from 0 to 1, which are cut at both ends.

    Shapes:
        array: ``[height, width]`` or ``[height, width, 1 or 3]``

    Example:
        >>> PictureRow(label="seven", images=(encode_picture(pixels),))
    """
    import base64

    import numpy as np

    from zoo.metrics.png import encode_png

    if array.dtype != np.uint8:
        array = np.rint(np.clip(np.nan_to_num(array), 0, 1) * 255).astype(np.uint8)
    if array.ndim == 2:
        array = array[..., None]
    return base64.b64encode(encode_png(array)).decode("ascii")


def thin(count: int, most: int = MOST_POINTS) -> list[int]:
    """Return evenly spaced positions, all of them if they are not too many."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


__all__ = [
    "MOST_POINTS",
    "Bars",
    "CaptionedPicture",
    "Figure",
    "Histogram",
    "Lines",
    "PictureRow",
    "Pictures",
    "Scatter",
    "Series",
    "Sheet",
    "Texts",
    "encode_picture",
    "pack_figures",
    "thin",
    "unpack_figures",
]
