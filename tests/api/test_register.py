"""An architecture that is defined where it is used, as in a notebook."""

from __future__ import annotations

import pytest

import zoo
from zoo.errors import ArtifactError, NameCollision, PluginBroken

NOTEBOOK = """
import zoo
from pydantic import Field


class HomemadeConfig(zoo.ModelConfig):
    width: int = Field(6, ge=1, le=100, description="Units of the hidden layer.")


@zoo.register
class Homemade(zoo.Architecture[HomemadeConfig]):
    info = zoo.ArchitectureInfo(
        name="homemade", summary="A network made at home.", tasks=(zoo.Task.CLASSIFICATION,),
        tags=("home",),
    )
    Config = HomemadeConfig
    default_dataset = "digits"

    def build(self, config, data):
        from keras import Input, Model, layers
        from zoo.layers import compile_classifier, scale_image

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        hidden = layers.Dense(config.width, "relu")(layers.Flatten()(scale_image(image, spec)))
        answer = layers.Dense(len(data.labels), "softmax", name="probabilities")(hidden)
        return compile_classifier(Model(image, answer), config.optimizer)


assert "homemade" in zoo.list_models(tags=["home"])
assert zoo.info("homemade").schema["properties"]["width"]["maximum"] == 100
run = zoo.train("homemade", epochs=1, width=5)
assert run.path.name == "homemade-1"
assert run.record["architecture"]["distribution"] == "(registered here)"
measured = zoo.evaluate(run)
artifact = zoo.export(run)
assert str(artifact.path) == "exports/homemade/1"
assert zoo.verify(artifact.path).architecture == "homemade"
assert zoo.evaluate(artifact.path).scores["accuracy"] == measured.scores["accuracy"]
print("the notebook ran to its end")
"""


@pytest.fixture(scope="module")
def notebook(workshop, forks):
    """The folder in which the notebook ran, and what it printed."""
    folder = workshop / "notebook"
    folder.mkdir()
    done = forks.run("-c", NOTEBOOK, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_notebook_trains_exports_and_proves_what_it_defines(notebook):
    _, printed = notebook
    assert printed.splitlines()[-1] == "the notebook ran to its end"


def test_an_artifact_answers_where_its_architecture_is_unknown(notebook):
    folder, _ = notebook
    path = folder / "exports" / "homemade" / "1"
    images = zoo.dataset("digits").split("validation").arrays()[0]["image"][:3]
    assert len(zoo.predict(path, images).labels) == 3
    with pytest.raises(zoo.ZooError, match="homemade"):
        zoo.evaluate(path)


def _class(**members):
    body = {
        "info": zoo.ArchitectureInfo(
            name="homemade", summary="A network made at home.", tasks=(zoo.Task.CLASSIFICATION,)
        ),
        "Config": zoo.ModelConfig,
        "default_dataset": "digits",
        "build": lambda self, config, data: None,
    }
    return type("Homemade", (zoo.Architecture,), body | members)


def test_the_name_of_an_installed_model_is_taken():
    info = zoo.ArchitectureInfo(
        name="cnn", summary="Another of that name.", tasks=(zoo.Task.CLASSIFICATION,)
    )
    with pytest.raises(NameCollision, match="neural-zoo"):
        zoo.register(_class(info=info))


@pytest.mark.parametrize(
    "members",
    [{"info": None}, {"Config": None}, {"Config": dict}, {"default_dataset": None}],
    ids=repr,
)
def test_a_class_that_breaks_the_contract_is_refused_with_the_place(members):
    (place,) = members
    with pytest.raises(PluginBroken, match=place):
        zoo.register(_class(**members))
    assert "homemade" not in zoo.list_models()


def test_what_is_no_architecture_is_refused():
    with pytest.raises(PluginBroken):
        zoo.register(dict)


def test_a_run_of_an_architecture_that_is_gone_says_so(run, here):
    import json
    import shutil

    shutil.copytree(run.path, here / "run")
    record = run.record | {
        "architecture": {"name": "gone", "distribution": "zoo-gone", "version": "1"}
    }
    (here / "run" / "run.json").write_text(json.dumps(record))
    with pytest.raises(zoo.ZooError, match="gone"):
        zoo.evaluate(here / "run")
    with pytest.raises(ArtifactError):
        zoo.load(here)
