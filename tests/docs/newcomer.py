"""A folder and an environment as somebody has them who follows the README for the first time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np

from tests.docs.pages import ROOT
from tests.forked import Forks

FORKED = ROOT / "tests" / "forked.py"
HEAVY = ("train", "evaluate", "export", "quantize")
"""Commands that import the framework."""


class Newcomer:
    """Runs commands in one working folder, in a scratch environment on top of the running one."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.bin = folder / "environment" / "bin"
        self._forks = forks
        self._environment(folder / "environment")
        shutil.copytree(ROOT / "examples", self.folder / "examples")
        # They make and use the environment of their own checkout, so they run from there. Of the
        # tests only the collecting is tried: this one is among them.
        self._program(self.folder / "scripts" / "demo", f'exec "{ROOT}/scripts/demo" "$@"')
        self._program(
            self.folder / "scripts" / "test",
            f'exec "{ROOT}/scripts/test" --collect-only -q tests/docs "$@"',
        )

    def run(
        self, language: str, text: str, timeout: float = 200
    ) -> subprocess.CompletedProcess[str]:
        """Run a block of the README."""
        program = {"sh": ["sh", "-eux"], "python": [str(self.bin / "warm-python")]}
        return subprocess.run(
            [*program[language], "-c", text],
            cwd=self.folder,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )

    def _variables(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "ZOO_", "COV_", "PYTEST"))
        }
        return kept | {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins"))),
            "ZOO_OFFLINE": "1",
        }

    def _environment(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "lib" / version / "site-packages"
        below = sysconfig.get_path("purelib")
        (packages / "below.pth").write_text(f"import site; site.addsitedir({below!r})\n")
        python, warm = self.bin / "python", self.bin / "warm-python"
        path = f'PYTHONPATH="$PYTHONPATH{os.pathsep}{packages}"'
        forked = f'"{FORKED}" "{self._forks.place}"' if self._forks.place else ""
        self._program(warm, f'{path} exec "{python}" {forked} "$@"')
        self._program(
            self.bin / "zoo",
            f"python={python}; case $1 in {'|'.join(HEAVY)}) python={warm};; esac\n"
            'exec "$python" -m zoo "$@"',
        )
        # What the example builds with and depends on is in the running environment already.
        self._program(
            self.bin / "pip",
            'verb=$1; shift; [ "$verb" = install ] || exit 2\n'
            f'exec "{python}" -m pip install --quiet --disable-pip-version-check --no-index '
            '--no-build-isolation --no-deps "$@"',
        )

    @staticmethod
    def _program(path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)


def write_photos(folder: Path) -> None:
    """Write two classes of small color pictures, half of them PNG, half JPG, of three sizes."""
    from PIL import Image

    random = np.random.default_rng(0)
    for name, tint in (("grass", (60, 160, 50)), ("sky", (90, 140, 220))):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            side = (24, 32, 40)[number % 3]
            noise = random.integers(-40, 40, (side, side, 3))
            pixels = np.clip(np.array(tint) + noise, 0, 255).astype(np.uint8)
            kind = ("png", "jpg")[number % 2]
            Image.fromarray(pixels).save(folder / name / f"{number:02}.{kind}")


def write_aircraft(file: Path) -> None:
    """Write a photo of another shape than the model's input: one of the drawn ones, wider."""
    from PIL import Image

    from zoo_aircraft import draw, make_scene

    Image.fromarray(draw(make_scene(7, "test", 3), 160)).resize((200, 160)).save(file)


def write_flowers(file: Path) -> None:
    """Write a table of measurements of three species, one value of it missing."""
    random = np.random.default_rng(0)
    rows = ["sepal_length,sepal_width,petal_length,petal_width,species"]
    means = {
        "setosa": (5.0, 3.4, 1.5, 0.2),
        "versicolor": (5.9, 2.8, 4.3, 1.3),
        "virginica": (6.6, 3.0, 5.6, 2.0),
    }
    for species, mean in means.items():
        for _ in range(30):
            values = np.maximum(random.normal(mean, 0.3), 0.1)
            rows.append(",".join([*(f"{value:.1f}" for value in values), species]))
    cells = rows[40].split(",")
    rows[40] = ",".join([cells[0], "", *cells[2:]])
    file.write_text("\n".join(rows) + "\n")


def write_digit(file: Path) -> None:
    """Write a picture of a seven, larger than the model's input."""
    from PIL import Image

    pixels = np.zeros((28, 28), np.uint8)
    pixels[5:8, 7:21] = 255
    for row in range(8, 24):
        column = 20 - (row - 8) // 2
        pixels[row, column - 2 : column + 1] = 255
    Image.fromarray(pixels).save(file)
