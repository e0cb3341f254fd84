"""Random state: epoch order from the seed, and the generators that belong to the process."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping

import keras
import numpy as np

# Keras offers the generator behind its unseeded random functions under this name only.
from keras.src.random.seed_generator import global_seed_generator

RandomState = dict[str, np.ndarray]
"""States of Python's, NumPy's and Keras's global generators."""


def epoch_order(seed: int, epoch: int, examples: int) -> np.ndarray:
    """Return the order in which an epoch visits the examples.

    A pure function of its arguments, so that a resumed run continues exactly where it stopped.

    Args:
        seed: Seed of the training plan.
        epoch: Number of the epoch, counted from 1.
        examples: Number of examples.

    Returns:
        A permutation of `0..examples-1`, int32.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    return generator.permutation(examples).astype("int32")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make everything inside repeatable, and restore Python's and NumPy's generators afterwards.

    On TensorFlow this also enables deterministic kernels, which stay on for the process:
    TensorFlow offers no way back. On two cores they cost a few percent.
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


def get_random_state() -> RandomState:
    """Return the states of the global generators as arrays.

    First-party models draw from generators among their own variables. A plugin may draw from the
    global ones, so a resumed run restores them too.
    """
    own = global_seed_generator()  # seeded from Python's generator at its first use
    _, words, spare = random.getstate()
    kind, keys, place, has_spare, other = np.random.get_state()  # noqa: NPY002 - plugins may use it
    if kind != "MT19937":
        raise ValueError(f"expected NumPy's global generator to be MT19937. Received: {kind}")
    return {
        "python": np.array(words, "uint32"),
        "python_spare": np.array([] if spare is None else [spare], "float64"),
        "numpy": np.append(np.asarray(keys, "uint32"), np.uint32(place)),
        "numpy_spare": np.array([other] if has_spare else [], "float64"),
        "keras": np.array(own.state),
    }


def set_random_state(state: Mapping[str, np.ndarray]) -> None:
    """Restore what :func:`get_random_state` returned."""
    own = global_seed_generator()
    words = tuple(int(word) for word in state["python"])
    spare = [float(value) for value in state["python_spare"]]
    random.setstate((3, words, spare[0] if spare else None))
    *keys, place = (int(word) for word in state["numpy"])
    other = [float(value) for value in state["numpy_spare"]]
    np.random.set_state(  # noqa: NPY002 - as above
        ("MT19937", np.array(keys, "uint32"), place, len(other), other[0] if other else 0.0)
    )
    own.state.assign(state["keras"])
