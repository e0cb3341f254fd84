"""A package ships what ``zoo check`` found of its model, and ``zoo info`` shows it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.fakes import architecture, install
from zoo.api.catalog import registry
from zoo.cli import main

CATALOG = """schema_version: 1
models:
- name: boxed
  distribution: zoo-boxed
  summary: A model that a test made up.
  tasks: [classification]
  license: Apache-2.0
  receipt: {receipt}
"""


@pytest.fixture(scope="module")
def checked_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a receipt of its own, written by the checks of the first level."""
    site = tmp_path_factory.mktemp("checked") / "site"
    info = install(
        site,
        "zoo-boxed",
        points={
            "zoo.architectures": {"boxed": "boxed_model:Model"},
            "zoo.catalogs": {"boxed": "boxed_model"},
        },
        files={
            "boxed_model/__init__.py": architecture("boxed"),
            "boxed_model/registry.yaml": CATALOG.format(receipt="boxed_model/receipt.json"),
        },
    )
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: zoo-boxed\nVersion: 1.0\nSummary: Made up.\n"
        "License-Expression: MIT\nRequires-Python: >=3.11\nRequires-Dist: neural-zoo\n"
    )
    receipt = str(site / "boxed_model" / "receipt.json")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as caught:
        patch.syspath_prepend(site)
        registry.cache_clear()
        main(["check", "boxed", "--level", "discoverable", "--receipt", receipt])
    assert caught.value.code == 0
    sys.modules.pop("boxed_model", None)
    return site


@pytest.fixture
def package(checked_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of that package, installed."""
    site = tmp_path / "site"
    shutil.copytree(checked_site, site)
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()
    yield site / "boxed_model"
    registry.cache_clear()
    sys.modules.pop("boxed_model", None)


def checked(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    registry.cache_clear()
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["info", "boxed", "--json"])
    assert caught.value.code == 0
    return json.loads(capsys.readouterr().out)["checked"]


def test_the_receipt_of_what_is_installed_is_shown_with_its_level_and_counts(package, capsys):
    found = checked(capsys)
    assert found["problem"] == ""
    assert found["level"] == "discoverable"
    assert found["counts"]["passed"] >= 4
    assert found["versions"]["neural-zoo"]
    with pytest.raises(SystemExit):
        main(["info", "boxed"])
    assert "discoverable: " in capsys.readouterr().out


def test_a_file_that_changed_since_makes_the_receipt_say_nothing(package, capsys):
    (package / "more.py").write_text("")
    assert checked(capsys)["problem"] == "the files have changed since"
    with pytest.raises(SystemExit):
        main(["info", "boxed"])
    assert "the files have changed since" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("plugin", "name"), "cnn", "it is about 'cnn' of zoo-boxed"),
        (("plugin", "distribution"), "neural-zoo", "it is about 'boxed' of neural-zoo"),
        (("plugin", "version"), "0.9", "it is about version 0.9, and 1.0 is installed"),
        (("versions", "neural-zoo"), "0.0.1", "it was checked with neural-zoo 0.0.1"),
        (("schema_version",), 2, "is not a receipt that this zoo reads"),
    ],
)
def test_the_receipt_of_something_else_is_not_believed(package, capsys, where, value, says):
    file = package / "receipt.json"
    receipt = json.loads(file.read_text())
    place = receipt
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    file.write_text(json.dumps(receipt))
    assert says in str(checked(capsys)["problem"])


@pytest.mark.parametrize("content", [None, "", "[]", "{" * 100_000])
def test_a_receipt_that_is_missing_or_noise_is_said_to_be_none(package, capsys, content):
    file = package / "receipt.json"
    file.unlink()
    if content is not None:
        file.write_text(content)
    assert "is not a receipt that this zoo reads" in str(checked(capsys)["problem"])


def test_a_receipt_in_another_package_is_not_believed(package, capsys):
    (package / "registry.yaml").write_text(CATALOG.format(receipt="zoo/receipt.json"))
    known = checked(capsys)
    assert known["level"] is None
    assert known["problem"]
