"""Preprocessing of a captioner beside that of the reference."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.blip import tiny
from zoo.metrics.figures import encode_png
from zoo.runtime.images import fit_image, read_image


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny.pair(tmp_path_factory.mktemp("reference"))


def prepared(pictures: list[Any], side: int) -> Any:
    """Return what the reference's own preparation makes of pictures of Pillow."""
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepare = BlipImageProcessorPil(size={"height": side, "width": side})
        return np.asarray(prepare(pictures, return_tensors="np")["pixel_values"])


def test_an_image_of_the_input_size_is_scaled_alike(both: Any, tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image", reason="the reference prepares with Pillow")
    theirs, ours = both
    pixels = tiny.pictures(3)
    ready = prepared([images.fromarray(one) for one in pixels], tiny.SIDE)
    np.testing.assert_allclose(ready, theirs.pixels(pixels).numpy(), atol=1e-5)
    with theirs.torch.no_grad():
        seen = theirs.model.vision_model(pixel_values=theirs.torch.tensor(ready))[0].numpy()
    assert np.abs(seen - np.asarray(ours.encode(pixels))).max() <= 1e-4
    # And so does its file.
    (tmp_path / "one.png").write_bytes(encode_png(pixels[0]))
    np.testing.assert_array_equal(read_image(tmp_path / "one.png"), pixels[0])


def test_an_image_resized_by_pillows_bicubic_filter_is_equal(
    both: Any,
) -> None:
    """With the zoo's own filter it is a little another one: see BlipCaptioner."""
    images = pytest.importorskip("PIL.Image", reason="the reference prepares with Pillow")
    theirs, ours = both
    whole = [images.fromarray(one) for one in tiny.pictures(2, side=90)]
    whole.append(whole[0].resize((20, 55)).convert("L"))
    ready = prepared(whole, tiny.SIDE)
    size = (tiny.SIDE, tiny.SIDE)
    pixels = np.stack([np.asarray(one.convert("RGB").resize(size, 3)) for one in whole])
    with theirs.torch.no_grad():
        seen = theirs.model.vision_model(pixel_values=theirs.torch.tensor(ready))[0].numpy()
    assert np.abs(seen - np.asarray(ours.encode(pixels))).max() <= 1e-4


def test_an_image_of_one_color_is_equal_with_any_filter(both: Any) -> None:
    images = pytest.importorskip("PIL.Image", reason="the reference prepares with Pillow")
    _, ours = both
    flat = np.tile(np.array([200, 30, 90], np.uint8), (50, 70, 1))
    ready = prepared([images.fromarray(flat)], tiny.SIDE)
    fitted = fit_image(flat, tiny.SIDE, tiny.SIDE, 3)
    assert fitted.shape == (tiny.SIDE, tiny.SIDE, 3) and (fitted == flat[0, 0]).all()
    theirs, _ = both
    np.testing.assert_allclose(ready, theirs.pixels(fitted[None]).numpy(), atol=1e-5)
    assert np.isfinite(ours.encode(fitted[None])).all()
