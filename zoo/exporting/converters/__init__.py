"""Converters from Keras models to ONNX graphs."""
