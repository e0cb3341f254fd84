"""What would be imported must be what was installed."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from tests.registry.fakes import architecture, install
from zoo.errors import PolicyDenied
from zoo.registry.doctor import examine
from zoo.registry.entrypoints import Provider, scan
from zoo.registry.policy import Policy
from zoo.registry.registry import Registry

GROUP = "zoo.architectures"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def provider(name: str) -> Provider:
    (found,) = [one for one in scan() if one.name == name]
    return found


def add(site: Path, name: str, module: str = "", **options: object) -> Provider:
    """Install a distribution with one architecture."""
    module = module or f"zoo_{name}"
    path = module.replace(".", "/") + "/__init__.py"
    install(
        site,
        f"zoo-{name}",
        points={GROUP: {name: f"{module}:Model"}},
        files={path: architecture(name)},
        **options,
    )
    return provider(name)


@pytest.mark.parametrize("record", [True, False], ids=["with RECORD", "without"])
@pytest.mark.parametrize("shadow", ["zoo_{}.py", "zoo_{}/__init__.py"])
def test_a_file_in_the_working_folder_does_not_pass_for_the_installed_module(
    site, tmp_path, monkeypatch, record, shadow
):
    name = f"shadow{int(record)}{len(shadow)}"
    found = add(site, name, record=record)
    assert found.misplaced() is None

    other = tmp_path / "work" / shadow.format(name)
    other.parent.mkdir(parents=True)
    other.write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path / "work")
    importlib.invalidate_caches()
    registry = Registry(Policy())
    with pytest.raises(PolicyDenied, match="may not run") as caught:
        registry.get(name)
    assert str(other) in caught.value.why
    assert f"zoo_{name}" not in sys.modules
    assert registry.listing(name).status == "denied"


def test_a_module_beside_the_installed_ones_is_not_in_the_record(site):
    found = add(site, "beside", "zoo_beside", record=True)
    (site / "zoo_beside" / "__init__.py").rename(site / "zoo_beside.py")
    (site / "zoo_beside").rmdir()
    importlib.invalidate_caches()
    assert "which is not part of zoo-beside 1.0" in (found.misplaced() or "")


def test_the_code_of_an_editable_install_lies_in_its_project(site, tmp_path, monkeypatch):
    project = tmp_path / "project"
    found = add(site, "edited", editable=project)
    monkeypatch.syspath_prepend(project)
    importlib.invalidate_caches()
    assert found.editable_folder() == str(project)
    assert found.misplaced() is None
    assert examine([found], 60) == [None]

    elsewhere = tmp_path / "elsewhere" / "zoo_edited.py"
    elsewhere.parent.mkdir()
    elsewhere.write_text("")
    monkeypatch.syspath_prepend(elsewhere.parent)
    importlib.invalidate_caches()
    assert str(elsewhere) in (found.misplaced() or "")


def test_a_part_of_a_namespace_package_is_found_without_importing_its_parents(site):
    found = add(site, "deep", "acme_parts.deep", record=True)
    assert found.module_file() == str(site / "acme_parts" / "deep" / "__init__.py")
    assert found.misplaced() is None
    assert "acme_parts" not in sys.modules


@pytest.mark.parametrize("value", ["os:getcwd", "json", "sys:exit"])
def test_the_standard_library_is_not_a_plugin(site, value):
    name = f"thief_{value.partition(':')[0]}"
    install(site, f"zoo-{name}", points={GROUP: {name: value}}, record=True)
    with pytest.raises((PolicyDenied, Exception)) as caught:
        Registry(Policy()).get(name)
    assert caught.value.exit_code == 3


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_links_to_installed_files_are_those_files(site, tmp_path, monkeypatch):
    found = add(site, "linked", record=True)
    file = site / "zoo_linked" / "__init__.py"
    file.rename(tmp_path / "cached.py")
    file.symlink_to(tmp_path / "cached.py")
    importlib.invalidate_caches()
    assert found.misplaced() is None


@pytest.mark.parametrize("content", [b"\xff\xfe\x00 = \x80", b"no equals sign"])
def test_entry_points_that_cannot_be_read_are_left_out(site, content):
    info = install(site, "zoo-torn")
    (info / "entry_points.txt").write_bytes(b"[zoo.architectures]\n" + content)
    assert "zoo-torn" not in {one.distribution for one in scan()}


def test_comments_spaces_and_extras_are_read_as_installers_write_them(site):
    (install(site, "zoo-spaced") / "entry_points.txt").write_text(
        "# a comment\n[zoo.architectures]\n spaced = a.b : C.d [extra]\n"
        "[console_scripts]\nother = a:b\n"
    )
    found = provider("spaced")
    assert found.module == "a.b"
