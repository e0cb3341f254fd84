"""The digits that scikit-learn carries: real data that is there without a network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.data.bundled import split_by_class
from zoo.data.options import SplitOptions
from zoo.errors import MissingExtra
from zoo.spec import Split

CONTENT = "6d84804a3246d52a7624c1583468f02d6d8eb0f655660daee31d0f8d34d6f142"
"""SHA-256 over the arrays as they are used here."""


def load(options: SplitOptions) -> Mapping[str, Split]:
    """Load the digits: levels 0 to 16 become 0 to 255, rounded, halves up.

    Raises:
        MissingExtra: If scikit-learn is not installed.
        ChecksumMismatch: If its copy is not the one that all measurements were made on.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtra("the dataset 'digits'", "datasets", "scikit-learn") from error

    bunch = load_digits()
    levels = bunch.images.astype(np.int32)
    images = ((levels * 255 + 8) // 16).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    return split_by_class({"image": images}, labels, options, content=CONTENT, what="digits")


__all__ = ["CONTENT", "load"]
