"""Serve artifacts over HTTP: the Open Inference Protocol v2, without Keras.

>>> import zoo_serve
>>> zoo_serve.serve("exports", port=8000)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo_serve.models import ServedModels as ServedModels, open_models as open_models
    from zoo_serve.server import (
        Server as Server,
        create_app as create_app,
        open_server as open_server,
        serve as serve,
    )

_HOME = {
    "Server": "server",
    "ServedModels": "models",
    "create_app": "server",
    "open_models": "models",
    "open_server": "server",
    "serve": "server",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # ``zoo serve --help`` needs neither numpy nor onnxruntime.
        if name not in _HOME:
            raise AttributeError(f"module 'zoo_serve' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"zoo_serve.{_HOME[name]}"), name)
