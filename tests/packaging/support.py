"""Build a wheel of this checkout; run programs of an environment that holds only that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(file: Path) -> dict[str, str]:
    """Return what a requirements file pins: version by name."""
    return dict(_PIN.findall(file.read_text()))


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout with the pinned backend, without the network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True)
class BaseInstall:
    """An environment that holds the wheel and requirements/base.txt, and nothing else."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment far from the checkout."""
        program, *rest = words
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "ZOO_", "COV_"))
        }
        return subprocess.run(
            [str(self.folder / "bin" / str(program)), *map(str, rest)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
