"""What a report shows of a machine: its uses, beside something simpler, and what it dreams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import Arrays, Score
from zoo.metrics.figures import (
    Bars,
    Figure,
    Histogram,
    ImageGrid,
    ImageRow,
    Lines,
    Series,
    encode_image,
)
from zoo_rbm.drawing import draw_missing, dreams, filters
from zoo_rbm.signatures import FEATURES
from zoo_rbm.subject import Examples, Subject, states
from zoo_rbm.uses import Completed, Values, root_ends

COLUMNS = 10
"""Images side by side."""

_STEPS = (0, 10, 100, 1_000)
_TILES = 50
_BINS = 40
_SEED = 1986


def draw_machine(
    subject: Subject,
    tested: Examples,
    known: Examples,
    answer: Arrays,
    completed: Completed,
    scores: Mapping[str, Score],
) -> tuple[Figure, ...]:
    """Return all that a report shows of a machine, pictures only where its data is pictures."""
    figures: list[Figure] = []
    if subject.spec.is_image:
        figures += [_dreams(subject), _repaired(subject, tested), _tiles(subject, known)]
        if subject.config.classes:
            figures.append(_classes(subject))
    figures.append(_completions(subject, completed))
    figures += _compared(
        scores,
        "What the features are worth",
        "Of a linear classifier: the same one, given the hidden units or the values themselves.",
        "accuracy",
        {"features": "accuracy_features", "raw values": "accuracy_raw"},
    )
    figures += _compared(
        scores,
        "The rarest class",
        "Of a linear classifier on test examples: its training data evened out by rare examples "
        "and others drawn near them, by rare examples alone, or not at all.",
        "F1 of the rarest class",
        {
            "repeated and drawn": "minority_f1",
            "repeated": "minority_f1_repeated",
            "as it is": "minority_f1_plain",
        },
    )
    figures.append(_likelihoods(subject, answer, known))
    return tuple(figures)


def _dreams(subject: Subject) -> ImageGrid:
    found = dreams(subject, COLUMNS, _STEPS)
    return ImageGrid(
        title="Dreams",
        caption="Chains that start from noise and forget it: each column is one chain. What stands "
        "in the last row is what the machine believes the data to be.",
        rows=tuple(
            _row(subject, f"{steps:,} steps", states)
            for steps, states in zip(_STEPS, found, strict=True)
        ),
    )


def _classes(subject: Subject) -> ImageGrid:
    labels = subject.data.labels[:COLUMNS]
    return ImageGrid(
        title="Examples of a class",
        caption="Drawn with the class held, 1,000 steps from noise.",
        rows=tuple(
            _row(subject, name, dreams(subject, COLUMNS, (1_000,), index)[0])
            for index, name in enumerate(labels)
        ),
    )


def _repaired(subject: Subject, tested: Examples) -> ImageGrid:
    """Show pictures of which half is missing, at random or below, and what is made of them."""
    chosen = np.linspace(0, len(tested.units) - 1, min(COLUMNS, len(tested.units))).astype(int)
    whole = subject.settled(tested.units[chosen])
    height, width, channels = (int(size) for size in subject.spec.shape)
    below = np.zeros((height, width, channels), bool)
    below[height // 2 :] = True
    spread = np.random.default_rng(_SEED).random(whole.shape) < 0.5
    rows = [_units_row(subject, "original", whole)]
    for name, missing in (
        ("half the pixels", spread),
        ("the lower half", np.broadcast_to(below.reshape(-1), whole.shape)),
    ):
        rows += [
            _units_row(subject, f"{name} missing", np.where(missing, 0.5, whole)),
            _units_row(subject, "completed", draw_missing(subject, whole, missing)),
        ]
    return ImageGrid(
        title="Damaged and repaired",
        caption="What is missing is gray, and filled with the mean of draws given what is left.",
        rows=tuple(rows),
    )


def _tiles(subject: Subject, known: Examples) -> ImageGrid:
    """Show the filters of the hidden units that are on most differently from example to example."""
    found = filters(subject)
    active = subject.ask(FEATURES, known.raw[:1_000])[FEATURES].var(axis=0)
    chosen = np.argsort(-active)[:_TILES]
    wide = np.abs(found[chosen]).max(axis=1, keepdims=True)
    shades = 0.5 + 0.5 * found[chosen] / np.maximum(wide, 1e-9)
    shape = tuple(int(size) for size in subject.spec.shape)
    tiles = [encode_image(tile.reshape(shape)) for tile in shades]
    return ImageGrid(
        title="Filters",
        caption="What a hidden unit looks for: white turns it on, black turns it off. Those that "
        "differ most from example to example come first.",
        rows=tuple(
            ImageRow(images=tuple(tiles[start : start + COLUMNS]))
            for start in range(0, len(tiles), COLUMNS)
        ),
    )


def _completions(subject: Subject, completed: Completed) -> Lines:
    series = []
    for number, (name, errors) in enumerate(completed.errors.items()):
        ends = [root_ends(row) for row in errors]
        known = all(low is not None for low, _ in ends)
        series.append(
            Series(
                name=name,
                x=completed.shares,
                y=tuple(float(np.sqrt(row.mean())) for row in errors),
                low=tuple(float(low or 0) for low, _ in ends) if known else (),
                high=tuple(float(high or 0) for _, high in ends) if known else (),
                emphasis=number == 0,
            )
        )
    unit = "standard deviations" if subject.gaussian else "0 to 1"
    return Lines(
        title="Missing values",
        caption="Error of completed values as more of them are missing at random; bands are 95 % "
        "intervals.",
        series=tuple(series),
        x_label="share of values missing",
        y_label=f"root mean squared error, {unit}",
        square=True,
    )


def _compared(
    scores: Mapping[str, Score], title: str, caption: str, label: str, names: Mapping[str, str]
) -> list[Figure]:
    """Return bars of scores that were measured, none if they were not."""
    found = {shown: scores[name] for shown, name in names.items() if name in scores}
    if not found:
        return []
    known = all(score.low is not None for score in found.values())
    return [
        Bars(
            title=title,
            caption=caption,
            names=tuple(found),
            values=tuple(score.value for score in found.values()),
            lows=tuple(float(score.low or 0) for score in found.values()) if known else (),
            highs=tuple(float(score.high or 0) for score in found.values()) if known else (),
            label=label,
            emphasis=(next(iter(found)),),
        )
    ]


def _likelihoods(subject: Subject, answer: Arrays, known: Examples) -> Histogram:
    """Show how likely test examples are beside training ones: the gap is what was learned by heart.

    Training examples are given as they are, so of pictures that are learned by draws the test
    examples are given in the same way here.
    """
    seen = subject.ask("free_energy", states(subject, known))["log_likelihood"]
    new = answer["log_likelihood"]
    both = np.concatenate([seen, new])
    low, high = (float(end) for end in np.quantile(both, (0.005, 0.995)))
    if not high > low:
        low, high = low - 1.0, high + 1.0
    edges = np.linspace(low, high, _BINS + 1)
    counts = [
        np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] / len(part)
        for part in (new, seen)
    ]
    return Histogram(
        title="How likely examples are",
        caption=f"Half of the test examples are above {np.median(new):.1f} nats, half of the "
        f"training examples above {np.median(seen):.1f}. The bins at the ends hold all beyond.",
        edges=tuple(edges.tolist()),
        counts=tuple(tuple(row.tolist()) for row in counts),
        groups=("test", "training"),
        label="log-likelihood, nats",
    )


def _row(subject: Subject, label: str, raw: NDArray[Any]) -> ImageRow:
    return _units_row(subject, label, subject.units(raw))


def _units_row(subject: Subject, label: str, units: Values) -> ImageRow:
    shape = tuple(int(size) for size in subject.spec.shape)
    if subject.gaussian:
        low, high = subject.spec.range or (0.0, 255.0)
        flat = subject.raw(units).reshape(len(units), -1).astype("float64")
        units = (flat - low) / (high - low)
    return ImageRow(label=label, images=_encoded(units, shape))


def _encoded(units: Values, shape: Sequence[int]) -> tuple[str, ...]:
    return tuple(encode_image(np.asarray(one, "float64").reshape(shape)) for one in units)


__all__ = ["COLUMNS", "draw_machine"]
