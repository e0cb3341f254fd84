"""Artifacts for the runtime's tests, made once by the export; its networks are shared."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked import Forks

_ROOT = Path(__file__).parents[2]

_MAKE = """
import sys
from pathlib import Path
from tests.exporting import networks
networks.export_cnn(Path(sys.argv[1]) / "images")
networks.export_tabular(Path(sys.argv[1]) / "tables")
networks.export_wide(Path(sys.argv[1]) / "wide")
networks.export_wide(Path(sys.argv[1]) / "parted", largest_file=100_000)
"""


@pytest.fixture(scope="session")
def _artifacts(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Path:
    """Export in another process: in this one nothing must import Keras."""
    folder = tmp_path_factory.mktemp("artifacts")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, sys.path)]),
    }
    done = forks.run("-c", _MAKE, folder, env=environment)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def image_artifact(_artifacts: Path) -> Path:
    """An artifact that takes pictures of 6 x 6; read it, do not change it."""
    return _artifacts / "images" / "tiny" / "1"


@pytest.fixture(scope="session")
def table_artifact(_artifacts: Path) -> Path:
    """An artifact that takes three numeric and two categorical columns; do not change it."""
    return _artifacts / "tables" / "tiny" / "1"


@pytest.fixture(scope="session")
def whole_artifact(_artifacts: Path) -> Path:
    """An artifact that takes four numbers, with matrices of a megabyte; do not change it."""
    return _artifacts / "wide" / "tiny" / "1"


@pytest.fixture(scope="session")
def parted_artifact(_artifacts: Path) -> Path:
    """The same, with its large weights in a file beside the graph; do not change it."""
    return _artifacts / "parted" / "tiny" / "1"


@pytest.fixture
def copy(image_artifact: Path, tmp_path: Path) -> Callable[[], Path]:
    """Make a copy of the image artifact that a test may spoil."""
    count = iter(range(1000))

    def make() -> Path:
        return Path(shutil.copytree(image_artifact, tmp_path / f"copy{next(count)}"))

    return make
