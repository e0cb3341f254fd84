"""The page of the Python API is the one that the code makes."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import zoo
from tests.docs.pages import ROOT, anchors
from zoo import data, metrics, runtime, testing


@pytest.fixture(scope="module")
def script() -> Any:
    pytest.importorskip("tensorflow", reason="the page describes layers")
    spec = importlib.util.spec_from_file_location("_api_page", ROOT / "scripts" / "_api_page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_generated_from_the_docstrings(script: Any) -> None:
    assert script.TARGET.read_text("utf-8") == script.render(), "python scripts/_api_page.py"


def test_every_public_name_has_a_section() -> None:
    found = anchors((ROOT / "docs" / "api.md").read_text("utf-8"))
    for module in (zoo, data, metrics, runtime, testing):
        for name in module.__all__:
            title = f"{module.__name__}.{name}".replace(".", "").lower()
            assert title in found or name.startswith("_"), title


def test_the_sections_of_a_docstring_become_lists_and_code(script: Any) -> None:
    def scale(value: float, *, by: float = 2.0, **options: object) -> float:
        """Scale a value, see :func:`zoo.train`.

        Args:
            value: Any ``float``.
            by: The factor,
                at most 9.

        Example:
            >>> scale(2)
            4.0
        """
        return value * by

    entry = script._entry("zoo", "scale", scale)
    assert "\nscale(value: float, *, by: float = 2.0, **options: object) -> float\n" in entry
    assert "Scale a value, see `zoo.train`." in entry
    assert "**Args**\n\n- `value`: Any `float`.\n- `by`: The factor,\n  at most 9.\n" in entry
    assert "```python\n>>> scale(2)\n4.0\n```\n" in entry
