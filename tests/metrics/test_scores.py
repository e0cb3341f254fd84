"""What a score means is said once."""

from __future__ import annotations

import pytest

from zoo.errors import ConfigError
from zoo.metrics.scores import ScoreInfo, describe_score, register_score


def test_a_column_of_a_history_means_what_its_score_means():
    assert describe_score("val_accuracy") == describe_score("accuracy")
    assert describe_score("val_loss").higher_is_better is False


@pytest.mark.parametrize(
    ("name", "higher", "share"),
    [
        ("top_5_accuracy", True, True),
        ("pr_auc", True, True),
        ("mean_f1", True, True),
        ("pseudo_likelihood", True, False),
        ("explained_variance", True, False),
        ("perplexity", False, False),
        ("max_error", False, False),
    ],
)
def test_an_unknown_score_is_read_by_the_ending_of_its_name(name, higher, share):
    found = describe_score(name)
    assert (found.higher_is_better, found.share) == (higher, share)
    assert found.title == name.replace("_", " ").capitalize()


def test_a_name_cannot_come_to_mean_another_thing():
    known = describe_score("accuracy")
    register_score(known)
    with pytest.raises(ConfigError, match="there is a score 'accuracy' already"):
        register_score(ScoreInfo("accuracy", "Something else"))
