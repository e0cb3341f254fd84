"""The random generators that belong to the process and not to a model.

What a first-party model draws comes from generators among its own variables. A plugin may draw from
these instead, so a run that is resumed finds them as it left them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np

# Keras offers the generator behind its unseeded random functions under this name only.
from keras.src.random.seed_generator import global_seed_generator

Generators = dict[str, np.ndarray]


def take_generators() -> Generators:
    """Return the states of Python's, NumPy's and Keras's own generators, as arrays."""
    own = global_seed_generator()  # drawn from Python's when first asked for
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


def restore_generators(states: Mapping[str, np.ndarray]) -> None:
    """Put the generators where they stood when ``take_generators`` was called."""
    own = global_seed_generator()
    words = tuple(int(word) for word in states["python"])
    spare = [float(value) for value in states["python_spare"]]
    random.setstate((3, words, spare[0] if spare else None))
    *keys, place = (int(word) for word in states["numpy"])
    other = [float(value) for value in states["numpy_spare"]]
    np.random.set_state(  # noqa: NPY002 - as above
        ("MT19937", np.array(keys, "uint32"), place, len(other), other[0] if other else 0.0)
    )
    own.state.assign(states["keras"])


__all__ = ["Generators", "restore_generators", "take_generators"]
