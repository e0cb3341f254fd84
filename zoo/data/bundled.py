"""Examples with classes that scikit-learn carries: known by their content, split by class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zoo.data.dataset import ArraySplit, arrays_digest
from zoo.data.options import SplitOptions
from zoo.data.splits import stratified_split
from zoo.errors import ChecksumMismatch
from zoo.spec import Arrays, Split


def split_by_class(
    inputs: Arrays,
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    options: SplitOptions,
    *,
    content: str,
    what: str,
) -> Mapping[str, Split]:
    """Return the splits of a whole set, if it is the one that all measurements were made on.

    Args:
        inputs: Named arrays, examples along the first axis.
        labels: The class of each.
        options: How it is split.
        content: SHA-256 over the arrays, labels included.
        what: What the examples are, for the message.

    Raises:
        ChecksumMismatch: If they are others.
    """
    if (found := arrays_digest({**inputs, "label": labels})) != content:
        raise ChecksumMismatch(
            f"the {what} of the installed scikit-learn are not the known ones",
            why=f"their SHA-256 is {found}, expected {content}",
            fix="pip install --force-reinstall scikit-learn",
        )
    parts = stratified_split(
        labels,
        validation=options.validation_share,
        test=options.test_share,
        seed=options.split_seed,
    )
    return {
        name: ArraySplit(
            {key: array[part] for key, array in inputs.items()}, {"label": labels[part]}
        )
        for name, part in parts.items()
    }


__all__ = ["split_by_class"]
