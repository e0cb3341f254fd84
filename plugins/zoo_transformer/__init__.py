"""Transformers: encoder–decoder for translation, encoder for text classification."""

from zoo_transformer.architecture import Transformer
from zoo_transformer.config import TransformerConfig

__all__ = ["Transformer", "TransformerConfig"]
