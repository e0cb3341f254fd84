"""The prose of the plugin interface says what the code does."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib

import zoo
from tests.docs.pages import ROOT, after, blocks
from zoo.architecture import API_VERSION, Architecture, ArchitectureInfo, Blueprint, TrainLoop
from zoo.data import FileReader, NamedDataset
from zoo.registry.catalog import parse_catalog
from zoo.registry.policy import Settings, read_settings

PAGE = (ROOT / "docs" / "plugin-api.md").read_text("utf-8")
POLICY = (ROOT / "docs" / "policy.md").read_text("utf-8")
NAMED = {word for code in re.findall(r"`([^`\n]+)`", PAGE) for word in re.findall(r"\w+", code)}


def _public(kind: type) -> set[str]:
    own = set(vars(kind)) | set(getattr(kind, "__annotations__", {}))
    return {name for name in own if not name.startswith("_")}


def test_every_member_that_a_plugin_meets_is_on_the_page():
    assert _public(Architecture) <= NAMED
    assert _public(TrainLoop) <= NAMED
    assert set(ArchitectureInfo.model_fields) | {"identity"} <= NAMED
    assert set(Blueprint.__dataclass_fields__) <= NAMED
    assert set(NamedDataset.model_fields) | set(FileReader.model_fields) <= NAMED


def test_the_methods_are_called_as_the_page_says():
    rows = re.findall(r"^\| `(\w+)\(([^)]*)\)` \| (must|may) \|", PAGE, re.MULTILINE)
    assert {name for name, _, _ in rows} == {
        name for name in _public(Architecture) if callable(getattr(Architecture, name, None))
    }
    for name, arguments, need in rows:
        member = getattr(Architecture, name)
        takes = [word for word in re.split(r", ", arguments) if word != "*"]
        assert takes == list(inspect.signature(member).parameters)[1:], name
        assert (need == "must") is (name in Architecture.__abstractmethods__), name


def test_the_table_of_scores_is_that_of_the_code():
    code = (
        "from zoo.metrics.scores import registered_scores\n"
        "for one in registered_scores(): print(one.better or 'neither', one.name)"
    )
    # In a process of its own, where no plugin has registered more.
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    known: dict[str, list[str]] = {}
    for line in printed.stdout.splitlines():
        better, name = line.split()
        known.setdefault(better, []).append(name)
    rows = [line.strip("|").split("|") for line in after(PAGE, "scores").splitlines()[2:]]
    assert {better.strip(): re.findall(r"`(\w+)`", names) for better, names in rows} == known


def test_the_page_is_about_the_version_that_is_spoken():
    assert f"This is version {API_VERSION} of it" in PAGE
    assert zoo.API_VERSION == API_VERSION


def test_the_catalog_on_the_page_follows_the_schema():
    (block,) = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    file = parse_catalog(block.replace("5f0c…", "a" * 64), source="the page")
    assert file.models[0].weights
    assert file.datasets
    assert file.commands


def test_the_policy_on_the_page_is_read_and_shows_every_key(tmp_path):
    (text,) = [block.text for block in blocks(POLICY) if block.language == "toml"]
    (tmp_path / "zoo.toml").write_text(text)
    assert set(tomllib.loads(text)["plugins"]) == set(Settings.__annotations__)
    assert read_settings(tmp_path / "zoo.toml").hook_failures == "fail"


def test_every_variable_of_the_policy_is_on_its_page():
    source = (ROOT / "zoo" / "registry" / "policy.py").read_text("utf-8")
    assert set(re.findall(r"ZOO_[A-Z_]+", source)) <= set(re.findall(r"ZOO_[A-Z_]+", POLICY))
