"""One small training that the tests of the public API share."""

from __future__ import annotations

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
