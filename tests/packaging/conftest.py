"""A wheel of this checkout, and an environment with nothing but the base install."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.packaging.support import ROOT, BaseInstall, build_wheel, pins


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="scripts/test brings the build backend")
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def base_install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> BaseInstall:
    """Copy the pinned base distributions from this environment: the same files, no network."""
    folder = tmp_path_factory.mktemp("base") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for name, version in pins(ROOT / "requirements" / "base.txt").items():
        distribution = importlib.metadata.distribution(name)
        if distribution.version != version:
            pytest.skip(f"this environment has {name} {distribution.version}, not {version}")
        for file in distribution.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(distribution.locate_file(file), target)  # type: ignore[arg-type]
    install = BaseInstall(folder)
    options = ("--no-index", "--no-deps", "--disable-pip-version-check")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            install.python,
            "install",
            "--quiet",
            *options,
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    return install
