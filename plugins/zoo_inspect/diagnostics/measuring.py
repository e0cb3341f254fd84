"""Measure a model and its data: everything that the checks look at."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import random
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from zoo.errors import DataError, Diverged, ZooError
from zoo_inspect.diagnostics.copying import copy_model, get_state, parts, set_state
from zoo_inspect.diagnostics.data_facts import head_facts, input_facts, padding
from zoo_inspect.diagnostics.evidence import Evidence, LayerFacts, RivalFacts, TrialFacts
from zoo_inspect.diagnostics.layer_facts import (
    RECTIFIERS,
    activation_of,
    dead_share,
    has_identical_units,
    layer_facts,
)
from zoo_inspect.diagnostics.rivals import halves, network_score, rivals
from zoo_inspect.diagnostics.subject import Subject
from zoo_inspect.diagnostics.trials import Trial
from zoo_inspect.recording import Call, record_calls

Array = np.ndarray[Any, Any]

_RECORDED = 64
_PREDICTED = 256
_FIT_STEPS = 300


def measure(subject: Subject) -> Evidence:
    """Measure a model on a copy; the model itself is only read.

    Raises:
        DataError: If it cannot be copied, or called with the data.
        Diverged: If its loss is not finite, and nothing that is measured explains it.
    """
    with _seeded(), _quick_tracing(), warnings.catch_warnings():
        # Keras warns of some problems too, without a name; numpy of values that are not finite.
        warnings.simplefilter("ignore")
        return _measure(subject)


def _measure(subject: Subject) -> Evidence:
    # Layers are recorded in a call of Python, where dropout and statistics of a batch act too.
    few = _first_rows(subject, _RECORDED)
    copied = copy_model(subject.model, subject.rows(few[:2])[0])
    state = get_state(copied.variables)
    try:
        predictions = _predict(copied, subject.rows(_first_rows(subject, _PREDICTED))[0])
        calls, _ = record_calls(copied, subject.rows(few)[0], training=True, with_inputs=True)
    except Exception as error:  # whatever a layer raises
        raise DataError(
            f"{subject.name} cannot be called with this data",
            why=" ".join(str(error).split())[:300],
            fix="give inputs of the shapes and types that the model was made with",
        ) from error
    set_state(copied.variables, state)
    evidence = Evidence(
        name=subject.name,
        source=subject.source,
        examples=subject.count,
        batch_size=subject.batch_size,
        shuffled=subject.shuffled,
        inputs=input_facts(subject),
        heads=head_facts(subject, predictions),
        layers=layer_facts(calls, {}, {}),
        trainable=sum(math.prod(w.shape) for w in copied.trainable_variables),
        bad_weights=_bad_weights(copied),
    )
    if evidence.bad_weights or any(i.bad for i in evidence.inputs) or not evidence.trainable:
        return evidence
    evidence = dataclasses.replace(
        evidence,
        linear=_distance_from_linear(copied, subject, calls),
        padding_effect=_padding_effect(copied, subject, calls),
        rivals=rivals(subject.inputs(), subject.y),
    )
    try:
        trial = Trial(subject, copied, _activity(calls))
        return _with_trial(evidence, subject, trial, calls, few)
    except ZooError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a layer, a loss or the backend raises
        failure = " ".join(str(error).split())[:300]
    return dataclasses.replace(evidence, failure=failure or "a step failed")


def _with_trial(
    evidence: Evidence, subject: Subject, trial: Trial, calls: list[Call], few: Array
) -> Evidence:
    first, gradients, updates = trial.start()
    layers = layer_facts(calls, gradients, updates)
    facts = TrialFacts(rate=trial.rate, first=first, steps=trial.steps)
    if not math.isfinite(first):
        return dataclasses.replace(evidence, layers=layers, trial=facts)
    checked = {} if _has_own_gradient(subject.model) else trial.check_gradients()
    losses = trial.run(trial.rate, trial.length)
    silent = {key for key, gradient in trial.gradients().items() if not np.any(gradient)}
    layers = _after_training(layers, trial.model, calls, subject.rows(few)[0], silent)
    linear = evidence.linear
    if linear is not None and linear < 0.01:
        # A branch that starts at zero is linear before its first steps only.
        linear = _distance_from_linear(trial.model, subject, calls)
    trial.reset()
    baseline = trial.baseline(trial.length)
    rates, range_losses, suggested = trial.range_test()
    other: tuple[float, ...] = ()
    if suggested is not None:
        other = trial.run(suggested, trial.length)
        trial.reset()
    best = trial.rate
    if suggested is not None and _end(other) < _end(losses):
        best = suggested
    one_batch = trial.overfit(best)
    rival = evidence.rivals
    light = trial.length == trial.full_length
    if rival is not None and light and rival.score <= rival.chance + rival.margin:
        rival = _fit_half(rival, subject, trial, best)
    return dataclasses.replace(
        evidence,
        layers=layers,
        linear=linear,
        rivals=rival,
        trial=dataclasses.replace(
            facts,
            losses=losses,
            baseline=baseline,
            rates=rates,
            range_losses=range_losses,
            suggested=suggested,
            suggested_losses=other,
            batch_losses=one_batch,
            gradient_check=checked,
            steps=trial.steps,
        ),
    )


def _end(losses: tuple[float, ...]) -> float:
    last = float(np.mean(losses[-max(1, len(losses) // 4) :]))
    return last if math.isfinite(last) else math.inf


def _after_training(
    layers: tuple[LayerFacts, ...],
    model: keras.Model,
    before: list[Call],
    x: Any,
    silent: set[int],
) -> tuple[LayerFacts, ...]:
    """Add what a trial did to the units, and whether a gradient came.

    Args:
        layers: The layers before it.
        model: The model after it.
        before: Calls of the same layers before it.
        x: Inputs of a few examples.
        silent: ``id`` of the weights whose last gradient was 0.
    """
    weights = {call.path: [id(w) for w in call.layer.trainable_weights] for call in before}
    after = {call.path: call for call in record_calls(model, x, training=False)[0]}
    found = []
    for layer in layers:
        call = after.get(layer.path)
        if call is None:
            found.append(layer)
            continue
        dead = None
        if activation_of(call.layer) in RECTIFIERS and call.outputs:
            dead = dead_share(call.outputs[0])
        found.append(
            dataclasses.replace(
                layer,
                dead_after=dead,
                identical=layer.identical and has_identical_units(call.layer),
                silent=layer.gradient == 0 and silent.issuperset(weights[layer.path]),
            )
        )
    return tuple(found)


def _fit_half(rival: RivalFacts, subject: Subject, trial: Trial, rate: float) -> RivalFacts:
    """Train on one half, and score the network on both."""
    fit, held_out = halves(subject.count)
    random_order = np.random.default_rng(2)
    size = min(trial.batch, len(fit))
    for _ in range(_FIT_STEPS):
        rows = np.sort(random_order.choice(fit, size, replace=False))
        if not math.isfinite(trial.step(rows, rate)):
            break
    scores = [
        network_score(_predict(trial.model, subject.rows(rows)[0]), subject.y, rows)
        for rows in (fit, held_out)
    ]
    trial.reset()
    return dataclasses.replace(rival, network_fit=scores[0], network_held_out=scores[1])


def _has_own_gradient(model: keras.Model) -> bool:
    """Whether a layer's own loss trains the model: its gradient may be another on purpose.

    Contrastive divergence and straight-through estimators stop gradients, which differences of the
    loss do not know.
    """
    return model.loss is None and type(model).compute_loss is keras.Model.compute_loss


def _first_rows(subject: Subject, count: int) -> Array:
    return np.sort(np.random.default_rng(0).permutation(subject.count)[:count])


def _predict(model: keras.Model, x: Any) -> Any:
    def to_numpy(tensor: Any) -> Array:
        return np.asarray(keras.ops.convert_to_numpy(tensor))

    return keras.tree.map_structure(to_numpy, model(x, training=False))


def _activity(calls: list[Call]) -> int:
    """Return how many numbers the layers give for one example."""
    return sum(math.prod(array.shape[1:]) for call in calls for array in call.outputs[:1])


def _bad_weights(model: keras.Model) -> str:
    for layer in parts(model):
        for weight in layer.weights:
            values = np.asarray(keras.ops.convert_to_numpy(weight))
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                return str(layer.name)
    return ""


def _distance_from_linear(model: keras.Model, subject: Subject, calls: list[Call]) -> float | None:
    """Return how far the model is from an affine map of its inputs, from 0.

    The output in the middle between two examples against the mean of their outputs, relative to
    their difference; before the last softmax or sigmoid. ``None`` for inputs that are not all
    numbers, or if all examples give the same.
    """
    tensors = subject.inputs()
    if any(array.dtype.kind != "f" for array in tensors.values()) or subject.count < 8:
        return None
    rows = _first_rows(subject, 32)
    half = len(rows) // 2
    a, b = subject.rows(rows[:half])[0], subject.rows(rows[half : 2 * half])[0]
    middle = keras.tree.map_structure(lambda p, q: (p + q) / 2, a, b)
    first, second, between = (_logits(_predict(model, x), calls) for x in (a, b, middle))
    if first is None or second is None or between is None:
        return None
    spread = float(np.abs(first - second).mean())
    if not np.isfinite(spread) or spread < 1e-6 * max(float(np.abs(first).mean()), 1e-6):
        return None
    return float(np.abs(between - (first + second) / 2).mean() / spread)


def _logits(outputs: Any, calls: list[Call]) -> Array | None:
    """Return the output before its last activation."""
    if not isinstance(outputs, np.ndarray):
        return None
    last = next((c for c in reversed(calls) if not c.inner), None)
    activation = "" if last is None else activation_of(last.layer)
    values = outputs.astype("float64")
    if activation == "softmax":
        logs = np.log(np.clip(values, 1e-30, 1))
        return np.asarray(logs - logs.mean(axis=-1, keepdims=True))
    if activation == "sigmoid":
        values = np.clip(values, 1e-7, 1 - 1e-7)
        return np.asarray(np.log(values) - np.log1p(-values))
    return values


def _padding_effect(model: keras.Model, subject: Subject, calls: list[Call]) -> float | None:
    """Return by how much outputs change with what stands for padding, relative to their spread.

    The embedding of 0, or the values of padded steps, are changed. ``None`` if nothing is padded,
    or no layer runs over the steps.
    """
    if not any(_mixes_steps(call) for call in calls):
        return None
    rows = _first_rows(subject, 32)
    x = subject.rows(rows)[0]
    before = _predict(model, x)
    if not isinstance(before, np.ndarray) or before.ndim > 2:
        return None
    spread = float(before.std(axis=0).mean())
    for array in subject.inputs().values():
        filled = padding(array) if array.ndim >= 2 else np.zeros(1, bool)
        if filled.mean() < 0.2:
            continue
        if array.dtype.kind == "f":
            changed = keras.tree.map_structure(
                lambda leaf, whole=array, filled=filled: _refilled(leaf, whole, filled, rows), x
            )
            after = _predict(model, changed)
        else:
            # Not those of positions, whose row 0 is the first one.
            tables = [
                call.layer
                for call in calls
                if isinstance(call.layer, keras.layers.Embedding)
                and call.inputs
                and _is_same(call.inputs[0], array[_first_rows(subject, _RECORDED)])
            ]
            if not tables:
                return None
            kept = [np.asarray(keras.ops.convert_to_numpy(t.embeddings)) for t in tables]
            for table, values in zip(tables, kept, strict=True):
                moved = values.copy()
                moved[0] = moved[0] + values.std() * np.where(np.arange(values.shape[1]) % 2, 2, -2)
                table.embeddings.assign(moved)
            after = _predict(model, x)
            for table, values in zip(tables, kept, strict=True):
                table.embeddings.assign(values)
        return float(np.abs(after - before).mean() / max(spread, 1e-9))
    return None


def _is_same(given: Array, wanted: Array) -> bool:
    return given.shape == wanted.shape and bool((given == wanted).all())


def _refilled(leaf: Array, whole: Array, filled: Array, rows: Array) -> Array:
    if leaf.shape[1:] != whole.shape[1:] or leaf.dtype.kind != "f":
        return leaf
    scale = float(whole[~filled].std()) or 1.0
    return np.where(filled[rows][..., None], np.float32(scale), leaf)


def _mixes_steps(call: Call) -> bool:
    kinds = (
        keras.layers.RNN
        | keras.layers.Bidirectional
        | keras.layers.GlobalAveragePooling1D
        | keras.layers.MultiHeadAttention
        | keras.layers.Attention
        | keras.layers.AdditiveAttention
    )
    return isinstance(call.layer, kinds)


def check_explained(evidence: Evidence, *, explained: bool) -> None:
    """Refuse a model whose loss is not finite, or that takes no step, for no reason that was found.

    Raises:
        DataError: If not a single step was possible.
        Diverged: If the loss is not finite.
    """
    if explained:
        return
    if evidence.failure:
        raise DataError(
            f"{evidence.name} cannot be trained on this data",
            why=evidence.failure,
            fix="give targets of the shape and type that the loss expects",
        )
    if evidence.trial is not None and not math.isfinite(evidence.trial.first):
        wrong = next((layer.path for layer in evidence.layers if not layer.finite), "")
        raise Diverged(
            f"the loss of {evidence.name} is {evidence.trial.first} before the first step",
            why=f"the output of {wrong} is not finite" if wrong else "its outputs are finite",
            fix="look for a division by 0 or the logarithm of 0 in the loss",
        )


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    """Draw the same numbers each time, and leave the global generators as they were."""
    python, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002 - Keras uses it
    # Keras draws the seeds of new layers from Python's generator.
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - initializers of others may draw from it
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)  # noqa: NPY002 - as above


@contextlib.contextmanager
def _quick_tracing() -> Iterator[None]:
    """Skip TensorFlow's optimization of graphs: of a few dozen steps it takes a third of the time.

    The option belongs to the process, and gets its old value back.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    name = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(name, False)
    tf.config.optimizer.set_experimental_options({name: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({name: before})
