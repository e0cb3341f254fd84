"""Quantization of artifacts: methods, comparison with the source, selection of the best variant."""
