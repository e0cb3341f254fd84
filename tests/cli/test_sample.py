"""``zoo sample``: samples, files and errors."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.conftest import ROOT
from tests.plugins.rbm.examples import QUICK, images, write_table
from zoo.cli import main

DIGITS = ROOT / "exports" / "rbm" / "1"


def run_zoo(capsys: Any, *words: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


def test_images_are_sampled_without_keras_into_one_file(tmp_path: Path) -> None:
    code = (
        "import sys; from zoo.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'keras', 'tensorflow', 'onnx'} & set(sys.modules)))"
    )
    out = tmp_path / "digits.png"
    words = ["sample", DIGITS, "--count", 9, "--steps", 50, "--out", out]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == [str(out), "[]"]
    assert out.read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_draws_the_same_and_another_seed_other_digits() -> None:
    one, two, other = (
        zoo.sample(DIGITS, 4, steps=20, seed=seed).outputs["image"] for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_half_a_digit_is_completed_and_the_other_half_stays(tmp_path: Path, capsys: Any) -> None:
    image = zoo.dataset("digits").split("test").arrays()[0]["image"][:3]
    half = np.where(image < 128, 0, 255).astype("float32")
    half[:, 4:] = np.nan
    np.save(tmp_path / "half.npy", half)
    out = tmp_path / "whole.npz"
    status, said, _ = run_zoo(
        capsys, "sample", DIGITS, "--given", tmp_path / "half.npy", "--count", 2,
        "--steps", 30, "--out", out, "--json",
    )  # fmt: skip
    with np.load(out) as archive:
        drawn = archive["x"]

    assert status == 0
    assert json.loads(said) == {"path": str(out), "examples": 6, "shape": [8, 8, 1]}
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[:, :4], np.repeat(half[:, :4], 2, axis=0))


@pytest.mark.slow
def test_a_class_is_drawn_with_its_index_and_is_data_again(tmp_path: Path, capsys: Any) -> None:
    model = zoo.build("rbm", data=images().spec, classes=True, **QUICK)
    artifact = zoo.export(model, tmp_path / "e", data=images())
    out = tmp_path / "b.npz"
    status, _, _ = run_zoo(
        capsys, "sample", artifact.path, "--label", "b", "--steps", 5, "--out", out
    )
    with np.load(out) as archive:
        assert archive["x"].shape == (16, 4, 3, 1)
        np.testing.assert_array_equal(archive["y"], np.ones(16))
    assert status == 0


def test_rows_of_a_table_are_drawn_as_a_table(tmp_path: Path, capsys: Any) -> None:
    file = write_table(tmp_path / "people.csv")
    run = zoo.train("rbm", file, run_dir=tmp_path / "run", epochs=2, **QUICK)
    holes = tmp_path / "holes.csv"
    holes.write_text("height,weight,waist\n180,,\n")
    out = tmp_path / "filled.csv"
    status, said, _ = run_zoo(
        capsys, "sample", run.path, "--given", holes, "--count", 3, "--out", out
    )
    rows = list(csv.reader(out.read_text().splitlines()))

    assert (status, said.strip()) == (0, str(out))
    assert rows[0] == ["height", "weight", "waist"]
    assert [row[0] for row in rows[1:]] == ["180"] * 3
    assert len({row[1] for row in rows[1:]}) == 3


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--label", "3"], 4, "not trained with classes"),
        (["--count", "1000000"], 4, "count"),
        (["--out", "x.txt"], 4, ".png or .npz"),
        (["--out", "x.csv"], 4, ".png or .npz"),
        (["--given", "nowhere.npy"], 5, "does not exist"),
        (["--out", "there.png"], 10, "there.png exists"),
    ],
)
def test_a_wrong_request_is_an_error_and_writes_nothing(
    words: list[str], code: int, says: str, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.png").write_bytes(b"mine")
    status, _, error = run_zoo(capsys, "sample", DIGITS, "--steps", 2, *words)

    assert status == code
    assert says in error and "Traceback" not in error
    assert [file.name for file in tmp_path.iterdir()] == ["there.png"]
    assert (tmp_path / "there.png").read_bytes() == b"mine"


def test_values_outside_of_their_range_are_refused(tmp_path: Path, capsys: Any) -> None:
    np.save(tmp_path / "odd.npy", np.full((1, 8, 8, 1), 300.0))
    status, _, error = run_zoo(capsys, "sample", DIGITS, "--given", tmp_path / "odd.npy")

    assert status == 5
    assert "outside of its range" in error


def test_a_model_that_is_not_generative_is_refused(capsys: Any) -> None:
    status, _, error = run_zoo(capsys, "sample", ROOT / "exports" / "cnn" / "1")

    assert status == 8
    assert "draws no samples" in error
