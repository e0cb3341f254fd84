"""What a user installs."""

from __future__ import annotations

import configparser
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.packaging.support import ROOT, build_wheel

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def test_every_file_of_the_packages_is_in_the_wheel(names):
    wanted = {name.removeprefix("plugins/") for name in _tracked("zoo", "plugins")}
    assert wanted
    assert wanted <= names


def test_nothing_else_is_in_the_wheel(names):
    packages = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    own = {folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir()}
    assert packages == {"zoo"} | own
    # What new packages are made from holds their tests.
    own_files = [name for name in names if not name.startswith("zoo_scaffold/templates/")]
    assert not [name for name in names if "__pycache__" in name]
    assert not [name for name in own_files if "/tests/" in name]


def test_the_catalog_the_license_and_the_types_travel_along(names):
    assert "zoo/registry.yaml" in names
    assert "zoo/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_metadata_announces_every_first_party_plugin(wheel, names):
    (metadata,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
    announced = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        announced.read_string(archive.read(metadata).decode())
    modules = {
        value.partition(":")[0].partition(".")[0]
        for group in ("zoo.architectures", "zoo.datasets", "zoo.commands")
        for value in announced[group].values()
    }
    assert modules == {folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir()}


def test_the_version_stands_in_one_place_or_is_the_same_in_both():
    import zoo

    with (ROOT / "pyproject.toml").open("rb") as stream:
        assert tomllib.load(stream)["project"]["version"] == zoo.__version__


def test_the_same_checkout_gives_the_same_wheel(wheel, tmp_path):
    assert build_wheel(tmp_path).read_bytes() == wheel.read_bytes()
