"""The export's tests need Keras and the converter; without them they are skipped with a reason."""

from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(autouse=True)
def _converter() -> None:
    for package in ("tensorflow", "keras", "onnx", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install neural-zoo[keras]")
