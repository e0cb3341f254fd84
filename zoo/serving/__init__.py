"""Answering over HTTP: the Open Inference Protocol v2, with onnxruntime and numpy alone."""

from zoo.serving.models import Refusal, ServedModel, ServedModels, open_models
from zoo.serving.server import MAX_REQUEST, Server, create_app, open_server

__all__ = [
    "MAX_REQUEST",
    "Refusal",
    "ServedModel",
    "ServedModels",
    "Server",
    "create_app",
    "open_models",
    "open_server",
]
