"""Transformers: an encoder–decoder that turns a text into another, an encoder that classifies."""

from zoo_transformer.architecture import Transformer
from zoo_transformer.config import TransformerConfig

__all__ = ["Transformer", "TransformerConfig"]
