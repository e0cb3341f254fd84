"""Restricted Boltzmann machines: how likely an example is, learned from examples alone."""

from typing import TYPE_CHECKING, Any

import zoo_rbm.scores  # noqa: F401 - registers what its scores mean
from zoo_rbm.architecture import RBM
from zoo_rbm.config import (
    LikelihoodConfig,
    RBMConfig,
    RBMOptimizerConfig,
    RuleConfig,
    SparsityConfig,
)

if TYPE_CHECKING:
    from zoo_rbm.machine import Machine as Machine

__all__ = [
    "RBM",
    "LikelihoodConfig",
    "Machine",
    "RBMConfig",
    "RBMOptimizerConfig",
    "RuleConfig",
    "SparsityConfig",
]


# Type checkers know the name from the import above. It brings NumPy, which listing does not need.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name != "Machine":
            raise AttributeError(f"module 'zoo_rbm' has no attribute {name!r}")
        from zoo_rbm.machine import Machine

        return Machine
