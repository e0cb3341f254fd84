"""Facts about layers: their outputs for a batch, their units and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from zoo_inspect.diagnostics.evidence import LayerFacts
from zoo_inspect.recording import Call

Array = np.ndarray[Any, Any]

RECTIFIERS = frozenset({"relu", "relu6"})
"""Activations whose slope is exactly 0 on one side."""
_BOUNDS = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99), "softsign": (-0.99, 0.99)}
_BOUNDS |= {"hard_sigmoid": (0.001, 0.999), "hard_tanh": (-0.999, 0.999)}
_BINS = 30


def activation_of(layer: keras.layers.Layer) -> str:
    """Return the name of a layer's activation function; empty without one."""
    if isinstance(layer, keras.layers.ReLU):
        return "relu"
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if isinstance(layer, keras.layers.RNN):
        return ""  # its activation is inside of the cell
    found = getattr(layer, "activation", None)
    name = getattr(found, "__name__", "") if callable(found) else ""
    return "" if name == "linear" else name


def layer_facts(
    calls: list[Call], gradients: Mapping[int, Array], updates: Mapping[int, float]
) -> tuple[LayerFacts, ...]:
    """Return the layers that were called, each once.

    Args:
        calls: Calls of the model's layers for a batch, with their inputs.
        gradients: Gradients by ``id`` of the weight.
        updates: Norm of the first change of each weight.
    """
    seen: set[int] = set()
    found = []
    # A layer that calls others and has no weights of its own is the sum of its parts.
    for call in calls:
        own = _own_weights(call)
        if id(call.layer) in seen or not call.outputs or (call.inner and not own):
            continue
        seen.add(id(call.layer))
        found.append(_facts(call, own, gradients, updates))
    return tuple(found)


def _own_weights(call: Call) -> list[Any]:
    layer = call.layer
    if not call.inner:
        return list(layer.weights)
    inside = {id(w) for part in layer._flatten_layers(include_self=False) for w in part.weights}  # noqa: SLF001 - the only list of a layer's parts
    return [weight for weight in layer.weights if id(weight) not in inside]


def _facts(
    call: Call, own: list[Any], gradients: Mapping[int, Array], updates: Mapping[int, float]
) -> LayerFacts:
    layer, output = call.layer, call.outputs[0]
    activation = activation_of(layer)
    finite = bool(np.isfinite(output).all()) if output.dtype.kind == "f" else True
    values = output.astype("float64") if output.dtype.kind in "fiub" else np.zeros(1)
    values = values if finite else values[np.isfinite(values)]
    values = values if values.size else np.zeros(1)
    embedding = isinstance(layer, keras.layers.Embedding)
    matrices = [weight for weight in own if len(weight.shape) >= 2]
    arrays = {id(weight): _to_numpy(weight) for weight in own}
    statistics = isinstance(layer, keras.layers.BatchNormalization | keras.layers.Normalization)
    frozen = [] if statistics else [w for w in matrices if not w.trainable]
    known = [gradients[id(w)].reshape(-1) for w in own if id(w) in gradients]
    gradient = np.concatenate(known) if known else None
    norm = float(np.sqrt(sum(float((a.astype("float64") ** 2).sum()) for a in arrays.values())))
    change = [updates[id(w)] for w in own if id(w) in updates]
    inputs = [array for array in call.inputs if array.dtype.kind == "f" and array.ndim >= 2]
    given = inputs[0].astype("float64") if inputs and matrices and not embedding else None
    given = given if given is not None and np.isfinite(given).all() else None
    return LayerFacts(
        path=call.path,
        kind=type(layer).__name__,
        activation=activation,
        kernel=bool(matrices) and not embedding,
        parameters=sum(array.size for array in arrays.values()),
        frozen=sum(arrays[id(weight)].size for weight in frozen),
        fresh=any(_looks_fresh(layer, weight) for weight in frozen),
        input_rms=None if given is None else float(np.sqrt((given**2).mean())),
        input_max=0.0 if given is None else float(np.abs(given).max()),
        mean=float(values.mean()),
        std=float(values.std()),
        dead=dead_share(output) if activation in RECTIFIERS else 0.0,
        saturated=_saturated(values, activation),
        finite=finite,
        gradient=None if gradient is None else float(np.linalg.norm(gradient)),
        weight=norm,
        update=float(np.sqrt(sum(c**2 for c in change))) / norm if change and norm else None,
        identical=has_identical_units(layer),
        outputs=_histogram(values),
        gradients=((), ()) if gradient is None else _histogram(gradient),
    )


def dead_share(output: Array) -> float:
    """Return the share of units along the last axis that never leave one value."""
    if output.ndim < 2 or len(output) < 2:
        return 0.0
    flat = output.reshape(-1, output.shape[-1])
    return float((flat.max(axis=0) == flat.min(axis=0)).mean())


def has_identical_units(layer: keras.layers.Layer) -> bool:
    """Whether all units of a layer have the same weights: they compute and learn the same."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None or not hasattr(kernel, "shape") or len(kernel.shape) < 2:
        return False
    values = _to_numpy(kernel)
    columns = values.reshape(-1, values.shape[-1])
    if columns.shape[1] < 2:
        return False
    spread = np.ptp(columns, axis=1).max()
    return bool(spread <= 1e-6 * max(float(np.abs(columns).max()), 1e-12))


def _saturated(values: Array, activation: str) -> float:
    if activation not in _BOUNDS:
        return 0.0
    low, high = _BOUNDS[activation]
    return float(((values < low) | (values > high)).mean())


def _looks_fresh(layer: keras.layers.Layer, weight: Any) -> bool:
    """Whether a frozen weight looks as its initializer makes it.

    Trained weights have another spread than random ones, and biases that left 0.
    """
    bias = getattr(layer, "bias", None)
    if bias is not None and np.abs(_to_numpy(bias)).max() > 0:
        return False
    name = "embeddings" if isinstance(layer, keras.layers.Embedding) else "kernel"
    initializer = getattr(layer, f"{name}_initializer", None)
    if initializer is None:
        return False
    drawn = np.asarray(keras.ops.convert_to_numpy(initializer(weight.shape, "float32")))
    values = _to_numpy(weight)
    # Two draws of n values differ in their spread by about 1 / sqrt(n).
    allowed = 0.05 + 3 / np.sqrt(values.size)
    ratio = float(values.std()) / max(float(drawn.std()), 1e-12)
    within = float(np.abs(values).max()) <= 1.5 * float(np.abs(drawn).max()) + 1e-12
    return bool(abs(ratio - 1) <= allowed and within)


def _histogram(values: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    values = values.reshape(-1)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if not high > low or not np.isfinite((high - low) / _BINS) or (high - low) / _BINS == 0:
        low, high = low - 0.5, low + 0.5
    try:
        counts, edges = np.histogram(values, _BINS, (low, high))
    except ValueError:  # the values are closer to each other than numbers of their size can be
        return (), ()
    return tuple(edges.tolist()), tuple(counts.astype(float).tolist())


def _to_numpy(tensor: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(tensor))
