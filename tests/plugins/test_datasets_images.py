"""Digits and MNIST: fixed splits, and copies that are not the known ones."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import BadRecord, ChecksumMismatch, DatasetUnavailable, MissingExtra

DIGITS = "cd1900e658cc0ac3678a0da777a75e10ba554f41a0683108b29e1fb7ca9a2276"
MNIST = "c0a1686af83ba21cb1ed98ba847ad4ada22d72c7229ef6a9af9fb531c6a777b2"


def test_digits_are_what_they_always_were() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn carries the digits")
    data = zoo.dataset("digits")
    assert data.sizes() == {"train": 1259, "validation": 269, "test": 269}
    inputs, targets = data.split("train").arrays() or ({}, {})
    assert inputs["image"].shape == (1259, *zoo.dataset("digits").spec.inputs[0].shape)
    assert (inputs["image"].dtype, targets["label"].dtype) == (np.uint8, np.int64)
    assert set(np.unique(inputs["image"])) == {(level * 255 + 8) // 16 for level in range(17)}
    assert data.fingerprint == DIGITS
    assert zoo.dataset("digits").fingerprint == DIGITS
    assert zoo.dataset("digits", split_seed=1).fingerprint != DIGITS
    assert zoo.dataset("digits", test_split=0.2).fingerprint != DIGITS


def test_other_digits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn carries the digits")
    bunch = datasets.load_digits()
    bunch.images[0, 0, 0] += 1
    monkeypatch.setattr(datasets, "load_digits", lambda: bunch)
    with pytest.raises(ChecksumMismatch, match="not the known ones"):
        zoo.dataset("digits").sizes()


def test_without_scikit_learn_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("sklearn.datasets")] + ["sklearn.datasets"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match="scikit-learn") as caught:
        zoo.dataset("digits").split("train")
    assert caught.value.fix == 'pip install "neural-zoo[datasets]"'


def test_mnist_comes_from_a_local_file(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "mnist" / "mnist.npz"
    data = zoo.dataset("mnist", file=str(file))
    assert data.sizes() == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert data.fingerprint == MNIST
    _, targets = data.split("validation").arrays() or ({}, {})
    assert np.bincount(targets["label"]).min() > 400
    with np.load(file) as arrays:
        np.savez(tmp_path / "again.npz", **{k: arrays[k] for k in reversed(arrays.files)})
    again = zoo.dataset("mnist", file=str(tmp_path / "again.npz"))
    assert again.fingerprint == MNIST


def test_another_file_is_not_mnist(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(ChecksumMismatch, match=r"MNIST in .*a\.npz are not the known ones"):
        zoo.dataset("mnist", file=str(tmp_path / "a.npz")).sizes()
    with pytest.raises(BadRecord, match=r"gone\.npz"):
        zoo.dataset("mnist", file=str(tmp_path / "gone.npz")).sizes()


def test_mnist_offline_says_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    data = zoo.dataset("mnist")
    assert data.spec.labels == tuple("0123456789")
    with pytest.raises(DatasetUnavailable, match=r"mnist\.npz") as caught:
        data.split("train")
    assert str(tmp_path / "datasets" / "mnist.npz") in caught.value.fix
