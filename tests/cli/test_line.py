"""The whole line through the command line: train, measure, export, verify, answer."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path

import pytest

from zoo.cli import main

pytest.importorskip("tensorflow", reason="training needs the keras extra")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


def call(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


def told(capsys: pytest.CaptureFixture[str], *words: str | Path):
    """Run a command with --json and return what it prints."""
    assert call(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder with the run and the artifact of one short training."""
    folder = tmp_path_factory.mktemp("line")
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def run(workshop):
    assert call("train", "cnn", "--epochs", "2", "--set", "filters=[[8], [16]]", "--quiet") == 0
    return workshop / "runs" / "cnn-1"


@pytest.fixture(scope="module")
def artifact(run, workshop):
    assert call("export", run) == 0
    return workshop / "exports" / "cnn" / "1"


@pytest.fixture
def image(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + bytes(range(0, 128, 16)) for _ in range(8))
    file = tmp_path / "digit.png"
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return file


def test_a_run_records_the_settings_with_their_types(run):
    record = json.loads((run / "run.json").read_text())
    assert record["config"]["filters"] == [[8], [16]]
    assert record["epochs_done"] == 2


def test_train_prints_the_record_as_json(workshop, run, capsys):
    record = told(capsys, "train", "--resume", run)
    assert record["path"] == str(run)
    assert record["status"] == "finished"


def test_a_run_cannot_be_resumed_as_another(run, capsys):
    assert call("train", "--resume", run, "--epochs", "9") == 4
    assert "epochs" in capsys.readouterr().err


def test_scores_show_their_unit_and_no_small_figure_as_nothing():
    from zoo.cli.training import _scores
    from zoo.metrics.results import Evaluation, Score
    from zoo.spec import Task

    found = {
        "mse": Score(value=3.23e-5, low=3.1e-5, high=3.3e-5),
        "psnr": Score(value=21.2, unit="dB"),
    }
    lines = _scores(Evaluation(task=Task.RECONSTRUCTION, examples=3, scores=found)).splitlines()
    assert lines[1].split(maxsplit=1)[1] == "3.23e-05 [3.1e-05, 3.3e-05]"
    assert lines[2].split(maxsplit=1)[1] == "21.2 dB"


def test_evaluate_counts_every_test_example(run, capsys):
    evaluation = told(capsys, "evaluate", run)
    assert evaluation["examples"] == sum(map(sum, evaluation["tables"]["confusion"]))
    assert 0 <= evaluation["scores"]["accuracy"]["low"] <= 1


def test_the_artifact_verifies(artifact, capsys):
    (report,) = told(capsys, "verify", artifact)
    assert report["ok"] is True


def test_one_bad_artifact_among_good_ones_is_told_apart(artifact, tmp_path, capsys):
    assert call("verify", artifact, tmp_path / "none", "--json") == 8
    good, bad = json.loads(capsys.readouterr().out)
    assert (good["ok"], bad["ok"]) == (True, False)
    assert bad["what"]


def test_run_and_artifact_give_the_same_prediction(run, artifact, image, capsys):
    (ours,) = told(capsys, "predict", run, image)
    (theirs,) = told(capsys, "predict", artifact, image)
    assert ours["label"] == theirs["label"]
    assert ours["probabilities"] == pytest.approx(theirs["probabilities"], abs=1e-5)


def test_predictions_name_the_file(artifact, image, capsys):
    assert call("predict", artifact, image, image) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith(str(image))


def test_bench_measures_every_batch_size_asked_for(artifact, capsys):
    rows = told(capsys, "bench", artifact, "--batch", "1", "--batch", "5", "--seconds", "0.01")
    assert [row["batch"] for row in rows] == [1, 5]


def test_a_version_that_exists_is_not_overwritten(run, artifact, capsys):
    before = (artifact / "model.onnx").read_bytes()
    assert call("export", run, "--version", "1") == 10
    assert "exists" in capsys.readouterr().err
    assert (artifact / "model.onnx").read_bytes() == before


def test_build_saves_a_model_that_keras_opens(workshop, tmp_path, capsys):
    built = told(capsys, "build", "cnn", "--set", "filters=[[4]]", "--out", tmp_path / "m.keras")
    import keras

    model = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    assert model.count_params() == built["parameters"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("train", "cnn", "--set", "dropuot=0.5"), 4),
        (("train", "cnn", "--set", "dropout=2"), 4),
        (("train", "cnn", "--data", "no/such/folder"), 5),
        (("train", "cnn", "--data-option", "no_such_option=1"), 4),
        (("evaluate", "no/such/run"), 8),
        (("export", "no_such_model"), 3),
        (("build", "cnn", "--weights", "nothing"), 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_exits_with_its_code_and_leaves_nothing(
    words, code, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert call(*words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "try: " in err
    assert list(tmp_path.iterdir()) == []


def test_the_demo_ends_with_an_artifact_that_was_proven_without_keras(workshop, tmp_path, capsys):
    result = told(capsys, "demo", "--out", tmp_path / "demo", "--epochs", "1")
    assert (Path(result["artifact"]) / "model.onnx").stat().st_size == result["bytes"]
    assert "<html" in Path(result["report"]).read_text()
    assert result["accuracy"]["low"] <= result["accuracy"]["value"] <= result["accuracy"]["high"]


def test_what_an_export_returns_can_be_asked_as_its_folder_can(run, artifact):
    import numpy as np

    import zoo

    exported = zoo.export(run, artifact.parents[2] / "again")
    images = zoo.dataset("digits").split("test").take(np.arange(5))[0]["image"]

    np.testing.assert_array_equal(
        zoo.predict(exported, images).outputs["probabilities"],
        zoo.predict(artifact, images).outputs["probabilities"],
    )
