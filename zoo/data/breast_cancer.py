"""The tumors of the breast that scikit-learn carries: a table with two classes, offline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.data.bundled import split_by_class
from zoo.data.options import SplitOptions
from zoo.errors import MissingExtra
from zoo.spec import Split

CONTENT = "6bc6f09abdbeafddd5438110d1fd4865a24b87524f91004cf2a3cd9741fbe94b"
"""SHA-256 over the arrays as they are used here."""


def load(options: SplitOptions) -> Mapping[str, Split]:
    """Load the measurements of the cell nuclei, as they are in the file.

    Raises:
        MissingExtra: If scikit-learn is not installed.
        ChecksumMismatch: If its copy is not the one that all measurements were made on.
    """
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError as error:
        raise MissingExtra("the dataset 'breast_cancer'", "datasets", "scikit-learn") from error

    bunch = load_breast_cancer()
    numeric = bunch.data.astype(np.float32)
    labels = bunch.target.astype(np.int64)
    return split_by_class({"numeric": numeric}, labels, options, content=CONTENT, what="tumors")


__all__ = ["CONTENT", "load"]
