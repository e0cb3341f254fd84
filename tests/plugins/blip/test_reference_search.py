"""A small captioner generates the texts of the reference, token for token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.plugins.blip import tiny

SEEDS = (0, pytest.param(1, marks=pytest.mark.slow))
ENDS = 5.0
"""Added to the score of the end sign, so that texts end, and at different lengths."""

LIMIT = 9

ROWS = 12
"""Greedy search is traced for each number of images and length of prompt: tests share a few."""


@pytest.fixture(scope="module", params=SEEDS)
def both(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny.pair(tmp_path_factory.mktemp("reference"), request.param, ends=ENDS)


def lengths(ids: np.ndarray) -> set[int]:
    return {list(row).index(tiny.END) if tiny.END in row else -1 for row in ids}


def padded(ids: np.ndarray) -> np.ndarray:
    """Return ids with padding behind each end.

    The beam search of the reference takes a padding of id 0 for one that was not given, and writes
    the end sign there again and again.
    """
    behind = np.cumsum(ids == tiny.END, axis=1) - (ids == tiny.END) > 0
    return np.where(behind, tiny.PAD, ids)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_greedy_texts_are_equal(both: Any, rows: int) -> None:
    theirs, ours = both
    images = tiny.pictures(rows, seed=rows)
    expected = theirs.write(images, limit=LIMIT)
    found = ours.generate(images, max_new_tokens=LIMIT)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


def test_greedy_texts_of_one_batch_end_at_different_places_and_are_padded(both: Any) -> None:
    theirs, ours = both
    images = tiny.pictures(ROWS, seed=5)
    expected = theirs.write(images, limit=LIMIT)
    found = ours.generate(images, max_new_tokens=LIMIT)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)
    assert len(lengths(found)) > 2
    ended = np.cumsum(found == tiny.END, axis=1) - (found == tiny.END) > 0
    assert ended.any() and (found[ended] == tiny.PAD).all()


def test_a_text_without_an_end_has_the_maximum_length_even_of_padding(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    theirs, ours = tiny.pair(tmp_path_factory.mktemp("endless"), 3, ends=-90.0)
    images = tiny.pictures(2)
    found = ours.generate(images, max_new_tokens=31)
    assert found.shape == (2, 31) and tiny.END not in found
    np.testing.assert_array_equal(found, theirs.write(images, limit=31))

    with theirs.torch.no_grad():
        theirs.model.text_decoder.cls.predictions.bias[tiny.PAD] += 90
    ours.decoder.bias.assign(theirs.model.text_decoder.cls.predictions.bias.detach().numpy())
    expected = theirs.write(images, limit=31)
    assert expected.tolist() == [[tiny.PAD] * 31] * 2
    np.testing.assert_array_equal(ours.generate(images, max_new_tokens=31), expected)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 7])
def test_a_lower_maximum_length_is_kept(
    tmp_path_factory: pytest.TempPathFactory, limit: int
) -> None:
    theirs, ours = tiny.pair(tmp_path_factory.mktemp("endless"), 3, ends=-90.0)
    images = tiny.pictures(2)
    found = ours.generate(images, max_new_tokens=limit)
    assert found.shape == (2, limit) and tiny.END not in found
    np.testing.assert_array_equal(found, theirs.write(images, limit=limit))


def test_texts_depend_on_the_image(both: Any) -> None:
    _, ours = both
    found = ours.generate(tiny.pictures(ROWS), max_new_tokens=LIMIT)
    assert len({tuple(row) for row in found.tolist()}) > 1


@pytest.mark.parametrize("left", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("rows", [pytest.param(1, marks=pytest.mark.slow), ROWS])
def test_greedy_texts_after_padded_prompts_are_equal(both: Any, left: bool, rows: int) -> None:
    theirs, ours = both
    images = tiny.pictures(rows, seed=rows)
    ids, mask = tiny.begun(rows, 8, seed=rows, left=left)
    expected = theirs.write(images, ids, mask, limit=LIMIT)
    found = ours.generate(images, ids, mask=mask, max_new_tokens=LIMIT)
    np.testing.assert_array_equal(found, expected)
    # The same graph, every word real.
    expected = theirs.write(images, ids, limit=LIMIT)
    np.testing.assert_array_equal(ours.generate(images, ids, max_new_tokens=LIMIT), expected)


@pytest.mark.parametrize("strategy", ["greedy", pytest.param("beam", marks=pytest.mark.slow)])
def test_left_padding_changes_nothing(both: Any, strategy: str) -> None:
    _, ours = both
    images = tiny.pictures(ROWS)
    ids, _ = tiny.begun(ROWS, 5)
    wide = np.pad(ids, ((0, 0), (3, 0)), constant_values=9)
    mask = np.tile(np.arange(8) >= 3, (ROWS, 1))
    how: dict[str, Any] = {"strategy": strategy, "max_new_tokens": LIMIT}
    found = ours.generate(images, wide, mask=mask, **how)
    np.testing.assert_array_equal(found, ours.generate(images, ids, **how))


@pytest.mark.parametrize(
    ("beams", "rows"),
    [
        (2, 1),
        (4, 3),
        *(
            pytest.param(beams, rows, marks=pytest.mark.slow)
            for beams, rows in ((2, 2), (2, 3), (3, 2), (3, 1), (3, 3), (4, 1), (4, 2))
        ),
    ],
)
def test_beam_search_gives_the_same_texts(both: Any, beams: int, rows: int) -> None:
    theirs, ours = both
    images = tiny.pictures(rows, seed=10 * beams + rows)
    # Each penalty meets each number of beams and of rows.
    penalty = (0.5, 1.0, 2.0)[(beams + rows) % 3]
    for early in (False, True):
        how = {"length_penalty": penalty, "early_stopping": early}
        expected = padded(theirs.write(images, limit=LIMIT, num_beams=beams, **how))
        found = ours.generate(images, strategy="beam", beams=beams, max_new_tokens=LIMIT, **how)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("left", "early"),
    [
        (True, False),
        pytest.param(False, True, marks=pytest.mark.slow),
        pytest.param(True, True, marks=pytest.mark.slow),
        pytest.param(False, False, marks=pytest.mark.slow),
    ],
)
def test_beam_search_after_padded_prompts_gives_the_same_texts(
    both: Any, left: bool, early: bool
) -> None:
    theirs, ours = both
    images = tiny.pictures(3, seed=8)
    ids, mask = tiny.begun(3, 6, seed=8, left=left)
    how: dict[str, Any] = {"length_penalty": 1.0, "early_stopping": early}
    expected = padded(theirs.write(images, ids, mask, limit=LIMIT, num_beams=3, **how))
    found = ours.generate(
        images, ids, mask=mask, strategy="beam", beams=3, max_new_tokens=LIMIT, **how
    )
    np.testing.assert_array_equal(found, expected)


def test_the_prompt_of_a_summary_is_that_of_the_reference(both: Any) -> None:
    theirs, ours = both
    said = [tiny.START, *(tiny.PIECES.index(word) for word in ["a", "detailed", "photo", "of"])]
    ids = np.tile(np.array(said, np.int32), (ROWS, 1))
    images = tiny.pictures(ROWS)
    expected = theirs.write(images, ids, limit=LIMIT)
    np.testing.assert_array_equal(
        ours.generate(images, tiny.SUMMARY, max_new_tokens=LIMIT), expected
    )
    from zoo.runtime import decode_text

    assert ours.generate_text(images, "summary", max_new_tokens=LIMIT) == decode_text(
        expected, ours.text_spec
    )
    assert ours.generate_text(images, prompt=tiny.SUMMARY, max_new_tokens=LIMIT) == decode_text(
        expected, ours.text_spec
    )
