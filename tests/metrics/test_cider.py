"""CIDEr-D is the formula of its paper, run by run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.metrics.cider import cider_d

TEXTS = st.lists(st.sampled_from(["red", "door", "a", "long", "crack"]), max_size=6).map(" ".join)


def test_the_reference_itself_gets_ten_where_it_has_four_rare_words():
    texts = ["a red door opens", "one blue crack here"]
    np.testing.assert_allclose(cider_d(texts, [[text] for text in texts]), [10, 10])


def test_a_short_text_has_no_long_runs():
    # Two words have runs of one and of two: two of the four cosines are 1, the others 0.
    np.testing.assert_allclose(cider_d(["red door", "crack"], [["red door"], ["crack"]]), [5, 2.5])


def test_what_every_picture_has_counts_for_nothing():
    references = [["a red door"], ["a blue door"], ["a green door"]]
    # "a", "door" are in all three; the runs "red", "a red", "red door", "a red door" in one.
    # What was written shares "red" and "a red" with the reference, by hand:
    log3 = math.log(3)
    one = (log3 * log3) / (log3 * log3)  # g = (red: log 3) on both sides
    # Runs of two: written has "a red", "red crack"; meant "a red", "red door"; each is rare.
    two = (log3 * log3) / (math.sqrt(2) * log3 * math.sqrt(2) * log3)
    # "crack" is in no reference: it weighs as much as what is in one.
    one /= math.sqrt(2)
    found = cider_d(["a red crack", "x", "y"], references)
    assert found[0] == pytest.approx(10 * (one + two) / 4)
    assert found[1] == found[2] == 0


def test_a_word_said_again_and_again_gains_nothing():
    references = [["red door"], ["blue crack"]]
    once, often = cider_d(["red", "blue"], references), cider_d(["red red red", "blue"], references)
    # Clipped: min(3, 1) of "red" over a vector that is three times as long.
    delta = math.exp(-(1**2) / (2 * 36))
    norm = math.sqrt(2)
    assert once[0] == pytest.approx(10 * delta * (1 / norm) / 4)
    assert often[0] == pytest.approx(10 * delta * (1 / (3 * norm)) / 4)


def test_a_text_of_another_length_is_worth_less():
    references = [["red door here now"], ["blue crack"]]
    exact, longer = cider_d(["red door here now", "-"], references)[0], None
    longer = cider_d(["red door here now and a lot of other words", "-"], references)[0]
    assert longer < exact * math.exp(-(6**2) / 72)


def test_of_several_references_the_mean_counts():
    references = [["red door", "blue crack"], ["green seam"]]
    alone = [cider_d(["red door", "-"], [[text], ["green seam"]])[0] for text in references[0]]
    assert cider_d(["red door", "-"], references)[0] == pytest.approx(np.mean(alone))


def test_punctuation_and_capitals_do_not_count():
    references = [["A red door, open."], ["blue"]]
    np.testing.assert_allclose(cider_d(["a Red door open", "blue"], references), [10, 2.5])


def test_one_picture_alone_has_no_rare_words():
    assert cider_d(["a red door"], [["a red door"]]).tolist() == [0.0]


@given(st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=6))
def test_it_lies_between_nothing_and_ten_and_the_order_does_not_matter(pairs):
    found = cider_d([said for said, _ in pairs], [meant for _, meant in pairs])
    assert ((found >= 0) & (found <= 10 + 1e-9)).all()
    back = cider_d([said for said, _ in pairs[::-1]], [meant for _, meant in pairs[::-1]])
    np.testing.assert_allclose(found, back[::-1])
