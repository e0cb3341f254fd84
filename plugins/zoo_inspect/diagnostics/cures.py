"""Cures: settings of a model of the zoo, or changes of a copy of any other, that can be tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from zoo.errors import ZooError
from zoo_inspect.diagnostics.copying import copy_model, parts
from zoo_inspect.diagnostics.evidence import Evidence
from zoo_inspect.diagnostics.problem import Problem
from zoo_inspect.diagnostics.subject import Subject

Change = dict[str, Any]

_SETTINGS: dict[str, tuple[Change, ...]] = {
    "vanishing-gradients": ({"normalization": "batch"}, {"activation": "relu"}),
    "exploding-gradients": ({"normalization": "batch"}, {"optimizer.global_clipnorm": 1.0}),
    "dead-units": ({"activation": "gelu"}, {"activation": "elu"}, {"normalization": "batch"}),
    "saturated-units": ({"normalization": "batch"}, {"activation": "relu"}),
    "no-nonlinearity": ({"activation": "relu"},),
    "batch-norm-of-one": ({"batch_size": 32}, {"normalization": "layer"}),
    "cannot-overfit": ({"dropout": 0.0},),
}


def settings_for(problem: Problem, config: Any, suggested: float | None) -> Iterator[Change]:
    """Yield changes of a configuration that may cure a problem, as far as it has these fields."""
    candidates = _SETTINGS.get(problem.id, ())
    if problem.id.startswith("learning-rate") and suggested is not None:
        candidates = ({"optimizer.learning_rate": suggested},)
    for change in candidates:
        (key, value), *_ = change.items()
        if key == "batch_size":
            yield change
            continue
        place: Any = config
        for part in key.split("."):
            place = getattr(place, part, _ABSENT)
        if place is not _ABSENT and place != value:
            yield change


_ABSENT = object()


def changed_subject(
    subject: Subject, problem: Problem, evidence: Evidence
) -> tuple[Subject, str] | None:
    """Return a copy of a model, or of its data, without a problem, and what was changed.

    ``None`` where only the person who made it can know: a leaked target, labels in another order.
    """
    data = _DATA.get(problem.id)
    if data is not None:
        return data(subject)
    change = _MODELS.get(problem.id)
    if change is None:
        return None
    try:
        copied = copy_model(subject.model, subject.rows(np.arange(min(2, subject.count)))[0])
    except ZooError:
        return None
    optimizer = subject.model.optimizer
    compiled = {"optimizer": type(optimizer).from_config(optimizer.get_config())}
    compiled["loss"] = subject.model.loss
    words = change(_Attempt(copied, compiled, problem, evidence))
    if words is None:
        return None
    copied.compile(**compiled)
    return dataclasses.replace(subject, model=copied), words


def _standardize_inputs(subject: Subject) -> tuple[Subject, str]:
    def scale(leaf: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if leaf.dtype.kind != "f" and leaf.dtype != np.uint8:
            return leaf
        # Columns of a table have units of their own, the pixels of an image have one.
        axes = 0 if leaf.ndim == 2 else None
        values = leaf.astype("float64")
        spread = np.asarray(values.std(axis=axes))
        mean = values.mean(axis=axes)
        return np.asarray((values - mean) / np.where(spread > 0, spread, 1.0), "float32")

    x = keras.tree.map_structure(scale, subject.x)
    return _with_data(subject, x=x), "inputs with mean 0 and standard deviation 1"


def _standardize_targets(subject: Subject) -> tuple[Subject, str]:
    def scale(leaf: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        values = leaf.astype("float64")
        return np.asarray((values - values.mean()) / (values.std() or 1.0), "float32")

    y = keras.tree.map_structure(scale, subject.y)
    return _with_data(subject, y=y), "targets with mean 0 and standard deviation 1"


def _drop_bad_rows(subject: Subject) -> tuple[Subject, str]:
    good = np.ones(subject.count, bool)
    for leaf in keras.tree.flatten((subject.x, subject.y)):
        if leaf is not None and leaf.dtype.kind == "f":
            good &= np.isfinite(leaf.reshape(len(leaf), -1)).all(axis=1)
    x, y, weights = subject.rows(np.flatnonzero(good))
    changed = _with_data(subject, x=x, y=y)
    return dataclasses.replace(changed, weights=weights), "without the examples that have them"


def _shift_labels(subject: Subject) -> tuple[Subject, str] | None:
    if not isinstance(subject.y, np.ndarray):
        return None
    low = subject.y.min()
    return _with_data(subject, y=subject.y - low), f"labels minus {low:g}"


def _shuffle(subject: Subject) -> tuple[Subject, str]:
    x, y, weights = subject.rows(np.random.default_rng(0).permutation(subject.count))
    changed = _with_data(subject, x=x, y=y)
    return dataclasses.replace(changed, weights=weights), "shuffled examples"


def _larger_batch(subject: Subject) -> tuple[Subject, str]:
    return dataclasses.replace(subject, batch_size=32), "batches of 32"


def _with_data(subject: Subject, **parts_: Any) -> Subject:
    return dataclasses.replace(subject, whole={}, **parts_)


@dataclasses.dataclass(frozen=True)
class _Attempt:
    """A copy that a cure changes, with the arguments that it will be compiled with."""

    model: keras.Model
    compiled: Change
    problem: Problem
    evidence: Evidence


def _set_rate(attempt: _Attempt) -> str | None:
    rate = None if attempt.evidence.trial is None else attempt.evidence.trial.suggested
    if rate is None:
        return None
    optimizer = attempt.compiled["optimizer"]
    config = {**optimizer.get_config(), "learning_rate": rate}
    attempt.compiled["optimizer"] = type(optimizer).from_config(config)
    return f"learning_rate={rate:g}"


def _set_loss(attempt: _Attempt) -> str | None:
    if len(attempt.evidence.heads) != 1:
        return None
    head = attempt.evidence.heads[0]
    if attempt.problem.id in ("softmax-twice", "loss-from-logits"):
        name, logits = head.loss, attempt.problem.id == "loss-from-logits"
        if logits == head.from_logits:
            return None
    elif head.sums_to_one:
        name = "categorical_crossentropy" if head.one_hot else "sparse_categorical_crossentropy"
        logits = False
    else:
        return None
    classes = {
        "binary_crossentropy": keras.losses.BinaryCrossentropy,
        "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
        "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    }
    attempt.compiled["loss"] = classes[name](from_logits=logits)
    return f"loss={name!r}, from_logits={logits}"


def _unfreeze(attempt: _Attempt) -> str:
    for part in parts(attempt.model):  # a functional model does not hand it on
        part.trainable = True
    return "trainable=True on all layers"


def _initialize(attempt: _Attempt) -> str | None:
    """Draw new weights by He et al. 2015 (arXiv:1502.01852), or Glorot for bounded activations."""
    relu = attempt.problem.id in ("vanishing-gradients", "no-nonlinearity")
    layers = [part for part in parts(attempt.model) if getattr(part, "kernel", None) is not None]
    if not layers:
        return None
    if relu:
        for layer in layers[:-1]:
            if hasattr(layer, "activation"):
                layer.activation = keras.activations.relu
    bounded = attempt.problem.id == "saturated-units"
    recurrent = ""
    for seed, layer in enumerate(layers):
        kinds = keras.initializers
        draw = kinds.GlorotUniform(seed) if bounded else kinds.HeNormal(seed)
        layer.kernel.assign(draw(layer.kernel.shape))
        if (
            getattr(layer, "recurrent_kernel", None) is not None
        ):  # Saxe et al. 2014, arXiv:1312.6120
            layer.recurrent_kernel.assign(kinds.Orthogonal(seed=seed)(layer.recurrent_kernel.shape))
            recurrent = ", recurrent_initializer='orthogonal'"
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(np.zeros(layer.bias.shape))
    words = "kernel_initializer='glorot_uniform'" if bounded else "kernel_initializer='he_normal'"
    words += recurrent
    return f"activation='relu', {words}" if relu else f"{words}, bias_initializer='zeros'"


def _mask_padding(attempt: _Attempt) -> str | None:
    tables = [part for part in parts(attempt.model) if isinstance(part, keras.layers.Embedding)]
    for table in tables:
        table.mask_zero = table.supports_masking = True
    return "mask_zero=True in the Embedding" if tables else None


_DATA: dict[str, Callable[[Subject], tuple[Subject, str] | None]] = {
    "bad-values": _drop_bad_rows,
    "labels-out-of-range": _shift_labels,
    "missing-shuffle": _shuffle,
    "inputs-not-scaled": _standardize_inputs,
    "targets-not-scaled": _standardize_targets,
    "batch-norm-of-one": _larger_batch,
}
_MODELS: dict[str, Callable[[_Attempt], str | None]] = {
    "learning-rate-too-high": _set_rate,
    "learning-rate-too-low": _set_rate,
    "softmax-twice": _set_loss,
    "loss-from-logits": _set_loss,
    "wrong-loss": _set_loss,
    "frozen-layers": _unfreeze,
    "zero-initialization": _initialize,
    "dead-units": _initialize,
    "saturated-units": _initialize,
    "vanishing-gradients": _initialize,
    "exploding-gradients": _initialize,
    "no-nonlinearity": _initialize,
    "unmasked-padding": _mask_padding,
}
