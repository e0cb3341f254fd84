"""The verbs behind the public names: the one room that sees all the others together."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Artifact": "artifacts",
    "ModelInfo": "catalog",
    "Quantisation": "variants",
    "Run": "run",
    "bench": "artifacts",
    "build": "models",
    "dataset": "blueprints",
    "diff": "artifacts",
    "doctor": "health",
    "evaluate": "artifacts",
    "export": "artifacts",
    "hooks": "catalog",
    "info": "catalog",
    "list_models": "catalog",
    "listings": "catalog",
    "load": "artifacts",
    "plugins": "health",
    "predict": "artifacts",
    "quantise": "variants",
    "register": "catalog",
    "registry": "catalog",
    "serve": "serving",
    "train": "learning",
    "verify": "artifacts",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one table says what there is and where


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo.api' has no attribute {name!r}")
    # Each module is imported when it is needed: a listing must not pay for a session.
    value = getattr(importlib.import_module(f"zoo.api.{_HOME[name]}"), name)
    globals()[name] = value
    return value
