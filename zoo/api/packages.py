"""The packages that the zoo uses if they are there: the extras that bring them, the versions."""

from __future__ import annotations

import importlib.metadata

EXTRAS = {
    "keras": {"tensorflow": "tensorflow", "keras": "keras", "onnx": "onnx", "tf2onnx": "tf2onnx"},
    "datasets": {"scikit-learn": "sklearn"},
    "report": {"jinja2": "jinja2", "matplotlib": "matplotlib"},
    "captioning": {
        "huggingface-hub": "huggingface_hub",
        "safetensors": "safetensors",
        "transformers": "transformers",
    },
    "serve": {"starlette": "starlette", "uvicorn": "uvicorn"},
    "text": {"sacrebleu": "sacrebleu", "tokenizers": "tokenizers"},
}
"""By extra: the distributions that it brings, and the module that each is imported as."""


def extra_of(module: str) -> str | None:
    """Return the extra that brings a module, or ``None`` if none does."""
    for extra, modules in EXTRAS.items():
        if module in modules.values():
            return extra
    return None


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution, or ``None`` if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


__all__ = ["EXTRAS", "extra_of", "version_of"]
