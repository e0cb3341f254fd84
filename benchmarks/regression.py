"""The zoo's regressor beside scikit-learn on the concrete data: same folds, one run.

    scripts/bench regression
    scripts/bench regression --file PATH/concrete_data.csv --seed 1

Ten folds, twice: rows shuffled, and with no mix (the seven ingredients) in two splits. Each row is
a standard setting and was not tuned on these folds; the zoo's is the recipe of ``mlp_regressor``.
What scikit-learn learns from are training and validation split together; the zoo's network learns
from the training split alone, and calibrates its intervals on the other. RMSE in MPa, mean over
folds, with a 95 % interval (Nadeau & Bengio 2003), and CPU-seconds of all folds.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression

import zoo
from zoo.metrics.intervals import student

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("ZOO_SHARED_DATA", ROOT.parent / "shared" / "data"))

PEERS: dict[str, Callable[[], Any]] = {
    "linear regression": LinearRegression,
    "random forest, 300 trees": lambda: RandomForestRegressor(300, random_state=0),
    "extra trees, 300 trees": lambda: ExtraTreesRegressor(300, random_state=0),
    "histogram gradient boosting": lambda: HistGradientBoostingRegressor(random_state=0),
    "gradient boosting, 100 of depth 3": lambda: GradientBoostingRegressor(random_state=0),
    "gradient boosting, 500 of depth 4": lambda: GradientBoostingRegressor(
        n_estimators=500, max_depth=4, random_state=0
    ),
}
OWN = "zoo mlp_regressor"
FOLDS = 10


def main() -> None:
    """Run everything on the same folds, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=SHARED / "concrete" / "concrete_data.csv")
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    parser.add_argument("--peers", action="store_true", help="without the zoo's network")
    chosen = parser.parse_args()
    options = {"validation_share": 0.05, "split_seed": chosen.seed, "folds": FOLDS}
    if chosen.file.is_file():
        options["file"] = str(chosen.file)
    print(f"{'RMSE, MPa':36}{'shuffled':>24}{'no mix in two splits':>28}{'CPU s':>9}", flush=True)
    errors: dict[str, list[list[float]]] = {name: [] for name in (*PEERS, OWN)}
    coverage: list[float] = []
    widths: list[float] = []
    seconds = dict.fromkeys(errors, 0.0)
    for grouping in ({}, {"group_by": "mix"}):
        for rows in errors.values():
            rows.append([])
        for fold in range(FOLDS):
            given = {**options, **grouping, "fold": fold}
            _peers(given, errors, seconds)
            if not chosen.peers:
                evaluation = _own(given, seconds)
                errors[OWN][-1].append(evaluation.scores["rmse"].value)
                coverage.append(evaluation.scores["interval_coverage"].value)
                widths.append(evaluation.scores["interval_width"].value)
    for name, (shuffled, grouped) in errors.items():
        if shuffled:
            columns = f"{_interval(shuffled):>24}{_interval(grouped):>28}"
            print(f"{name:36}{columns}{seconds[name]:9.0f}")
    if coverage:
        print(
            f"\nits intervals, made for 90 %, held {statistics.mean(coverage[:FOLDS]):.1%} shuffled"
            f" and {statistics.mean(coverage[FOLDS:]):.1%} grouped, and were "
            f"{statistics.mean(widths[:FOLDS]):.1f} and {statistics.mean(widths[FOLDS:]):.1f} MPa "
            "wide"
        )
        for place, how in enumerate(("shuffled", "grouped")):
            best = min(PEERS, key=lambda name: statistics.mean(errors[name][place]))
            pairs = zip(errors[OWN][place], errors[best][place], strict=True)
            difference = [own - other for own, other in pairs]
            print(f"{how}: {_interval(difference)} MPa against the best of them, {best}")


def _peers(
    given: dict[str, Any], errors: dict[str, list[list[float]]], seconds: dict[str, float]
) -> None:
    data = zoo.dataset("concrete", **given)
    parts: list[Any] = [data.split(name).arrays() for name in ("train", "validation", "test")]
    inputs = [part[0]["numeric"] for part in parts]
    targets = [part[1]["target"] for part in parts]
    learned, wanted = np.concatenate(inputs[:2]), np.concatenate(targets[:2])
    for name, make in PEERS.items():
        started = time.process_time()
        predicted = make().fit(learned, wanted).predict(inputs[2])
        seconds[name] += time.process_time() - started
        errors[name][-1].append(float(np.sqrt(np.mean((predicted - targets[2]) ** 2))))


def _own(given: dict[str, Any], seconds: dict[str, float]) -> zoo.Evaluation:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        run = zoo.train("mlp_regressor", "concrete", data_options=given, run_dir=folder)
        seconds[OWN] += run.record["cpu_seconds"]
        return zoo.evaluate(run)


def _interval(values: list[float]) -> str:
    mean = statistics.mean(values)
    spread = statistics.stdev(values) * math.sqrt(1 / FOLDS + 1 / (FOLDS - 1))
    half = student(FOLDS - 1) * spread
    return f"{mean:.2f} [{mean - half:.2f}, {mean + half:.2f}]"


if __name__ == "__main__":
    main()
