"""Charts as inline SVG that takes its colors and fonts from the page.

Matplotlib draws with marker colors; each becomes a CSS variable afterwards, so that one drawing
serves light, dark and print. The same numbers give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.style
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    MultipleLocator,
    NullLocator,
)

from zoo.metrics import CalibrationBin
from zoo.metrics.figures import Bars, Figure, Graph, Histogram, Lines, Matrix, Scatter, Series
from zoo.metrics.intervals import wilson
from zoo.report.graph import draw_graph

INK, SOFT, LINE, QUIET, STRONG, PAPER = (f"#0{i}fe0{i}" for i in range(1, 7))
PALETTE = tuple(f"#1{i}fe1{i}" for i in range(10))
"""Colors of groups: ten can be told apart."""

_VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    QUIET: "var(--quiet)",
    STRONG: "var(--accent)",
    PAPER: "var(--paper)",
    **{color: f"var(--group-{place})" for place, color in enumerate(PALETTE)},
}
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.formatter.limits": (-3, 5),
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": SOFT,
    "axes.labelsize": 8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.h_pad": 0.02,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.02,
    "font.size": 8,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "ytick.major.size": 0,
}
_DASHED = (0, (4, 3))
_LINE_STYLES: tuple[tuple[Any, str], ...] = (
    ("-", "line"),
    ((0, (5, 2)), "dashed"),
    ((0, (1.5, 1.5)), "dotted"),
    ((0, (6, 2, 1.5, 2)), "dash-dotted"),
)
_LOG_RATIO = 30.0
_MAX_LABEL = 50
_WIDE_POINTS = 60


@dataclass(frozen=True)
class Legend:
    """An entry of a legend.

    Attributes:
        color: Name of the CSS variable.
        mark: CSS class of its line or dot.
    """

    name: str
    color: str
    mark: str = "line"


@dataclass(frozen=True)
class Bar:
    """A bar with its interval, in percent of the axis."""

    name: str
    value: float
    start: float
    width: float
    interval: tuple[float, float] | None
    emphasis: bool


def contrast(strength: float) -> str:
    """Return the CSS class of a text that is readable on a color of this strength, 0 to 1."""
    return "on" if strength > 0.8 else "mid" if strength > 0.5 else ""


@dataclass(frozen=True)
class MatrixCell:
    """A cell of a matrix, with the strength of its color and the class of its text."""

    value: float
    strength: float
    contrast: str


@dataclass(frozen=True)
class Drawing:
    """A figure, ready for the page.

    Attributes:
        figure: The figure.
        svg: The chart; empty for what HTML draws.
        legend: Entries below it.
        bars: Bars of a bar chart.
        cells: Cells of a matrix by row.
        wide: Whether it takes the whole width of the page.
    """

    figure: Figure
    svg: str = ""
    legend: tuple[Legend, ...] = ()
    bars: tuple[Bar, ...] = ()
    cells: tuple[tuple[MatrixCell, ...], ...] = ()
    wide: bool = True

    @property
    def alt(self) -> str:
        """Alternative text."""
        return f"{self.figure.title}. {self.figure.caption}"


def draw(figure: Figure, name: str) -> Drawing:
    """Draw a figure.

    Args:
        figure: The figure.
        name: Prefix of the ids in the page.
    """
    if isinstance(figure, Scatter):
        return Drawing(figure, *_scatter(figure, name), wide=False)
    if isinstance(figure, Lines):
        return Drawing(figure, *_lines(figure, name), wide=_is_wide(figure))
    if isinstance(figure, Histogram):
        return Drawing(figure, *_histogram(figure, name), wide=False)
    if isinstance(figure, Bars):
        return Drawing(figure, bars=_bars(figure), wide=False)
    if isinstance(figure, Matrix):
        return Drawing(figure, cells=_cells(figure))
    if isinstance(figure, Graph):
        return Drawing(figure, draw_graph(figure, name))
    return Drawing(figure)


def _cells(figure: Matrix) -> tuple[tuple[MatrixCell, ...], ...]:
    """Return the cells of a matrix; the largest number has the strongest color."""
    largest = max((abs(value) for row in figure.values for value in row), default=0.0) or 1.0

    def cell(value: float) -> MatrixCell:
        strength = round(abs(value) / largest, 3)
        return MatrixCell(value, strength, contrast(strength))

    return tuple(tuple(map(cell, row)) for row in figure.values)


def learning_curve(
    name: str,
    epochs: Sequence[float],
    training: Sequence[float],
    validation: Sequence[float],
    *,
    best: int | None = None,
    share: bool = False,
) -> Markup:
    """Draw a metric by epoch, the best epoch marked.

    Args:
        name: Prefix of the ids in the page.
        epochs: Epoch numbers, rising.
        training: Values on the training split; empty if there are none.
        validation: Values on the validation split; empty if there are none.
        best: Number of the best epoch.
        share: Whether the values are shares, shown in percent.

    Returns:
        An ``svg`` element.
    """
    with _canvas(4.4, 2.7) as canvas:
        axes = canvas.add_subplot()
        marker = "o" if len(epochs) == 1 else None
        for values, color in ((training, QUIET), (validation, STRONG)):
            if values:
                axes.plot(epochs, values, color=color, marker=marker, markersize=4)
        if is_logarithmic(training, validation, share=share):
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(NullLocator())
            low, high = axes.get_ylim()
            subs = (1.0, 2.0, 5.0) if math.log10(high / low) < 2.5 else (1.0,)
            axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
        else:
            axes.yaxis.set_major_locator(MaxNLocator(5))
        unit = (lambda v, _: f"{100 * v:.4g} %") if share else (lambda v, _: f"{v:.4g}")
        axes.yaxis.set_major_formatter(FuncFormatter(unit))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        if share:
            axes.set_ylim(top=min(axes.get_ylim()[1], 1.02))
        if best is not None and best in epochs:
            _mark_best(axes, best, validation or training, epochs)
        return _svg(canvas, name)


def is_logarithmic(*columns: Sequence[float], share: bool = False) -> bool:
    """Return whether values spread so far that they need a logarithmic axis."""
    finite = [value for column in columns for value in column if math.isfinite(value)]
    return not share and bool(finite) and min(finite) > 0 and max(finite) / min(finite) > _LOG_RATIO


def _mark_best(axes: Axes, best: int, values: Sequence[float], epochs: Sequence[float]) -> None:
    axes.axvline(best, color=SOFT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    value = values[list(epochs).index(best)] if values else math.nan
    if math.isfinite(value):
        _dot(axes, best, value, 6.0)
    place = (best - epochs[0]) / ((epochs[-1] - epochs[0]) or 1)
    axes.annotate(
        f"best: epoch {best}",
        (best, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="left" if place < 0.15 else "right" if place > 0.85 else "center",
        va="bottom",
        color=SOFT,
    )


def _dot(axes: Axes, x: float, y: float, size: float) -> None:
    axes.plot(x, y, "o", color=STRONG, markersize=size,
              markeredgecolor=PAPER, markeredgewidth=1.0, zorder=4)  # fmt: skip


def reliability_diagram(name: str, bins: Sequence[CalibrationBin]) -> Markup:
    """Draw the accuracy by confidence, and how many examples each bin has.

    Returns:
        An ``svg`` element.
    """
    with _canvas(4.4, 3.5) as canvas:
        upper, lower = canvas.subplots(
            2, sharex=True, gridspec_kw={"height_ratios": (4, 1), "hspace": 0.12}
        )
        upper.plot((0, 1), (0, 1), color=SOFT, linewidth=0.9, linestyle=_DASHED)
        most = max((b.count for b in bins), default=1) or 1
        for b in bins:
            if b.confidence is None or b.accuracy is None:
                continue
            low, high = wilson(round(b.accuracy * b.count), b.count)
            upper.plot((b.confidence,) * 2, (low, high), color=STRONG, linewidth=1.1, alpha=0.45)
            _dot(upper, b.confidence, b.accuracy, 3.5 + 5.5 * math.sqrt(b.count / most))
        upper.set(xlim=(-0.01, 1.03), ylim=(-0.03, 1.05), ylabel="accuracy")
        centers, widths = [(b.low + b.high) / 2 for b in bins], [b.high - b.low for b in bins]
        lower.bar(centers, [b.count for b in bins], width=[0.86 * w for w in widths], color=QUIET)
        lower.set(xlabel="confidence", yticks=(0, most), ylabel="examples")
        for axis in (upper.xaxis, upper.yaxis):
            axis.set_major_locator(MultipleLocator(0.25))
            axis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.0f} %"))
        lower.grid(visible=False)
        return _svg(canvas, name)


def _scatter(figure: Scatter, name: str) -> tuple[Markup, tuple[Legend, ...]]:
    with _canvas(4.4, 3.6) as canvas:
        axes = canvas.add_subplot()
        axes.grid(visible=True, axis="both")
        size = 9.0 if len(figure.x) > 400 else 16.0
        groups, others = _groups(figure)
        names = sorted(set(groups) - {others}, key=natural_order) + ([others] if others else [])
        legend = []
        for place, group in enumerate(names or [""]):
            color, variable = PALETTE[place % len(PALETTE)], f"--group-{place % len(PALETTE)}"
            if not names:
                color = STRONG
            elif others and group == others:
                color, variable = QUIET, "--quiet"
            chosen = [i for i in range(len(figure.x)) if not names or groups[i] == group]
            x, y = [figure.x[i] for i in chosen], [figure.y[i] for i in chosen]
            axes.scatter(x, y, size, color=color, alpha=0.75, linewidths=0.3, edgecolors=PAPER)
            if names:
                legend.append(Legend(group, variable, "dot"))
        if figure.diagonal:
            ends = (min(figure.x + figure.y), max(figure.x + figure.y))
            axes.plot(ends, ends, color=SOFT, linewidth=0.9, linestyle=_DASHED, zorder=3)
        elif min(figure.y, default=0) < 0 < max(figure.y, default=0) and not names:
            axes.axhline(0, color=SOFT, linewidth=0.9, linestyle=_DASHED)
        _label(axes, figure.x_label, figure.y_label)
        return _svg(canvas, name), tuple(legend)


def _groups(figure: Scatter) -> tuple[Sequence[str], str]:
    """Return each point's group, and the name of all those for which there is no color left."""
    counted = Counter(figure.groups)
    if len(counted) <= len(PALETTE):
        return figure.groups, ""
    largest = sorted(counted, key=lambda group: (-counted[group], natural_order(group)))
    colored = set(largest[: len(PALETTE) - 1])
    others = f"{len(counted) - len(colored)} others"
    return [group if group in colored else others for group in figure.groups], others


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """Return a key that sorts ``10`` after ``9``."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name)]


def _is_wide(figure: Lines) -> bool:
    return not figure.square and max(len(series.x) for series in figure.series) > _WIDE_POINTS


def _lines(figure: Lines, name: str) -> tuple[Markup, tuple[Legend, ...]]:
    size = (9.2, 3.0) if _is_wide(figure) else (4.4, 3.6 if figure.square else 3.1)
    with _canvas(*size) as canvas:
        axes = canvas.add_subplot()
        legend = []
        others = [series for series in figure.series if not series.emphasis]
        for series in figure.series:
            color, variable = _line_color(series, others)
            style, mark = _LINE_STYLES[0]
            if not series.emphasis and len(others) > 1:
                style, mark = _LINE_STYLES[others.index(series) % len(_LINE_STYLES)]
            marker, order = "o" if len(series.x) == 1 else None, 3 if series.emphasis else 2
            axes.plot(series.x, series.y, color=color, linestyle=style, marker=marker,
                      linewidth=1.8 if series.emphasis else 1.2, zorder=order)  # fmt: skip
            if series.low and series.high:
                axes.fill_between(series.x, series.low, series.high, color=color, alpha=0.15, lw=0)
            legend.append(Legend(series.name, variable, mark))
        axes.margins(x=0.01)
        if all(x == round(x) for series in figure.series for x in series.x) and not figure.square:
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        _label(axes, figure.x_label, figure.y_label)
        return _svg(canvas, name), tuple(legend) if len(legend) > 1 else ()


def _line_color(series: Series, others: Sequence[Series]) -> tuple[str, str]:
    if series.emphasis:
        return STRONG, "--accent"
    if len(others) == 1:
        return QUIET, "--quiet"
    place = (others.index(series) + 1) % len(PALETTE)
    return PALETTE[place], f"--group-{place}"


def _histogram(figure: Histogram, name: str) -> tuple[Markup, tuple[Legend, ...]]:
    with _canvas(4.4, 2.9) as canvas:
        axes = canvas.add_subplot()
        legend = []
        single = len(figure.counts) == 1
        for place, counts in enumerate(figure.counts):
            color = STRONG if single else PALETTE[place % len(PALETTE)]
            axes.stairs(counts, figure.edges, fill=True, color=color, alpha=1.0 if single else 0.55)
            if figure.groups:
                variable = f"--group-{place % len(PALETTE)}"
                legend.append(Legend(figure.groups[place], variable, "area"))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        _label(axes, figure.label, "count")
        if min(figure.edges) < 0 < max(figure.edges):
            axes.axvline(0, color=SOFT, linewidth=0.9, linestyle=_DASHED)
        return _svg(canvas, name), tuple(legend)


def _bars(figure: Bars) -> tuple[Bar, ...]:
    """Return bars on an axis that includes zero."""
    ends = (*figure.values, *figure.lows, *figure.highs, 0.0)
    # Halves, because the difference of the largest floats is not finite.
    low, span = min(ends) / 2, (max(ends) / 2 - min(ends) / 2) or 1.0

    def place(value: float) -> float:
        return round(100 * ((value / 2 - low) / span), 2)

    intervals: Sequence[tuple[float, float] | None] = [None] * len(figure.names)
    if figure.lows and figure.highs:
        intervals = [(place(a), place(b)) for a, b in zip(figure.lows, figure.highs, strict=True)]
    return tuple(
        Bar(
            name,
            value,
            start=min(place(0), place(value)),
            width=round(abs(place(value) - place(0)), 2),
            interval=interval,
            emphasis=not figure.emphasis or name in figure.emphasis,
        )
        for name, value, interval in zip(figure.names, figure.values, intervals, strict=True)
    )


def _label(axes: Axes, x: str, y: str) -> None:
    x, y = (t if len(t) <= _MAX_LABEL else f"{t[: _MAX_LABEL - 1].rstrip()}…" for t in (x, y))
    axes.set(xlabel=x, ylabel=y)


@contextmanager
def _canvas(width: float, height: float) -> Iterator[Canvas]:
    """Return an empty canvas in the page's style; its size is in inches."""
    # The user's own matplotlibrc changes nothing in a report.
    with matplotlib.style.context(["default", _STYLE]):
        yield Canvas(figsize=(width, height))


def _svg(canvas: Canvas, name: str) -> Markup:
    """Return the canvas as an element that can stand in a page beside others."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        # Text stays text: the page's fonts draw it, and Matplotlib's need not know the letters.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        canvas.savefig(
            stream,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    # Its style sheet would hold for the whole page.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(
        r'width="[\d.]+pt" height="[\d.]+pt"', 'class="chart" aria-hidden="true"', text, count=1
    )
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"\n *", "\n", text)
    return Markup(re.sub("|".join(_VARIABLES), lambda match: _VARIABLES[match.group()], text))
