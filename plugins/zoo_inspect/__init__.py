"""The inside of networks: their layers, what ails them, activation functions, gradient descent.

Everything is written on the public interface of the zoo, as a package of a third party would be.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo_inspect.activations import ACTIVATIONS, ActivationReport, activations
from zoo_inspect.descent import DescentReport, descend

if TYPE_CHECKING:
    from zoo_inspect.diagnostics.diagnosis import Diagnosis as Diagnosis, diagnose as diagnose
    from zoo_inspect.diagnostics.problem import Problem as Problem
    from zoo_inspect.forward import Inspection as Inspection, inspect as inspect

__all__ = [
    "ACTIVATIONS",
    "ActivationReport",
    "DescentReport",
    "Diagnosis",
    "Inspection",
    "Problem",
    "activations",
    "descend",
    "diagnose",
    "inspect",
]


_LAZY = {
    "Diagnosis": "zoo_inspect.diagnostics.diagnosis",
    "Inspection": "zoo_inspect.forward",
    "Problem": "zoo_inspect.diagnostics.problem",
    "diagnose": "zoo_inspect.diagnostics.diagnosis",
    "inspect": "zoo_inspect.forward",
}
"""Names whose modules import Keras, which takes seconds."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'zoo_inspect' has no attribute {name!r}")
