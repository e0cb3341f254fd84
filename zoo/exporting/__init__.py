"""Keras models to verified ONNX artifacts, and quantized variants of those."""
