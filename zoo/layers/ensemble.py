"""BatchEnsemble layers: an ensemble whose members share their weight matrices.

BatchEnsemble (Wen, Tran & Ba 2020, arXiv:2002.06715) as TabM uses it for tables (Gorishniy,
Kotelnikov & Babenko 2024, arXiv:2410.24210): every member predicts every example, each has its
own loss, and the prediction is the mean of the members.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

PACKAGE = "zoo"


def _uniform(inputs: int) -> Any:
    return keras.initializers.RandomUniform(-(inputs**-0.5), inputs**-0.5)


def _random_signs(shape: Any, dtype: Any = None) -> Any:
    draw = keras.initializers.RandomUniform(-1.0, 1.0)(shape, dtype=dtype)
    return ops.where(draw < 0, -ops.ones_like(draw), ops.ones_like(draw))


@keras.saving.register_keras_serializable(package=PACKAGE)
class EnsembleDense(keras.layers.Layer):
    """Dense layer of an ensemble whose members share the kernel.

    Member i computes ``s_i * ((r_i * x) W) + b_i`` (equation 5 of arXiv:2002.06715, section 3.3 of
    arXiv:2410.24210). The members start with the same bias; in the first layer of a network they
    differ by random signs ``r``, in later ones ``r`` starts at 1, and so does ``s`` everywhere.
    Neither ``r`` nor ``s`` decays.

    Args:
        units: Output dimension.
        members: Number of members.
        first: Whether this is the first layer, which expands one vector per example to one per
            member.

    Input shape:
        `(batch, features)` if ``first``, else `(batch, members, features)`.

    Output shape:
        `(batch, members, units)`.

    Example:
        >>> inputs = keras.Input((3,), name="numeric")
        >>> x = EnsembleDense(8, members=4, first=True)(inputs)
        >>> x.shape
        (None, 4, 8)
    """

    def __init__(self, units: int, members: int, first: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.members, self.first = units, members, first

    def build(self, input_shape: Any) -> None:
        """Create the shared kernel and each member's scaling vectors and bias."""
        features = input_shape[-1]
        diversified = self.first and self.members > 1
        self.gamma_in = self.add_weight(
            name="gamma_in",
            shape=(self.members, features),
            initializer=_random_signs if diversified else "ones",
        )
        self.kernel = self.add_weight(
            name="kernel", shape=(features, self.units), initializer=_uniform(features)
        )
        self.gamma_out = self.add_weight(
            name="gamma_out", shape=(self.members, self.units), initializer="ones"
        )

        def same_for_all(shape: Any, dtype: Any = None) -> Any:
            return ops.tile(_uniform(features)((1, shape[1]), dtype=dtype), (shape[0], 1))

        self.bias = self.add_weight(
            name="bias", shape=(self.members, self.units), initializer=same_for_all
        )

    def call(self, values: Any) -> Any:
        """Apply the layer for every member."""
        if self.first:
            values = ops.expand_dims(values, 1)
        features = values.shape[-1]
        # One product of two matrices is much faster than a batch of small ones.
        rows = ops.reshape(values * self.gamma_in, (-1, features))
        product = ops.reshape(ops.matmul(rows, self.kernel), (-1, self.members, self.units))
        return product * self.gamma_out + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return (input_shape[0], self.members, self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        own = {"units": self.units, "members": self.members, "first": self.first}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package=PACKAGE)
class EnsembleHead(keras.layers.Layer):
    """Output layer of an ensemble: one number per member, without shared weights.

    Input shape:
        `(batch, members, features)`.

    Output shape:
        `(batch, members)`.

    Example:
        >>> members = Denormalization()(EnsembleHead()(x))
    """

    def build(self, input_shape: Any) -> None:
        """Create one weight vector and one bias per member."""
        _, members, features = input_shape
        self.kernel = self.add_weight(
            name="kernel", shape=(members, features), initializer=_uniform(features)
        )
        self.bias = self.add_weight(name="bias", shape=(members,), initializer=_uniform(features))

    def call(self, values: Any) -> Any:
        """Return one output per member."""
        return ops.sum(values * self.kernel, axis=-1) + self.bias

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape."""
        return tuple(input_shape[:-1])
