"""NumPy under the names of ``keras.ops``: one formula serves tensors and arrays.

What is learned and exported is computed by Keras. Annealing and long chains take thousands of small
steps, each of which NumPy does many times sooner than a framework that is asked step by step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


class _Arrays:
    """The few functions that NumPy lacks, or calls by another name; the rest are NumPy's own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def cast(values: Any, dtype: str) -> Any:
        """Return values of another type."""
        return np.asarray(values).astype(dtype)

    @staticmethod
    def sigmoid(values: Any) -> Any:
        """Return 1 / (1 + e^−x), with no overflow on the way."""
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
        """Return indicators along a new last axis."""
        return (np.asarray(indices)[..., None] == np.arange(count)).astype(dtype)


_ARRAYS = _Arrays()


def kit(values: Any) -> Any:
    """Return what computes with such values: NumPy with its arrays, else ``keras.ops``."""
    return _ARRAYS if isinstance(values, np.ndarray) else keras.ops


def uniform(shape: tuple[Any, ...], seed: Any) -> Any:
    """Return uniform noise from 0, included, to 1: an array of a NumPy generator, or a tensor."""
    if isinstance(seed, np.random.Generator):
        return seed.random(shape, "float32")
    return keras.random.uniform(shape, seed=seed)


def normal(shape: tuple[Any, ...], seed: Any) -> Any:
    """Return standard normal noise: an array of a NumPy generator, or a tensor."""
    if isinstance(seed, np.random.Generator):
        return seed.standard_normal(shape, "float32")
    return keras.random.normal(shape, seed=seed)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy's linear algebra use one thread, where threadpoolctl (of scikit-learn) is there.

    Its threads wait for each other by spinning. Matrices as small as a chain's gain nothing from a
    second thread, and lose tenfold where another process wants the core.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield


__all__ = ["kit", "normal", "one_thread", "uniform"]
