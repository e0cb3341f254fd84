"""Which zoo this is."""

__version__ = "0.1.0"
"""Kept equal to the version in ``pyproject.toml`` by a test."""

__all__ = ["__version__"]
