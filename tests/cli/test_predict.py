"""``zoo predict`` on the command line: what a model that writes is made to say."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.api.model_factory import default_weights
from zoo.cli import main
from zoo.spec import TensorSpec

EXPORTS = Path(__file__).parents[2] / "exports"
WRITES, LOOKS = str(EXPORTS / "transformer" / "1"), str(EXPORTS / "cnn" / "1")


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as caught:
        main(["predict", *words, "--json"])
    streams = capsys.readouterr()
    return int(caught.value.code or 0), json.loads(streams.out or streams.err)


def test_a_text_goes_on_from_its_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    code, (answer,) = told(capsys, WRITES, "forty-two", "--prompt", "cuarenta y")

    assert code == 0
    assert answer["text"] == "dos"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ((WRITES, "forty-two", "--prompt", "?!"), "prompt"),
        ((WRITES, "forty-two", "--signature", "encode", "--prompt", "dos"), "prompt"),
        ((LOOKS, "seven.png", "--prompt", "a photo of"), "prompt"),
        ((LOOKS, "seven.png", "--beams", "2"), "beams"),
    ],
)
def test_a_text_is_not_asked_of_what_cannot_write_it(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], field: str
) -> None:
    code, error = told(capsys, *words)

    assert code == 4
    assert [finding["where"] for finding in error["findings"]] == [field]


KIND = TensorSpec(name="kind", shape=(2,), role="probabilities", labels=("flat", "house"))
SIDE = TensorSpec(name="side", shape=(2,), role="probabilities", labels=("left", "right"))
PRICE = TensorSpec(name="price")
OUTPUTS = {
    "kind": np.array([[0.25, 0.75]]),
    "side": np.array([[0.5, 0.5]]),
    "price": np.array([320.5]),
}


@pytest.mark.parametrize(
    ("specs", "shown"),
    [
        ((KIND, PRICE), ["house", "0.7500", "flat 0.2500", "320.5"]),
        ((KIND, SIDE, PRICE), ["house 0.7500", "left 0.5000", "320.5"]),
    ],
    ids=["a class and a number", "two classes and a number"],
)
def test_every_output_of_a_model_is_shown(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    specs: tuple[TensorSpec, ...],
    shown: list[str],
) -> None:
    found = zoo.Prediction({spec.name: OUTPUTS[spec.name] for spec in specs}, specs)
    monkeypatch.setattr(zoo, "predict", lambda *_, **__: found)
    with pytest.raises(SystemExit) as caught:
        main(["predict", LOOKS, "photo.png"])

    lines = capsys.readouterr().out.splitlines()
    assert not caught.value.code
    assert all(text in lines[1] for text in shown)
    assert "price" in lines[0]


TABLES = str(EXPORTS / "mlp_regressor" / "1")
COLUMNS = [
    column.name
    for spec in zoo.load(TABLES).inputs  # type: ignore[union-attr]
    for column in spec.columns or ()
]
HEADER = ",".join(["name", *COLUMNS]) + "\n"
PATIENCE = 120
"""Seconds until a process must have written what it is waited for."""


def line(number: int) -> str:
    return ",".join([f"p{number}", *(str(20 + (number * 7 + at) % 60) for at in range(10))]) + "\n"


def told_rows(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["predict", *words])
    streams = capsys.readouterr()
    return int(caught.value.code or 0), streams.out, streams.err


def test_the_rows_of_a_file_are_answered_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    source.write_text(HEADER + line(0) + line(1))
    words = (TABLES, str(source), "--out", str(out), "--id", "name")
    assert told_rows(capsys, *words) == (0, f"{out}\n", "2 rows\n")
    with out.open(newline="") as stream:
        assert [row["name"] for row in csv.DictReader(stream)] == ["p0", "p1"]


def test_skipped_rows_are_counted_and_the_program_exits_with_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source, out = tmp_path / "rows.csv", tmp_path / "out.jsonl"
    source.write_text(HEADER + line(0) + "p1,?\n" + line(2))
    words = (TABLES, str(source), "--out", str(out))
    code, _, told = told_rows(capsys, *words)
    assert code == 5
    assert "rows.csv, line 3" in told
    code, said, _ = told_rows(capsys, *words, "--skip-errors", "--json")
    assert code == 1
    assert json.loads(said) == {"path": str(out), "rows": 3, "errors": 1}


def test_a_stop_says_that_what_is_finished_is_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source, out = tmp_path / "rows.csv", tmp_path / "out.jsonl"
    source.write_text(HEADER + line(0) + line(1) + "p1,?\n")
    words = (TABLES, str(source), "--out", str(out), "--batch-size", "2")
    code, _, told = told_rows(capsys, *words)
    assert code == 5
    assert told.startswith("what is finished is kept: the same command with --resume continues")
    source.write_text(HEADER + line(0) + line(1) + line(2))
    assert told_rows(capsys, *words, "--resume") == (0, f"{out}\n", "3 rows\n")


def test_standard_input_is_read_row_by_row(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"one\ntwo\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    out = tmp_path / "out.jsonl"
    assert told_rows(capsys, WRITES, "-", "--out", str(out))[0] == 0
    assert [json.loads(one)["text"] for one in out.read_text().splitlines()] == ["uno", "dos"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rows.csv", "--resume"), "need --out"),
        (("-",), "need --out"),
        (("rows.csv", "--shard", "1/2"), "need --out"),
        (("-", "rows.csv", "--out", "out.csv"), "only input"),
        (("rows.csv", "--out", "out.csv", "--shard", "0/2"), "'0/2'"),
        (("rows.csv", "--out", "out.csv", "--shard", "two"), "'two'"),
        (("rows.csv", "--out", "out.csv", "--input-format", "xml"), "xml"),
    ],
)
def test_a_wrong_use_of_the_options_of_rows_is_told(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    code, _, told = told_rows(capsys, TABLES, *words)
    assert code == 2
    assert says in told


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_was_killed_and_is_resumed_ends_with_the_same_bytes(
    tmp_path: Path, suffix: str
) -> None:
    pytest.importorskip("pyarrow")
    source, whole, out = (tmp_path / name for name in ("rows.csv", f"w{suffix}", f"out{suffix}"))
    lines = [line(number) for number in range(120)]
    source.write_text(HEADER + "".join(lines))
    command = [sys.executable, "-m", "zoo", "predict", TABLES, "-", "--batch-size", "8", "--out"]
    with source.open("rb") as stream:
        subprocess.run([*command, str(whole)], stdin=stream, check=True, capture_output=True)
    process = subprocess.Popen(
        [*command, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(HEADER.encode())
    saved = tmp_path / f"out{suffix}.partial.json"
    deadline = time.monotonic() + PATIENCE
    for text in lines[:-9]:  # as they come, slowly
        process.stdin.write(text.encode())
        process.stdin.flush()
        if saved.exists():
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while not saved.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not out.exists()
    assert 0 < json.loads(saved.read_text())["rows"] < 120
    with source.open("rb") as stream:
        resumed = [*command, str(out), "--resume"]
        subprocess.run(resumed, stdin=stream, check=True, capture_output=True)
    assert out.read_bytes() == whole.read_bytes()
    assert not saved.exists()


def test_rows_are_predicted_without_keras(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(HEADER + line(0))
    program = (
        "import sys\nfor name in ('keras', 'tensorflow', 'onnx'): sys.modules[name] = None\n"
        "from zoo.cli import main\nmain(sys.argv[1:])"
    )
    words = ["predict", TABLES, "rows.csv", "--out", "out.csv"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").is_file()


def test_the_default_weights_are_those_of_the_default_data() -> None:
    # Those for concrete come first in the catalog; the default data is diabetes.
    assert zoo.info("mlp_regressor").weights[0]["id"] == "concrete"
    assert default_weights("mlp_regressor") == "diabetes"


@pytest.mark.slow
def test_a_name_stands_for_the_weights_of_its_default_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("tensorflow", reason="a name is built with Keras")
    rows = tmp_path / "rows.csv"
    rows.write_text(HEADER + line(0))
    words = ("mlp_regressor", str(rows), "--out", str(tmp_path / "out.csv"))
    code, _, told = told_rows(capsys, *words)
    assert code == 0
    assert "mlp_regressor with the weights 'diabetes'" in told
    (expected,) = zoo.predict(TABLES, rows).outputs["prediction"]
    with (tmp_path / "out.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["prediction"]) == pytest.approx(float(expected), rel=1e-4)
