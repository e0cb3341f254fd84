"""Two versions of one architecture: each is checked against what its catalog says of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.forked import Forks
from tests.registry.fakes import install

SOURCE = '''
"""A linear classifier in two versions."""

import zoo


class Linear(zoo.Architecture):
    """A linear classifier."""

    info = zoo.ArchitectureInfo(
        name="linear", summary="A linear classifier.", tasks=("classification",)
    )
    Config = zoo.ModelConfig
    default_dataset = "digits"

    def build(self, config, data):
        """Return a compiled model."""
        import keras

        image = keras.Input(data.inputs[0].shape, name="image", dtype="uint8")
        x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 16)(image))
        x = keras.layers.Dense(len(data.labels), "softmax", name="probabilities")(x)
        model = keras.Model(image, x)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model


class Second(Linear):
    """The second version, which says more of itself."""

    info = zoo.ArchitectureInfo(
        name="linear",
        version="2",
        summary="A linear classifier, once more.",
        tasks=("classification",),
    )
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    said = {
        "name": "linear",
        "distribution": "twice",
        "tasks": ["classification"],
        "license": "Apache-2.0",
        "default_dataset": "digits",
    }
    models = [
        said | {"summary": "A linear classifier."},
        said | {"summary": "A lie about the second.", "version": "2"},
    ]
    install(
        folder,
        "twice",
        points={
            "zoo.architectures": {"linear": "twice:Linear", "linear@2": "twice:Second"},
            "zoo.catalogs": {"twice": "twice"},
        },
        files={
            "twice/__init__.py": SOURCE,
            "twice/registry.yaml": json.dumps({"schema_version": 1, "models": models}),
        },
    )
    return folder


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [("linear@1", "passed"), ("linear@2", "failed"), ("linear", "failed")],
)
def test_a_version_is_compared_with_its_own_entry(
    site: Path, asked: str, outcome: str, forks: Forks
) -> None:
    words = ["check", asked, "--select", "gold.catalog", "--select", "discover.name", "--json"]
    done = forks.run("-m", "zoo", *words, env={**os.environ, "PYTHONPATH": str(site)})
    receipt = json.loads(done.stdout)
    assert receipt["plugin"]["name"] == ("linear" if asked == "linear@1" else "linear@2")
    checks = receipt["checks"]
    assert checks["discover.name"]["outcome"] == "passed", checks
    assert checks["gold.catalog"]["outcome"] == outcome, checks
    assert ("A lie about the second." in checks["gold.catalog"]["reason"]) is (outcome == "failed")
