"""The loss of chroma."""

import keras
from keras import ops

from zoo_colorizer.chroma import TO_CHROMA


@keras.saving.register_keras_serializable("zoo_colorizer")
class ChromaLoss(keras.losses.Loss):
    """Mean absolute error of chroma in gray levels.

    Unlike the squared error, its minimum is the median of the possible colors and not their mean,
    which is grayish.
    """

    def call(self, y_true, y_pred):
        """Compare the chroma of an image in color with a prediction."""
        chroma = ops.matmul(ops.cast(y_true, y_pred.dtype), TO_CHROMA)
        return ops.mean(ops.abs(chroma - y_pred), axis=-1)
