"""The inside of networks: activation functions and gradient descent, to look at and to learn from.

Everything is written on the public interface of the zoo, as a package of a third party would be.
"""

from __future__ import annotations

from zoo_inspect.activations import ACTIVATIONS, ActivationReport, activations
from zoo_inspect.descent import DescentReport, descend

__all__ = ["ACTIVATIONS", "ActivationReport", "DescentReport", "activations", "descend"]
