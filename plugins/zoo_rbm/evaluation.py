"""How good a machine is: how likely it finds what it has not seen, and what its uses are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, Evaluation, Score, Split, Task
from zoo.metrics.intervals import bootstrap_means, wilson
from zoo.spec import PredictFns
from zoo_rbm.config import RBMConfig
from zoo_rbm.drawing import draw_missing, even_out
from zoo_rbm.pictures import draw_machine
from zoo_rbm.signatures import FEATURES
from zoo_rbm.subject import Examples, Subject, states, subject_of
from zoo_rbm.uses import (
    SHARES,
    Completed,
    LinearClassifier,
    Values,
    compare_completions,
    f1_of,
    repeat_minority,
    root_ends,
)

_FEW = 500
_MANY = 5_000
_HALF = SHARES.index(0.5)
RARE = 0.5
"""A class with less than this share of the most frequent one's examples is a minority."""


def evaluate_machine(
    predict_fns: PredictFns,
    split: Split,
    data: DataSpec,
    *,
    config: RBMConfig,
    reference: Split | None = None,
) -> Evaluation:
    """Measure a machine on a split.

    ``log_likelihood`` is the mean over all examples, binary ones drawn once from their shares by a
    fixed seed where the machine learned from such draws. Beside it, where a reference is given:
    the likelihood of independent units, what a linear classifier makes of the features and of the
    raw values, how far off completed values are, and where a class is rare and the machine knows
    classes, what drawn examples do for it.

    Args:
        predict_fns: The machine's signatures.
        split: The examples.
        data: What they are.
        config: What the machine is made of.
        reference: The training split, for the comparisons; ``None`` asks for the machine alone.

    Raises:
        ConfigError: If a signature is missing.
        DataError: If the split is empty, or a value fits no unit.
        Diverged: If an answer is not finite.
    """
    if len(split) == 0:
        raise zoo.errors.DataError(
            f"the split of {data.id!r} to evaluate on is empty",
            why="a score needs at least one example",
            fix="give the split a larger share of the data",
        )
    subject = subject_of(predict_fns, data, config, reference or split)
    tested = subject.examples(split, len(split))
    raw = states(subject, tested)
    answer = subject.ask("free_energy", raw)
    scores = {"log_likelihood": _likelihood(answer), "log_z": _log_z(answer)}
    if reference is None:
        return Evaluation(task=Task.DENSITY, examples=len(split), scores=scores)
    known = subject.examples(reference, _MANY)
    scores["log_likelihood_alone"] = _alone(subject, raw, reference)
    scores |= _classified(subject, tested, known)
    few = Examples(tested.raw[:_FEW], subject.settled(tested.units[:_FEW]), None)
    completed = compare_completions(
        {
            "rbm, drawn": lambda units, missing: draw_missing(subject, units, missing),
            "rbm, mean field": subject.mean_field,
        },
        few.units,
        subject.settled(known.units),
    )
    scores |= _completion_scores(completed)
    drawn = _evened(subject, tested, known)
    if drawn:
        scores |= {name: Score(value=value) for name, value in drawn.items()}
    figures = draw_machine(subject, tested, known, answer, completed, scores)
    return Evaluation(task=Task.DENSITY, examples=len(split), scores=scores, figures=figures)


def _likelihood(answer: Arrays) -> Score:
    """Return the mean log-likelihood; its interval joins the examples' and that of log Z."""
    values = answer["log_likelihood"].astype("float64")
    value, low, high = answer["log_z"][0].astype("float64")
    mean = float(values.mean())
    ends = bootstrap_means(values[:, None])[0]
    if ends is None:
        return Score(value=mean, unit="nats")
    # Both are errors of their own, so their squares add up.
    below = float(np.hypot(mean - ends[0], high - value))
    above = float(np.hypot(ends[1] - mean, value - low))
    return Score(value=mean, low=mean - below, high=mean + above, unit="nats")


def _log_z(answer: Arrays) -> Score:
    value, low, high = (float(number) for number in answer["log_z"][0])
    return Score(value=value, low=low, high=high, unit="nats")


def _alone(subject: Subject, raw: NDArray[Any], reference: Split) -> Score:
    """Return the log-likelihood of units that know nothing of each other."""
    inputs, _ = reference.take(np.arange(len(reference)))
    train = subject.units(inputs[subject.spec.name])
    states = subject.units(raw)
    if subject.gaussian:
        each = -0.5 * np.square(states) - 0.5 * np.log(2 * np.pi) - np.log(subject.scale)
    else:
        on = (train.sum(axis=0) + 1.0) / (len(train) + 2.0)
        each = states * np.log(on) + (1.0 - states) * np.log1p(-on)
    values = each.sum(axis=1)
    low, high = bootstrap_means(values[:, None])[0] or (None, None)
    return Score(value=float(values.mean()), low=low, high=high, unit="nats")


def _classified(subject: Subject, tested: Examples, known: Examples) -> dict[str, Score]:
    """Compare a linear classifier on the features with one on the raw values."""
    if tested.labels is None or known.labels is None or len(set(known.labels.tolist())) < 2:
        return {}
    count = len(subject.data.labels)
    found = {}
    views = {
        "accuracy_features": (_features(subject, known), _features(subject, tested)),
        "accuracy_raw": (known.units, tested.units),
    }
    for name, (learned, asked) in views.items():
        classifier = LinearClassifier(learned, known.labels, count)
        right = int((classifier.predict(asked) == tested.labels).sum())
        low, high = wilson(right, len(tested.labels))
        found[name] = Score(value=right / len(tested.labels), low=low, high=high)
    return found


def _features(subject: Subject, examples: Examples) -> Values:
    return subject.ask(FEATURES, examples.raw)[FEATURES].astype("float64")


def _completion_scores(completed: Completed) -> dict[str, Score]:
    names = (
        "completion_rmse",
        "completion_rmse_mean_field",
        "completion_rmse_mean",
        "completion_rmse_neighbors",
    )
    found = {}
    for name, errors in zip(names, completed.errors.values(), strict=True):
        low, high = root_ends(errors[_HALF])
        found[name] = Score(value=float(np.sqrt(errors[_HALF].mean())), low=low, high=high)
    return found


def _evened(subject: Subject, tested: Examples, known: Examples) -> dict[str, float]:
    """Compare what drawn examples, repeated ones and nothing do for the rarest class."""
    labels = known.labels
    if not subject.config.classes or labels is None or tested.labels is None:
        return {}
    count = len(subject.data.labels)
    counts = np.bincount(labels, minlength=count)
    rare = int(counts.argmin())
    if not 0 < counts[rare] < RARE * counts.max():
        return {}
    repeated = repeat_minority(labels)
    trained = {
        "minority_f1": even_out(subject, known),
        "minority_f1_plain": (known.units, labels),
        "minority_f1_repeated": (known.units[repeated], labels[repeated]),
    }
    return {
        name: f1_of(rare, LinearClassifier(x, y, count).predict(tested.units), tested.labels)
        for name, (x, y) in trained.items()
    }


__all__ = ["RARE", "evaluate_machine"]
