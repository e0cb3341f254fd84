"""Finding, describing and building models."""

from __future__ import annotations

import json

import numpy as np
import pytest

import zoo
from zoo.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    Incompatible,
    RegistryError,
    TrainError,
    UnknownDataset,
    UnknownModel,
)

SMALL = {"units": [8]}


def test_models_are_listed_in_order():
    names = zoo.list_models()
    assert names == sorted(names)
    assert {"cnn", "mlp_classifier"} <= set(names)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("mlp*", ["mlp_classifier"]),
        ("c?n", ["cnn"]),
        ("[cm]nn", ["cnn"]),
        ("cnn", ["cnn"]),
        ("CNN", []),
        ("nothing*", []),
    ],
)
def test_a_pattern_is_a_glob_over_names(pattern, wanted):
    found = [name for name in zoo.list_models(pattern) if name in {"cnn", "mlp_classifier"}]
    assert found == wanted


def test_models_are_listed_by_task_and_by_all_of_some_tags():
    assert {"cnn", "mlp_classifier"} <= set(zoo.list_models(task="classification"))
    assert {"cnn", "mlp_classifier"} <= set(zoo.list_models(task=zoo.Task.CLASSIFICATION))
    assert "cnn" not in zoo.list_models(task="regression")
    assert "cnn" not in zoo.list_models(tags=["image", "tabular"])
    assert "mlp_classifier" in zoo.list_models(tags=["image", "tabular"])
    assert zoo.list_models(tags=["no-such-tag"]) == []


def test_a_task_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(RegistryError, match="classification"):
        zoo.list_models(task="clasification")


def test_info_tells_what_is_known_without_keras():
    info = zoo.info("cnn")
    assert (info.name, info.status, info.problem) == ("cnn", "ready", "")
    assert info.tasks == ["classification"]
    assert info.default_dataset == "digits"
    assert info.distribution == "neural-zoo"
    assert info.version == zoo.__version__
    assert info.schema["properties"]["dropout"]["description"]


def test_info_and_build_take_the_name_of_the_distribution_too():
    assert zoo.info("neural-zoo:cnn").name == "cnn"
    assert zoo.info("neural-zoo:cnn").status == "ready"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownModel, match="mlp_classifier"):
        zoo.info("mlp_clasifier")
    with pytest.raises(UnknownModel):
        zoo.build("no_such_model")


def test_plugins_and_doctor_know_where_a_model_comes_from():
    (row,) = [row for row in zoo.plugins() if row.name == "cnn"]
    assert (row.group, row.distribution, row.status) == (
        "zoo.architectures",
        "neural-zoo",
        "allowed",
    )
    assert all(finding.status != "fail" for finding in zoo.doctor())


class TestBuild:
    @pytest.fixture(autouse=True)
    def _keras(self, workshop):
        self.workshop = workshop

    def test_what_is_built_is_an_ordinary_compiled_keras_model(self):
        import keras

        model = zoo.build("mlp_classifier", **SMALL)
        assert isinstance(model, keras.Model)
        images = np.zeros((3, 8, 8, 1), np.uint8)
        assert model.predict(images, verbose=0).shape == (3, 10)
        model.fit(images, np.zeros(3, np.int64), epochs=1, verbose=0)
        assert "units" in type(model.blueprint.config).model_fields

    def test_shapes_and_classes_come_from_the_data(self):
        spec = zoo.DataSpec(
            id="mine",
            task=zoo.Task.CLASSIFICATION,
            inputs=(zoo.TensorSpec(name="image", shape=(12, 10, 3), dtype="uint8", role="image"),),
            targets=(zoo.TensorSpec(name="label", dtype="int64", labels=("cat", "dog")),),
        )
        model = zoo.build("cnn", data=spec, filters=[[4]])
        assert model.input_shape == (None, 12, 10, 3)
        assert model.output_shape == (None, 2)

    def test_nested_fields_are_reached_by_mapping_or_by_dots(self):
        by_mapping = zoo.build("mlp_classifier", **SMALL, optimizer={"learning_rate": 0.01})
        by_dots = zoo.build("mlp_classifier", **SMALL, **{"optimizer.learning_rate": 0.01})
        assert by_mapping.blueprint == by_dots.blueprint
        assert by_dots.blueprint.config.optimizer.learning_rate == 0.01

    def test_wrong_fields_are_all_named_at_once_with_the_nearest_name(self):
        with pytest.raises(ConfigError) as caught:
            zoo.build("mlp_classifier", unit=[8], dropout=2, **{"optimizer.learning_rat": 1})
        findings = {finding.where: finding for finding in caught.value.findings}
        assert set(findings) == {"unit", "dropout", "optimizer.learning_rat"}
        assert findings["unit"].did_you_mean == "units"
        assert findings["optimizer.learning_rat"].did_you_mean == "optimizer.learning_rate"
        assert "less than 1" in findings["dropout"].allowed

    def test_the_weights_of_a_run_bring_its_configuration_and_its_data(self, run):
        model = zoo.build("mlp_classifier", weights=run.path)
        assert model.blueprint == run.model.blueprint
        for own, trained in zip(model.weights, run.model.weights, strict=True):
            np.testing.assert_array_equal(own.numpy(), trained.numpy())

    @pytest.mark.parametrize("kind", [".weights.h5", ".keras"])
    def test_weights_come_from_a_file(self, kind, run, tmp_path):
        file = tmp_path / f"trained{kind}"
        if kind == ".keras":
            run.model.save(file)
        else:
            run.model.save_weights(file)
        model = zoo.build("mlp_classifier", weights=file, units=[16], dropout=0.1)
        for own, trained in zip(model.weights, run.model.weights, strict=True):
            np.testing.assert_array_equal(own.numpy(), trained.numpy())

    def test_weights_of_another_shape_are_refused(self, run):
        with pytest.raises(Incompatible, match="do not fit"):
            zoo.build("mlp_classifier", weights=run.folder.model_file, units=[17])

    def test_weights_of_another_architecture_are_refused(self, run):
        with pytest.raises(Incompatible, match="do not fit"):
            zoo.build("cnn", weights=run.path)

    def test_a_file_that_holds_no_weights_is_refused(self, tmp_path):
        file = tmp_path / "torn.weights.h5"
        file.write_bytes(b"not HDF5")
        with pytest.raises(Incompatible, match=r"torn\.weights\.h5"):
            zoo.build("mlp_classifier", weights=file, **SMALL)

    def test_a_file_with_an_ending_that_keras_does_not_know_is_refused(self, tmp_path):
        file = tmp_path / "weights.bin"
        file.write_bytes(b"1234")
        with pytest.raises(Incompatible, match=r"weights\.bin"):
            zoo.build("mlp_classifier", weights=file, **SMALL)

    def test_unknown_weights_are_refused_with_those_there_are(self):
        with pytest.raises(ConfigError, match="weights"):
            zoo.build("cnn", weights="imagenet")

    def test_a_model_from_elsewhere_is_told_how_to_become_one_of_ours(self):
        import keras

        stranger = keras.Sequential([keras.layers.Dense(1)])
        for verb in (zoo.evaluate, zoo.export, lambda model: zoo.predict(model, [[1.0]])):
            with pytest.raises(ArtifactError, match=r"zoo\.build"):
                verb(stranger)

    def test_a_tabular_spec_is_refused_by_a_network_for_images(self):
        spec = zoo.DataSpec(
            id="mine",
            task=zoo.Task.CLASSIFICATION,
            inputs=(
                zoo.TensorSpec(
                    name="features",
                    shape=(2,),
                    columns=(zoo.Column(name="a"), zoo.Column(name="b")),
                ),
            ),
            targets=(zoo.TensorSpec(name="label", dtype="int64", labels=("x", "y")),),
        )
        with pytest.raises(zoo.ZooError) as caught:
            zoo.build("cnn", data=spec)
        assert caught.value.why


class TestDatasets:
    def test_a_named_dataset_has_splits_and_a_fingerprint(self):
        pytest.importorskip("sklearn")
        digits = zoo.dataset("digits")
        assert [len(digits.split(name)) for name in ("train", "validation", "test")] == [
            1259,
            269,
            269,
        ]
        assert digits.fingerprint == zoo.dataset("digits").fingerprint
        assert digits.fingerprint != zoo.dataset("digits", split_seed=1).fingerprint

    def test_an_unknown_dataset_is_refused_with_the_nearest(self):
        with pytest.raises(UnknownDataset, match="digits"):
            zoo.dataset("digit")

    def test_an_unknown_option_is_refused_with_those_there_are(self):
        with pytest.raises(ConfigError, match="split_seed"):
            zoo.dataset("digits", split_sed=1)

    def test_a_description_holds_no_examples_to_learn_from(self, workshop):
        spec = zoo.dataset("digits").spec
        with pytest.raises(DataError, match="holds no examples"):
            zoo.train("mlp_classifier", spec, run_dir=workshop / "never")
        assert not (workshop / "never").exists()


def test_a_folder_that_is_neither_run_nor_artifact_is_not_loaded(tmp_path):
    with pytest.raises(ArtifactError, match="neither"):
        zoo.load(tmp_path)
    with pytest.raises(ArtifactError, match="no such folder"):
        zoo.load(tmp_path / "absent")
    with pytest.raises(TrainError):
        zoo.Run(tmp_path)


def test_a_table_with_other_categories_is_measured_by_those_of_the_model(tmp_path):
    for name, colors in (("mine", "red blue"), ("yours", "green blue")):
        rows = [f"{colors.split()[i % 2]},{i % 2}" for i in range(40)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["color,label", *rows]))
    model = zoo.build("mlp_classifier", data=str(tmp_path / "mine.csv"))
    found = zoo.evaluate(model, str(tmp_path / "yours.csv"))
    assert found.examples == 40
    answers = zoo.predict(model, [{"color": "green"}, {"color": "blue"}]).labels
    right = np.mean([answer == label for answer, label in zip(answers, "01", strict=True)])
    assert found.scores["accuracy"].value == right


def test_building_again_enters_few_files(forks):
    """A name is resolved once, and a call runs what it needs."""
    program = """
import json, pathlib, sys
import zoo
zoo.build("cnn")
root, files = str(pathlib.Path(zoo.__file__).parent), set()
def profile(frame, event, _):
    if event == "call" and frame.f_code.co_filename.startswith(root):
        files.add(frame.f_code.co_filename[len(root):])
sys.setprofile(profile)
zoo.build("cnn")
sys.setprofile(None)
print(json.dumps(sorted(files)))
"""
    done = forks.run("-c", program)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)
    assert len(files) <= 10, files


def test_a_predictor_is_opened_once_and_predicts_as_predict_does():
    model = zoo.build("cnn", weights="digits")
    predictor = zoo.open_predictor(model)
    images = zoo.dataset("digits").split("test").take(np.arange(3))[0]["image"]
    first = next(iter(predictor.signatures.values()))
    inputs, outputs = first.inputs, first.outputs

    assert (predictor.name, predictor.source, predictor.prompts) == ("cnn", "", None)
    assert predictor.license == "Apache-2.0"
    assert inputs[0].name == "image"
    assert "probabilities" in {spec.name for spec in outputs}
    assert predictor.predict(images).labels == zoo.predict(model, images).labels
