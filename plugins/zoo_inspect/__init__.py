"""The inside of networks: their layers, activation functions, and gradient descent.

Everything is written on the public interface of the zoo, as a package of a third party would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_inspect.activations import ACTIVATIONS, ActivationReport, activations
from zoo_inspect.descent import DescentReport, descend

if TYPE_CHECKING:
    from zoo_inspect.forward import Inspection as Inspection, inspect as inspect

__all__ = [
    "ACTIVATIONS",
    "ActivationReport",
    "DescentReport",
    "Inspection",
    "activations",
    "descend",
    "inspect",
]


def __getattr__(name: str) -> Any:
    # Only this needs Keras, which takes seconds to import.
    if name in ("Inspection", "inspect"):
        from zoo_inspect import forward

        return getattr(forward, name)
    raise AttributeError(f"module 'zoo_inspect' has no attribute {name!r}")
