"""Datasets that models are compared on: digits, tables, series and texts.

Each is announced by an entry point of the group ``zoo.datasets``. What the modules share is here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data import ArraySplit, Remote, SplitOptions, arrays_digest, fetch, stratified_split
from zoo.errors import ChecksumMismatch, MissingExtra
from zoo.spec import Arrays


def local_or_downloaded(file: str | None, remote: Remote) -> Path:
    """Return the path of the user's own copy, or of a downloaded file."""
    return Path(file).expanduser() if file else fetch(remote)


def bundled(
    name: str, sha256: str, arrays_of: Callable[[Any], Arrays], **options: object
) -> Arrays:
    """Return the arrays of a dataset that scikit-learn carries, their contents verified.

    Args:
        name: Name of the dataset in scikit-learn.
        sha256: SHA-256 over the arrays.
        arrays_of: From scikit-learn's bunch to named arrays.
        **options: Options of scikit-learn's loader.

    Raises:
        MissingExtra: If scikit-learn is not installed.
        ChecksumMismatch: If its copy is another one.
    """
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise MissingExtra(f"the dataset {name!r}", "datasets", "scikit-learn") from error
    arrays = arrays_of(getattr(datasets, f"load_{name}")(**options))
    check_content(
        arrays_digest(arrays),
        sha256,
        f"the {name.replace('_', ' ')} data of scikit-learn",
        "pip install --force-reinstall scikit-learn",
    )
    return arrays


def check_content(found: str, expected: str, what: str, fix: str) -> None:
    """Refuse data whose SHA-256 is not that of the published data.

    Raises:
        ChecksumMismatch: If the digests differ.
    """
    if found != expected:
        raise ChecksumMismatch(
            f"{what} are not the known ones",
            why=f"their SHA-256 is {found}, expected {expected}",
            fix=fix,
        )


def split_by_class(
    inputs: Arrays, labels: npt.NDArray[np.int64], options: SplitOptions
) -> dict[str, ArraySplit]:
    """Return stratified splits of labeled examples."""
    parts = stratified_split(
        labels,
        validation=options.validation_split,
        test=options.test_split,
        seed=options.split_seed,
    )
    return array_splits(inputs, {"label": labels}, parts)


def array_splits(
    inputs: Arrays, targets: Arrays, parts: Mapping[str, npt.NDArray[np.intp]]
) -> dict[str, ArraySplit]:
    """Return the splits of arrays, given the positions of each."""
    return {
        name: ArraySplit(
            {key: array[part] for key, array in inputs.items()},
            {key: array[part] for key, array in targets.items()},
        )
        for name, part in parts.items()
    }
