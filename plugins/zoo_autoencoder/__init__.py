"""Autoencoders for images."""

from zoo_autoencoder.architecture import Autoencoder
from zoo_autoencoder.config import AutoencoderConfig, NoiseConfig, SparsityConfig

__all__ = ["Autoencoder", "AutoencoderConfig", "NoiseConfig", "SparsityConfig"]
