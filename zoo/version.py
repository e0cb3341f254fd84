"""Versions of the zoo and of its plugin interface."""

__version__ = "0.1.0"
"""Kept equal to the version in ``pyproject.toml`` by a test."""

API_VERSION = 1
"""The version of the plugin interface. A plugin for a newer one is listed, and not loaded."""

OLDEST_API_VERSION = 1
"""The oldest version of the plugin interface that plugins may still be written for."""

__all__ = ["API_VERSION", "OLDEST_API_VERSION", "__version__"]
