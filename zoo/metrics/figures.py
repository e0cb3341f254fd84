"""Figures of an evaluation as plain data: plots, images, tables.

A report draws them, whatever the task. Each has a title and a caption that states in a sentence
what is to be seen. A figure holds a few thousand points at most: see :func:`evenly_spaced`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from zoo.config import Frozen

if TYPE_CHECKING:
    import numpy as np

    from zoo.metrics.results import Score

MAX_POINTS = 2_000
"""More points make no plot clearer."""

_Numbers = tuple[float, ...]


class _Figure(Frozen):
    title: str
    caption: str = ""


def _same_length(what: str, *columns: Sequence[object]) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"{what} differ in length: {', '.join(str(len(c)) for c in columns)}")


class Scatter(_Figure):
    """Scatter plot.

    Attributes:
        diagonal: Whether to draw the line ``y = x``.
        groups: The name of each point's group; empty for one group without a name.

    Example:
        >>> plot = Scatter(title="Fit", x=(1, 2), y=(1.1, 1.9), x_label="true", y_label="predicted")
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
    """A line of a line plot.

    Attributes:
        low: Lower ends of a band around it; empty for none.
        high: Upper ends.
        emphasis: Whether to highlight it.

    Example:
        >>> line = Series.of("loss", np.arange(1000), np.linspace(1, 0, 1000), most=50)
        >>> len(line.x)
        50
    """

    name: str
    x: _Numbers
    y: _Numbers
    low: _Numbers = ()
    high: _Numbers = ()
    emphasis: bool = False

    @classmethod
    def of(
        cls, name: str, x: np.ndarray, y: np.ndarray, *, emphasis: bool = False, most: int = 300
    ) -> Series:
        """Return a line through at most so many of these points, evenly spaced."""
        kept = evenly_spaced(len(x), most)
        return cls(
            name=name, x=tuple(x[kept].tolist()), y=tuple(y[kept].tolist()), emphasis=emphasis
        )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _same_length("x, y, low and high", self.x, self.y, self.low or self.x, self.high or self.x)
        return self


class Lines(_Figure):
    """Line plot.

    Attributes:
        square: Whether to keep the plot about as high as wide, however many points a line has.

    Example:
        >>> curves = Lines(title="Learning curve", series=(line,), x_label="step", y_label="loss")
    """

    kind: Literal["lines"] = "lines"
    series: tuple[Series, ...] = Field(min_length=1)
    x_label: str
    y_label: str
    square: bool = False


class Bars(_Figure):
    """Bar chart, optionally with intervals.

    Attributes:
        label: Title of the value axis.
        emphasis: Names of the bars to highlight; empty for all.

    Example:
        >>> scores = {"mean": Score(value=0.7, low=0.6, high=0.8)}
        >>> Bars.of_scores(scores, title="Accuracy", caption="", label="accuracy").lows
        (0.6,)
    """

    kind: Literal["bars"] = "bars"
    names: tuple[str, ...] = Field(min_length=1)
    values: _Numbers
    lows: _Numbers = ()
    highs: _Numbers = ()
    label: str
    emphasis: tuple[str, ...] = ()

    @classmethod
    def of_scores(
        cls,
        scores: Mapping[str, Score],
        *,
        title: str,
        caption: str,
        label: str,
        emphasis: Iterable[str] = (),
    ) -> Bars:
        """Return a bar chart of scores by name, with their intervals."""
        ends = [score.ends for score in scores.values()]
        return cls(
            title=title,
            caption=caption,
            names=tuple(scores),
            values=tuple(score.value for score in scores.values()),
            lows=tuple(low for low, _ in ends),
            highs=tuple(high for _, high in ends),
            label=label,
            emphasis=tuple(emphasis),
        )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        bare = self.values
        _same_length("the columns", self.names, bare, self.lows or bare, self.highs or bare)
        return self


class Histogram(_Figure):
    """Histogram of one group, or of several that overlap.

    Attributes:
        edges: Bin edges, rising; one more than there are bins.
        counts: Counts by bin, one row per group.
        groups: Their names; one group needs none.

    Example:
        >>> errors = Histogram(title="Errors", edges=(0, 1, 2), counts=((5, 3),), label="meters")
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


class ImageRow(Frozen):
    """A row of images.

    Attributes:
        images: Each by :func:`encode_image`; an empty text leaves a place free.

    Example:
        >>> row = ImageRow.of("input", [np.zeros((8, 8)), np.ones((8, 8))])
    """

    label: str = ""
    images: tuple[str, ...]

    @classmethod
    def of(cls, label: str, images: Iterable[np.ndarray]) -> ImageRow:
        """Return a row of images by :func:`encode_image`."""
        return cls(label=label, images=tuple(encode_image(image) for image in images))


class ImageGrid(_Figure):
    """Rows of images; those of one column belong together.

    Attributes:
        columns: Title of each column; empty for none.
        heatmap: Whether to draw each image as a wide rectangle, whatever its shape: numbers of
            many units over time.

    Example:
        >>> grid = ImageGrid(title="Reconstructions", rows=(row,), columns=("first", "second"))
    """

    kind: Literal["image_grid"] = "image_grid"
    rows: tuple[ImageRow, ...] = Field(min_length=1)
    columns: tuple[str, ...] = ()
    heatmap: bool = False


class Table(_Figure):
    """Table of texts and numbers.

    Attributes:
        rows: Cells by row. Numbers are aligned, and those with decimals shortened.
        marks: ``good``, ``bad`` or nothing for each row; empty if rows are not marked.

    Example:
        >>> Table(title="Worst", header=("id", "loss"), rows=(("a", 2.5),), marks=("bad",)).kind
        'table'
    """

    kind: Literal["table"] = "table"
    header: tuple[str, ...] = Field(min_length=1)
    rows: tuple[tuple[str | int | float, ...], ...]
    marks: tuple[Literal["good", "bad", ""], ...] = ()

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _same_length("the columns", self.header, *self.rows)
        _same_length("rows and marks", self.rows, self.marks or self.rows)
        return self


class Matrix(_Figure):
    """Matrix of numbers, shaded by their size: a confusion matrix, correlations, attention.

    Attributes:
        rows: Name of each row.
        columns: Name of each column.
        values: Numbers by row.
        row_label: What the rows are; empty for nothing.
        column_label: What the columns are.
        share: Whether the numbers are shares, shown in percent.

    Example:
        >>> shares = Matrix(title="Overlap", rows=("a", "b"), columns=("x",), values=((0.2,), (1,)))
        >>> figures: tuple[Figure, ...] = (plot, curves, errors, shares)
    """

    kind: Literal["matrix"] = "matrix"
    rows: tuple[str, ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    values: tuple[_Numbers, ...]
    row_label: str = ""
    column_label: str = ""
    share: bool = False

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _same_length("rows and values", self.rows, self.values)
        _same_length("columns and values", self.columns, *self.values)
        return self


class CaptionedImage(Frozen):
    """An image with its generated caption.

    Attributes:
        image: By :func:`encode_image`.
        caption: The caption in parts, each with whether it is correct.
        reference: The reference caption; empty where the caption equals it.

    Example:
        >>> words, image = (("a", True), ("long", False), ("crack", True)), encode_image(np.eye(8))
        >>> shown = CaptionedImage(image=image, caption=words, reference="a crack")
    """

    image: str
    caption: tuple[tuple[str, bool], ...]
    reference: str = ""


class ImageGallery(_Figure):
    """Images side by side, each with its caption.

    Example:
        >>> ImageGallery(title="Incorrect captions", images=(shown,)).images[0].reference
        'a crack'
    """

    kind: Literal["image_gallery"] = "image_gallery"
    images: tuple[CaptionedImage, ...] = Field(min_length=1)


class Graph(_Figure):
    """Directed graph without cycles, drawn from top to bottom: the layers of a network.

    Attributes:
        nodes: Name of each node, and a second line of text.
        edges: Positions of the two ends of each arrow.

    Example:
        >>> nodes = (("image", "Input"), ("conv", "Conv2D"))
        >>> graph = Graph(title="Network", nodes=nodes, edges=((0, 1),))
    """

    kind: Literal["graph"] = "graph"
    nodes: tuple[tuple[str, str], ...] = Field(min_length=1)
    edges: tuple[tuple[int, int], ...]

    @model_validator(mode="after")
    def _fit(self) -> Self:
        for start, end in self.edges:
            # Nodes come in an order in which every arrow points forward, so that none is a cycle.
            if not 0 <= start < end < len(self.nodes):
                raise ValueError(f"expected an arrow to a later node. Received: {start} to {end}")
        return self


Figure = Annotated[
    Scatter | Lines | Bars | Histogram | ImageGrid | ImageGallery | Table | Matrix | Graph,
    Field(discriminator="kind"),
]
"""Any of these figures."""

_LIST: TypeAdapter[tuple[Figure, ...]] = TypeAdapter(
    tuple[Figure, ...], config={"defer_build": True}
)


def dump_figures(figures: Sequence[Figure]) -> bytes:
    """Serialize figures as JSON."""
    return _LIST.dump_json(tuple(figures))


def load_figures(raw: bytes) -> tuple[Figure, ...]:
    """Deserialize what :func:`dump_figures` returned.

    Raises:
        ValueError: If the JSON does not describe figures.
    """
    return _LIST.validate_json(raw)


def evenly_spaced(count: int, most: int = MAX_POINTS) -> list[int]:
    """Return evenly spaced positions among ``count``, both ends included; all if few enough.

    Example:
        >>> evenly_spaced(101, 3)
        [0, 50, 100]
    """
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def encode_png(pixels: np.ndarray, max_side: int | None = None) -> bytes:
    """Encode pixels as PNG.

    Args:
        pixels: uint8.
        max_side: If the longer side is larger, square blocks are averaged until it fits.

    Shapes:
        pixels: ``[height, width, channels]``; of other numbers than 1 and 3, the first three are
            shown, or the first.
    """
    from PIL import Image

    image = Image.fromarray(pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0])
    if max_side is not None and max(image.size) > max_side:
        image = image.reduce(-(-max(image.size) // max_side))
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    return stream.getvalue()


def encode_image(array: np.ndarray, max_side: int | None = None) -> str:
    """Encode an image as base64 text of a PNG.

    Args:
        array: uint8, or values from 0 to 1; values outside are clipped.
        max_side: As in :func:`encode_png`.

    Shapes:
        array: ``[height, width]`` or ``[height, width, channels]``

    Example:
        >>> encode_image(np.zeros((8, 8)))[:8]
        'iVBORw0K'
    """
    import numpy as np

    if array.dtype != np.uint8:
        array = np.rint(np.clip(np.nan_to_num(array), 0, 1) * 255).astype(np.uint8)
    if array.ndim == 2:
        array = array[..., None]
    return base64.b64encode(encode_png(array, max_side)).decode("ascii")


__all__ = [
    "Bars",
    "CaptionedImage",
    "Figure",
    "Graph",
    "Histogram",
    "ImageGallery",
    "ImageGrid",
    "ImageRow",
    "Lines",
    "Matrix",
    "Scatter",
    "Series",
    "Table",
    "encode_image",
    "evenly_spaced",
]
