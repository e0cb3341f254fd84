"""How far the images of a split are from what a model makes of them, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError
from zoo.metrics.corruptions import Corruption
from zoo.metrics.images import Images
from zoo.metrics.pca_baseline import Principal
from zoo.spec import PredictFn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BEST_PSNR = 100.0
"""Decibels of a perfect reconstruction, whose own figure would be infinite."""


@dataclass(frozen=True)
class Measured:
    """What was found out about every image of a split.

    Attributes:
        images: Which images.
        classes: Index of each one's class, -1 where there are none.
        familiar: Whether its class was trained on.
        errors: Mean squared error of its values, in 0..1 intensity.
        pca: The principal components it was compared with, if it was.
        pca_errors: Their errors.
        damaged: Error of the damaged image itself, if images were damaged.
        repaired: Error of what the model made of it.
    """

    images: Images
    classes: NDArray[np.int64]
    familiar: NDArray[np.bool_]
    errors: NDArray[np.float64]
    pca: Principal | None = None
    pca_errors: NDArray[np.float64] | None = None
    damaged: NDArray[np.float64] | None = None
    repaired: NDArray[np.float64] | None = None


def measure_images(
    predict_fn: PredictFn,
    images: Images,
    *,
    held_out: tuple[int, ...] = (),
    pca: Principal | None = None,
    corruption: Corruption | None = None,
) -> Measured:
    """Look at every image once.

    Raises:
        DataError: If no image is of a class that was trained on.
    """
    import numpy as np

    classes, errors, by_pca, damaged, repaired = [], [], [], [], []
    low, high = images.limits
    for positions, inputs, kinds in images.blocks():
        image = inputs[images.spec.name]
        clean = images.scaled(image)
        classes.append(kinds)
        errors.append(_errors(clean, images.reconstruct(predict_fn, inputs)))
        if pca is not None:
            flat = clean.reshape(len(clean), -1)
            by_pca.append(_errors(flat, pca.reconstruct(flat)))
        if corruption is not None:
            worse = corruption(image, positions, low, high)
            damaged.append(_errors(clean, images.scaled(worse)))
            again = images.reconstruct(predict_fn, {**inputs, images.spec.name: worse})
            repaired.append(_errors(clean, again))
    kinds = np.concatenate(classes)
    familiar = ~np.isin(kinds, held_out)
    if not familiar.any():
        raise DataError(
            "every image to measure on is of a class that was held out",
            why="how well a model reconstructs is measured on the classes that it has seen",
            fix="evaluate on data that has other classes too",
        )
    return Measured(
        images,
        kinds,
        familiar,
        np.concatenate(errors),
        pca,
        np.concatenate(by_pca) if by_pca else None,
        np.concatenate(damaged) if damaged else None,
        np.concatenate(repaired) if repaired else None,
    )


def decibels(errors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the peak signal-to-noise ratio of mean squared errors in 0..1 intensity."""
    import numpy as np

    ratio: NDArray[np.float64] = -10 * np.log10(np.maximum(errors, 10 ** (-BEST_PSNR / 10)))
    return ratio


def _errors(clean: NDArray[Any], given: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean squared error of each example."""
    errors: NDArray[np.float64] = ((clean - given) ** 2).reshape(len(clean), -1).mean(axis=1)
    return errors


__all__ = ["BEST_PSNR", "Measured", "decibels", "measure_images"]
