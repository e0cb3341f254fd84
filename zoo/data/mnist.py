"""MNIST, as Keras downloads it, or from a local copy with the same arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.data.arrays import read_npz
from zoo.data.dataset import ArraySplit, arrays_digest
from zoo.data.download import Remote, fetch
from zoo.data.named.images import MnistOptions
from zoo.data.splits import stratified_sample
from zoo.errors import ChecksumMismatch
from zoo.spec import Split

REMOTE = Remote(
    name="mnist.npz",
    urls=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
    size=11_490_434,
    sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
CONTENT = "8fc8fc4f0343f34ece1fcfdfb65f0801fac48030ce7c70e62bbb62f64ee2e65b"
"""SHA-256 over the four arrays, whatever file they came in."""

VALIDATION = 5_000


def load(
    options: MnistOptions, *, remote: Remote = REMOTE, content: str = CONTENT
) -> Mapping[str, Split]:
    """Load MNIST: the official test split, and 5,000 of the training images to validate on.

    Args:
        options: ``file`` names a local copy; ``split_seed`` draws the validation split.
        remote: Where to download it.
        content: SHA-256 over the arrays, by :func:`zoo.data.dataset.arrays_digest`.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the file's arrays are not MNIST.
    """
    path = Path(options.file).expanduser() if options.file else fetch(remote)
    arrays = read_npz(path)
    if (found := arrays_digest(arrays)) != content:
        raise ChecksumMismatch(
            f"the arrays in {path} are not MNIST",
            why=f"their SHA-256 is {found}, expected {content}",
            fix=f"zoo train NAME --data {path} uses the file as your own data",
        )
    labels = arrays["y_train"].astype(np.int64)
    held = stratified_sample(labels, VALIDATION, seed=options.split_seed)
    kept = np.setdiff1d(np.arange(len(labels)), held)
    images = arrays["x_train"][..., None]
    test = arrays["x_test"][..., None], arrays["y_test"].astype(np.int64)
    return {
        "train": ArraySplit({"image": images[kept]}, {"label": labels[kept]}),
        "validation": ArraySplit({"image": images[held]}, {"label": labels[held]}),
        "test": ArraySplit({"image": test[0]}, {"label": test[1]}),
    }


__all__ = ["CONTENT", "REMOTE", "VALIDATION", "load"]
