"""An empty current folder, no network, and a finished run."""

from __future__ import annotations

import contextlib
import importlib
import shutil
from pathlib import Path

import pytest

from tests.hostile.harness import call


@pytest.fixture(autouse=True)
def _workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session", autouse=True)
def _keras() -> None:
    """Import Keras first: its seconds are not the cost of the input that comes first."""
    with contextlib.suppress(ImportError):
        importlib.import_module("keras")


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> Path:
    """A finished and evaluated run."""
    pytest.importorskip("tensorflow", reason="training needs the keras extra")
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    run = tmp_path_factory.mktemp("good") / "run"
    words = ("train", "mlp_classifier", "--set", "units=[4]", "--epochs", "1", "--quiet")
    assert call(*words, "--run-dir", str(run)).exit == 0
    assert call("evaluate", str(run)).exit == 0
    return run


@pytest.fixture
def run(good, tmp_path) -> Path:
    """A copy of the run in the current folder."""
    return Path(shutil.copytree(good, tmp_path / "run"))
