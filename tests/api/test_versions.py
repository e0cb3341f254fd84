"""A third-party architecture with two versions and packaged weights, trained and exported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.registry.fakes import install

pytestmark = pytest.mark.slow

MODULE = '''
import zoo
from pydantic import Field


class PairConfig(zoo.ModelConfig):
    """What a pair can be told."""

    width: int = Field(4, ge=1, le=64, description="Units of the hidden layer.")


class Pair(zoo.Architecture[PairConfig]):
    """One hidden layer."""

    info = zoo.ArchitectureInfo(
        name="pair", summary="One hidden layer on an image.", tasks=(zoo.Task.CLASSIFICATION,)
    )
    Config = PairConfig
    default_dataset = "digits"
    hidden = 1

    def build(self, config, data):
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier, scale_image

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        value = layers.Flatten()(scale_image(image, spec))
        for _ in range(self.hidden):
            value = layers.Dense(config.width, "relu")(value)
        answer = layers.Dense(len(data.labels), "softmax", name="probabilities")(value)
        return compile_classifier(Model(image, answer), config.optimizer)


class PairTwo(Pair):
    """Two hidden layers: the weights of the first version do not fit it."""

    info = Pair.info.model_copy(update={"version": "2"})
    hidden = 2
'''

CATALOG = """schema_version: 1
models:
- name: pair
  distribution: zoo-pair
  summary: One hidden layer on an image.
  tasks: [classification]
  weights:
  - {{id: tiny, trained_on: digits, config: {{width: 3}}, parameters: {parameters},
     file: pair_package.models/tiny.weights.h5, bytes: {bytes}, sha256: {sha256}}}
- {{name: pair, version: 2, distribution: zoo-pair, summary: Two hidden layers on an image.,
   tasks: [classification]}}
"""

PROGRAM = """
import pathlib, sys, warnings
import zoo
from zoo.api.catalog import registry
from zoo.files import sha256_file

package, catalog = pathlib.Path(sys.argv[1]), sys.argv[2]
layers = lambda model: sum("dense" in layer.name for layer in model.layers)

assert layers(zoo.build("pair")) == 2
first = zoo.build("pair@1", width=3)
assert layers(first) == 1

file = package / "tiny.weights.h5"
first.save_weights(file)
(package / "registry.yaml").write_text(catalog.format(
    parameters=first.count_params(), bytes=file.stat().st_size, sha256=sha256_file(file)))
registry.cache_clear()
assert registry().catalog.problems == []
assert zoo.info("pair").versions == ["2", "1"]
assert [weights["id"] for weights in zoo.info("pair@1").weights] == ["tiny"]

images = zoo.dataset("digits").split("validation").arrays()[0]["image"][:3]
for name in ("pair@1:tiny", "zoo-pair:pair@1:tiny", "pair@1:tiny"):
    assert zoo.predict(name, images).labels == zoo.predict(first, images).labels, name
assert (zoo.build("pair@1", weights="tiny").get_weights()[0] == first.get_weights()[0]).all()
for wrong in (
    lambda: zoo.build("pair@1:tiny", weights="tiny"),
    lambda: zoo.build("pair@1:tinny"),
    lambda: zoo.train("pair@1:tiny"),
):
    try:
        wrong()
    except zoo.errors.ConfigError as error:
        print("refused:", error.what)
    else:
        raise AssertionError(wrong)

old = zoo.train("pair@1", epochs=1)
new = zoo.train("pair", epochs=1)
assert (old.path.name, new.path.name) == ("pair-1", "pair-2")
assert old.record["architecture"]["name"] == "pair"
assert new.record["architecture"]["name"] == new.architecture == "pair@2"
assert new.record["architecture"]["distribution"] == "zoo-pair"
assert (layers(zoo.Run(old.path).model), layers(zoo.Run(new.path).model)) == (1, 2)
assert zoo.evaluate(old.path).scores["accuracy"] != zoo.evaluate(new.path).scores["accuracy"]
assert zoo.train("pair", resume=new.path).status == "finished"

artifact = zoo.export(new)
assert (str(artifact.path), artifact.manifest["architecture"]) == ("exports/pair/1", "pair@2")
assert zoo.verify(artifact.path).architecture == "pair@2"
assert zoo.evaluate(artifact.path).scores["accuracy"] == zoo.evaluate(new).scores["accuracy"]
print("to the end")
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the program printed, a line each."""
    folder = tmp_path_factory.mktemp("versions")
    site = folder / "site"
    package = "pair_package/models"
    install(
        site,
        "zoo-pair",
        points={
            "zoo.architectures": {
                "pair": "pair_package.models:Pair",
                "pair@2": "pair_package.models:PairTwo",
            },
            "zoo.catalogs": {"pair": "pair_package.models"},
        },
        files={f"{package}/__init__.py": MODULE},
    )
    before = os.environ.get("PYTHONPATH", "")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(site / package), CATALOG],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (before, str(site))))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_runs_and_artifacts_of_a_version_stay_of_that_version(told):
    assert told[-1] == "to the end"


def test_weights_are_named_once_and_are_there_and_no_training_starts_from_them(told):
    assert [line for line in told if line.startswith("refused")] == [
        "refused: pair@1:tiny already names its weights",
        "refused: pair@1 has no weights 'tinny'",
        "refused: training starts from random weights",
    ]
