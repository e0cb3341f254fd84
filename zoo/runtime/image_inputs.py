"""Images given as bytes, open files, images of Pillow, or arrays of any size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from zoo.errors import DataError
from zoo.runtime.image_formats import Image
from zoo.runtime.images import PADDED, decode_image, fit_image, from_pillow
from zoo.spec import TensorSpec

_MAX_BYTES = 2 * 2**30


def images_of(raw: Any, spec: TensorSpec | None = None) -> list[Image] | None:
    """Return the pixels of images, each of a size of its own; ``None`` for anything else.

    Bytes, open files and images of Pillow go the way of a file. So do uint8 arrays that do not
    have the size of the model's input: ``[height, width]``, ``[height, width, 1 or 3]``, or
    several of them.
    """
    if isinstance(raw, np.ndarray):
        fits = spec is not None and _fits(raw, spec)
        return None if raw.dtype != np.uint8 or fits else _split(raw)
    several = isinstance(raw, list | tuple)
    found = [_image(one) for one in (raw if several else [raw])]
    pixels = [one for one in found if one is not None]
    return pixels if found and len(pixels) == len(found) else None


def _image(raw: Any) -> Image | None:
    if isinstance(raw, bytes | bytearray | memoryview):
        return decode_image(bytes(raw), "the given bytes")
    if hasattr(raw, "read"):
        name = str(getattr(raw, "name", "the given file"))
        data = raw.read()
        if not isinstance(data, bytes):
            raise DataError(f"{name} is open as text", fix="open it with mode 'rb'")
        return decode_image(data, name)
    if hasattr(raw, "getexif") and hasattr(raw, "convert"):
        return from_pillow(raw)
    if isinstance(raw, np.ndarray) and raw.dtype == np.uint8 and raw.ndim in (2, 3):
        return _with_channels(raw)
    return None


def _split(array: np.ndarray[Any, Any]) -> list[Image] | None:
    """Return the images in an array of one or several."""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3)):
        return [_with_channels(array)]
    if array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3)):
        return [_with_channels(one) for one in array]
    return None


def _with_channels(array: np.ndarray[Any, Any]) -> Image:
    return array[..., None] if array.ndim == 2 else array


def _fits(array: np.ndarray[Any, Any], spec: TensorSpec) -> bool:
    """Return whether an array is a batch of the model's input, or one example of it."""
    for skipped in (0, 1):
        shape = array.shape[skipped:]
        for wanted in (spec.shape, spec.shape[:-1] if spec.shape[-1] == 1 else spec.shape):
            if len(shape) == len(wanted) and all(
                isinstance(size, str) or size == given
                for size, given in zip(wanted, shape, strict=True)
            ):
                return True
    return False


def fit_images(images: Iterable[Image], spec: TensorSpec, count: int) -> np.ndarray[Any, Any]:
    """Resize images to the input of a model; where it takes any size, they must have one.

    Args:
        images: The images, one at a time.
        spec: The input.
        count: Number of images.

    Returns:
        uint8 ``[images, height, width, channels]``.

    Raises:
        DataError: If there are too many at once, or they differ in size.
    """
    height, width, channels = spec.shape
    if isinstance(height, str) or isinstance(width, str) or isinstance(channels, str):
        images = list(images)
        if len({image.shape for image in images}) > 1:
            raise DataError(
                "the images have different sizes", why="the model takes one size at a time"
            )
        return np.stack(images)
    if count * height * width * channels > _MAX_BYTES:
        raise DataError(f"{count:,} images are too many at once", fix="give fewer at a time")
    padded = spec.outside == PADDED
    return np.stack([fit_image(one, height, width, channels, padded=padded) for one in images])
