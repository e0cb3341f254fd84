"""The tumours of the breast that scikit-learn carries: a table with two classes, offline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.data.dataset import ArraySplit, arrays_digest
from zoo.data.options import SplitOptions
from zoo.data.splits import stratified_split
from zoo.errors import ChecksumMismatch, MissingExtra
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
    if (found := arrays_digest({"numeric": numeric, "label": labels})) != CONTENT:
        raise ChecksumMismatch(
            "the tumours of the installed scikit-learn are not the known ones",
            why=f"their SHA-256 is {found}, expected {CONTENT}",
            fix="pip install --force-reinstall scikit-learn",
        )
    parts = stratified_split(
        labels,
        validation=options.validation_share,
        test=options.test_share,
        seed=options.split_seed,
    )
    return {
        name: ArraySplit({"numeric": numeric[part]}, {"label": labels[part]})
        for name, part in parts.items()
    }


__all__ = ["CONTENT", "load"]
