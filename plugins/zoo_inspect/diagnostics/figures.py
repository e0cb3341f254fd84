"""Tables and plots of a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.metrics.figures import Figure, Histogram, Lines, Series, Table
from zoo.report import Section
from zoo_inspect.diagnostics.evidence import Evidence, LayerFacts, TrialFacts
from zoo_inspect.diagnostics.problem import rough

if TYPE_CHECKING:
    from zoo_inspect.diagnostics.diagnosis import Diagnosis

_MOST_HISTOGRAMS = 12
LAYER_HEADER = ("layer", "kind", "output", "gradient", "update", "dead", "saturated")


def sections_of(diagnosis: Diagnosis) -> list[Section]:
    """Return the sections of the page."""
    evidence = diagnosis.evidence
    found = []
    if diagnosis.problems:
        table = Table(
            title="Problems",
            caption="Causes first; what follows from another problem is left out.",
            header=("problem", "what was found", "cure"),
            rows=tuple((p.id, p.sentence, p.cure) for p in diagnosis.problems),
        )
        cure = [] if diagnosis.cure is None else [diagnosis.cure.sentence]
        found.append(Section("Problems", [table], cure))
    looked = f"Data: {evidence.source}, in batches of {evidence.batch_size}."
    found.append(Section("Layers", [_layers(evidence)], [looked]))
    if evidence.trial is not None and evidence.trial.losses:
        found.append(Section("Short trainings", _trainings(evidence.trial)))
    histograms = _histograms(evidence)
    if histograms:
        words = "Of one batch before training, and of the weights' gradients in it."
        found.append(Section("Outputs and gradients", histograms, [words]))
    return found


def layer_row(layer: LayerFacts) -> tuple[str, str, str, str, str, str, str]:
    """Return one line of the table of layers."""
    mean = 0.0 if abs(layer.mean) < 1e-4 * layer.std else layer.mean
    return (
        layer.path,
        layer.kind + (f", {layer.activation}" if layer.activation else ""),
        f"{mean:.2g} ± {layer.std:.2g}",
        "" if layer.gradient is None else f"{layer.gradient:.2g}",
        "" if layer.update is None else rough(layer.update),
        f"{layer.dead:.0%}" if layer.dead else "",
        f"{layer.saturated:.0%}" if layer.saturated else "",
    )


def shown_layers(evidence: Evidence) -> list[LayerFacts]:
    """Return the layers with weights or an activation."""
    return [layer for layer in evidence.layers if layer.parameters or layer.activation]


def _layers(evidence: Evidence) -> Table:
    return Table(
        title="Layers",
        caption="Mean and standard deviation of the output; norm of the gradient before training; "
        "size of the first update over that of the weights, about 1e-3 where training goes well; "
        "share of units that never change, and of outputs where the activation is flat.",
        header=LAYER_HEADER,
        rows=tuple(layer_row(layer) for layer in shown_layers(evidence)),
    )


def _trainings(trial: TrialFacts) -> list[Figure]:
    steps = np.arange(1.0, len(trial.losses) + 1)
    series = [Series.of(f"rate {trial.rate:g}", steps, np.array(trial.losses), emphasis=True)]
    if trial.suggested is not None:
        steps = np.arange(1.0, len(trial.suggested_losses) + 1)
        losses = np.array(trial.suggested_losses)
        series.append(Series.of(f"suggested rate {trial.suggested:g}", steps, losses))
    figures: list[Figure] = []
    if all(np.isfinite(line.y).all() for line in series):
        caption = "The loss before each step, batch after batch."
        figures.append(_lines("Loss", caption, series, "step", "loss"))
    if len(trial.rates) > 2:
        words = "never falls" if trial.suggested is None else f"suggests {trial.suggested:g}"
        losses = np.array(trial.range_losses)
        line = Series.of("loss", np.log10(trial.rates), losses, emphasis=True)
        caption = f"The smoothed loss while the rate rises step by step; it {words}."
        figures.append(
            _lines("Learning-rate range test", caption, [line], "log₁₀ of the rate", "loss")
        )
    batch = np.array(trial.batch_losses)
    if len(batch) and np.isfinite(batch).all():
        caption = "A model that can learn at all can learn a few examples by heart."
        line = Series.of("loss", np.arange(1.0, len(batch) + 1), batch, emphasis=True)
        figures.append(_lines("One batch again and again", caption, [line], "step", "loss"))
    return figures


def _lines(title: str, caption: str, series: list[Series], x: str, y: str) -> Lines:
    return Lines(
        title=title, caption=caption, series=tuple(series), x_label=x, y_label=y, square=True
    )


def _histograms(evidence: Evidence) -> list[Figure]:
    layers = [layer for layer in shown_layers(evidence) if layer.outputs[0]]
    places = np.unique(np.linspace(0, len(layers) - 1, _MOST_HISTOGRAMS // 2).astype(int))
    found: list[Figure] = []
    for layer in [layers[at] for at in places] if layers else []:
        for what, (edges, counts) in (("output", layer.outputs), ("gradient", layer.gradients)):
            if edges and len(found) < _MOST_HISTOGRAMS:
                title = f"{layer.path}: {what}"
                found.append(Histogram(title=title, edges=edges, counts=(counts,), label=what))
    return found
