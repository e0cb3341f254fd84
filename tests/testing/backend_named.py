"""An architecture whose source names a backend of Keras."""

from __future__ import annotations

from typing import Any

from tests.testing.bad import Good, named


class NamesTensorflow(Good):
    """Its source names a backend."""

    info = named("names_tensorflow")

    def within(self, x: Any) -> Any:
        """Use TensorFlow, or seem to."""
        import tensorflow as tf  # noqa: F401

        return x
