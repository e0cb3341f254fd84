"""The meaning and the direction of scores, which are never inferred from a name."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

import zoo
from zoo.errors import ConfigError
from zoo.metrics import Evaluation, Score
from zoo.metrics.scores import ScoreInfo, describe_score, plan_with_mode, register_score

ENDINGS = ("accuracy", "f1", "auc", "r2", "recall", "skill", "iou", "map", "dice", "psnr", "loss")


def test_a_column_of_a_history_means_what_its_score_means():
    assert describe_score("val_accuracy") == describe_score("accuracy")
    assert describe_score("val_loss").better == "lower"


@given(
    st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    st.sampled_from(("", *(f"_{ending}" for ending in ENDINGS))),
    st.sampled_from(("", "val_")),
)
def test_the_direction_of_a_score_that_is_not_registered_is_never_guessed(stem, ending, prefix):
    name = f"zz_{stem}{ending}"
    found = describe_score(prefix + name)
    assert (found.better, found.share, found.low, found.high) == (None, False, None, None)
    assert found.title == name.replace("_", " ").capitalize()
    assert (
        Evaluation(task="any", examples=1, scores={name: Score(value=1.0)}).scores[name].better
        is None
    )
    with pytest.raises(ConfigError, match="nothing says which direction is better"):
        plan_with_mode(zoo.TrainPlan(monitor=prefix + name))


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [("val_loss", "min"), ("val_accuracy", "max"), ("rmse", "min"), ("val_psnr", "max")],
)
def test_a_plan_takes_the_direction_of_the_registered_score(monitor, mode):
    assert plan_with_mode(zoo.TrainPlan(monitor=monitor)).mode == mode


def test_a_plan_that_says_the_direction_keeps_it():
    plan = zoo.TrainPlan(monitor="val_mean_iou", mode="max")
    assert plan_with_mode(plan) is plan


def test_an_evaluation_knows_the_direction_of_registered_scores_and_keeps_that_of_others():
    given_scores = {
        "accuracy": Score(value=0.9),
        "mean_iou": Score(value=0.7, better="higher", share=True),
        "interval_coverage": Score(value=0.9),
    }
    found = Evaluation(task="any", examples=9, scores=given_scores)
    again = Evaluation.model_validate_json(found.model_dump_json())
    assert {name: score.better for name, score in again.scores.items()} == {
        "accuracy": "higher",
        "mean_iou": "higher",
        "interval_coverage": None,
    }
    assert [score.share for score in again.scores.values()] == [True, True, True]


def test_a_score_that_contradicts_the_registered_direction_is_refused():
    with pytest.raises(ValueError, match="expected higher values of 'accuracy' to be better"):
        Evaluation(task="any", examples=1, scores={"accuracy": Score(value=0.5, better="lower")})


def test_a_name_cannot_come_to_mean_another_thing():
    known = describe_score("accuracy")
    register_score(known)
    with pytest.raises(ConfigError, match="there is a score 'accuracy' already"):
        register_score(ScoreInfo("accuracy", "Something else"))
