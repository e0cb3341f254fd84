"""Where a wrong graph goes wrong: the first layer whose output differs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.exporting.convert import Converter, Traced
from zoo.exporting.external_data import store
from zoo.exporting.parity import CAP, Case
from zoo.runtime.golden_vectors import compare, row_scale
from zoo.runtime.manifest import Tolerance
from zoo.runtime.session import open_session


def first_divergence(traced: Traced, cases: Sequence[Case], converter: Converter) -> str:
    """Convert the model once more with every layer's output exposed, and compare layer by layer.

    Args:
        traced: The model.
        cases: What it was compared on; the largest batch is used.
        converter: What made the wrong graph.

    Returns:
        A sentence. The search never fails: what it cannot say, it says so.
    """
    import keras

    names: list[str] = []
    tensors: list[Any] = []
    for layer in traced.model.layers:
        try:
            outputs = keras.tree.flatten(layer.output)
        except (AttributeError, ValueError):  # a layer used twice has no one output
            continue
        if isinstance(layer, keras.layers.InputLayer):
            continue
        for tensor in outputs:
            names.append(f"{layer.name} ({type(layer).__name__})")
            tensors.append(tensor)
    probe = max((case.probe for case in cases), key=lambda probe: probe.batch)
    try:
        exposed = _Exposed(traced, keras.Model(traced.model.inputs, tensors))
        converted = converter(exposed)
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            stored = store(converted.proto, "search.onnx", Path(folder), weights=converted.weights)
            session = open_session(stored.file, "search", optimization="basic")
        actual = session.run(None, dict(probe.inputs))
        values = exposed.model([probe.inputs[s.name] for s in traced.inputs], training=False)
    except Exception as error:  # noqa: BLE001 - whatever the converter or onnxruntime raise
        return f"the first layer that differs was not found ({type(error).__name__})"
    values = values if isinstance(values, list | tuple) else [values]
    for name, got, value in zip(names, actual, values, strict=False):
        reference = np.asarray(value)
        scale = float(row_scale(reference).max(initial=0)) if reference.ndim else 1.0
        tolerance = Tolerance(absolute=CAP * (scale or 1.0), relative=CAP, noise=0, cap=CAP)
        if not compare(got, reference, tolerance).share <= 1:
            return f"the first layer that differs is {name}"
    return "no layer by itself differs: the fault is after the last one, or in the names of outputs"


class _Exposed(Traced):
    def __init__(self, traced: Traced, model: Any) -> None:
        self.name, self.order = traced.name, traced.order
        self.inputs, self.outputs = traced.inputs, traced.outputs
        self.model = model


__all__ = ["first_divergence"]
