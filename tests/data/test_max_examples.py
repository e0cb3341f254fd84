"""``max_examples``: some examples of any data, evenly chosen, the same ones each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.data.dataset import ArraySplit
from zoo.data.mapped import LimitedSplit
from zoo.errors import ConfigError

TASK = "sequence-to-sequence"


@settings(max_examples=60)
@given(size=st.integers(0, 400), count=st.integers(1, 500))
def test_an_excerpt_is_evenly_spaced_in_order_and_never_longer_than_the_whole(size, count):
    whole = ArraySplit({"x": np.arange(size)}, {})
    part = LimitedSplit(whole, count)
    inputs, _ = part.arrays()
    kept = inputs["x"]

    assert len(part) == len(kept) == min(size, count)
    assert (np.diff(kept) >= 1).all()
    if len(kept) > 1:
        assert np.ptp(np.diff(kept)) <= 1
    if size <= count:
        assert kept.tolist() == list(range(size))


def test_every_split_is_cut_and_keeps_its_own_examples():
    whole, part = zoo.dataset("digits"), zoo.dataset("digits", max_examples=50)
    known = {
        name: {image.tobytes() for image in whole.split(name).arrays()[0]["image"]}
        for name in ("train", "validation", "test")
    }

    assert part.spec == whole.spec
    assert part.sizes() == {"train": 50, "validation": 50, "test": 50}
    for name, images in known.items():
        assert {i.tobytes() for i in part.split(name).arrays()[0]["image"]} <= images
    assert part.fingerprint != whole.fingerprint
    assert part.fingerprint == zoo.dataset("digits", max_examples=50).fingerprint


def test_the_option_goes_with_files_and_with_other_options(tmp_path: Path):
    file = tmp_path / "rows.csv"
    lines = "\n".join(f"{i},{i % 7},{'ab'[i % 2]}" for i in range(200))
    file.write_text(f"x,y,kind\n{lines}\n")
    found = zoo.dataset(file, target="kind", drop=["y"], max_examples=20)

    assert found.sizes() == {"train": 20, "validation": 20, "test": 20}
    assert found.source == str(file)
    assert found.options == {"target": "kind", "drop": ["y"], "max_examples": 20}


@pytest.mark.parametrize("count", [0, -1, "many", 1.5, None])
def test_an_excerpt_that_is_no_number_of_examples_is_refused(count):
    with pytest.raises(ConfigError, match="max_examples|options"):
        zoo.dataset("digits", max_examples=count)


def test_texts_of_an_excerpt_are_read_by_another_vocabulary(tmp_path: Path):
    def pairs(name: str, words: list[str]) -> Path:
        file = tmp_path / name
        file.write_text("".join(f"{a} {b}\t{b} {a}\n" for a in words for b in words))
        return file

    mine = zoo.dataset(
        pairs("a.txt", ["one", "two", "three", "four", "five", "six"]), task=TASK, max_examples=5
    )
    other = zoo.dataset(
        pairs("b.txt", ["two", "one", "ten", "six", "five", "four", "nine"]), task=TASK
    )
    again = mine.encoded_by(other.spec)

    assert again.spec.inputs[0].text == other.spec.inputs[0].text
    assert len(again.split("train")) == 5


def test_only_what_is_kept_of_drawn_images_is_drawn(monkeypatch):
    from zoo_aircraft import datasets

    drawn = []
    real = datasets.draw
    monkeypatch.setattr(datasets, "draw", lambda *asked: drawn.append(1) or real(*asked))
    found = zoo.dataset("aircraft_damage_synthetic", max_examples=3)
    inputs, targets = found.split("train").arrays()

    assert len(inputs["image"]) == len(targets["label"]) == 3
    assert len(drawn) <= 4
