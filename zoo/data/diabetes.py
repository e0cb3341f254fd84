"""The diabetes study that scikit-learn carries: measurements that are there without a network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.data.dataset import arrays_digest
from zoo.data.measured import split_table
from zoo.data.named.tables import DIABETES
from zoo.data.options import GroupOptions
from zoo.errors import ChecksumMismatch, MissingExtra
from zoo.spec import Split

CONTENT = "2edbaa8ff84293913c765d1b470c13e09a30d5b4f5e48dece41395e36d8e3b21"
"""SHA-256 over the arrays as they are used here."""

_SEX = 1


def load(options: GroupOptions) -> Mapping[str, Split]:
    """Load the study in its original units; the target has none, and runs from 25 to 346.

    Raises:
        MissingExtra: If scikit-learn is not installed.
        ChecksumMismatch: If its copy is not the one that all measurements were made on.
    """
    try:
        from sklearn.datasets import load_diabetes
    except ImportError as error:
        raise MissingExtra("the dataset 'diabetes'", "datasets", "scikit-learn") from error

    bunch = load_diabetes(scaled=False)
    inputs = {
        "numeric": np.delete(bunch.data, _SEX, axis=1).astype(np.float32),
        "categorical": bunch.data[:, [_SEX]].astype(np.int32),
    }
    target = bunch.target.astype(np.float32)
    if (found := arrays_digest({**inputs, "target": target})) != CONTENT:
        raise ChecksumMismatch(
            "the diabetes study of the installed scikit-learn is not the known one",
            why=f"its SHA-256 is {found}, expected {CONTENT}",
            fix="pip install --force-reinstall scikit-learn",
        )
    return split_table(DIABETES, inputs, target, options)


__all__ = ["CONTENT", "load"]
