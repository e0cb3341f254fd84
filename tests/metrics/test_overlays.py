"""Masks and boxes on images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.metrics.overlays import COLORS, draw_boxes, draw_mask

GRAY = np.full((6, 8, 1), 100, np.uint8)


def test_a_mask_colors_the_pixels_of_its_classes_and_no_others() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1, 2], mask[3, 4] = 1, 2
    drawn = draw_mask(GRAY, mask)

    assert drawn.dtype == np.uint8 and drawn.shape == (6, 8, 3)
    assert {tuple(p) for p in drawn[mask == 0]} == {(100, 100, 100)}
    np.testing.assert_array_equal(drawn[1, 2], np.rint((100 + np.array(COLORS[0])) / 2))
    np.testing.assert_array_equal(drawn[3, 4], np.rint((100 + np.array(COLORS[1])) / 2))


def test_a_box_is_a_line_of_one_pixel_around_its_pixels() -> None:
    drawn = draw_boxes(GRAY / 255, np.array([[1.0, 2.0, 5.0, 4.0]]), [2])
    changed = (drawn != 100).any(-1)

    expected = np.zeros((6, 8), bool)
    expected[2:5, 1:6] = True
    expected[3, 2:5] = False
    np.testing.assert_array_equal(changed, expected)
    assert {tuple(p) for p in drawn[changed]} == {COLORS[2]}
    assert (GRAY == 100).all()


@given(st.lists(st.tuples(*[st.floats(width=32)] * 4), max_size=4))
def test_boxes_of_any_numbers_are_cut_at_the_edges(boxes) -> None:
    given_boxes = np.array(boxes, np.float32).reshape(-1, 4)
    assert draw_boxes(GRAY, given_boxes).shape == (6, 8, 3)


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Received: mask.shape=\(8, 6\)"):
        draw_mask(GRAY, np.zeros((8, 6), int))
    with pytest.raises(ValueError, match="1 classes"):
        draw_boxes(GRAY, np.zeros((2, 4)), [1])
