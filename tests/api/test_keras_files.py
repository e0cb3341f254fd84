"""Models in ``.keras`` files: Keras opens them after ``import zoo``, and so does the zoo."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.registry.fakes import install
from zoo.errors import (
    ArtifactError,
    ConfigError,
    Incompatible,
    PluginBroken,
    PolicyDenied,
    UnknownModel,
)
from zoo.keras_import import register_with_keras

keras = pytest.importorskip("keras", reason="models need the keras extra")

OPEN = """
import importlib.util, json, sys
import zoo
assert importlib.util.find_spec("keras") and "keras" not in sys.modules
import keras
sys.path.insert(0, sys.argv[1])
from tests.api.test_keras_files import digest
for file in sys.argv[2:]:
    print(digest(keras.saving.load_model(file)))
"""
ROOT = Path(__file__).parents[2]


def weights(model) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


def digest(model) -> str:
    """The digest of a model's weights, configuration and compilation."""
    found = hashlib.sha256()
    for weight in weights(model):
        found.update(weight)
    for part in (model.get_config(), model.get_compile_config()):
        found.update(json.dumps(part, sort_keys=True, default=str).encode())
    return found.hexdigest()


def saved(name: str, folder: Path, **config):
    """A model and its file, with an optimizer of which Keras does not warn."""
    model = zoo.build(name, **config)
    model.optimizer.build(model.trainable_variables)
    file = folder / f"{name}.keras"
    model.save(file)
    return model, file


def check_that_keras_opens(names, folder: Path) -> None:
    pairs = [saved(name, folder) for name in names]
    done = subprocess.run(
        [sys.executable, "-c", OPEN, ROOT, *(file for _, file in pairs)],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [digest(model) for model, _ in pairs]


def test_keras_opens_saved_models_in_a_program_that_has_imported_the_zoo(tmp_path):
    # One with layers of the zoo, and one with layers of its plugin.
    check_that_keras_opens(["mlp_classifier", "rbm"], tmp_path)


@pytest.mark.slow
def test_keras_opens_every_model_in_a_program_that_has_imported_the_zoo(tmp_path):
    check_that_keras_opens(zoo.list_models(), tmp_path)


def test_keras_opens_a_model_where_it_was_imported_before_the_zoo(tmp_path, forks):
    model, file = saved("rbm", tmp_path)
    code = OPEN.replace("import zoo\nassert", "import keras, zoo\nassert not")
    done = forks.run("-c", code.replace("and", "or not"), ROOT, file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [digest(model)]


def test_the_catalog_lists_every_class_that_a_model_of_the_zoo_registers():
    listed, packages = {}, set()
    for listing in zoo.api.catalog.registry().listings():
        if not listing.is_installed:
            continue  # another test has registered it
        package = listing.provider.module
        packages.add(package)
        listed |= listing.entry.custom_objects
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")
    known = keras.saving.get_custom_objects()
    found = {
        name: kind.__module__
        for name, kind in known.items()
        if getattr(kind, "__module__", "").partition(".")[0] in packages
    }
    assert found == listed


def test_the_zoo_opens_a_saved_model_with_the_same_weights_and_predictions(tmp_path):
    model, file = saved("mlp_classifier", tmp_path, units=[8])
    again = zoo.load(file)
    assert again.blueprint == model.blueprint
    assert weights(again) == weights(model)
    for part in ("loss", "metrics"):
        assert again.get_compile_config()[part] == model.get_compile_config()[part]
    images = zoo.dataset("digits").split("test").take(np.arange(4))[0]
    expected = zoo.predict(model, images)
    found = zoo.predict(str(file), images)
    assert found.labels == expected.labels
    assert np.array_equal(found.outputs["probabilities"], expected.outputs["probabilities"])


def test_a_model_that_was_opened_can_be_saved_and_opened_again(tmp_path):
    model, file = saved("mlp_classifier", tmp_path, units=[])
    zoo.load(file).save(tmp_path / "again.keras")
    again = zoo.load(tmp_path / "again.keras")
    assert again.blueprint == model.blueprint
    assert weights(again) == weights(model)


def test_the_model_of_a_run_opens_without_the_rest_of_the_run(run, tmp_path):
    file = tmp_path / "mine.keras"
    file.write_bytes((run.path / "model.keras").read_bytes())
    assert weights(zoo.load(file)) == weights(run.model)
    assert weights(keras.saving.load_model(file)) == weights(run.model)


class TestAFileThatIsNoModelOfTheZoo:
    def test_a_model_of_keras_alone_is_refused_with_the_call_that_opens_it(self, tmp_path):
        file = tmp_path / "plain.keras"
        keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)]).save(file)
        with pytest.raises(ArtifactError, match="does not say which model it is") as refused:
            zoo.load(file)
        assert f"keras.saving.load_model({str(file)!r})" in refused.value.fix

    def test_other_content_is_refused(self, tmp_path):
        file = tmp_path / "text.keras"
        file.write_text("no archive")
        with pytest.raises(ArtifactError, match="not a model that can be opened"):
            zoo.load(file)

    def test_a_file_that_is_not_there_is_no_name_of_a_model(self, here):
        with pytest.raises(ArtifactError, match=r"there is no file gone\.keras"):
            zoo.predict("gone.keras", [])

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ("[]", Incompatible),
            ('{"architecture": "mlp_classifier", "distribution": "", "data": 3}', Incompatible),
            ("{", ArtifactError),
            ("\udcff", ArtifactError),
        ],
    )
    def test_a_damaged_description_is_refused(self, tmp_path, wrong, error):
        file = tmp_path / "damaged.keras"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("assets/blueprint.json", wrong.encode("utf-8", "surrogateescape"))
        with pytest.raises(error):
            zoo.load(file)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"architecture": "gone", "distribution": ""}, UnknownModel),
            ({"config": {"units": [-1]}}, ConfigError),
            ({"config": {"units": [5]}}, Incompatible),
        ],
    )
    def test_a_description_that_does_not_fit_is_refused(self, tmp_path, change, error):
        _, file = saved("mlp_classifier", tmp_path, units=[])
        other = tmp_path / "other.keras"
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(other, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name == "assets/blueprint.json":
                    content = json.dumps(json.loads(content) | change).encode()
                new.writestr(name, content)
        with pytest.raises(error):
            zoo.load(other)


LAYER = """
import keras
@keras.saving.register_keras_serializable("zoo_thing")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
"""
CATALOG = """
schema_version: 1
models:
- name: thing
  distribution: zoo-thing
  summary: Doubles its inputs.
  tasks: [regression]
  custom_objects:
    zoo_thing>Doubled: thing_package.layers
    zoo_thing>Gone: thing_package.layers
"""


class TestAThirdParty:
    @pytest.fixture(autouse=True)
    def installed(self, tmp_path, monkeypatch):
        install(
            tmp_path,
            "zoo-thing",
            points={
                "zoo.catalogs": {"thing": "thing_package"},
                "zoo.architectures": {"thing": "thing_package:Thing"},
            },
            files={
                "thing_package/__init__.py": "",
                "thing_package/layers.py": LAYER,
                "thing_package/registry.yaml": CATALOG,
            },
        )
        monkeypatch.syspath_prepend(tmp_path)
        before = dict(keras.saving.get_custom_objects())
        yield
        zoo.api.catalog.registry.cache_clear()
        for module in [name for name in sys.modules if name.startswith("thing_package")]:
            del sys.modules[module]
        keras.saving.get_custom_objects().clear()
        keras.saving.get_custom_objects().update(before)

    def make(self, name: str = "Doubled"):
        """What Keras makes of a file that names a class."""
        zoo.api.catalog.registry.cache_clear()
        register_with_keras()
        assert "thing_package" not in sys.modules
        return keras.saving.deserialize_keras_object(
            {
                "module": "thing_package.layers",
                "class_name": name,
                "config": {"name": "mine"},
                "registered_name": f"zoo_thing>{name}",
            }
        )

    def test_its_layer_is_imported_when_a_file_names_it(self):
        layer = self.make()
        assert type(layer).__module__ == "thing_package.layers"
        assert keras.ops.convert_to_numpy(layer(np.ones(3, "float32"))).tolist() == [2, 2, 2]

    def test_one_that_is_not_allowed_is_not_imported(self, monkeypatch):
        monkeypatch.setenv("ZOO_BLOCK", "zoo-thing")
        with pytest.raises(TypeError, match="Could not locate class 'Doubled'"):
            self.make()
        assert "thing_package" not in sys.modules

    def test_one_in_another_folder_is_not_imported(self, tmp_path_factory, monkeypatch):
        other = tmp_path_factory.mktemp("other")
        (other / "thing_package").mkdir(parents=True)
        (other / "thing_package" / "__init__.py").write_text("raise SystemExit('imported')")
        monkeypatch.syspath_prepend(other)
        with pytest.raises(PolicyDenied):
            self.make()

    def test_one_that_registers_no_such_class_is_named(self):
        with pytest.raises(PluginBroken, match=r"registers no 'zoo_thing>Gone'"):
            self.make("Gone")

    def test_one_that_cannot_be_imported_is_named(self, tmp_path):
        (tmp_path / "thing_package" / "layers.py").write_text("1 / 0")
        with pytest.raises(PluginBroken, match="zoo-thing"):
            self.make()
