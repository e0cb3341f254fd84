"""What is asked of a code: that it be sparse, or that it follow a distribution."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"
_LEAST = 1e-6
_LOG_VARIANCE = 10.0


@keras.saving.register_keras_serializable(package=PACKAGE)
class SparseCode(keras.layers.Layer):
    """Lets a code through, and adds to the loss what its activity costs.

    Args:
        kind: ``l1`` costs the mean absolute value. ``kl`` costs, of a code from 0 to 1, the
            divergence between a unit that is on in ``target`` of all cases and the unit's own mean
            over the batch, summed over the units (Ng 2011, CS294A lecture notes "Sparse
            autoencoder", section 3).
        weight: How much the cost weighs beside the reconstruction.
        target: Mean activity that is wanted, of ``kl``.

    Input shape:
        `(batch, code)`

    Output shape:
        The same.
    """

    def __init__(
        self, kind: str = "l1", weight: float = 1e-3, target: float = 0.05, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if kind not in {"l1", "kl"}:
            raise ValueError(f"expected kind to be l1 or kl. Received: {kind!r}")
        self.kind, self.weight, self.target = kind, weight, target

    def call(self, code: Any) -> Any:
        """Return the code as it is."""
        if self.kind == "l1":
            cost = ops.mean(ops.abs(code))
        else:
            mean = ops.clip(ops.mean(code, axis=0), _LEAST, 1 - _LEAST)
            on, off = self.target, 1 - self.target
            cost = ops.sum(on * ops.log(on / mean) + off * ops.log(off / (1 - mean)))
        self.add_loss(self.weight * cost)
        return code

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        own = {"kind": self.kind, "weight": self.weight, "target": self.target}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class GaussianCode(keras.layers.Layer):
    """Draws a code from a normal distribution in training, and gives its mean otherwise.

    The reparameterised encoder of variational autoencoders (Kingma & Welling 2013,
    arXiv:1312.6114): ``code = mean + exp(log_variance / 2) * noise``. Its divergence from the
    standard normal distribution (appendix B), summed over the code and averaged over the batch, is
    added to the loss times ``weight``, in training and in evaluation.

    Args:
        weight: How much a nat of divergence weighs beside the reconstruction.
        seed: Integer, or ``None`` to draw one from Keras's global seed.

    Input shape:
        Two of `(batch, code)`: the mean, and the logarithm of the variance.

    Output shape:
        `(batch, code)`
    """

    def __init__(self, weight: float = 1.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight, self.seed = weight, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Return a draw if training, else the mean."""
        mean, log_variance = inputs
        # A variance of e^±10 is as good as none and as anything; beyond it exp would overflow.
        log_variance = ops.clip(log_variance, -_LOG_VARIANCE, _LOG_VARIANCE)
        terms = ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance
        self.add_loss(self.weight * ops.mean(0.5 * ops.sum(terms, axis=-1)))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), seed=self.generator)
        return mean + ops.exp(0.5 * log_variance) * ops.cast(noise, mean.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the mean's shape."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "weight": self.weight, "seed": self.seed}


__all__ = ["GaussianCode", "SparseCode"]
