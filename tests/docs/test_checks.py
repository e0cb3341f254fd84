"""The page of checks says what the kit says, and what a failing check links to is there."""

from __future__ import annotations

import pytest

from tests.docs.pages import ROOT, anchors
from zoo import testing
from zoo.testing.page import page

TEXT = (ROOT / "docs" / "checks.md").read_text("utf-8")


def test_the_page_is_the_one_that_the_checks_make():
    assert page() == TEXT, "python -m zoo.testing.page docs/checks.md"


@pytest.mark.parametrize("check", testing.all_checks(), ids=lambda check: check.id)
def test_every_check_has_the_section_that_it_names(check):
    path, _, anchor = check.page.partition("#")
    assert path == "docs/checks.md"
    assert anchor in anchors(TEXT)
