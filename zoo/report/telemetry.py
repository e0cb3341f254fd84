"""Plots of telemetry: gradients, changes of weights and dead units by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.metrics.figures import Figure, Lines, Series, evenly_spaced

_MOST_LAYERS = 8

_PLOTS = (
    ("gradient", "Gradients", "log₁₀ of the norm", True),
    ("update", "Change of the weights", "log₁₀ of the share", True),
    ("dead", "Dead units", "share", False),
)
_CAPTIONS = {
    "gradient": "Norm of the gradient of each layer on one batch after the epoch. Lines that fall "
    "far below the others learn no more.",
    "update": "Size of the change since the line before, over that of the weights.",
    "dead": "Share of a layer's ReLUs that are 0 for every example of the batch.",
}


def telemetry_figures(lines: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Return a plot per quantity, with a line per layer; of many layers evenly spaced ones."""
    found: list[Figure] = []
    for key, title, label, logarithmic in _PLOTS:
        by_layer: dict[str, list[tuple[float, float]]] = {}
        for line in lines:
            value = line[key]
            if value is None or not math.isfinite(value) or (logarithmic and value <= 0):
                continue
            shown = math.log10(value) if logarithmic else value
            by_layer.setdefault(line["layer"], []).append((line["epoch"], shown))
        names = list(by_layer)
        series = [
            Series(
                name=names[at],
                x=tuple(x for x, _ in by_layer[names[at]]),
                y=tuple(y for _, y in by_layer[names[at]]),
            )
            for at in evenly_spaced(len(names), _MOST_LAYERS)
        ]
        if series:
            found.append(
                Lines(
                    title=title,
                    caption=_CAPTIONS[key],
                    series=tuple(series),
                    x_label="epoch",
                    y_label=label,
                    square=True,
                )
            )
    return found
