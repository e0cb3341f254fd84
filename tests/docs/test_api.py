"""The page of the Python API is the one that the code makes."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from tests.docs.pages import ROOT, anchors

sys.path.insert(0, str(ROOT / "scripts"))  # which import each other
from _promised_names import MODULES, promised


@pytest.fixture(scope="module")
def script() -> Any:
    pytest.importorskip("tensorflow", reason="the page describes layers")
    import _api_page

    return _api_page


def test_the_page_is_generated_from_the_docstrings(script: Any) -> None:
    assert script.TARGET.read_text("utf-8") == script.render(), "python scripts/_api_page.py"


def test_every_public_name_has_a_section() -> None:
    found = anchors((ROOT / "docs" / "api.md").read_text("utf-8"))
    for module in MODULES:
        for name in promised(module):
            title = f"{module}.{name}".replace(".", "").lower()
            assert title in found or name.startswith("_"), title


def test_no_two_headings_share_an_anchor() -> None:
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    assert len(anchors(text)) == 1 + len(re.findall(r"^##+ ", text, re.MULTILINE))


def test_one_object_is_described_under_its_shortest_public_name(script: Any) -> None:
    assert script.described_as("zoo.metrics", "Score") == "zoo.Score"
    # Two numbers are one object in CPython, and two names all the same.
    oldest = "zoo.architecture.OLDEST_API_VERSION"
    assert script.described_as("zoo.architecture", "OLDEST_API_VERSION") == oldest


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
