"""Recurrent networks beside simple forecasts, on what they have not seen, over several seeds.

    scripts/bench forecasting [--seeds N] [--file PATH/daily-min-temperatures.csv] [--skip NAME]

The daily minimum temperatures, seven days ahead from every day of the last two years, beside
persistence, the seasonal naive forecast and a linear autoregression, and beside two forecasts that
know more than the window: an autoregression that is told the time of year, and the value of 365
days ago; the Mackey–Glass series, 32 steps ahead; and the adding problem at length 200, where
saying 1 has a squared error of 1/6. Whatever is chosen for a simple forecast is chosen on the
training part. Every figure is of the test part.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np

import zoo
from zoo.metrics import Evaluation
from zoo.metrics.figures import Bars
from zoo_datasets.series import TEMPERATURES_REMOTE

CELLS = ("lstm", "gru", "simple_rnn")


def main() -> None:
    """Train every seed and print the table of each problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--file", default=None, help="the temperatures; downloaded if left out")
    parser.add_argument(
        "--skip", action="append", default=[], choices=("temperatures", "mackey", "adding")
    )
    chosen = parser.parse_args()
    if "temperatures" not in chosen.skip:
        _temperatures(chosen.seeds, chosen.file)
    if "mackey" not in chosen.skip:
        _mackey_glass(chosen.seeds)
    if "adding" not in chosen.skip:
        _adding(chosen.seeds)


def _runs(data: str, seeds: int, options: dict[str, object], **config: object) -> list[Evaluation]:
    found = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory(prefix="forecasting-") as folder:
            drawn = {**options, "split_seed": seed}
            run = zoo.train(
                "lstm", data, data_options=drawn, run_dir=Path(folder) / "run", seed=seed, **config
            )
            found.append(zoo.evaluate(run))
    return found


def _temperatures(seeds: int, file: str | None) -> None:
    options: dict[str, object] = {"file": file} if file else {}
    data = zoo.dataset("daily_min_temperatures", **options)
    print("\ndaily minimum temperatures, 7 days ahead, °C, test part")
    print(f"{'':44}{'RMSE':>8}{'MAE':>8}{'below the AR':>14}")
    found = {cell: _runs("daily_min_temperatures", seeds, options, cell=cell) for cell in CELLS}
    simple = _simple(found["lstm"][0])
    best = next(
        errors for name, errors in simple.items() if name.startswith("linear autoregression")
    )
    for name, (rmse, mae) in simple.items():
        print(f"{name:44}{rmse:8.3f}{mae:8.3f}{1 - rmse / best[0]:14.1%}")
    for name, (rmse, mae) in _harder(data, file).items():
        print(f"{name:44}{rmse:8.3f}{mae:8.3f}{1 - rmse / best[0]:14.1%}")
    for cell, evaluations in found.items():
        rmse = _values(evaluations, "rmse")
        mae = statistics.mean(_values(evaluations, "mae"))
        spread = f"{cell}, {seeds} seeds, {min(rmse):.3f} to {max(rmse):.3f}"
        mean = statistics.mean(rmse)
        print(f"{spread:44}{mean:8.3f}{mae:8.3f}{1 - mean / best[0]:14.1%}")
    skill = found["lstm"][0].scores["skill"]
    print(
        f"lstm, seed 0: skill {skill.value:.1%}, 95 % interval {skill.low:.1%} to {skill.high:.1%}"
    )


def _simple(evaluation: Evaluation) -> dict[str, tuple[float, float]]:
    """Return RMSE and MAE of the simple forecasts, as the evaluation has them."""
    table = next(figure for figure in evaluation.figures if figure.kind == "texts")
    return {row[0]: (float(row[1]), float(row[2])) for row in table.rows[1:]}


def _harder(data: zoo.data.Dataset, file: str | None) -> dict[str, tuple[float, float]]:
    """Return RMSE and MAE of forecasts that know more than the window."""
    from zoo.data.download import fetch
    from zoo.runtime.csv import read_table
    from zoo.runtime.series import read_series

    seen, came = data.split("train").arrays()
    test, truth = data.split("test").arrays()
    target, wanted = came["forecast"][..., 0], truth["forecast"][..., 0]

    window = seen["history"].shape[1]

    def features(inputs: dict[str, np.ndarray]) -> np.ndarray:
        history = inputs["history"][..., 0]
        angle = 2 * np.pi * inputs["calendar"][:, window, 0] / 365.25
        waves = [np.sin(angle), np.cos(angle), np.ones_like(angle)]
        return np.concatenate([history, np.stack(waves, axis=1)], axis=1)

    weights = np.linalg.lstsq(features(seen), target)[0]
    told = features(test) @ weights - wanted
    series = read_series(
        read_table(Path(file) if file else fetch(TEMPERATURES_REMOTE)),
        date="Date",
        channels=("Temp",),
        interpolate=True,
    ).values[:, 0]
    # The test part ends where the series ends, so its windows can be found from there.
    year = _year_ago(series, wanted)
    return {
        "autoregression told the time of year": _errors(told),
        "the value of 365 days ago": _errors(year - wanted),
    }


def _year_ago(series: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return what was 365 days before each forecast step, found by the values themselves."""
    windows = np.lib.stride_tricks.sliding_window_view(series, truth.shape[1])
    place, found = len(windows) - 1, []
    for row in truth[::-1]:
        while not np.array_equal(windows[place], row):
            place -= 1
        found.append(windows[place - 365])
        place -= 1
    return np.array(found[::-1])


def _errors(difference: np.ndarray) -> tuple[float, float]:
    return float(np.sqrt(np.square(difference).mean())), float(np.abs(difference).mean())


def _mackey_glass(seeds: int) -> None:
    print("\nMackey-Glass, 32 steps ahead, test part; every seed has its own series")
    print(f"{'':44}{'RMSE':>10}{'skill':>10}")
    evaluations = _runs("mackey_glass", seeds, {})
    bars = [next(f for f in e.figures if isinstance(f, Bars)) for e in evaluations]
    for place, name in enumerate(bars[0].names):
        rmse = statistics.mean(bar.values[place] for bar in bars)
        print(f"{name if place else f'lstm, {seeds} seeds':44}{rmse:10.4f}")
    skill = _values(evaluations, "skill")
    print(f"{'skill of the lstm, smallest to largest':44}{min(skill):10.1%}{max(skill):10.1%}")


def _adding(seeds: int) -> None:
    print("\nadding problem, length 200, test part: squared error (saying 1: 0.1667)")
    for cell in CELLS:
        rmse = _values(_runs("adding", seeds if cell == "lstm" else 1, {}, cell=cell), "rmse")
        squares = [value**2 for value in rmse]
        print(
            f"{cell:14}{statistics.mean(squares):12.2e}   {min(squares):.2e} to {max(squares):.2e}"
        )


def _values(evaluations: list[Evaluation], name: str) -> list[float]:
    return [evaluation.scores[name].value for evaluation in evaluations]


if __name__ == "__main__":
    main()
