"""Randomness that depends on the plan's seed and on nothing else."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def epoch_order(seed: int, epoch: int, examples: int) -> np.ndarray:
    """Return the order in which an epoch visits the examples.

    A pure function of its arguments, so that a resumed run goes on exactly where it stopped.

    Args:
        seed: The plan's seed.
        epoch: Number of the epoch, counted from 1.
        examples: How many there are.

    Returns:
        A permutation of `0..examples-1`, int32.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    return generator.permutation(examples).astype("int32")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make everything inside repeatable, and give Python's and NumPy's generators back after.

    On TensorFlow this also switches on deterministic kernels, which stay on for the process:
    TensorFlow offers no way back. On two cores they cost a few per cent.
    """
    before_python, before_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - Keras uses it
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    try:
        yield
    finally:
        random.setstate(before_python)
        np.random.set_state(before_numpy)  # noqa: NPY002 - as above


def feed(model: keras.Model, arrays: Any) -> Any:
    """Return named arrays as a model takes them: one alone as it is, several by name."""
    names = [tensor.name for tensor in model.inputs]
    if len(names) == 1:
        return arrays[names[0]]
    return {name: arrays[name] for name in names}


def targets(arrays: Any) -> Any:
    """Return named targets as a loss takes them: one alone as it is, none as ``None``."""
    if len(arrays) <= 1:
        return next(iter(arrays.values()), None)
    return dict(arrays)


__all__ = ["epoch_order", "feed", "seeded", "targets"]
