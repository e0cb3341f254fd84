"""Recurrent forecasters of people's own series: short ones, and several of different sizes."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo_lstm.layers import WindowScaling
from zoo_lstm.networks import fit_ridge

TINY = {"units": [4], "dropout": 0.0}


def months(path: Path) -> Path:
    """Write twelve years of months with a trend, a season that grows with it, and noise."""
    random = np.random.default_rng(0)
    rows = [
        f"{1949 + i // 12}-{1 + i % 12:02},"
        f"{(110 + 2.4 * i) * (1 + 0.2 * math.sin(i * math.pi / 6)) + random.normal(0, 6):.1f}"
        for i in range(144)
    ]
    path.write_text("\n".join(["month,passengers", *rows]) + "\n")
    return path


def stores(path: Path, sizes: dict[str, float], count: int = 150) -> Path:
    random = np.random.default_rng(0)
    rows = [
        f"{dt.date(2021, 1, 1) + dt.timedelta(days=i)},{name},"
        f"{size * (10 + 4 * math.sin(i * 2 * math.pi / 7) + random.normal(0, 0.3)):.4f}"
        for i in range(count)
        for name, size in sizes.items()
    ]
    path.write_text("\n".join(["date,store,sales", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("panel")
    data = zoo.dataset(
        stores(folder / "p.csv", {"small": 0.1, "large": 5000.0}),
        group_by="store",
        window=14,
        horizon=3,
    )
    return zoo.train("lstm", data, run_dir=folder / "run", epochs=3, **TINY)


def test_a_short_series_with_a_trend_is_forecast_better_than_by_the_season_before(
    tmp_path: Path,
) -> None:
    run = zoo.train("lstm", months(tmp_path / "m.csv"), run_dir=tmp_path / "run", epochs=3, **TINY)
    table = zoo.evaluate(run).figures[-1]
    errors = {row[0]: float(row[1]) for row in table.rows}

    assert run.config.skip_start == "ridge"
    assert errors["model"] < 0.6 * errors["seasonal naive (12 steps)"]


def test_the_ridge_finds_a_recurrence_and_stays_with_the_naive_forecast_where_there_is_none() -> (
    None
):
    wave = np.sin(np.arange(300) * 0.3)[:, None]
    origins = np.arange(12, 297)
    windows = wave[origins[:, None] + np.arange(-12, 0)]
    targets = wave[origins[:, None] + np.arange(3)]
    kernel, bias = fit_ridge(windows, targets, [0])
    found = windows.reshape(len(windows), -1) @ kernel + bias
    np.testing.assert_allclose(found, targets[:, :, 0], atol=0.02)

    few, _ = fit_ridge(windows[:8], targets[:8], [0])
    assert set(np.unique(few)) == {0.0, 1.0}
    np.testing.assert_array_equal(few.sum(axis=0), 1)


def test_windows_are_scaled_by_themselves_and_flat_ones_are_no_division_by_zero() -> None:
    random = np.random.default_rng(0)
    windows = random.normal(50, 5, (20, 8, 1)).astype("float32")
    layer = WindowScaling()
    layer.build((None, 8, 1))
    layer.adapt(windows)
    scaled, mean, deviation = (np.asarray(part) for part in layer(windows))
    again = np.asarray(layer(windows * 1000)[0])

    np.testing.assert_allclose(mean[:, 0], windows.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(scaled * deviation + mean, windows, rtol=1e-5)
    np.testing.assert_allclose(again, scaled, atol=0.02)
    assert np.abs(np.asarray(layer(np.full((1, 8, 1), 7.0))[0])).max() == 0


def test_one_model_forecasts_series_of_every_size(run: zoo.Run) -> None:
    evaluation = zoo.evaluate(run)
    table = evaluation.figures[0]

    assert run.config.scaling == "window"
    assert {row[0] for row in table.rows} == {"small", "large"}
    # Both follow the week, which the mean change from day to day is a measure of.
    assert evaluation.scores["mase"].value < 0.5
    assert max(float(row[4]) for row in table.rows) < 0.6


def test_an_artifact_answers_a_new_series_in_raw_values(run: zoo.Run, tmp_path: Path) -> None:
    artifact = zoo.export(run, tmp_path / "exports")
    zoo.verify(artifact.path)
    file = stores(tmp_path / "new.csv", {"new": 70.0, "small": 0.1}, 60)
    answer = zoo.predict(artifact.path, str(file))
    again = zoo.predict(run, str(file))

    np.testing.assert_allclose(answer.outputs["forecast"], again.outputs["forecast"], rtol=1e-3)
    new, small = answer.as_dicts()
    assert (new["store"], small["store"]) == ("new", "small")
    assert new["forecast"][0]["date"] == "2021-03-02"
    truth = [10 + 4 * math.sin(i * 2 * math.pi / 7) for i in (60, 61, 62)]
    found = [step["sales"] / 70 for step in new["forecast"]]
    np.testing.assert_allclose(found, truth, atol=1.5)


def test_a_file_that_continues_the_training_file_is_measured_in_every_row(
    run: zoo.Run, tmp_path: Path
) -> None:
    whole = stores(tmp_path / "whole.csv", {"small": 0.1, "large": 5000.0}, 160)
    lines = whole.read_text().splitlines()
    later = tmp_path / "later.csv"
    later.write_text("\n".join([lines[0], *lines[1 + 300 :]]) + "\n")

    # Ten further days of two series: the first forecast begins on the first of them.
    assert zoo.evaluate(run, later).examples == 2 * (10 - 3 + 1)
    # A file of its own has windows of its own alone.
    assert zoo.evaluate(run, whole).examples == 2 * (160 - 14 - 3 + 1)


def test_the_recipe_of_data_of_unknown_length_is_as_published() -> None:
    spec = zoo.dataset_info("daily_min_temperatures").spec
    config = zoo.build("lstm", data=spec).blueprint.config

    assert (config.skip_start, config.scaling) == ("zero", "training")
    assert "skip_start" not in config.model_dump()


def test_each_step_is_forecast_from_what_is_known_of_it_in_advance(tmp_path: Path) -> None:
    rows = [f"{dt.date(2021, 1, 1) + dt.timedelta(days=i)},{i % 9},{i % 2}" for i in range(60)]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["date,sales,promo", *rows]) + "\n")
    data = zoo.dataset(path, future="promo", window=7, horizon=3, calendar=[])
    model = zoo.build("lstm", data=data, units=[4])
    inputs, _ = data.split("train").take(np.arange(4))
    other = {**inputs, "future": inputs["future"].copy()}
    other["future"][:, 8] += 1
    change = np.asarray(model(other)) - np.asarray(model(inputs))

    assert (change[:, 1] != 0).all()
    assert (change[:, [0, 2]] == 0).all()


@pytest.mark.slow
def test_what_is_known_in_advance_is_learned_and_exported(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    promo = random.integers(0, 2, 300)
    rows = [
        f"{dt.date(2021, 1, 1) + dt.timedelta(days=i)},"
        f"{'' if i >= 297 else round(20 + 10 * promo[i] + random.normal(), 3)},{promo[i]}"
        for i in range(300)
    ]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["date,sales,promo", *rows]) + "\n")
    data = zoo.dataset(path, future="promo", window=7, horizon=3, calendar=[])
    run = zoo.train(
        "lstm",
        data,
        run_dir=tmp_path / "run",
        epochs=10,
        batch_size=16,
        **{"optimizer.learning_rate": 0.03, "optimizer.weight_decay": 0.0},
        **TINY,
    )
    artifact = zoo.export(run, tmp_path / "exports")
    answer = zoo.predict(artifact.path, str(path)).outputs["forecast"]

    # No baseline sees the promotions: a coin decides about 10 of the sales.
    assert zoo.evaluate(run).scores["skill"].value > 0.5
    np.testing.assert_allclose(answer[0, :, 0], 20 + 10 * promo[297:], atol=4)
    np.testing.assert_allclose(zoo.predict(run, str(path)).outputs["forecast"], answer, rtol=1e-3)


@pytest.mark.slow
def test_keras_opens_and_trains_a_model_of_several_series(run: zoo.Run) -> None:
    model = keras.saving.load_model(run.path / "model.keras")
    inputs, targets = run.dataset().split("test").take(np.arange(8))
    found = model.evaluate(inputs, targets, verbose=0)
    error = (model.predict(inputs, verbose=0) - targets["forecast"]) / np.maximum(
        inputs["history"].std(axis=1, keepdims=True), 1e-9
    )

    # The least deviation is a tenth of that of flat windows, and changes little here.
    assert found == pytest.approx(float(np.square(error).mean()), rel=0.05)
    model.fit(inputs, targets, verbose=0)
    assert keras.models.clone_model(model).count_params() == model.count_params()
