"""The page of the plugin interface is made from the code, and its examples do what they show."""

from __future__ import annotations

import doctest
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo.api.catalog
import zoo.api.datasets
import zoo.metrics.scores
from tests.docs.pages import ROOT, blocks

sys.path.insert(0, str(ROOT / "scripts"))  # which import each other
import _plugin_api_page as script

# Looked for and not imported: collecting the tests must stay quick.
pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("tensorflow", "sklearn", "jinja2", "transformers"))),
    reason="the examples build models, load the digits and fill in a page",
)
PAGE = script.TARGET.read_text("utf-8")
GROUPS = script.groups()
SLOW = {group.examples for group in GROUPS if group.slow}
EXAMPLES = [block for block in blocks(PAGE) if block.text.startswith(">>>")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as the page describes it, and a process that forgets what is registered in it."""
    (tmp_path / "exports").symlink_to(ROOT / "exports")
    inputs, targets = zoo.dataset("digits").split("train").arrays()
    seven = inputs["image"][np.flatnonzero(targets["label"] == 7)[0], ..., 0]
    Image.fromarray(np.rint(seven * (255 / 16)).astype(np.uint8)).save(tmp_path / "seven.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    # What the zoo's own models register when they are imported must stay registered.
    for name in zoo.list_models():
        zoo.api.catalog.registry().get(name)
    for module, name in (
        (zoo.metrics, "_METRICS"),
        (zoo.metrics.scores, "_SCORES"),
        (zoo.api.datasets, "_registered"),
    ):
        monkeypatch.setattr(module, name, dict(getattr(module, name)))
    _forget_registered()
    yield tmp_path
    _forget_registered()


def _forget_registered():
    zoo.api.catalog.registry.cache_clear()
    zoo.api.catalog.hooks.cache_clear()


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(
            block,
            id=f"line-{block.line}",
            marks=[pytest.mark.slow] if block.text in SLOW else [],
        )
        for block in EXAMPLES
    ],
)
def test_an_example_shows_what_it_gives(block, folder: Path):
    test = doctest.DocTestParser().get_doctest(block.text, {}, "plugin-api.md", None, block.line)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF)
    printed: list[str] = []
    runner.run(test, out=printed.append)
    assert not runner.failures, "".join(printed)


def test_every_example_of_the_page_is_run():
    assert {group.examples for group in GROUPS} == {block.text for block in EXAMPLES}
    python = [block for block in blocks(PAGE) if block.language == "python"]
    assert python == EXAMPLES


def test_the_page_is_made_from_its_source_and_the_docstrings():
    assert script.render() == PAGE, "to repair: python scripts/_api_page.py"


def test_every_promised_name_is_on_the_page_once():
    assert script.left_out() == []
    listed = [name for group in GROUPS for name in group.names]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.names[0][1])
def test_every_promised_name_has_an_example_that_uses_it(group):
    assert group.without_example() == []


def test_a_name_without_an_example_and_one_without_a_promise_are_noticed():
    group = script.Group((("zoo.names", "identity"), ("zoo.names", "NAME")), "", slow=False)
    assert group.without_example() == ["NAME"]
    match = script._GROUP.search("<!-- names\nzoo.names: split_version\n-->")
    with pytest.raises(ValueError, match=r"zoo\.names\.split_version is not promised"):
        script._group(match)
