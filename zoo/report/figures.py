"""What an evaluation shows, drawn: one function a form, and none a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.metrics.figures import (
    Bars,
    Figure,
    Histogram,
    ImageGallery,
    ImageGrid,
    Lines,
    Scatter,
    Series,
    Texts,
)
from zoo.report.svg import INK, PALETTE, PAPER, QUIET, SOFT, STRONG, drawing, svg
from zoo.report.text_layout import cut, natural, number_axes, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Mark = Literal["line", "dashed", "dotted", "dash-dotted", "dot", "area"]

_LONG_NAME = 28
_LONG_LABEL = 40
_INCH = 14.0
"""Letters of an axis that fit into an inch."""
_LINE_STYLES: tuple[tuple[Any, Mark], ...] = (
    ("-", "line"),
    ((0, (5, 2)), "dashed"),
    ((0, (1.5, 1.5)), "dotted"),
    ((0, (6, 2, 1.5, 2)), "dash-dotted"),
)
_TINY = 64


@dataclass(frozen=True)
class Legend:
    """One entry below a drawing: a name, the CSS variable of its color, and what is drawn."""

    name: str
    color: str
    mark: Mark = "line"


@dataclass(frozen=True)
class Drawn:
    """A figure, ready for the page.

    Attributes:
        wide: Whether it takes the whole width.
        alt: What a reader who cannot see it is told.
    """

    figure: Figure
    kind: str
    svg: str
    legend: tuple[Legend, ...]
    wide: bool
    alt: str


def draw(figure: Figure, name: str) -> Drawn:
    """Draw a figure.

    Args:
        figure: What an evaluation shows.
        name: What identifies the drawing in the page.
    """
    if isinstance(figure, ImageGrid | Texts | ImageGallery):
        return Drawn(figure, figure.kind, "", (), wide=True, alt=figure.title)
    art: dict[str, Callable[[Any, str], tuple[str, tuple[Legend, ...]]]] = {
        "scatter": _scatter,
        "lines": _lines,
        "bars": _bars,
        "histogram": _histogram,
    }
    drawn, legend = art[figure.kind](figure, name)
    wide = isinstance(figure, Lines) and _is_wide(figure)
    return Drawn(figure, figure.kind, drawn, legend, wide, f"{figure.title}. {figure.caption}")


def columns(figure: ImageGrid) -> int:
    """Return how many pictures the longest row has."""
    return max(len(row.images) for row in figure.rows)


def tiny(image: str) -> bool:
    """Whether an encoded picture is so small that its pixels should be seen as squares."""
    import base64

    # Width and height stand in the PNG's first chunk, bytes 16 to 24.
    head = base64.b64decode(image[:32])
    sides = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return max(sides) <= _TINY


def _scatter(figure: Scatter, name: str) -> tuple[str, tuple[Legend, ...]]:
    with drawing(4.4, 3.6) as canvas:
        axes = canvas.add_axes((0.13, 0.13, 0.85, 0.84))
        axes.grid(visible=True, axis="both")
        size = 9.0 if len(figure.x) > 400 else 16.0
        groups, others = _groups(figure)
        names = sorted(set(groups) - {others}, key=natural) + ([others] if others else [])
        legend = []
        for place, group in enumerate(names or [""]):
            color = PALETTE[place % len(PALETTE)] if names else STRONG
            variable = f"--group-{place % len(PALETTE)}"
            if others and group == others:
                color, variable = QUIET, "--quiet"
            chosen = [i for i in range(len(figure.x)) if not names or groups[i] == group]
            axes.scatter(
                [figure.x[i] for i in chosen],
                [figure.y[i] for i in chosen],
                s=size,
                color=color,
                alpha=0.75,
                linewidths=0.3,
                edgecolors=PAPER,
            )
            if names:
                legend.append(Legend(group, variable, "dot"))
        if figure.diagonal:
            ends = (min(figure.x + figure.y), max(figure.x + figure.y))
            axes.plot(ends, ends, color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=3)
        elif min(figure.y, default=0) < 0 < max(figure.y, default=0) and not names:
            axes.axhline(0, color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
        number_axes(axes)
        axes.set(xlabel=cut(figure.x_label, 50), ylabel=cut(figure.y_label, _LONG_LABEL))
        return svg(canvas, name), tuple(legend)


def _groups(figure: Scatter) -> tuple[Sequence[str], str]:
    """Return each point's group, and the name of all those for which there is no color left."""
    counted = Counter(figure.groups)
    if len(counted) <= len(PALETTE):
        return figure.groups, ""
    largest = sorted(counted, key=lambda group: (-counted[group], natural(group)))
    told = set(largest[: len(PALETTE) - 1])
    others = f"{len(counted) - len(told)} others"
    return [group if group in told else others for group in figure.groups], others


def _is_wide(figure: Lines) -> bool:
    return not figure.square and max(len(series.x) for series in figure.series) > 60


def _lines(figure: Lines, name: str) -> tuple[str, tuple[Legend, ...]]:
    wide = _is_wide(figure)
    size = (9.2, 3.0) if wide else (4.4, 3.6 if figure.square else 3.1)
    with drawing(*size) as canvas:
        left = 0.065 if wide else 0.13
        axes = canvas.add_axes((left, 0.155, 0.985 - left, 0.81))
        legend = []
        others = [series for series in figure.series if not series.emphasis]
        for series in figure.series:
            color, variable = _color(series, others)
            style, mark = _LINE_STYLES[0]
            if not series.emphasis and len(others) > 1:
                style, mark = _LINE_STYLES[others.index(series) % len(_LINE_STYLES)]
            _line(axes, series, color, style)
            legend.append(Legend(series.name, variable, mark))
        room = _INCH * size[0] * (0.985 - left)
        axes.set(xlabel=cut(figure.x_label, room), ylabel=cut(figure.y_label, _LONG_LABEL - 6))
        axes.margins(x=0.01)
        number_axes(axes)
        return svg(canvas, name), tuple(legend) if len(legend) > 1 else ()


def _color(series: Series, others: Sequence[Series]) -> tuple[str, str]:
    """Return a line's color: one is what it is about, the rest are told apart."""
    if series.emphasis:
        return STRONG, "--accent"
    if len(others) == 1:
        return QUIET, "--quiet"
    place = (others.index(series) + 1) % len(PALETTE)
    return PALETTE[place], f"--group-{place}"


def _line(axes: Axes, series: Series, color: str, style: Any) -> None:
    width = 1.8 if series.emphasis else 1.2
    marker = "o" if len(series.x) == 1 else None
    axes.plot(series.x, series.y, color=color, linewidth=width, linestyle=style, marker=marker,
              zorder=3 if series.emphasis else 2)  # fmt: skip
    if series.low and series.high:
        axes.fill_between(series.x, series.low, series.high, color=color, alpha=0.15, linewidth=0)


def _bars(figure: Bars, name: str) -> tuple[str, tuple[Legend, ...]]:
    count = len(figure.names)
    with drawing(4.4, 0.75 + 0.27 * count) as canvas:
        names = [cut(name, _LONG_NAME) for name in figure.names]
        longest = max(map(width, names))
        left = min(0.48, 0.05 + 0.0145 * longest)
        bottom = 0.5 / (0.75 + 0.27 * count)
        axes = canvas.add_axes((left, bottom, 0.97 - left, 0.97 - bottom))
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        places = list(range(count))[::-1]
        strong = [not figure.emphasis or name in figure.emphasis for name in figure.names]
        axes.barh(
            places, figure.values, height=0.62, color=[STRONG if s else QUIET for s in strong]
        )
        if figure.lows and figure.highs:
            for place, low, high in zip(places, figure.lows, figure.highs, strict=True):
                axes.plot((low, high), (place, place), color=INK, linewidth=1.0, zorder=4)
        axes.set_yticks(places, names)
        axes.set_ylim(-0.6, count - 0.4)
        number_axes(axes, y=False)
        axes.set_xlabel(cut(figure.label, _LONG_LABEL))
        if min((*figure.values, *figure.lows)) >= 0:
            axes.set_xlim(left=0)
        return svg(canvas, name), ()


def _histogram(figure: Histogram, name: str) -> tuple[str, tuple[Legend, ...]]:
    from matplotlib.ticker import MaxNLocator

    with drawing(4.4, 2.9) as canvas:
        axes = canvas.add_axes((0.13, 0.155, 0.85, 0.81))
        legend = []
        for place, counts in enumerate(figure.counts):
            single = len(figure.counts) == 1
            color = STRONG if single else PALETTE[place % len(PALETTE)]
            axes.stairs(counts, figure.edges, fill=True, color=color, alpha=1.0 if single else 0.55)
            if figure.groups:
                variable = f"--group-{place % len(PALETTE)}"
                legend.append(Legend(figure.groups[place], variable, "area"))
        # What is counted comes whole.
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        number_axes(axes)
        axes.set(xlabel=cut(figure.label, _LONG_LABEL), ylabel="count")
        if min(figure.edges) < 0 < max(figure.edges):
            axes.axvline(0, color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
        return svg(canvas, name), tuple(legend)


__all__ = ["Drawn", "Legend", "columns", "draw", "tiny"]
