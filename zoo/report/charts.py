"""Charts as SVG that takes its colours and its type from the page around it.

Matplotlib draws with marker colours; each becomes a CSS variable afterwards, so that one drawing
serves a light page, a dark one and paper. The same numbers give the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo.metrics.intervals import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.metrics import CalibrationBin

_INK, _SOFT, _LINE, _QUIET, _STRONG, _PAPER = (f"#0{i}fe0{i}" for i in range(1, 7))
_VARIABLES = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _QUIET: "var(--quiet)",
    _STRONG: "var(--accent)",
    _PAPER: "var(--paper)",
}
_STYLE = {
    "axes.edgecolor": _LINE,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": _SOFT,
    "axes.labelsize": 8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 8,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _LINE,
    "xtick.labelcolor": _SOFT,
    "ytick.labelcolor": _SOFT,
    "ytick.major.size": 0,
}
_LOG_ABOVE = 30.0


def curves(
    name: str,
    epochs: Sequence[float],
    training: Sequence[float],
    validation: Sequence[float],
    *,
    best: int | None = None,
    share: bool = False,
) -> str:
    """Draw one metric over the epochs, the best epoch marked.

    Args:
        name: What identifies this chart in the page.
        epochs: Their numbers, rising.
        training: The values on the training split; empty if there are none.
        validation: The values on the validation split; empty if there are none.
        best: The number of the best epoch.
        share: Whether the values are shares, to be shown in percent.

    Returns:
        An ``svg`` element.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

    with _figure(4.4, 2.7) as figure:
        axes = figure.add_axes((0.105, 0.155, 0.875, 0.77))
        marker = "o" if len(epochs) == 1 else None
        for values, colour in ((training, _QUIET), (validation, _STRONG)):
            if values:
                axes.plot(epochs, values, color=colour, marker=marker, markersize=4)
        if is_logarithmic(training, validation, share=share):
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_locator(_log_locator(axes))
        else:
            axes.yaxis.set_major_locator(MaxNLocator(5))
        unit = (lambda v, _: f"{100 * v:.4g} %") if share else (lambda v, _: f"{v:.4g}")
        axes.yaxis.set_major_formatter(FuncFormatter(unit))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        if share:
            axes.set_ylim(top=min(axes.get_ylim()[1], 1.02))
        if best is not None and best in epochs:
            _mark(axes, best, validation or training, epochs)
        return _svg(figure, name)


def is_logarithmic(*columns: Sequence[float], share: bool = False) -> bool:
    """Whether values spread so far that only a logarithmic axis shows them all."""
    finite = [value for column in columns for value in column if math.isfinite(value)]
    return not share and bool(finite) and min(finite) > 0 and max(finite) / min(finite) > _LOG_ABOVE


def reliability(name: str, bins: Sequence[CalibrationBin], label: str = "examples") -> str:
    """Draw how often the model is right against how sure it is, and how many examples that is.

    Returns:
        An ``svg`` element.
    """
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    with _figure(4.4, 3.5) as figure:
        upper = figure.add_axes((0.145, 0.375, 0.835, 0.6))
        lower = figure.add_axes((0.145, 0.125, 0.835, 0.15))
        upper.plot((0, 1), (0, 1), color=_SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
        most = max((b.count for b in bins), default=1) or 1
        for b in bins:
            if b.confidence is None or b.accuracy is None:
                continue
            low, high = wilson(round(b.accuracy * b.count), b.count)
            upper.plot((b.confidence,) * 2, (low, high), color=_STRONG, linewidth=1.1, alpha=0.45)
            size = 3.5 + 5.5 * math.sqrt(b.count / most)
            upper.plot(b.confidence, b.accuracy, "o", color=_STRONG, markersize=size,
                       markeredgecolor=_PAPER, markeredgewidth=0.8, zorder=3)  # fmt: skip
        upper.set(xlim=(-0.01, 1.03), ylim=(-0.03, 1.05), ylabel="right")
        lower.bar(
            [(b.low + b.high) / 2 for b in bins],
            [b.count for b in bins],
            width=[(b.high - b.low) * 0.86 for b in bins],
            color=_QUIET,
        )
        lower.set(xlim=(-0.01, 1.03), xlabel="sure", yticks=(0, most), ylabel=label)
        lower.yaxis.set_label_coords(-0.125, 0.5)
        percent = FuncFormatter(lambda v, _: f"{100 * v:.0f} %")
        for axis in (upper.xaxis, upper.yaxis, lower.xaxis):
            axis.set_major_locator(MultipleLocator(0.25))
            axis.set_major_formatter(percent)
        upper.xaxis.set_tick_params(labelbottom=False)
        upper.yaxis.set_label_coords(-0.125, 0.5)
        lower.grid(visible=False)
        return _svg(figure, name)


def _mark(axes: Axes, best: int, values: Sequence[float], epochs: Sequence[float]) -> None:
    """Mark the best epoch by a line, a dot and its number."""
    axes.axvline(best, color=_SOFT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    value = values[list(epochs).index(best)] if values else math.nan
    if math.isfinite(value):
        axes.plot(best, value, "o", color=_STRONG, markersize=6,
                  markeredgecolor=_PAPER, markeredgewidth=1.2, zorder=4)  # fmt: skip
    place = (best - epochs[0]) / ((epochs[-1] - epochs[0]) or 1)
    axes.annotate(
        f"best: epoch {best}",
        (best, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="left" if place < 0.15 else "right" if place > 0.85 else "center",
        va="bottom",
        color=_SOFT,
    )


def _log_locator(axes: Axes) -> Any:
    from matplotlib.ticker import LogLocator

    low, high = axes.get_ylim()
    decades = math.log10(high / low)
    return LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2.5 else (1.0,), numticks=8)


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    import matplotlib.style
    from matplotlib.figure import Figure

    # A person's own matplotlibrc changes nothing in a report.
    with matplotlib.style.context(["default", _STYLE]):
        yield Figure(figsize=(width, height))


def _svg(figure: Figure, name: str) -> str:
    """Return the figure as an element that can stand in a page beside others."""
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(
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
    return re.sub("|".join(_VARIABLES), lambda match: _VARIABLES[match.group()], text)


__all__ = ["curves", "is_logarithmic", "reliability"]
