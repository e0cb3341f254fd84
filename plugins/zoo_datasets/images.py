"""Handwritten digits: those that scikit-learn carries, and MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from zoo.data import (
    NamedDataset,
    Remote,
    SeedOptions,
    SplitOptions,
    arrays_digest,
    read_npz,
    stratified_sample,
)
from zoo.spec import Arrays, DataSpec, Split, Task, TensorSpec
from zoo_datasets import (
    array_splits,
    bundled,
    check_content,
    local_or_downloaded,
    split_by_class,
)

DIGITS_SHA256 = "6d84804a3246d52a7624c1583468f02d6d8eb0f655660daee31d0f8d34d6f142"
"""SHA-256 over the arrays."""

MNIST_REMOTE = Remote(
    name="mnist.npz",
    urls=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
    size=11_490_434,
    sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
MNIST_SHA256 = "8fc8fc4f0343f34ece1fcfdfb65f0801fac48030ce7c70e62bbb62f64ee2e65b"
"""SHA-256 over the four arrays, whatever file they came in."""

MNIST_VALIDATION = 5_000


class MnistOptions(SeedOptions):
    """Options of MNIST."""

    file: str | None = Field(
        None,
        description="A local mnist.npz instead of a download; its arrays must be MNIST's.",
    )


def load_digits(options: SplitOptions) -> Mapping[str, Split]:
    """Load the digits of scikit-learn: levels 0 to 16 become 0 to 255, rounded, halves up.

    Raises:
        MissingExtra: If scikit-learn is not installed.
        ChecksumMismatch: If its copy is another one.
    """
    arrays = bundled("digits", DIGITS_SHA256, _digits)
    return split_by_class({"image": arrays["image"]}, arrays["label"], options)


def _digits(bunch: Any) -> Arrays:
    levels = bunch.images.astype(np.int32)
    images = ((levels * 255 + 8) // 16).astype(np.uint8)[..., None]
    return {"image": images, "label": bunch.target.astype(np.int64)}


def load_mnist(options: MnistOptions) -> Mapping[str, Split]:
    """Load MNIST: the official test split, and 5,000 of the training images to validate on.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the arrays of the file are not MNIST.
    """
    path = local_or_downloaded(options.file, MNIST_REMOTE)
    arrays = read_npz(path)
    check_content(
        arrays_digest(arrays),
        MNIST_SHA256,
        f"the arrays of MNIST in {path}",
        f"zoo train NAME --data {path} uses the file as your own data",
    )
    images = np.concatenate([arrays["x_train"], arrays["x_test"]])[..., None]
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.int64)
    official = len(arrays["y_train"])
    held = stratified_sample(labels[:official], MNIST_VALIDATION, seed=options.split_seed)
    parts = {
        "train": np.setdiff1d(np.arange(official), held),
        "validation": held,
        "test": np.arange(official, len(labels)),
    }
    return array_splits({"image": images}, {"label": labels}, parts)


def _spec(name: str, side: int) -> DataSpec:
    image = TensorSpec(
        name="image", shape=(side, side, 1), dtype="uint8", range=(0, 255), role="image"
    )
    label = TensorSpec(name="label", dtype="int64", labels=tuple("0123456789"))
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(image,), targets=(label,))


DIGITS = NamedDataset(
    spec=_spec("digits", 8),
    summary="1,797 handwritten digits of 8 x 8 pixels, in 17 levels of gray",
    size="1,797 images",
    license="CC BY 4.0",
    source="Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), its test "
    "part, as scikit-learn carries it",
    offline=True,
    load=load_digits,
)
MNIST = NamedDataset(
    spec=_spec("mnist", 28),
    summary="70,000 handwritten digits of 28 x 28 pixels: MNIST, its official test split",
    size="70,000 images, 11.5 MB",
    license="CC BY-SA 3.0",
    source="LeCun, Cortes & Burges 1998; the file of keras.datasets.mnist",
    offline=False,
    options=MnistOptions,
    load=load_mnist,
)
