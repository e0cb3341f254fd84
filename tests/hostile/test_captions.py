"""Bytes that nobody meant as captions: a dataset, or an error that says what is wrong and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.errors import BadRecord, ZooError
from zoo.metrics.figures import encode_png

KEYS = st.sampled_from(["image", "file_name", "caption", "text", "summary", "label"])
NAMES = st.sampled_from(["0.png", "1.png", "./2.png", "3.png", "../0.png", "/", "", ".", "a\0b"])
VALUES = st.one_of(NAMES, st.text(max_size=9), st.none(), st.integers(), st.booleans(), st.just([]))
RECORDS = st.dictionaries(KEYS, VALUES, max_size=4) | st.fixed_dictionaries(
    {"image": NAMES, "caption": st.text(max_size=9)}
)
FILES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(RECORDS, max_size=12).map(lambda found: "\n".join(map(json.dumps, found)).encode()),
    st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)).map(
        lambda found: json.dumps(found).encode()
    ),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        (folder / f"{number}.png").write_bytes(encode_png(pixels))
    return folder


def read(folder: Path, **options: Any) -> zoo.Dataset:
    data = zoo.dataset(folder, **options)
    for split in ("train", "validation", "test"):
        inputs, targets = data.split(split).arrays()
        assert len(inputs["image"]) == len(targets["caption"]) > 0
    return data


@settings(deadline=None)
@given(data=FILES)
def test_any_file_of_captions_is_read_or_refused_by_its_name(photos: Path, data: bytes) -> None:
    file = photos / "captions.jsonl"
    file.write_bytes(data)
    try:
        read(photos)
    except BadRecord as error:
        assert error.file == str(file) and error.what
    except ZooError as error:
        assert error.what and error.fix


@settings(deadline=None)
@given(data=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_vocabulary_is_read_or_refused_by_its_name(photos: Path, data: bytes) -> None:
    lines = [{"image": f"{n}.png", "caption": f"number {n}"} for n in range(4)]
    (photos / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    file = photos / "vocab.txt"
    signed = b"[PAD]\n[UNK]\n[SEP]\n" + data
    for content in (data, signed):
        file.write_bytes(content)
        try:
            read(photos, vocabulary=str(file))
        except BadRecord as error:
            assert error.file == str(file)
