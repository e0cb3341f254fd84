"""From Keras models to ONNX artifacts that prove themselves."""

from zoo.exporting.artifact import export_artifact

__all__ = ["export_artifact"]
