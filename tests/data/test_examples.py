"""The datasets and the reader of the example packages, which a slower test installs and trains."""

from __future__ import annotations

import importlib

import pytest

from tests.docs.pages import ROOT
from zoo.data import SplitOptions
from zoo.spec import Dataset


@pytest.mark.parametrize("name", ["unet", "detector"])
def test_the_drawings_of_an_example_are_those_of_its_spec(monkeypatch, name):
    monkeypatch.syspath_prepend(ROOT / "examples" / f"zoo-{name}")
    named = importlib.import_module(f"zoo_{name}.data").SHAPES
    inputs, targets = named.load(SplitOptions())["test"].take([0, 1])
    for spec, array in (
        *((spec, inputs[spec.name]) for spec in named.spec.inputs),
        *((spec, targets[spec.name]) for spec in named.spec.targets),
    ):
        assert (spec.shape, spec.dtype) == (array.shape[1:], str(array.dtype))


def test_the_folder_that_the_reader_of_an_example_writes_is_one_that_it_opens(
    monkeypatch, tmp_path
):
    monkeypatch.syspath_prepend(ROOT / "examples" / "zoo-unet")
    reader = importlib.import_module("zoo_unet.data").READER
    data: Dataset = reader.read("image_masks", reader.example(tmp_path), {})
    assert data.sizes() == {"train": 8, "validation": 2, "test": 2}
    assert data.spec.labels == ("background", "disk", "square")
