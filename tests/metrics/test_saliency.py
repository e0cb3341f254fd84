"""Where a model looked: heat, a place, a box, a picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from zoo.metrics.saliency import bounding_box, centroid, crop, heatmap, overlay, resize
from zoo.runtime.images import PADDED
from zoo.spec import TensorSpec


def spot(rows: int, columns: int, row: int, column: int) -> np.ndarray:
    evidence = np.full((rows, columns, 2), -1.0)
    evidence[row, column, 1] = 4.0
    return evidence


def test_heat_is_what_speaks_for_a_class_and_nothing_that_speaks_against_it() -> None:
    warm = heatmap(spot(3, 4, 1, 2), 1)

    assert warm.max() == 1
    assert warm.sum() == 1
    assert heatmap(spot(3, 4, 1, 2), 0).sum() == 0


def test_the_middle_of_one_hot_cell_is_its_own() -> None:
    assert centroid(heatmap(spot(4, 8, 1, 2), 1)) == pytest.approx((2.5 / 8, 1.5 / 4))


def test_a_box_surrounds_the_hot_cells_that_hang_together_and_no_others() -> None:
    warm = np.zeros((6, 6))
    warm[1, 1:4], warm[2, 3], warm[5, 5] = (0.9, 1.0, 0.8), 0.75, 0.95
    found = bounding_box(warm)

    assert found is not None
    assert (found.left, found.top, found.right, found.bottom) == (1 / 6, 1 / 6, 4 / 6, 3 / 6)
    assert found.contains(0.5, 0.3)
    assert not found.contains(0.95, 0.95)


def test_without_heat_there_is_no_place_and_no_box() -> None:
    assert centroid(np.zeros((3, 3))) is None
    assert bounding_box(np.zeros((3, 3))) is None


def test_an_enlarged_map_keeps_its_mean_and_its_range() -> None:
    warm = np.random.default_rng(0).random((5, 7))
    large = resize(warm, 50, 70)

    assert large.shape == (50, 70)
    assert large.mean() == pytest.approx(warm.mean(), abs=0.03)
    assert warm.min() <= large.min()
    assert large.max() <= warm.max()


@given(channels=st.sampled_from([1, 3]), rows=st.integers(1, 9), height=st.integers(1, 40))
def test_an_overlay_is_a_color_picture_of_the_same_size(
    channels: int, rows: int, height: int
) -> None:
    picture = np.zeros((height, 17, channels), "uint8")
    drawn = overlay(picture, np.ones((rows, rows)))

    assert drawn.shape == (height, 17, 3)
    assert drawn.dtype == np.uint8
    assert drawn[..., 0].min() > drawn[..., 2].max()


def test_numbers_that_are_none_are_no_heat() -> None:
    evidence = spot(2, 2, 0, 0)
    evidence[1, 1] = np.nan

    assert heatmap(evidence, 1)[1, 1] == 0


def test_a_map_is_cut_to_the_picture_inside_a_padded_one() -> None:
    warm = np.zeros((8, 8))
    warm[3, 6] = 1.0
    spec = TensorSpec(name="image", shape=(64, 64, 3), outside=PADDED, role="image")
    part = crop(warm, (50, 100), spec)

    assert part.shape == (4, 8)
    assert np.unravel_index(part.argmax(), part.shape) == (1, 6)
    np.testing.assert_allclose(crop(warm, (30, 30), spec), warm)
    stretched = TensorSpec(name="image", shape=(64, 64, 3), role="image")
    np.testing.assert_array_equal(crop(warm, (50, 100), stretched), warm)
