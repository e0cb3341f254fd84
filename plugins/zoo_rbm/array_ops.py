"""NumPy implementations of ``keras.ops``, so that one formula serves tensors and arrays.

Training and export use Keras. Annealing and long Markov chains take thousands of small steps, which
are much faster in NumPy than in a framework called step by step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

_EPSILON = 1e-7


class _Arrays:
    """Functions of ``keras.ops`` that NumPy lacks or names differently."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def cast(values: Any, dtype: str) -> Any:
        """Cast values to a dtype."""
        return np.asarray(values).astype(dtype)

    @staticmethod
    def sigmoid(values: Any) -> Any:
        """Return 1 / (1 + e^−x) without overflow."""
        return 0.5 * (1.0 + np.tanh(0.5 * values))

    @staticmethod
    def softplus(values: Any) -> Any:
        """Return log(1 + e^x)."""
        return np.maximum(values, 0) + np.log1p(np.exp(-np.abs(values)))

    @staticmethod
    def logsumexp(values: Any, axis: int) -> Any:
        """Return log Σ e^x."""
        top = values.max(axis=axis, keepdims=True)
        return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))

    @staticmethod
    def softmax(values: Any, axis: int) -> Any:
        """Return e^x / Σ e^x."""
        parts = np.exp(values - values.max(axis=axis, keepdims=True))
        return parts / parts.sum(axis=axis, keepdims=True)

    @staticmethod
    def one_hot(indices: Any, count: int, dtype: str) -> Any:
        """Return a one-hot encoding along a new last axis."""
        return (np.asarray(indices)[..., None] == np.arange(count)).astype(dtype)


_ARRAYS = _Arrays()


def ops_for(values: Any) -> Any:
    """Return the operations for these values: NumPy for arrays, else ``keras.ops``."""
    return _ARRAYS if isinstance(values, np.ndarray) else keras.ops


def uniform(shape: Any, seed: Any) -> Any:
    """Sample uniform noise in [0, 1), as an array or a tensor.

    Args:
        shape: Shape of the noise.
        seed: A NumPy generator, or a ``keras.random.SeedGenerator``.
    """
    if isinstance(seed, np.random.Generator):
        return seed.random(shape, "float32")
    return keras.random.uniform(shape, seed=seed)


def normal(shape: Any, seed: Any) -> Any:
    """Sample standard normal noise, as an array or a tensor."""
    if isinstance(seed, np.random.Generator):
        return seed.standard_normal(shape, "float32")
    return keras.random.normal(shape, seed=seed)


def gumbel(shape: Any, seed: Any) -> Any:
    """Sample standard Gumbel noise, −log(−log u)."""
    noise = uniform(shape, seed)
    ops = ops_for(noise)
    return -ops.log(-ops.log(ops.clip(noise, _EPSILON, 1.0 - _EPSILON)))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limit NumPy's BLAS to one thread, if threadpoolctl (of scikit-learn) is installed.

    BLAS threads wait by spinning. Small matrices gain nothing from a second thread, and are ten
    times slower if another process needs the core.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield
