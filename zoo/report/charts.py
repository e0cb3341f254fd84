"""The charts of every run: how it learned, and how far its confidence is to be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.metrics.intervals import wilson
from zoo.report.svg import PAPER, QUIET, SOFT, STRONG, drawing, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from zoo.metrics import CalibrationBin

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

    with drawing(4.4, 2.7) as figure:
        axes = figure.add_axes((0.105, 0.155, 0.875, 0.77))
        marker = "o" if len(epochs) == 1 else None
        for values, color in ((training, QUIET), (validation, STRONG)):
            if values:
                axes.plot(epochs, values, color=color, marker=marker, markersize=4)
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
        return svg(figure, name)


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

    with drawing(4.4, 3.5) as figure:
        upper = figure.add_axes((0.145, 0.375, 0.835, 0.6))
        lower = figure.add_axes((0.145, 0.125, 0.835, 0.15))
        upper.plot((0, 1), (0, 1), color=SOFT, linewidth=0.9, linestyle=(0, (4, 3)))
        most = max((b.count for b in bins), default=1) or 1
        for b in bins:
            if b.confidence is None or b.accuracy is None:
                continue
            low, high = wilson(round(b.accuracy * b.count), b.count)
            upper.plot((b.confidence,) * 2, (low, high), color=STRONG, linewidth=1.1, alpha=0.45)
            size = 3.5 + 5.5 * math.sqrt(b.count / most)
            upper.plot(b.confidence, b.accuracy, "o", color=STRONG, markersize=size,
                       markeredgecolor=PAPER, markeredgewidth=0.8, zorder=3)  # fmt: skip
        upper.set(xlim=(-0.01, 1.03), ylim=(-0.03, 1.05), ylabel="right")
        lower.bar(
            [(b.low + b.high) / 2 for b in bins],
            [b.count for b in bins],
            width=[(b.high - b.low) * 0.86 for b in bins],
            color=QUIET,
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
        return svg(figure, name)


def _mark(axes: Axes, best: int, values: Sequence[float], epochs: Sequence[float]) -> None:
    """Mark the best epoch by a line, a dot and its number."""
    axes.axvline(best, color=SOFT, linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
    value = values[list(epochs).index(best)] if values else math.nan
    if math.isfinite(value):
        axes.plot(best, value, "o", color=STRONG, markersize=6,
                  markeredgecolor=PAPER, markeredgewidth=1.2, zorder=4)  # fmt: skip
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


def _log_locator(axes: Axes) -> Any:
    from matplotlib.ticker import LogLocator

    low, high = axes.get_ylim()
    decades = math.log10(high / low)
    return LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2.5 else (1.0,), numticks=8)


__all__ = ["curves", "is_logarithmic", "reliability"]
