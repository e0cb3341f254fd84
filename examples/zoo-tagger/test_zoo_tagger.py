"""The plugin, tested as its author would: through the public API, in a minute."""

# ruff: noqa: D103, S101 - the name of a test says what it is about, and asserting is its purpose

import numpy as np
import pytest
from zoo_tagger import ENTITY, f1

import zoo
from zoo import testing

TEXT = "in 3 May May sold 12 and Ada bought 7"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return zoo.train("tagger", run_dir=tmp_path_factory.mktemp("tagger") / "run")


def test_an_entity_counts_only_as_a_whole():
    names = np.array(["other", "B-name", "I-name", "B-date", "I-date"])
    true = np.array([[1, 2, 0, 3, 4, 3, -1]])
    assert f1(ENTITY, names, true, true).value == 1
    # Without its second word, the name is another entity; two dates in one are one wrong one.
    assert f1(ENTITY, names, true, np.array([[1, 0, 0, 3, 4, 3, 1]])).value == pytest.approx(2 / 3)
    assert f1(ENTITY, names, true, np.array([[1, 2, 0, 3, 4, 4, 1]])).value == pytest.approx(2 / 5)


def test_padding_changes_neither_tags_nor_the_loss():
    model = zoo.build("tagger")
    tokens, tags = np.array([[5, 9, 6, 7]]), np.array([[0, 1, 2, 3]])
    longer = np.pad(tokens, ((0, 0), (0, 9))), np.pad(tags, ((0, 0), (0, 9)), constant_values=-1)
    alone, padded = (np.asarray(model(given)) for given in (tokens, longer[0]))
    assert padded[:, :4] == pytest.approx(alone, abs=1e-6)
    assert model.evaluate(*longer, verbose=0) == pytest.approx(
        model.evaluate(tokens, tags, verbose=0), rel=1e-5
    )


def test_texts_without_tags_are_refused():
    with pytest.raises(zoo.ZooError, match="a tag for every word, unlike number_lengths"):
        zoo.build("tagger", data="number_lengths")


def test_it_learns_more_than_the_most_frequent_tag_of_each_word(run):
    found = zoo.evaluate(run)
    ours, baseline = found.figures[0].values
    score = found.scores["entity_f1"]
    assert score.low < score.value == ours
    assert ours > 0.95
    assert baseline < 0.8


def test_a_prediction_has_a_tag_for_each_word_and_none_for_padding(run, tmp_path):
    artifact = zoo.export(run, tmp_path)
    found = zoo.predict(artifact.path, [TEXT, "Ada paid 3 euros on May"])
    assert [len(row["label"]) for row in found.as_dicts()] == [10, 6]
    assert found.as_dicts()[0]["label"] == [
        *("other", "B-date", "I-date", "B-name", "other", "B-number", "other", "B-name"),
        *("other", "B-number"),
    ]


@testing.parametrize_with_checks("tagger", "orders")
def test_it_conforms(check):
    check()
