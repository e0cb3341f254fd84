"""Loss, metric and pooling for padded sequences."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenCrossentropy(keras.losses.Loss):
    """Mean cross-entropy of the tokens of a batch in nats, without padding.

    The loss of a batch is the sum over its tokens divided by their number, so that every token of a
    batch has the same weight, however long its sequence is. Between batches Keras weights by rows.
    With smoothing the target puts ``1 - smoothing`` on the token and spreads the rest evenly
    over the vocabulary (Szegedy et al. 2016, arXiv:1512.00567; Vaswani et al. 2017, section 5.4).

    Args:
        smoothing: Label smoothing factor, from 0 to below 1.

    Call arguments:
        y_true: Ids, int `(batch, time)`; 0 is padding.
        y_pred: Logits, `(batch, time, vocabulary)`.

    Example:
        >>> logits = np.zeros((1, 3, 10), "float32")
        >>> round(float(TokenCrossentropy()(ids, logits)), 3)
        2.303
    """

    def __init__(
        self, smoothing: float = 0.0, name: str = "token_crossentropy", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss per token, scaled so that their mean ignores padding."""
        ids = ops.cast(y_true, "int32")
        real = ops.cast(ops.not_equal(ids, 0), y_pred.dtype)
        losses = ops.sparse_categorical_crossentropy(ids, y_pred, from_logits=True)
        if self.smoothing:
            spread = ops.logsumexp(y_pred, axis=-1) - ops.mean(y_pred, axis=-1)
            losses = (1.0 - self.smoothing) * losses + self.smoothing * spread
        share = ops.mean(real)
        return losses * real / ops.maximum(share, 1e-9)

    def get_config(self) -> dict[str, Any]:
        """Return the loss's configuration."""
        return {**super().get_config(), "smoothing": self.smoothing}


@keras.saving.register_keras_serializable(package=PACKAGE)
class TokenAccuracy(keras.metrics.Metric):
    """Next-token accuracy under teacher forcing, without padding.

    Call arguments:
        y_true: Ids, int `(batch, time)`; 0 is padding and does not count.
        y_pred: Logits, `(batch, time, vocabulary)`.

    Example:
        >>> accuracy = TokenAccuracy()
        >>> accuracy.update_state(ids, np.eye(10)[ids])
        >>> float(accuracy.result())
        1.0
    """

    def __init__(self, name: str = "token_accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.right = self.add_variable((), "zeros", name="right")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        ids = ops.cast(y_true, "int32")
        real = ops.cast(ops.not_equal(ids, 0), "float32")
        chosen = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        right = ops.cast(ops.equal(ids, chosen), "float32") * real
        self.right.assign_add(ops.sum(right))
        self.count.assign_add(ops.sum(real))

    def result(self) -> Any:
        """Return the accuracy so far."""
        return self.right / ops.maximum(self.count, 1.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedAveragePooling1D(keras.layers.Layer):
    """Average over the real positions of a sequence; zero for pure padding.

    Call arguments:
        x: `(batch, time, width)`
        padding_mask: Which positions are real, bool `(batch, time)`

    Returns:
        `(batch, width)`

    Example:
        >>> tuple(MaskedAveragePooling1D()(x, ids != 0).shape)
        (1, 8)
    """

    def call(self, x: Any, padding_mask: Any) -> Any:
        """Average the real positions."""
        real = ops.cast(padding_mask, x.dtype)[..., None]
        return ops.sum(x * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)
