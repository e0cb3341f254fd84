"""The tutorial for authors says what ``zoo new`` and the zoo do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import zoo
from tests.docs.pages import ROOT, after, blocks
from zoo.api.catalog import list_commands
from zoo.cli.program import COMMANDS
from zoo_scaffold import MODELS, Author, find_kind, name_package, new_package

PAGE = (ROOT / "docs" / "writing-a-plugin.md").read_text("utf-8")


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """The package of the tutorial."""
    folder = tmp_path_factory.mktemp("tutorial")
    kind = find_kind("image-classification")
    return new_package(name_package("my-model"), kind, Author("Ada Lovelace"), folder)


def test_the_kinds_are_those_that_there_are():
    rows = [
        tuple(cell.strip(" `") for cell in line.strip("|").split("|"))
        for line in after(PAGE, "kinds").splitlines()[2:]
    ]
    assert rows == [
        (kind.name, kind.summary, kind.dataset.format(model="my_model")) for kind in MODELS
    ]


def test_the_files_are_those_that_are_written(package):
    listed = after(PAGE, "files").splitlines()[1:-1]
    written = sorted(
        str(file.relative_to(package)) for file in package.rglob("*") if file.is_file()
    )
    assert [line.strip() for line in listed] == ["zoo-my-model/", *written]


def test_the_methods_are_those_of_the_contract():
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    public = {name for name in vars(zoo.Architecture) if not name.startswith("_")}
    # The two for weights published elsewhere are not for a first plugin.
    assert named == (public | {"info", "Config", "default_dataset"}) - {
        "load_pretrained",
        "resolve_pretrained",
    }


def test_every_command_of_its_blocks_exists():
    said = re.findall(r"^(?:\$ )?zoo ([a-z-]+)", PAGE, re.MULTILINE)
    assert len(said) > 8
    assert set(said) <= {*COMMANDS, *list_commands()}


def test_the_level_that_it_shows_is_the_one_that_a_fresh_package_claims(package):
    (shown,) = [block.text for block in blocks(PAGE) if block.text.startswith("LEVEL")]
    assert shown in (package / "tests" / "test_conformance.py").read_text()


def test_the_line_that_it_changes_is_there_and_uses_what_it_says(package):
    source = (package / "src" / "zoo_my_model" / "architecture.py").read_text()
    assert 'layers.Activation("relu", ' in source
    assert '"zoo_tracker:tracker"' in PAGE
    assert "zoo_tracker:tracker" in (ROOT / "examples/zoo-tracker/pyproject.toml").read_text()
