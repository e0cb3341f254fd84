"""The texts that have a name: real data, fixed splits, and copies that are not the known ones."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.api.datasets import find_dataset
from zoo.data import Remote
from zoo.errors import BadRecord, ChecksumMismatch, DatasetUnavailable
from zoo.files import sha256_json
from zoo.runtime.text import decode_text, normalize
from zoo_datasets.texts import RT_POLARITY_REMOTE, SPA_ENG_REMOTE, read_imdb, read_rt_polarity

RT = "rt-polarity"


def test_listing_says_what_texts_there_are_before_any_vocabulary() -> None:
    for name in ("imdb", "rt_polarity", "spa_eng"):
        info = find_dataset(name)
        assert not info.offline
        texts = [t.text for t in (*info.spec.inputs, *info.spec.targets) if t.text]
        assert texts
        assert not any(text.vocabulary for text in texts)
    assert find_dataset("numbers_en_es").offline
    assert find_dataset("numbers_en_es").spec.inputs[0].text.vocabulary


def test_sentences_of_reviews_are_divided_by_text(shared_data: Path) -> None:
    data = zoo.dataset("rt_polarity", file=str(shared_data / "text" / RT))
    assert data.sizes() == {"train": 7462, "validation": 1600, "test": 1600}
    assert data.spec.labels == ("negative", "positive")
    texts = {split: set(data.split(split).texts["tokens"]) for split in data.sizes()}
    assert not texts["train"] & texts["test"]
    _, targets = data.split("test").arrays()
    assert np.bincount(targets["label"]).tolist() == [800, 800]
    assert len(data.spec.inputs[0].text.vocabulary) == 10_000
    assert any("é" in piece for piece in data.spec.inputs[0].text.vocabulary)


def test_a_copy_in_the_published_encoding_is_the_same_data(
    shared_data: Path, tmp_path: Path
) -> None:
    known = read_rt_polarity(str(shared_data / "text" / RT))
    path = tmp_path / "rt-polaritydata.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("rt-polarity.neg", "rt-polarity.pos"):
            text = (shared_data / "text" / RT / name).read_text(encoding="utf-8")
            data = text.encode("cp1252")
            info = tarfile.TarInfo(f"rt-polaritydata/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert read_rt_polarity(str(path)) == known


def test_other_sentences_are_refused(tmp_path: Path) -> None:
    for name in ("rt-polarity.neg", "rt-polarity.pos"):
        (tmp_path / name).write_text("not these\n", encoding="utf-8")
    with pytest.raises(ChecksumMismatch, match="not the known ones"):
        zoo.dataset("rt_polarity", file=str(tmp_path)).sizes()
    (tmp_path / "rt-polarity.pos").unlink()
    with pytest.raises(BadRecord, match=r"it has no rt-polarity\.pos"):
        zoo.dataset("rt_polarity", file=str(tmp_path))


def sentence_pairs(shared_data: Path, **options: Any) -> Any:
    file = str(shared_data / "translation" / "spa-eng.zip")
    return zoo.dataset("spa_eng", file=file, tokenization="words", vocabulary_size=500, **options)


def test_pairs_are_held_out_with_all_their_translations(shared_data: Path) -> None:
    data = sentence_pairs(shared_data)
    texts = {split: data.split(split).texts for split in ("train", "validation", "test")}
    sources = {
        split: {normalize(source).casefold() for source in part["source"]}
        for split, part in texts.items()
    }
    assert not sources["train"] & sources["test"]
    assert not sources["train"] & sources["validation"]
    assert not sources["validation"] & sources["test"]
    assert 1_990 <= len(sources["test"]) <= 2_000


@pytest.mark.slow
def test_another_seed_holds_the_same_pairs_out_for_the_test(shared_data: Path) -> None:
    data, other = (sentence_pairs(shared_data, split_seed=seed) for seed in (0, 1))
    assert other.split("test").texts == data.split("test").texts
    assert other.split("validation").texts != data.split("validation").texts


@pytest.mark.slow
def test_the_vocabulary_of_pairs_loses_nothing(shared_data: Path) -> None:
    pytest.importorskip("tokenizers", reason="learns vocabularies of subwords")
    file = str(shared_data / "translation" / "spa-eng.zip")
    data = zoo.dataset("spa_eng", file=file, vocabulary_size=2_000)
    split = data.split("test")
    inputs, targets = split.arrays()
    source, target = data.spec.inputs[0].text, data.spec.targets[0].text
    assert len(source.vocabulary) == len(target.vocabulary) == 2_000
    written = [normalize(text) for text in split.texts["target"]]
    found = decode_text(targets["target"], target)
    assert sum(one != two for one, two in zip(found, written, strict=True)) <= 2
    assert decode_text(inputs["source"], source) == [normalize(t) for t in split.texts["source"]]


def test_other_pairs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "spa-eng.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("spa-eng/spa.txt", "Go.\tVe.\n")
    with pytest.raises(ChecksumMismatch, match="not the known ones") as caught:
        zoo.dataset("spa_eng", file=str(path))
    assert "task=sequence-to-sequence" in caught.value.fix


def test_offline_says_where_a_copy_would_be_taken_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    for name, read in (
        ("spa-eng.zip", lambda: zoo.dataset("spa_eng")),
        ("rt-polaritydata.tar.gz", lambda: read_rt_polarity(None)),
        ("aclImdb_v1.tar.gz", lambda: read_imdb(None)),
    ):
        with pytest.raises(DatasetUnavailable, match="ZOO_OFFLINE") as caught:
            read()
        assert str(tmp_path / "datasets" / name) in caught.value.fix


def test_a_file_without_a_published_hash_is_known_by_size_and_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    assert SPA_ENG_REMOTE.sha256 is None
    assert RT_POLARITY_REMOTE.sha256
    cached = tmp_path / "datasets" / "p.zip"
    cached.parent.mkdir()
    with zipfile.ZipFile(cached, "w") as archive:
        archive.writestr("spa-eng/spa.txt", "Go.\tVe.\n")
    remote = Remote(
        name="p.zip", urls=("https://x.invalid",), size=cached.stat().st_size, sha256=None
    )
    monkeypatch.setattr("zoo_datasets.texts.SPA_ENG_REMOTE", remote)
    with pytest.raises(ChecksumMismatch, match="not the known ones"):
        zoo.dataset("spa_eng")
    other = remote.model_copy(update={"size": 1})
    monkeypatch.setattr("zoo_datasets.texts.SPA_ENG_REMOTE", other)
    with pytest.raises(ChecksumMismatch, match="is not the file"):
        zoo.dataset("spa_eng")


def _imdb(path: Path, reviews: dict[str, str], extra: tuple[str, ...] = ()) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {**reviews, **dict.fromkeys(extra, "0 1:2")}.items():
            data = text.encode()
            info = tarfile.TarInfo(f"aclImdb/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_reviews_are_found_in_their_archive_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews = {"train/pos/0_9.txt": "fine<br />film", "test/neg/1_2.txt": "dull"}
    extra = ("README", "imdb.vocab", "train/unsup/0_0.txt", "train/labeledBow.feat")
    path = _imdb(tmp_path / "a.tar.gz", reviews, extra)
    with pytest.raises(ChecksumMismatch) as caught:
        read_imdb(str(path))
    found = caught.value.why.split()[3].rstrip(",")
    monkeypatch.setattr("zoo_datasets.texts.IMDB_SHA256", found)
    assert read_imdb(str(path)) == dict(sorted(reviews.items()))
    plain = _imdb(tmp_path / "b.tar.gz", reviews)
    assert read_imdb(str(plain)) == dict(sorted(reviews.items()))


def test_the_reviews_of_the_test_split_are_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews: dict[str, Any] = {}
    for label in ("pos", "neg"):
        for n in range(20):
            reviews[f"train/{label}/{n}_5.txt"] = f"{label} film {n}<br /><br />end"
            reviews[f"test/{label}/{n}_5.txt"] = f"{label} film {n + 17}<br /><br />end"
    path = _imdb(tmp_path / "a.tar.gz", reviews)
    monkeypatch.setattr("zoo_datasets.texts.check_content", lambda *_: None)
    data = zoo.dataset("imdb", file=str(path), split_seed=7)
    texts = {split: set(data.split(split).texts["tokens"]) for split in data.sizes()}
    assert data.sizes() == {"train": 30, "validation": 4, "test": 40}
    assert not texts["test"] & (texts["train"] | texts["validation"])
    assert "pos film 30  end" in texts["test"]


def test_a_hash_over_sentences_tells_classes_apart() -> None:
    assert sha256_json({"a": ["x"], "b": ["y"]}) != sha256_json({"a": ["y"], "b": ["x"]})
