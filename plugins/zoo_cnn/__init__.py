"""Convolutional networks for image classification."""

from zoo_cnn.architecture import CNN, CNNConfig

__all__ = ["CNN", "CNNConfig"]
