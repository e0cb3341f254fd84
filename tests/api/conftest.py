"""One small training that the tests of the public API share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def workshop(tmp_path_factory) -> Path:
    """A folder to train and export in."""
    pytest.importorskip("tensorflow", reason="training needs the keras extra")
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    return tmp_path_factory.mktemp("workshop")


@pytest.fixture(scope="session")
def run(workshop):
    """A finished run of a small perceptron on the digits."""
    import zoo

    return zoo.train(
        "mlp_classifier", run_dir=workshop / "run", epochs=3, seed=7, units=[16], dropout=0.1
    )


@pytest.fixture(scope="session")
def artifact(run, workshop):
    """What that run exports."""
    import zoo

    return zoo.export(run, workshop / "exports")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


HOLD = (
    "import sys; from pathlib import Path; from zoo.training.run_folder import RunFolder\n"
    "with RunFolder(Path(sys.argv[1])).locked(): print('held', flush=True); input()"
)


@pytest.fixture
def holding():
    """A function that lets another process hold a run."""
    holders: list[subprocess.Popen[str]] = []

    def hold(path: Path) -> int:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        holders.append(holder)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        return holder.pid

    yield hold
    for holder in holders:
        holder.communicate("\n")
