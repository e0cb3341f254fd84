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
import sys
import tempfile
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
from zoo.metrics.intervals import student_t

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("ZOO_SHARED_DATA", ROOT.parent / "shared" / "data"))

PEERS: dict[str, Callable[[], Any]] = {
    "linear regression": LinearRegression,
    "random forest, 100 trees": lambda: RandomForestRegressor(random_state=0),
    "extra trees, 100 trees": lambda: ExtraTreesRegressor(random_state=0),
    "histogram gradient boosting": lambda: HistGradientBoostingRegressor(random_state=0),
    "gradient boosting, 100 of depth 3": lambda: GradientBoostingRegressor(random_state=0),
    "gradient boosting, 500 of depth 4": lambda: GradientBoostingRegressor(
        n_estimators=500, max_depth=4, random_state=0
    ),
}
OWN = "zoo mlp_regressor"
FOLDS = 10
GROUPINGS: dict[str, dict[str, Any]] = {
    "shuffled": {},
    "no mix in two splits": {"group_by": "mix"},
}


def main() -> None:
    """Run everything on the same folds, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=SHARED / "concrete" / "concrete_data.csv")
    parser.add_argument("--seed", type=int, default=0, help="of the folds")
    parser.add_argument("--only", choices=GROUPINGS, help="one way to divide instead of both")
    chosen = parser.parse_args()
    options = {"validation_split": 0.05, "split_seed": chosen.seed, "folds": FOLDS}
    if chosen.file.is_file():
        options["file"] = str(chosen.file)
    for how, grouping in GROUPINGS.items():
        if chosen.only not in {None, how}:
            continue
        errors: dict[str, list[float]] = {name: [] for name in (*PEERS, OWN)}
        seconds = dict.fromkeys(errors, 0.0)
        coverage, widths = [], []
        for fold in range(FOLDS):
            given = {**options, **grouping, "fold": fold}
            _peers(given, errors, seconds)
            scores = _own(given, seconds).scores
            errors[OWN].append(scores["rmse"].value)
            coverage.append(scores["interval_coverage"].value)
            widths.append(scores["interval_width"].value)
            print(f"{how}, fold {fold}: {errors[OWN][-1]:.2f}", file=sys.stderr, flush=True)
        print(f"{how:36}{'RMSE, MPa':>20}{'CPU s':>10}")
        for name, values in errors.items():
            print(f"{name:36}{_interval(values):>20}{seconds[name]:10.0f}")
        best = min(PEERS, key=lambda name: statistics.mean(errors[name]))
        pairs = zip(errors[OWN], errors[best], strict=True)
        difference = _interval([own - other for own, other in pairs])
        print(f"{'against the best of them':36}{difference:>20}")
        print(
            f"intervals made for 90 % held {statistics.mean(coverage):.1%} and were "
            f"{statistics.mean(widths):.1f} MPa wide\n",
            flush=True,
        )


def _peers(
    given: dict[str, Any], errors: dict[str, list[float]], seconds: dict[str, float]
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
        errors[name].append(float(np.sqrt(np.mean((predicted - targets[2]) ** 2))))


def _own(given: dict[str, Any], seconds: dict[str, float]) -> zoo.Evaluation:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        run = zoo.train("mlp_regressor", "concrete", data_options=given, run_dir=folder)
        seconds[OWN] += run.record["cpu_seconds"]
        model, data = run.model, run.dataset()
    return zoo.metrics.evaluate(
        lambda inputs: model.predict_on_batch(inputs["numeric"]), data.split("test"), data.spec
    )


def _interval(values: list[float]) -> str:
    mean = statistics.mean(values)
    spread = statistics.stdev(values) * math.sqrt(1 / FOLDS + 1 / (FOLDS - 1))
    half = student_t(FOLDS - 1) * spread
    return f"{mean:.2f} [{mean - half:.2f}, {mean + half:.2f}]"


if __name__ == "__main__":
    main()
