"""``zoo diagnose``, its page, and cures that are tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from tests.plugins.diagnose.sick import SICK
from zoo.cli import main
from zoo_inspect import diagnose

CURED = (
    "biases_far_below_zero",
    "a_rate_of_a_millionth",
    "hidden_layers_that_never_learn",
    pytest.param("a_chaotic_recurrence", marks=pytest.mark.slow),
)


def run_zoo(capsys: Any, *words: Any) -> tuple[int, str, str]:
    """Return the exit code, the output and the complaint of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SICK])
def test_a_cure_that_is_said_to_work_leaves_no_error(name: str) -> None:
    wanted, build = SICK[name]
    keras.utils.set_random_seed(1)
    model, data, options = build()
    found = diagnose(model, data, cure=True, **options)
    if found.cure is not None and found.cure.works:
        left = [problem for problem in found.cure.left if problem.severity == "error"]
        assert not left and found.cure.problem == wanted
    assert found.cure is None or found.cure.change in found.cure.sentence


@pytest.mark.parametrize("name", CURED)
def test_a_cure_is_tried_on_a_copy_and_shown(name: str) -> None:
    keras.utils.set_random_seed(1)
    model, data, options = SICK[name][1]()
    before = model.get_weights()
    found = diagnose(model, data, cure=True, **options)
    assert found.cure is not None and found.cure.works, found.cure
    assert found.cure.before is not None and found.cure.after is not None
    assert repr(found) == f"<Diagnosis: {found.verdict}>"
    assert found.cure.after < found.cure.before
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_leaked_target_has_no_cure_that_a_program_can_make() -> None:
    keras.utils.set_random_seed(1)
    model, data, _ = SICK["the_answer_among_the_columns"][1]()
    assert diagnose(model, data, cure=True).cure is None


def test_a_setting_of_the_configuration_cures_a_model_of_the_zoo(
    capsys: Any, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    status, said, _ = run_zoo(
        capsys,
        "diagnose",
        "mlp_classifier",
        "--set",
        "optimizer.learning_rate=3",
        "--cure",
        "--out",
        page,
    )
    assert status == 1
    verdict, cure = said.splitlines()[:2]
    assert verdict.startswith("The learning rate 3 is too high")
    assert cure.startswith("With optimizer.learning_rate=") and "is gone" in cure
    html = page.read_text()
    assert verdict in html and "Learning-rate range test" in html and cure in html


def test_the_command_prints_everything_as_json(capsys: Any) -> None:
    status, said, _ = run_zoo(capsys, "diagnose", "mlp_classifier", "--json")
    found = json.loads(said)
    assert status == 0 and found["problems"] == []
    assert found["suggested_rate"] > 0
    paths = [layer["path"] for layer in found["evidence"]["layers"]]
    assert "dense_1" in paths and "probabilities" in paths


def test_a_file_is_diagnosed_with_data_and_nothing_is_written_without_it(
    capsys: Any, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    file, page = tmp_path / "mine.keras", tmp_path / "page.html"
    model.save(file)

    status, _, complaint = run_zoo(capsys, "diagnose", file, "--out", page)
    assert status == 5 and "no data" in complaint and not page.exists()
    status, said, _ = run_zoo(capsys, "diagnose", file, "--data", "digits")
    assert status == 0 and said.startswith("Nothing was found"), said


def test_a_run_is_diagnosed_with_its_data_and_configuration_and_stays_as_it_is(
    capsys: Any, tmp_path: Path
) -> None:
    table, folder = tmp_path / "mine.csv", tmp_path / "run"
    random = np.random.default_rng(3)
    cells = random.standard_normal((120, 3))
    lines = [f"{a:.3f},{b:.3f},{c:.3f},{'ab'[int(a + b > c)]}" for a, b, c in cells]
    table.write_text("\n".join(["one,two,three,kind", *lines]))
    rate = {"optimizer": {"learning_rate": 1e-7}}
    zoo.train("mlp_classifier", str(table), run_dir=folder, epochs=1, progress=False, **rate)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    status, said, _ = run_zoo(capsys, "diagnose", folder)
    assert status == 1 and said.startswith("The learning rate 1e-07 is too low"), said
    assert "mine.csv" in said.splitlines()[-1]
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before

    status, said, _ = run_zoo(capsys, "diagnose", folder, "--set", "optimizer.learning_rate=0.003")
    assert status == 0 and said.startswith("Nothing was found"), said
