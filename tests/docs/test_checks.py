"""``docs/checks.md`` is generated from the checks, and has a section for each."""

from __future__ import annotations

import importlib.util

import pytest

from tests.docs.pages import ROOT, anchors
from zoo import testing

TEXT = (ROOT / "docs" / "checks.md").read_text("utf-8")


def test_the_page_is_generated_from_the_checks():
    script = ROOT / "scripts" / "_checks_page.py"
    spec = importlib.util.spec_from_file_location("_checks_page", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.render() == TEXT, "to repair: python scripts/_checks_page.py"


@pytest.mark.parametrize("check", testing.all_checks(), ids=lambda check: check.id)
def test_every_check_has_the_section_that_it_names(check):
    path, _, anchor = check.page.partition("#")
    assert path == "docs/checks.md"
    assert anchor in anchors(TEXT)
