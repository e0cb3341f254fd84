"""Restricted Boltzmann machines for density estimation."""

from typing import TYPE_CHECKING, Any

import zoo_rbm.scores  # noqa: F401 - registers its scores
from zoo_rbm.architecture import RBM
from zoo_rbm.config import (
    LikelihoodConfig,
    RBMConfig,
    RBMOptimizerConfig,
    SamplerConfig,
    SparsityConfig,
)

if TYPE_CHECKING:
    from zoo_rbm.trained_rbm import TrainedRBM as TrainedRBM

__all__ = [
    "RBM",
    "LikelihoodConfig",
    "RBMConfig",
    "RBMOptimizerConfig",
    "SamplerConfig",
    "SparsityConfig",
    "TrainedRBM",
]


# Imported lazily, as it imports NumPy. Type checkers know the name from the import above.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name != "TrainedRBM":
            raise AttributeError(f"module 'zoo_rbm' has no attribute {name!r}")
        from zoo_rbm.trained_rbm import TrainedRBM

        return TrainedRBM
