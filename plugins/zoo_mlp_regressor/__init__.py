"""Multilayer perceptrons for tabular regression with prediction intervals."""

from zoo_mlp_regressor.architecture import MLPRegressor, MLPRegressorConfig

__all__ = ["MLPRegressor", "MLPRegressorConfig"]
