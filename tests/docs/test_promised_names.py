"""Plugins, templates and examples import what plugins are promised, and nothing else."""

from __future__ import annotations

import sys
import textwrap

import pytest

import zoo
from tests.docs.pages import ROOT, blocks, tracked

sys.path.insert(0, str(ROOT / "scripts"))
import _promised_names


def _broken(source: str) -> list[str]:
    found = _promised_names.used_names(source)
    return [name for _, name in found if not _promised_names.is_promised(name)]


def test_what_the_project_itself_shows_to_plugin_authors_is_promised(capsys):
    assert _promised_names.main() == 0, capsys.readouterr().out
    names = {path.name for path in _promised_names.files()}
    assert {"architecture.py", "architecture.py.template", "zoo_softmax.py"} <= names


def test_what_the_guides_show_to_plugin_authors_is_promised():
    guides = tracked("README.md", "docs/writing-a-plugin.md", "examples/*.md", "*.md.template")
    shown = [
        (guide.name, block.line, textwrap.dedent(block.text))
        for guide in guides
        for block in blocks(guide.read_text("utf-8"))
        if block.language == "python"
    ]
    assert {name for name, _, _ in shown} >= {"README.md", "writing-a-plugin.md"}
    assert not [(name, line, broken) for name, line, text in shown if (broken := _broken(text))]


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        ("from zoo.files import file_lock", "zoo.files.file_lock"),
        ("from zoo.registry import doctor", "zoo.registry.doctor"),
        ("def late():\n    import zoo.training.loop", "zoo.training.loop"),
        ("import zoo\nzoo.files.file_lock(path)", "zoo.files.file_lock"),
        ("from zoo import files as f\nf.file_lock(path)", "zoo.files.file_lock"),
        ("import zoo.files as f\nf.file_lock(path)", "zoo.files.file_lock"),
        ("import zoo\ndef held() -> zoo.Datasset: ...", "zoo.Datasset"),
    ],
)
def test_a_name_that_is_not_promised_is_found(source, broken):
    assert _broken(source) == [broken]


@pytest.mark.parametrize(
    "source",
    [
        "from zoo import DataSpec, errors\nerrors.Tampered.exit_code",
        "import zoo.runtime\nzoo.runtime.load(path).inputs",
        "from zoo.metrics.figures import Bars as B\nB.of_scores",
        "from zoo_other.files import file_lock\nfrom .files import file_lock",
    ],
)
def test_names_that_are_promised_and_names_of_others_are_left_alone(source):
    assert _broken(source) == []


def test_every_module_that_plugins_may_import_is_there_and_says_its_names():
    assert _promised_names.promised("zoo") == set(zoo.__all__)
    assert "Normalization" in _promised_names.promised("zoo.layers")
    assert all(_promised_names.promised(module) for module in _promised_names.MODULES)
