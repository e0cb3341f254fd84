"""The layers around a classifier: how sure it may be, and where its evidence lies.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "zoo_vgg16_damage"


@keras.saving.register_keras_serializable(package=PACKAGE)
class Calibration(keras.layers.Layer):
    """Divides logits by a temperature (Guo et al. 2017, arXiv:1706.04599), and keeps a threshold.

    Both are chosen on validation examples when training has ended; 1 and ½ until then.

    Shapes:
        `(batch, classes)`, and the same out.
    """

    def build(self, input_shape: Any) -> None:
        """Create the two numbers, which no optimizer moves."""
        self.temperature = self._number("temperature", 1.0)
        self.threshold = self._number("threshold", 0.5)

    def call(self, logits: Any) -> Any:
        """Return the logits of honest probabilities."""
        return logits / ops.cast(self.temperature, logits.dtype)

    def settle(self, temperature: float, threshold: float) -> None:
        """Set both numbers."""
        self.temperature.assign(temperature)
        self.threshold.assign(threshold)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def _number(self, name: str, value: float) -> Any:
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            dtype="float32",
            name=name,
        )


class Threshold(keras.layers.Layer):
    """Says the threshold beside every answer, so that whoever has the answer has it.

    Shapes:
        In: `(batch, classes)`
        Out: `(batch,)`
    """

    def __init__(self, calibration: Calibration, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calibration = calibration

    def call(self, probabilities: Any) -> Any:
        """Repeat it."""
        return ops.zeros_like(probabilities[:, 0]) + self.calibration.threshold

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return one number an example."""
        return input_shape[:1]


class Evidence(keras.layers.Layer):
    """Says how much each place of a feature map speaks for each class.

    Gradient-weighted class activation mapping (Selvaraju et al. 2017, arXiv:1610.02391) without a
    gradient tape: through dense layers with ReLU the gradient of a logit is a product of their
    kernels, which is written out here, so that it becomes an ordinary part of an ONNX graph.

    A class's map is the sum of the features, each weighted by its gradient averaged over all
    places; what all classes share is subtracted, because a softmax does not see it. With average
    pooling and no hidden layer it is the class activation map of Zhou et al. (2016,
    arXiv:1512.04150), exact: the mean over all places is the calibrated logit, less its bias and
    the mean over classes. Selvaraju's picture is the positive part.

    Args:
        dense: The layers between features and logits, the logits' own last.
        calibration: What divides the logits.
        flat: Whether the features were laid flat instead of averaged.
        rows: Weights that make the rows of the answer from those of the map; none if ``None``.
        columns: Likewise.

    Shapes:
        In: `(batch, height, width, channels)`
        Out: `(batch, rows, columns, classes)`
    """

    def __init__(
        self,
        dense: Sequence[keras.layers.Layer],
        calibration: Calibration,
        *,
        flat: bool,
        rows: np.ndarray | None = None,
        columns: np.ndarray | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dense, self.calibration = list(dense), calibration
        self.flat, self._rows, self._columns = flat, rows, columns

    def call(self, features: Any) -> Any:
        """Return the maps of all classes."""
        _, height, width, channels = features.shape
        places = height * width
        flat = ops.reshape(features, (-1, places, channels))
        x = ops.reshape(features, (-1, places * channels)) if self.flat else ops.mean(flat, axis=1)
        active = []
        for layer in self.dense[:-1]:
            x = layer(x)
            active.append(ops.cast(x > 0, x.dtype))
        kernel = ops.convert_to_tensor(self.dense[-1].kernel)
        # Each example has its own gradient once a ReLU has closed some of its ways.
        slope = (kernel - ops.mean(kernel, axis=1, keepdims=True))[None]
        for layer, way in zip(reversed(self.dense[:-1]), reversed(active), strict=True):
            slope = ops.matmul(ops.convert_to_tensor(layer.kernel)[None], way[:, :, None] * slope)
        classes = slope.shape[-1]
        if self.flat:
            slope = ops.sum(ops.reshape(slope, (-1, places, channels, classes)), axis=1)
        maps = ops.matmul(flat, slope) / self.calibration.temperature
        maps = ops.reshape(maps, (-1, height, width, classes))
        if self._rows is None or self._columns is None:
            return maps
        maps = ops.transpose(maps, (0, 3, 1, 2))
        maps = ops.matmul(ops.convert_to_tensor(self._rows), maps)
        maps = ops.matmul(maps, ops.convert_to_tensor(self._columns.T))
        return ops.transpose(maps, (0, 2, 3, 1))


__all__ = ["Calibration", "Evidence", "Threshold"]
