"""Checks of the level trainable: determinism, learning, resumption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.config import TrainPlan
from zoo.metrics.scores import describe_score, plan_with_mode
from zoo.spec import Arrays, Dataset, Split, SplitName, Task
from zoo.testing.checks import CheckGroup, Measured, Skipped, expect
from zoo.testing.subject import ModelSubject, take_all

if TYPE_CHECKING:
    import numpy.typing as npt

GROUP = CheckGroup("train", "trainable")

IMPROVEMENT = 0.005
"""Least relative improvement of the monitored value in the first epochs."""

OVERFIT = 0.5
"""Least relative improvement after many steps on one batch."""

OVERFIT_LIKELIHOOD = 0.1
"""Least relative gain of a likelihood, whose best value is unknown."""

BATCH = 16
"""Examples of the batch to overfit."""

STEPS = 300
"""Steps on one batch that are enough to overfit it."""

CHANCE = 0.2
"""Largest share of variance or entropy that a model of permuted labels may explain."""


@GROUP.check(
    why="A result that cannot be reproduced cannot be compared.",
    fix="Take everything random from `keras.random.SeedGenerator`s that the model owns, or from "
    "`loop.plan.seed`; iterate over no set; read no clock.",
)
def determinism(subject: ModelSubject) -> Measured:
    """Two runs with the same seed end with the same weights, bit for bit."""
    apart = _differing(subject.run, subject.resumed_run)
    if apart:  # otherwise the resumed run, which was trained separately, has the same bits
        apart = _differing(subject.run, _second_run(subject))
    expect(not apart, "the same weights from the same seed", f"others in {_few(apart)}")
    return {"variables": len(subject.run.model.weights)}


@GROUP.check(
    why="A fixed seed in a model hides the variance of its scores.",
    fix="Do not pass seeds to layers: initializers, dropout and augmentation use the global seed "
    "of Keras, which the plan sets.",
)
def seed_matters(subject: ModelSubject) -> Measured:
    """A run with another seed ends with other weights."""
    other = subject.train("other_seed", plan={"seed": subject.recipe.plan.seed + 1, "epochs": 1})
    pairs = zip(subject.run.model.trainable_variables, other.model.trainable_variables, strict=True)
    apart = sum(not _equal(_value(one), _value(two)) for one, two in pairs)
    expect(apart, "other weights from another seed", "the same")
    return {"variables_that_differ": apart}


@GROUP.check(
    why="A model whose training loss does not fall does not learn.",
    fix="Check the learning rate of the first test configuration, the loss, and activations that "
    "saturate from the start. `plan.monitor` names the column of the history that must "
    "improve.",
)
def loss_falls(subject: ModelSubject) -> Measured:
    """The monitored value improves from the first epoch to the last of a phase."""
    history = subject.run.history
    monitored = subject.recipe.plan.monitor
    column = monitored.removeprefix("val_")
    column = column if column in history[0] else monitored
    first, last, gone = _best_phase(subject, history, column)
    expect(
        gone >= IMPROVEMENT,
        f"{column} to go {IMPROVEMENT:.1%} of the way to perfect at least in {len(history)} epochs",
        f"{first:.5g}, then {last:.5g}",
    )
    return {"watched": column, "first": first, "last": last}


@GROUP.check(
    why="A model that cannot overfit one batch has a bug between its inputs and its loss, or too "
    "little capacity.",
    fix="Train on one batch and look for labels that are shifted against the inputs, a gradient "
    "that is cut off, too strong regularization, or a wrong learning rate.",
)
def overfits_one_batch(subject: ModelSubject) -> Measured:
    """It overfits one batch."""
    plan = plan_with_mode(subject.recipe.plan)
    column = plan.monitor
    first, last, gone = _best_phase(subject, _overfitted_run(subject).history, column)
    unbounded = plan.mode == "max" and describe_score(column).high is None
    wanted = OVERFIT_LIKELIHOOD if unbounded else OVERFIT
    expect(
        gone >= wanted,
        f"{column} to go {wanted:.0%} of the way to perfect in {STEPS} steps on {BATCH} examples",
        f"{first:.5g}, then {last:.5g}: {gone:.0%}",
    )
    return {"watched": column, "first": first, "last": last}


@GROUP.check(
    why="A weight that is never updated takes memory and has no effect.",
    fix="Connect every layer to an input and to the loss, without `stop_gradient` or an "
    "activation that is zero for every example. Create constants with `trainable=False`.",
)
def every_weight_learns(subject: ModelSubject) -> Measured:
    """Training updates every trainable weight, also without weight decay."""
    batch = _one_batch(subject.data)
    before = subject.adapted(subject.build(seed=subject.recipe.plan.seed), batch)
    start = [(variable.path, _value(variable)) for variable in before.trainable_variables]
    # Keras numbers names from one model to the next, but the order is the same.
    after = [_value(variable) for variable in _overfitted_run(subject).model.trainable_variables]
    shapes = [value.shape for _, value in start]
    expect(
        shapes == [value.shape for value in after],
        f"the {len(shapes)} variables of the built model",
        f"{len(after)} others",
    )
    pairs = zip(start, after, strict=True)
    dead = [path for (path, value), later in pairs if np.array_equal(value, later)]
    expect(not dead, "every trainable weight to change", f"none in {_few(dead)}")
    return {"trainable_variables": len(after)}


@GROUP.check(
    why="A model that scores above chance after training on permuted labels has a leak.",
    fix="Use targets in the loss only, and nothing of the test split; compute statistics from the "
    "arguments of `adapt`.",
)
def permuted_labels(subject: ModelSubject) -> Measured:
    """Trained on permuted labels, it scores no better than chance."""
    task, tasks = subject.spec.task, subject.architecture.info.tasks
    if task not in (Task.CLASSIFICATION, Task.REGRESSION) or task not in tasks:
        raise Skipped(
            f"it is for {', '.join(tasks)}, and its default data for {task}: only classification "
            "and regression have scores at chance that are known here"
        )
    run = subject.train("permuted", zoo.DatasetView(subject.data, _permuted_except_test))
    scores = zoo.evaluate(run, subject.data).scores
    truth = next(iter(take_all(subject.data.split("test"))[1].values()))
    if task == Task.CLASSIFICATION:
        # Not the accuracy: groups of examples share a prediction, and are right together.
        expect("log_loss" in scores, "a score 'log_loss' of a classifier", ", ".join(scores))
        shares = np.bincount(truth.reshape(-1)) / len(truth)
        surprise = -float(sum(share * np.log(share) for share in shares if share))
        told = 1 - scores["log_loss"].value / surprise
        expect(told <= CHANCE, f"at most {CHANCE:.0%} of the entropy explained", f"{told:.0%}")
        return {"entropy_explained": told}
    expect("rmse" in scores, "a score 'rmse' of a regression", ", ".join(scores))
    explained = 1 - scores["rmse"].value ** 2 / float(np.var(truth))
    expect(
        explained <= CHANCE, f"at most {CHANCE:.0%} of the variance explained", f"{explained:.0%}"
    )
    return {"variance_explained": explained}


@GROUP.check(
    why="A resumed run must end with the same bits as an uninterrupted one.",
    fix="Keep all state in variables of the model and its optimizer: a Python counter or a NumPy "
    "generator is lost. `measure` may depend on the model alone.",
)
def resume(subject: ModelSubject) -> Measured:
    """A run that is interrupted after an epoch and resumed ends with the same bits."""
    apart = _differing(subject.run, subject.resumed_run)
    if apart and _differing(subject.run, _second_run(subject)):
        raise Skipped("two uninterrupted runs differ already: train.determinism")
    expect(not apart, "the weights of an uninterrupted run", f"others in {_few(apart)}")
    first, second = (_lines(run) for run in (subject.run, subject.resumed_run))
    expect(first == second, "the history of an uninterrupted run", "another one")
    return {"epochs": len(first)}


def _second_run(subject: ModelSubject) -> zoo.Run:
    """Return another uninterrupted run with the same seed."""
    return subject.train("second")


def _overfitted_run(subject: ModelSubject) -> zoo.Run:
    """Return a long run on one batch, without weight decay."""
    plan = {
        "epochs": STEPS,
        "checkpoint_every": STEPS,
        "restore_best_weights": False,
        "patience": None,
    }
    batch = _one_batch(subject.data)
    decays = hasattr(subject.recipe.config, "optimizer")
    changed = {"optimizer.weight_decay": 0.0} if decays else {}
    return subject.train("overfitted", batch, plan=plan, **changed)


def _one_batch(dataset: Dataset) -> Dataset:
    """Return a dataset whose splits are all the same training batch."""
    train = dataset.split("train")
    batch = zoo.Subset(train, np.arange(min(BATCH, len(train))))
    return zoo.DatasetView(dataset, lambda *_: batch)


def _permuted_except_test(name: SplitName, split: Split) -> Split:
    return split if name == "test" else _PermutedSplit(split, seed=len(name))


class _PermutedSplit:
    """A split whose targets are permuted."""

    def __init__(self, split: Split, seed: int) -> None:
        self._split = split
        self._from = np.random.default_rng(seed).permutation(len(split))

    def __len__(self) -> int:
        return len(self._split)

    def take(self, indices: npt.NDArray[np.int64]) -> tuple[Arrays, Arrays]:
        chosen = np.asarray(indices)
        return self._split.take(chosen)[0], self._split.take(self._from[chosen])[1]

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        return take_all(self)


def _best_phase(
    subject: ModelSubject, history: list[dict[str, float]], column: str
) -> tuple[float, float, float]:
    """Return the first and the last value of the phase that gains most, and its gain.

    Phases may have different losses, whose values cannot be compared.
    """
    phases: dict[float, list[float]] = {}
    for line in history:
        phases.setdefault(line.get("phase", 1), []).append(line[column])
    long = [values for values in phases.values() if len(values) > 1]
    expect(long, "a plan of two epochs at least", f"{len(history)} in {len(phases)} phase(s)")
    plan = plan_with_mode(subject.recipe.plan)
    gains = [(_gain(plan, values[0], values[-1]), values) for values in long]
    gone, values = max(gains, key=lambda pair: pair[0])
    return values[0], values[-1], gone


def _gain(plan: TrainPlan, before: float, after: float) -> float:
    """Return the relative improvement: 1 is the best possible value.

    The best value of a loss or error is 0, that of a proportion 1. The gain of a likelihood, whose
    best value is unknown, is relative to its size.
    """
    higher = plan.mode == "max"
    best = (describe_score(plan.monitor).high or 0.0) if higher else 0.0
    way = abs(best - before)
    gone = after - before if higher else before - after
    return gone / way if way else 0.0


def _differing(first: zoo.Run, second: zoo.Run) -> list[str]:
    """Return the variables of two runs whose values are not the same bits."""
    pairs = zip(first.model.weights, second.model.weights, strict=True)
    return [one.path for one, other in pairs if not _equal(_value(one), _value(other))]


def _lines(run: zoo.Run) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in run.history]


def _value(variable: Any) -> np.ndarray[Any, Any]:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable))


def _equal(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    return first.shape == second.shape and first.tobytes() == second.tobytes()


def _few(paths: list[str]) -> str:
    more = f" and {len(paths) - 4} more" if len(paths) > 4 else ""
    return ", ".join(paths[:4]) + more
