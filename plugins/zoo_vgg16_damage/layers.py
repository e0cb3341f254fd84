"""Temperature scaling and Grad-CAM as layers.

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
    """Temperature scaling (Guo et al. 2017, arXiv:1706.04599), and storage of a threshold.

    Both are chosen on the validation split after training; 1 and ½ until then.

    Shapes:
        `(batch, classes)`, and the same out.
    """

    def build(self, input_shape: Any) -> None:
        """Create temperature and threshold, which are not trained by the optimizer."""
        self.temperature = self._scalar("temperature", 1.0)
        self.threshold = self._scalar("threshold", 0.5)

    def call(self, logits: Any) -> Any:
        """Return temperature-scaled logits."""
        return logits / ops.cast(self.temperature, logits.dtype)

    def set_values(self, temperature: float, threshold: float) -> None:
        """Set temperature and threshold."""
        self.temperature.assign(temperature)
        self.threshold.assign(threshold)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape

    def _scalar(self, name: str, value: float) -> Any:
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            dtype="float32",
            name=name,
        )


class Threshold(keras.layers.Layer):
    """Returns the decision threshold for every example, as an output of the graph.

    Shapes:
        In: `(batch, classes)`
        Out: `(batch,)`
    """

    def __init__(self, calibration: Calibration, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calibration = calibration

    def call(self, probabilities: Any) -> Any:
        """Repeat the threshold."""
        return ops.zeros_like(probabilities[:, 0]) + self.calibration.threshold

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return input_shape[:1]


class GradCAM(keras.layers.Layer):
    """Grad-CAM saliency maps of all classes (Selvaraju et al. 2017, arXiv:1610.02391).

    The gradient of a logit through dense layers with ReLU is a product of their kernels, computed
    here without a gradient tape, so that it is an ordinary part of an ONNX graph.

    A class's map is the sum of the features, weighted by their gradients averaged over all
    positions, minus the mean over classes, to which a softmax is invariant. With average pooling
    and no hidden layer it is exactly the class activation map of Zhou et al. (2016,
    arXiv:1512.04150): its mean over all positions is the calibrated logit, minus its bias and the
    mean over classes. Grad-CAM images are the positive part.

    Args:
        dense: Dense layers from features to logits, that of the logits last.
        calibration: The temperature of the logits.
        flatten: Whether the features were flattened instead of averaged.
        rows: Weights from rows of the feature map to rows of the output; ``None`` for none.
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
        flatten: bool,
        rows: np.ndarray | None = None,
        columns: np.ndarray | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dense, self.calibration = list(dense), calibration
        self.flatten, self._rows, self._columns = flatten, rows, columns

    def call(self, features: Any) -> Any:
        """Return the maps of all classes."""
        _, height, width, channels = features.shape
        positions = height * width
        flat = ops.reshape(features, (-1, positions, channels))
        x = (
            ops.reshape(features, (-1, positions * channels))
            if self.flatten
            else ops.mean(flat, axis=1)
        )
        active = []
        for layer in self.dense[:-1]:
            x = layer(x)
            active.append(ops.cast(x > 0, x.dtype))
        kernel = ops.convert_to_tensor(self.dense[-1].kernel)
        # Gradients differ by example, as ReLU units are active or not.
        gradient = (kernel - ops.mean(kernel, axis=1, keepdims=True))[None]
        for layer, mask in zip(reversed(self.dense[:-1]), reversed(active), strict=True):
            gradient = mask[:, :, None] * gradient
            gradient = ops.matmul(ops.convert_to_tensor(layer.kernel)[None], gradient)
        classes = gradient.shape[-1]
        if self.flatten:
            gradient = ops.reshape(gradient, (-1, positions, channels, classes))
            gradient = ops.sum(gradient, axis=1)
        maps = ops.matmul(flat, gradient) / self.calibration.temperature
        maps = ops.reshape(maps, (-1, height, width, classes))
        if self._rows is None or self._columns is None:
            return maps
        maps = ops.transpose(maps, (0, 3, 1, 2))
        maps = ops.matmul(ops.convert_to_tensor(self._rows), maps)
        maps = ops.matmul(maps, ops.convert_to_tensor(self._columns.T))
        return ops.transpose(maps, (0, 2, 3, 1))
