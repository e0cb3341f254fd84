"""Telemetry: gradients, changes of weights and dead units of each layer, between epochs."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.spec import Split
from zoo.training.engines import loss_arguments, model_inputs
from zoo.training.telemetry_file import read_telemetry, write_telemetry

MAX_SHARE = 0.05
"""Share of the training's CPU time above which an epoch is left out."""

_EXAMPLES = 32


class Telemetry:
    """Measures the layers of a model between two epochs, on one fixed batch.

    The model is called as for inference, so that no statistic and no random state changes: a run
    with telemetry ends in the same bits as one without. An epoch is left out while telemetry has
    taken more than 5 % of the CPU time.

    Args:
        path: The file to write.
        model: The model that is trained.
        train: The training split.
        epoch: Number of epochs that are done: lines of later ones are from before a kill.
    """

    def __init__(self, path: Path, model: keras.Model, train: Split, epoch: int) -> None:
        self._path, self._model = path, model
        self._lines = [line for line in read_telemetry(path) if line["epoch"] <= epoch]
        rows = np.unique(np.linspace(0, len(train) - 1, _EXAMPLES).astype(int))
        inputs, targets = train.take(rows)
        self._x = model_inputs(model, inputs)
        self._y, self._weights = loss_arguments(targets)
        self._before = _values(model)
        self._probe, self._rectified = _activations(model)
        self._started, self._spent = time.process_time(), 0.0

    def measure(self, epoch: int) -> None:
        """Measure after an epoch, and replace the file."""
        began = time.process_time()
        if self._spent > MAX_SHARE * (began - self._started):
            return
        now = _values(self._model)
        gradients = _gradients(self._model, self._x, self._y, self._weights)
        dead = self._dead_units()
        layers: dict[str, list[int]] = {}
        for at, variable in enumerate(self._model.trainable_variables):
            # A Sequential puts its own name before those of its layers.
            path = variable.path.removeprefix(f"{self._model.name}/")
            layers.setdefault(path.rpartition("/")[0], []).append(at)
        for layer in dict.fromkeys([*layers, *dead]):
            places = layers.get(layer, [])
            size = _norm([self._before[at] for at in places])
            change = _norm([now[at] - self._before[at] for at in places])
            known = [gradients[at] for at in places if at in gradients]
            self._lines.append(
                {
                    "epoch": epoch,
                    "layer": layer,
                    "gradient": _norm(known) if known else None,
                    "update": change / size if places and size else None,
                    "dead": dead.get(layer),
                }
            )
        self._before = now
        write_telemetry(self._path, self._lines)
        self._spent += time.process_time() - began

    def _dead_units(self) -> dict[str, float]:
        """Return the share of units of each ReLU that are 0 for every example of the batch."""
        if self._probe is None:
            return {}
        outputs = keras.tree.flatten(self._probe(self._x, training=False))
        arrays = [np.asarray(keras.ops.convert_to_numpy(output)) for output in outputs]
        return {
            name: float((array.reshape(-1, array.shape[-1]).max(axis=0) <= 0).mean())
            for name, array in zip(self._rectified, arrays, strict=True)
        }


def _values(model: keras.Model) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(v)) for v in model.trainable_variables]


def _norm(arrays: list[np.ndarray]) -> float:
    return math.sqrt(sum(float(np.square(array, dtype="float64").sum()) for array in arrays))


def _activations(model: keras.Model) -> tuple[keras.Model | None, list[str]]:
    """Return a model of the outputs of all ReLUs, and their names."""
    layers = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.ReLU)
        or getattr(getattr(layer, "activation", None), "__name__", "") == "relu"
    ]
    # A layer that is called twice has no one output.
    single = [layer for layer in layers if len(layer._inbound_nodes) == 1]  # noqa: SLF001 - Keras has no public count
    if not single:
        return None, []
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return keras.Model(inputs, [layer.output for layer in single]), [x.name for x in single]


def _gradients(model: keras.Model, x: Any, y: Any, weights: Any) -> dict[int, np.ndarray]:
    """Return the gradient of each trainable weight by its position, without changing anything.

    Empty on a backend without gradients outside of a traced step, and where the model has no loss
    in inference.
    """
    variables = model.trainable_variables

    def loss() -> Any:
        outputs = model(x, training=False)
        return model.compute_loss(x, y, outputs, weights, training=False)

    backend = keras.backend.backend()
    try:
        if backend == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                value = loss()
            found = tape.gradient(value, [variable.value for variable in variables])
        elif backend == "torch":
            import torch

            values = [variable.value for variable in variables]
            found = torch.autograd.grad(loss(), values, allow_unused=True)
        else:
            return {}
    except ValueError:  # Keras: there is no loss
        return {}
    return {
        at: np.asarray(keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(gradient)))
        for at, gradient in enumerate(found)
        if gradient is not None
    }
