"""Multilayer perceptrons for tables: a number for every row, and an interval around it."""

from zoo_mlp_regressor.architecture import MLPRegressor, MLPRegressorConfig

__all__ = ["MLPRegressor", "MLPRegressorConfig"]
