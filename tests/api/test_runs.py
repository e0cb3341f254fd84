"""From a run to an artifact, through the public API."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import zoo
from zoo.errors import ConfigError, DataError, StorageError, Tampered, TrainError


def images(count: int = 5) -> np.ndarray:
    part = zoo.dataset("digits").split("validation")
    return part.take(np.arange(count))[0]["image"]


def tiny(**options):
    return zoo.train("mlp_classifier", **{"epochs": 1, "units": []} | options)


class TestARun:
    def test_the_record_says_what_was_trained_on_what_and_how_it_ended(self, run):
        record = run.record
        assert record == json.loads((run.path / "run.json").read_text())
        assert record["architecture"]["name"] == run.architecture == "mlp_classifier"
        assert record["architecture"]["distribution"] == "neural-zoo"
        assert record["config"]["units"] == [16]
        assert record["plan"]["epochs"] == record["epochs_done"] == 3
        assert record["seed"] == record["plan"]["seed"] == 7
        assert record["data"]["sizes"] == {"train": 1259, "validation": 269}
        assert record["data"]["fingerprint"] == zoo.dataset("digits").fingerprint
        assert record["versions"]["zoo"] == zoo.__version__
        assert record["parameters"] == run.model.count_params()
        assert record["status"] == run.status == "finished"
        assert record["seconds"] > 0
        assert record["cpu_seconds"] > 0

    def test_the_history_has_one_line_an_epoch(self, run):
        assert len(run.history) == 3
        best = run.record["best_epoch"]
        assert run.history[best - 1]["val_loss"] == min(line["val_loss"] for line in run.history)
        assert run.record["best"]["val_loss"] == run.history[best - 1]["val_loss"]

    def test_what_was_recorded_is_read_back_as_what_it_was(self, run):
        again = zoo.load(run.path)
        assert isinstance(again, zoo.Run)
        assert again.record == run.record
        assert again.config.units == (16,)
        assert again.plan.seed == 7
        assert again.data_spec == zoo.dataset("digits").spec
        assert "finished" in repr(again)
        for own, trained in zip(again.model.weights, run.model.weights, strict=True):
            np.testing.assert_array_equal(own.numpy(), trained.numpy())

    def test_the_same_seed_gives_the_same_bits_in_a_numbered_folder(self, run, here):
        again = zoo.train("mlp_classifier", epochs=3, seed=7, units=[16], dropout=0.1)
        assert str(again.path) == "runs/mlp_classifier-1"
        for own, other in zip(again.model.weights, run.model.weights, strict=True):
            np.testing.assert_array_equal(own.numpy(), other.numpy())

    @pytest.mark.slow
    def test_another_seed_gives_other_bits_in_the_next_folder(self, here):
        first, second = tiny(seed=1), tiny(seed=2)
        assert [first.path.name, second.path.name] == ["mlp_classifier-1", "mlp_classifier-2"]
        assert first.record["best"]["val_loss"] != second.record["best"]["val_loss"]

    def test_a_folder_that_is_not_empty_is_not_written_to(self, here):
        (here / "mine.txt").write_text("keep me")
        with pytest.raises(StorageError, match="not empty"):
            tiny(run_dir=here)
        assert [path.name for path in here.iterdir()] == ["mine.txt"]

    def test_a_plan_is_checked_before_anything_is_written(self, here):
        with pytest.raises(ConfigError) as caught:
            tiny(epochs=0, batch_size=0, plan={"monitr": "loss"})
        found = {finding.where: finding.did_you_mean for finding in caught.value.findings}
        assert found == {"epochs": None, "batch_size": None, "monitr": "monitor"}
        assert not list(here.iterdir())

    def test_a_monitor_that_the_history_does_not_have_is_named(self, here):
        with pytest.raises(ConfigError, match="val_loss"):
            tiny(plan={"monitor": "val_los"})

    def test_training_without_a_name_asks_for_one(self):
        with pytest.raises(ConfigError, match="which model"):
            zoo.train()

    def test_a_dataset_of_ones_own_can_be_trained_on(self, here):
        random = np.random.default_rng(0)
        np.savez(
            here / "mine.npz",
            x=random.integers(0, 255, (60, 6, 6, 1), dtype=np.uint8),
            y=np.arange(60) % 2,
        )
        data = zoo.dataset(here / "mine.npz", split_seed=3)
        trained = tiny(data=data, run_dir=here / "run")
        assert trained.record["data"]["options"] == {"split_seed": 3}
        assert trained.dataset().fingerprint == data.fingerprint
        np.savez(
            here / "mine.npz",
            x=random.integers(0, 255, (60, 6, 6, 1), dtype=np.uint8),
            y=np.arange(60) % 2,
        )
        with pytest.raises(DataError, match="has changed"):
            zoo.evaluate(trained)


class TestResuming:
    def test_a_finished_run_is_returned_as_it_is(self, run):
        assert zoo.train(resume=run.path).record == run.record
        assert zoo.train("mlp_classifier", resume=run.path).record == run.record

    @pytest.mark.parametrize(
        ("changes", "where"),
        [
            ({"epochs": 9}, "epochs"),
            ({"seed": 1}, "seed"),
            ({"data": "digits"}, "data"),
            ({"units": [8]}, "units"),
            ({"plan": {"restore_best_weights": False}}, "restore_best_weights"),
            ({"name": "cnn"}, "name"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_run_goes_on_as_it_was_started(self, changes, where, run):
        with pytest.raises(ConfigError) as caught:
            zoo.train(resume=run.path, **changes)
        assert [finding.where for finding in caught.value.findings] == [where]
        assert str(run.path) in caught.value.fix

    def test_what_is_no_run_cannot_be_resumed(self, here):
        with pytest.raises(TrainError, match="not the folder of a run"):
            zoo.train(resume=here)

    def test_a_run_of_a_newer_format_is_refused(self, run, here):
        shutil.copytree(run.path, here / "newer")
        record = {**run.record, "format_version": 2}
        (here / "newer" / "run.json").write_text(json.dumps(record))
        with pytest.raises(TrainError, match="upgrade"):
            zoo.load(here / "newer")

    @pytest.mark.slow
    def test_a_run_that_was_interrupted_goes_on(self, here):
        class Impatient(zoo.Progress):
            def on_epoch_end(self, epoch, logs):
                if epoch == 1:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            tiny(run_dir=here / "run", epochs=2, progress=Impatient())
        stopped = zoo.Run(here / "run")
        assert stopped.status == "stopped"
        with pytest.raises(TrainError, match="--resume"):
            zoo.export(stopped, here / "exports")
        assert not (here / "exports").exists()
        finished = zoo.train(resume=here / "run")
        assert (finished.status, finished.record["epochs_done"]) == ("finished", 2)
        straight = tiny(run_dir=here / "straight", epochs=2)
        for own, other in zip(finished.model.weights, straight.model.weights, strict=True):
            np.testing.assert_array_equal(own.numpy(), other.numpy())


class TestEvaluation:
    def test_run_model_and_artifact_are_measured_alike(self, run, artifact):
        of_run = zoo.evaluate(run)
        of_model = zoo.evaluate(run.model)
        of_artifact = zoo.evaluate(artifact.path)
        assert of_run.examples == of_model.examples == of_artifact.examples == 269
        assert of_run.scores["accuracy"] == of_model.scores["accuracy"]
        assert of_run.scores["accuracy"] == of_artifact.scores["accuracy"]
        for name, score in of_run.scores.items():
            assert score.value == pytest.approx(of_artifact.scores[name].value, abs=1e-4)

    def test_the_figures_of_a_run_are_kept_with_it(self, run):
        measured = zoo.evaluate(run)
        assert zoo.Run(run.path).metrics == measured
        assert (run.path / "mistakes.npz").is_file()

    def test_another_split_does_not_replace_the_figures_of_the_test_split(self, run):
        measured = zoo.evaluate(run)
        assert zoo.evaluate(run, split="validation") != measured
        assert run.metrics == measured

    def test_data_of_another_kind_is_refused(self, run, here):
        np.savez(
            here / "other.npz",
            x=np.zeros((60, 6, 6, 1), np.uint8),
            y=np.arange(60) % 2,
        )
        with pytest.raises(DataError, match="not those that the model was made for"):
            zoo.evaluate(run, here / "other.npz")


class TestPrediction:
    def test_run_model_and_artifact_give_the_same_answers(self, run, artifact):
        raw = images()
        answers = [zoo.predict(who, raw) for who in (run, run.model, run.path, artifact.path)]
        assert len({tuple(answer.labels) for answer in answers}) == 1
        for answer in answers:
            assert len(answer) == 5
            assert set(answer.labels) <= set("0123456789")
            np.testing.assert_allclose(answer.probabilities, answers[0].probabilities, atol=1e-5)
        assert zoo.predict(artifact.load(), raw).labels == answers[0].labels

    def test_an_image_file_is_predicted_as_its_pixels(self, run, artifact, here):
        image_file = pytest.importorskip("PIL.Image")
        raw = images(1)
        image_file.fromarray(raw[0, :, :, 0]).save(here / "digit.png")
        for who in (run, artifact.path):
            np.testing.assert_allclose(
                zoo.predict(who, here / "digit.png").probabilities,
                zoo.predict(who, raw).probabilities,
                atol=1e-6,
            )

    def test_inputs_that_do_not_fit_are_refused_alike(self, run, artifact):
        for who in (run, artifact.path):
            with pytest.raises(DataError, match="image"):
                zoo.predict(who, np.zeros((2, 9, 9, 1), np.float32))

    def test_an_artifact_answers_and_verifies_without_a_framework(self, artifact):
        program = (
            "import sys, zoo, numpy as np; path = sys.argv[1]; zoo.verify(path); "
            "zoo.predict(path, np.zeros((1, 8, 8, 1), np.uint8)).labels; "
            "heavy = {'keras', 'tensorflow', 'onnx', 'tf2onnx'} & set(sys.modules); "
            "sys.exit(' '.join(heavy) or None)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, artifact.path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


class TestExporting:
    def test_versions_count_up_and_the_same_run_gives_the_same_bytes(self, run, here):
        first, second = zoo.export(run), zoo.export(run)
        assert (first.path.name, second.path.name) == ("1", "2")
        for file in first.path.iterdir():
            assert file.read_bytes() == (second.path / file.name).read_bytes()

    def test_a_model_that_was_built_is_exported_with_its_configuration(self, here, workshop):
        model = zoo.build("cnn", filters=[[4]])
        made = zoo.export(model)
        assert made.path == (here / "exports" / "cnn" / "1").relative_to(here)
        assert made.manifest["config"]["filters"] == [[4]]
        assert zoo.verify(made.path).architecture == "cnn"
        raw = images()
        assert zoo.predict(model, raw).labels == zoo.predict(made.path, raw).labels

    def test_a_name_is_exported_with_its_published_weights(self, here, workshop):
        if not any(entry["id"] == "digits" for entry in zoo.info("mlp_classifier").weights):
            with pytest.raises(ConfigError, match="has no published weights"):
                zoo.export("mlp_classifier")
            assert not list(here.iterdir())
            return
        made = zoo.export("mlp_classifier")
        assert zoo.verify(made.path).architecture == "mlp_classifier"

    def test_a_path_that_is_not_there_is_not_taken_for_a_name(self, here, workshop):
        with pytest.raises(TrainError, match="runs/none"):
            zoo.export("runs/none")

    def test_the_manifest_carries_the_figures_of_an_evaluated_run(self, run, workshop):
        measured = zoo.evaluate(run)
        made = zoo.export(run, workshop / "measured")
        assert made.manifest["metrics"]["examples"] == measured.examples
        value = made.manifest["metrics"]["scores"]["accuracy"]["value"]
        assert value == measured.scores["accuracy"].value

    def test_a_changed_byte_is_found(self, artifact, here):
        shutil.copytree(artifact.path, here / "copy")
        file = here / "copy" / "model.onnx"
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        for verb in (zoo.verify, zoo.load):
            with pytest.raises(Tampered, match=r"model\.onnx"):
                verb(here / "copy")

    def test_bench_measures_what_it_is_asked_to(self, artifact):
        rows = zoo.bench(artifact.path, batches=(1, 3), threads=(1,), seconds=0.01)
        assert [row.batch for row in rows] == [1, 3]
