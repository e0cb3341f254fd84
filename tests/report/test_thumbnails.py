"""Images in a report are what the model saw."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest

from zoo.report.classifier import MAX_SIDE, is_tiny, thumbnail

image = pytest.importorskip("PIL.Image")


def pixels(array: np.ndarray) -> np.ndarray:
    data = base64.b64decode(thumbnail(array), validate=True)
    with image.open(io.BytesIO(data)) as opened:
        opened.load()
        return np.asarray(opened)


@pytest.mark.parametrize("shape", [(8, 8, 1), (1, 1, 3), (28, 5, 3), (64, 64, 1)])
def test_small_images_keep_every_pixel(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert (pixels(array).reshape(shape) == array).all()
    assert is_tiny(thumbnail(array))


@pytest.mark.parametrize("shape", [(1000, 700, 3), (193, 4, 1), (3, 2000, 3)])
def test_large_images_become_small_ones_of_the_same_mean(shape: tuple[int, ...]) -> None:
    array = np.full(shape, 200, np.uint8)
    small = pixels(array)
    assert max(small.shape[:2]) <= MAX_SIDE
    assert (small == 200).all()
    assert not is_tiny(thumbnail(array))


def test_whole_numbers_of_another_type_are_kept() -> None:
    array = np.array([[[3], [250]]], np.int64)
    assert pixels(array).tolist() == [[3, 250]]


def test_other_numbers_are_stretched_from_black_to_white() -> None:
    array = np.array([[[-1.0], [np.nan], [1.0]]], np.float32)
    assert pixels(array).tolist() == [[0, 128, 255]]


def test_a_flat_image_is_black() -> None:
    assert pixels(np.full((2, 2, 1), 7.5)).tolist() == [[0, 0], [0, 0]]
