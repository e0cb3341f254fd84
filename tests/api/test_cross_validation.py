"""Cross-validation: every row is tested once, groups stay together, the mean has an interval."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.api.cross_validation import CrossValidation, Fold
from zoo.errors import ConfigError, DataError
from zoo.metrics import Score
from zoo.spec import Task

SMALL = {"units": (8,), "members": 2, "embedding": "none"}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    random = np.random.default_rng(0)
    lines = ["who,x,y"]
    for row in range(150):
        x = random.normal()
        lines.append(f"w{row % 15},{x:.4f},{2 * x + random.normal() / 5:.4f}")
    file = tmp_path_factory.mktemp("folds") / "people.csv"
    file.write_text("\n".join(lines))
    return file


def test_every_row_is_tested_once_and_no_group_is_on_two_sides(table: Path, tmp_path: Path) -> None:
    seen = []
    done = zoo.crossvalidate(
        "mlp_regressor",
        table,
        folds=2,
        group_by=["who"],
        data_options={"drop": "who"},
        run_dir=tmp_path / "runs",
        plan={"epochs": 2},
        watch=seen.append,
        **SMALL,
    )
    assert done.results == tuple(seen)
    assert (done.task, done.folds, done.group_by) == (Task.REGRESSION, 2, ("who",))
    assert sum(row.examples for row in done.results) == 150
    values = [row.scores["rmse"].value for row in done.results]
    assert done.scores["rmse"].value == pytest.approx(np.mean(values))
    assert done.scores["rmse"].low < np.mean(values) < done.scores["rmse"].high
    tested = []
    for row in done.results:
        run = zoo.Run(tmp_path / "runs" / f"seed-{row.seed}-fold-{row.fold}")
        assert run.status == "finished"
        assert run.metrics.scores == row.scores
        tested += run.dataset().split("test").arrays()[0]["numeric"][:, 0].tolist()
    assert len(set(tested)) == len(tested) == 150


@pytest.mark.slow
def test_seeds_divide_anew(table: Path) -> None:
    done = zoo.crossvalidate(
        "mlp_regressor",
        table,
        folds=2,
        seeds=2,
        data_options={"drop": "who"},
        plan={"epochs": 1},
        **SMALL,
    )
    assert [(row.seed, row.fold) for row in done.results] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert done.results[0].scores != done.results[2].scores


def test_the_interval_is_the_corrected_students_t() -> None:
    rows = [
        Fold(
            seed=0, fold=i, trained=80, examples=10, scores={"rmse": Score(value=v)}, cpu_seconds=1
        )
        for i, v in enumerate([11.0, 12.0, 13.0])
    ]
    done = CrossValidation(
        architecture="a", data="d", task=Task.REGRESSION, folds=3, results=tuple(rows)
    )
    half = 4.302653 * 1.0 * math.sqrt(1 / 3 + 10 / 80)
    score = done.scores["rmse"]
    assert (score.value, score.low, score.high) == pytest.approx((12, 12 - half, 12 + half))


def test_an_interval_stays_in_the_range_of_its_score() -> None:
    rows = [
        Fold(
            seed=0,
            fold=i,
            trained=80,
            examples=40,
            scores={
                "interval_coverage": Score(value=v),
                "interval_width": Score(value=30 * v - 20),
            },
            cpu_seconds=1,
        )
        for i, v in enumerate([0.7, 0.99, 1.0])
    ]
    scores = CrossValidation(
        architecture="a", data="d", task=Task.REGRESSION, folds=3, results=tuple(rows)
    ).scores

    assert scores["interval_coverage"].high == 1.0
    assert scores["interval_width"].low == 0.0


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"folds": 1}, "folds"),
        ({"seeds": 0}, "seeds"),
        ({"data_options": {"fold": 1}}, "fold"),
        ({"data_options": {"split_seed": 1}}, "split_seed"),
    ],
)
def test_wrong_options_are_findings_before_anything_is_trained(table, options, where) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.crossvalidate("mlp_regressor", table, **options)
    assert [finding.where for finding in caught.value.findings] == [where]


def test_data_without_folds_is_refused_before_any_training(table: Path) -> None:
    with pytest.raises(DataError, match="the rows make 15 groups"):
        zoo.crossvalidate("mlp_regressor", table, folds=20, group_by=["who"])
    with pytest.raises(ConfigError, match="digits"):
        zoo.crossvalidate("cnn", "digits")
