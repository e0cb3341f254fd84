"""Multilayer perceptrons for classification of images and tables."""

from zoo_mlp_classifier.architecture import MLPClassifier, MLPClassifierConfig

__all__ = ["MLPClassifier", "MLPClassifierConfig"]
