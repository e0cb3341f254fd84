"""Third-party packages, installed by pip into a fresh environment, and got rid of again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.third_party import ARCHITECTURE, ARCHITECTURES, BAD_PACKAGES, Package
from tests.packaging.support import ROOT

pytestmark = pytest.mark.packaging

CHOSEN = [
    one
    for one in BAD_PACKAGES
    if one.id != "binary"  # pip refuses entry points that are not text
]


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees this checkout and what it needs, and its own packages."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def pip(self, *words: str | Path) -> None:
        options = ("--disable-pip-version-check", "--quiet")
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.python, *words, *options],
            check=True,
            capture_output=True,
            env=_environment(self.folder),
        )

    def zoo(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, "-m", "zoo", *words],
            cwd=self.folder,
            env=_environment(self.folder) | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def sick(self, *words: str) -> dict[str, Any]:
        """Return what the doctor finds wrong, by the text of it."""
        done = self.zoo("doctor", "--json", "--timeout", "8", *words)
        told = json.loads(done.stdout)
        failed = {one["what"]: one for one in told["findings"] if one["status"] == "fail"}
        assert told["healthy"] is (not failed)
        assert done.returncode == (1 if failed else 0)
        return failed


def _environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "ZOO_", "COV_"))
    }
    return kept | {"ZOO_CACHE": str(folder / "cache")}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    beside = (ROOT, ROOT / "plugins", sysconfig.get_path("purelib"))
    (site / "beside.pth").write_text("".join(f"{place}\n" for place in beside))
    return Environment(folder)


def test_every_bad_package_is_named_and_gone_when_it_is_uninstalled_as_the_doctor_says(
    environment: Environment, tmp_path: Path
):
    before = json.loads(environment.zoo("list", "--json").stdout)
    assert not environment.sick()
    wheels = [one.package.wheel(tmp_path / "wheels") for one in CHOSEN]
    environment.pip("install", "--no-index", "--no-deps", *wheels)

    names = {one.name for one in CHOSEN}
    after = json.loads(environment.zoo("list", "--json").stdout)
    assert [one for one in after if one["name"] not in names] == before
    failed = environment.sick()
    bad = [one for one in CHOSEN if one.status == "fail"]
    for one in bad:
        told = [what for what in failed if f"{one.distribution} 1.0" in what]
        assert all(any(part in what for what in told) for part in one.says), told
        assert any(one.fix or f"pip uninstall {one.distribution}" in failed[w]["fix"] for w in told)

    environment.pip("uninstall", "--yes", *(one.distribution for one in CHOSEN))
    assert json.loads(environment.zoo("list", "--json").stdout) == before
    assert not environment.sick()


def test_one_distribution_both_editable_and_as_a_wheel_is_one(
    environment: Environment, tmp_path: Path
):
    pytest.importorskip("hatchling", reason="scripts/test brings the build backend")
    pytest.importorskip("editables", reason="scripts/test brings what editable installs need")
    source = tmp_path / "source"
    source.mkdir()
    (source / "zoo_double.py").write_text(ARCHITECTURE.format(name="double"))
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "zoo-double"\nversion = "2.0"\n'
        '[project.entry-points."zoo.architectures"]\ndouble = "zoo_double:Model"\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["zoo_double.py"]\n'
    )
    environment.pip("install", "--no-index", "--no-deps", "--no-build-isolation", "-e", source)
    wheel = Package(
        "zoo-double",
        points={ARCHITECTURES: {"double": "zoo_double:Model"}},
        files={"zoo_double.py": ARCHITECTURE.format(name="double")},
    ).install(tmp_path / "wheel")

    alone = json.loads(environment.zoo("info", "double", "--json").stdout)
    assert (alone["status"], alone["version"]) == ("ready", "2.0")
    both = environment.zoo("info", "double", "--json", PYTHONPATH=str(wheel))
    assert (json.loads(both.stdout)["status"], json.loads(both.stdout)["version"]) == (
        "ready",
        "1.0",
    )
