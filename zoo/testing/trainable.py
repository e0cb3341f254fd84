"""The third level: it learns, from its data, the same way each time."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo.spec import Task
from zoo.testing.checks import CheckGroup, Measured, Skipped, expect
from zoo.testing.subject import (
    BATCH,
    STEPS,
    Subject,
    everything,
    gain,
    is_open,
    one_batch,
)

GROUP = CheckGroup("train", "trainable")

IMPROVEMENT = 0.005
"""Of the way to perfect, what the first epochs must go at least: more than noise goes."""

OVERFIT = 0.5
"""Of the way to perfect, what many steps on one batch must go at least."""

OVERFIT_LIKELIHOOD = 0.1
"""Of its own size, what a likelihood must gain: nobody knows what would be perfect."""

CHANCE = 0.2
"""Of the variance, or of the surprise at classes, what one may explain that learned nonsense."""


@GROUP.check(
    why="A number that cannot be had again cannot be compared with another.",
    fix="Take everything random from `keras.random.SeedGenerator`s that the model owns, or from "
    "`loop.plan.seed`; iterate over no set; read no clock.",
)
def determinism(subject: Subject) -> Measured:
    """Two trainings with one seed end in the same bits."""
    if not _differing(subject.run, subject.resumed_run):
        # One that was interrupted ended in the same bits: so does one that was not.
        return {"variables": len(subject.run.model.weights)}
    apart = _differing(subject.run, subject.second_run)
    expect(not apart, "the same weights from the same seed", f"others in {_few(apart)}")
    return {"variables": len(subject.run.model.weights)}


@GROUP.check(
    why="An interval over seeds says nothing where every seed gives the same; a fixed seed in a "
    "model hides how much luck is in its score.",
    fix="Give no layer a seed of its own: initializers, dropout and augmentation take Keras's "
    "global one, which the plan sets.",
)
def seed_matters(subject: Subject) -> Measured:
    """A training with another seed ends in other weights."""
    other = subject.train("other_seed", plan={"seed": subject.example.plan.seed + 1, "epochs": 1})
    pairs = zip(subject.run.model.trainable_variables, other.model.trainable_variables, strict=True)
    apart = sum(not _equal(_value(one), _value(two)) for one, two in pairs)
    expect(apart, "other weights from another seed", "the same")
    return {"variables_that_differ": apart}


@GROUP.check(
    why="A model that gets no better on what it is shown does not learn.",
    fix="Look at the learning rate of the first example, at the loss, and at activations that "
    "are saturated from the start. `plan.monitor` says which column of the history must improve.",
)
def loss_falls(subject: Subject) -> Measured:
    """What its plan watches gets better from the first epoch to the last."""
    history = subject.run.history
    expect(len(history) > 1, "an example plan of two epochs at least", f"{len(history)} epoch")
    column = subject.monitored.removeprefix("val_")
    column = column if column in history[0] else subject.monitored
    first, last = history[0][column], history[-1][column]
    gone = gain(column, first, last)
    expect(
        gone >= IMPROVEMENT,
        f"{column} to go {IMPROVEMENT:.1%} of the way to perfect at least in {len(history)} epochs",
        f"{first:.5g}, then {last:.5g}",
    )
    return {"watched": column, "first": first, "last": last}


@GROUP.check(
    why="A model that cannot learn a handful of examples by heart is broken somewhere between its "
    "inputs and its loss, or has no room.",
    fix="Feed one batch again and again and look at what stays wrong: labels that are shifted "
    "against the inputs, a gradient that is cut, a regularization that is too strong, a rate "
    "that is too low or too high.",
)
def overfits_one_batch(subject: Subject) -> Measured:
    """Shown one batch many times, it learns most of it by heart."""
    history = subject.overfitted.history
    column = subject.monitored
    first, last = history[0][column], history[-1][column]
    gone, wanted = gain(column, first, last), OVERFIT_LIKELIHOOD if is_open(column) else OVERFIT
    expect(
        gone >= wanted,
        f"{column} to go {wanted:.0%} of the way to perfect in {STEPS} steps on {BATCH} examples",
        f"{first:.5g}, then {last:.5g}: {gone:.0%}",
    )
    return {"watched": column, "first": first, "last": last}


@GROUP.check(
    why="A weight that nothing ever changes is dead: it costs memory and says nothing.",
    fix="See that every layer is on the way from an input to the loss, that no `stop_gradient` "
    "cuts it off, and that no activation is off for every example. What should stay as it is, is "
    "made with `trainable=False`.",
)
def every_weight_learns(subject: Subject) -> Measured:
    """Learning reaches every trainable weight; decay alone does not count."""
    batch = one_batch(subject.data)
    before = subject.adapted(subject.build(seed=subject.example.plan.seed), batch)
    start = [(variable.path, _value(variable)) for variable in before.trainable_variables]
    # Keras counts names up from one model to the next: it is the order that stays.
    after = [_value(variable) for variable in subject.overfitted.model.trainable_variables]
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
    why="What scores above chance when it has learned from shuffled answers knows the answers from "
    "somewhere else: a leak.",
    fix="Let the model see targets through its loss only, and nothing of the test split; take "
    "statistics from what `adapt` is given.",
)
def permuted_labels(subject: Subject) -> Measured:
    """Having learned from answers of other examples, it knows no more than chance."""
    task, tasks = subject.spec.task, subject.architecture.info.tasks
    if task not in (Task.CLASSIFICATION, Task.REGRESSION) or task not in tasks:
        raise Skipped(
            f"it is for {', '.join(tasks)}, and its default data for {task.value}: no class and no "
            "number of an example is learned that could be another's"
        )
    scores = zoo.evaluate(subject.permuted_run, subject.data).scores
    truth = next(iter(everything(subject.data.split("test"))[1].values()))
    if task == Task.CLASSIFICATION:
        # Not the accuracy: whole groups of examples get one answer, and are right together.
        expect("log_loss" in scores, "a score 'log_loss' of a classifier", ", ".join(scores))
        shares = np.bincount(truth.reshape(-1)) / len(truth)
        surprise = -float(sum(share * np.log(share) for share in shares if share))
        told = 1 - scores["log_loss"].value / surprise
        expect(told <= CHANCE, f"at most {CHANCE:.0%} of the surprise gone", f"{told:.0%}")
        return {"surprise_explained": told}
    expect("rmse" in scores, "a score 'rmse' of a regression", ", ".join(scores))
    explained = 1 - scores["rmse"].value ** 2 / float(np.var(truth))
    expect(
        explained <= CHANCE, f"at most {CHANCE:.0%} of the variance explained", f"{explained:.0%}"
    )
    return {"variance_explained": explained}


@GROUP.check(
    why="A run that is stopped and gone on with must be as good as one that was not, to the bit: "
    "else nobody can trust a resumed one.",
    fix="Keep all state in variables of the model and its optimizer, and start from those: a "
    "counter in Python, or a generator of NumPy, is lost. What `measure` returns may depend on the "
    "model alone.",
)
def resume(subject: Subject) -> Measured:
    """Interrupted after an epoch and resumed, it ends in the bits of one that was not."""
    if _differing(subject.run, subject.resumed_run) and _differing(subject.run, subject.second_run):
        raise Skipped("two trainings that nobody interrupts differ already: train.determinism")
    apart = _differing(subject.run, subject.resumed_run)
    expect(not apart, "the weights of a run that nobody interrupted", f"others in {_few(apart)}")
    first, second = (_lines(run) for run in (subject.run, subject.resumed_run))
    expect(first == second, "the history of a run that nobody interrupted", "another one")
    return {"epochs": len(first)}


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
