"""A repository of several models, and ``zoo serve`` as a process of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forked import Forks

_ROOT = Path(__file__).parents[3]

_MAKE = """
import sys
from pathlib import Path
from tests.exporting import networks
from zoo.exporting.export import export_artifact
from zoo.spec import Task, TensorSpec
from zoo.architecture import Signature
out = Path(sys.argv[1])
networks.export_cnn(out)
networks.export_tabular(out, name="tiny_table")
value = TensorSpec(name="value", shape=(1,))
export_artifact(
    networks.blueprint(networks.SERIES, task=Task.REGRESSION), networks.Tiny(),
    [Signature("predict", networks.recurrent(), (networks.SERIES,), (value,))],
    out=out, name="tiny_series", samples=networks.samples("series"))
export_artifact(
    networks.blueprint(TensorSpec(name="x", shape=(4,)), task=Task.RECONSTRUCTION), networks.Tiny(),
    networks.autoencoder(), out=out, name="tiny_code", samples=networks.samples("x", "z"))
"""


@dataclass(frozen=True)
class Served:
    """A running server: its address, what it serves, what it printed."""

    host: str
    repository: Path
    printed: str

    @property
    def url(self) -> str:
        return f"http://{self.host}"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Path:
    """Export in another process: in this one nothing must import Keras."""
    folder = tmp_path_factory.mktemp("repository")
    path = os.pathsep.join([str(_ROOT), *filter(None, sys.path)])
    done = forks.run("-c", _MAKE, folder, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    # A second version of one model that somebody changed.
    shutil.copytree(folder / "tiny" / "1", folder / "tiny" / "2")
    with (folder / "tiny" / "2" / "model.onnx").open("r+b") as stream:
        stream.seek(200)
        stream.write(b"changed")
    return folder


@pytest.fixture(scope="session")
def served(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``zoo serve`` on a free port, with a limit of one MiB a request."""
    for package in ("starlette", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install neural-zoo[serve]")
    log = tmp_path_factory.mktemp("log") / "stderr"
    words = ["-m", "zoo", "serve", repository, "--port", "0", "--max-request", "1"]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"http://(127\.0\.0\.1:\d+)/v2/models/", line)
        assert found, line + log.read_text()
        yield Served(found[1], repository, line + log.read_text())
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert "Traceback" not in log.read_text()
