"""Reviews of films, for and against: single sentences (rt_polarity), and whole texts (imdb)."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.data.archives import tar_members
from zoo.data.download import Remote, fetch
from zoo.data.named.text import SENTIMENT, ImdbOptions, RtPolarityOptions
from zoo.data.text.labeled import labeled_splits, split_by_text, with_vocabulary
from zoo.errors import BadRecord, ChecksumMismatch
from zoo.files import sha256_json
from zoo.spec import DataSpec, Split

RT_POLARITY = Remote(
    name="rt-polaritydata.tar.gz",
    urls=(
        "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
        "https://storage.googleapis.com/seldon-datasets/sentence_polarity_v1/"
        "rt-polaritydata.tar.gz",
    ),
    size=487_770,
    sha256="a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9",
)
RT_CONTENT = "65239a0ff90dff8be719a17d84957ef608ad9da20944d952c4d2d895bdbd08ef"
"""SHA-256 over the sentences of both classes in their order, as text."""

IMDB = Remote(
    name="aclImdb_v1.tar.gz",
    urls=("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",),
    size=84_125_825,
    sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
)
IMDB_CONTENT = "07722abb3341e017c7eb226d36c60cee3d927285d55ce069013c94cbf031a6b7"
"""SHA-256 over the names and the bytes of the 50,000 labeled reviews, in the order of names."""

IMDB_VALIDATION = 0.1
"""The share of the official training split that is held out to choose by."""

_RT_FILES = {"negative": "rt-polarity.neg", "positive": "rt-polarity.pos"}
_IMDB_FILE = re.compile(r"(?:\./)?aclImdb/((?:train|test)/(?:neg|pos)/\d+_\d+\.txt)")
_BREAK = re.compile(r"<br\s*/?>")


def describe_rt_polarity(options: RtPolarityOptions) -> DataSpec:
    """Return what the sentences are, with the vocabulary of the training split."""
    return _rt_polarity(options)[0]


def load_rt_polarity(options: RtPolarityOptions) -> Mapping[str, Split]:
    """Load the sentences; equal ones stay on one side of the split.

    Raises:
        DatasetUnavailable: If they cannot be downloaded now.
        ChecksumMismatch: If they are not the ones that all measurements were made on.
    """
    return _rt_polarity(options)[1]


def describe_imdb(options: ImdbOptions) -> DataSpec:
    """Return what the reviews are, with the vocabulary of the training split."""
    return _imdb(options)[0]


def load_imdb(options: ImdbOptions) -> Mapping[str, Split]:
    """Load the reviews with their official test split.

    Line breaks in HTML become blanks. Of the official training split a tenth is held out for
    validation, equal reviews together, and those are left out that stand in the test split too:
    123 texts, which the test split keeps.

    Raises:
        DatasetUnavailable: If they cannot be downloaded now.
        ChecksumMismatch: If they are not the ones that all measurements were made on.
        UnsafeArchive: If the archive holds what such an archive does not.
    """
    return _imdb(options)[1]


@functools.lru_cache(maxsize=2)
def _rt_polarity(options: RtPolarityOptions) -> tuple[DataSpec, Mapping[str, Split]]:
    sentences = read_rt_polarity(options.file)
    texts = [text for group in sentences.values() for text in group]
    codes = np.repeat(np.arange(len(SENTIMENT)), [len(group) for group in sentences.values()])
    shares = {"validation": options.validation_share, "test": options.test_share}
    drawn = split_by_text(texts, codes, SENTIMENT, shares, options.split_seed)
    parts = {split: [texts[i] for i in places.tolist()] for split, places in drawn.items()}
    spec = with_vocabulary("rt_polarity", SENTIMENT, parts["train"], options)
    return spec, labeled_splits(spec, parts, {s: codes[places] for s, places in drawn.items()})


def read_rt_polarity(
    file: str | None, *, remote: Remote = RT_POLARITY, content: str = RT_CONTENT
) -> dict[str, list[str]]:
    """Return the sentences of each class.

    Copies of the data are in Windows' Western encoding, as published, or in UTF-8.

    Args:
        file: A local folder with ``rt-polarity.neg`` and ``rt-polarity.pos``, or the archive.
        remote: Where to download the archive.
        content: SHA-256 over the sentences.
    """
    path = Path(file).expanduser() if file else fetch(remote)
    names = set(_RT_FILES.values())
    if path.is_dir():
        found = {name: (path / name).read_bytes() for name in names if (path / name).is_file()}
    else:
        wanted = tar_members(path, lambda name: name.rpartition("/")[2] in names)
        found = {name.rpartition("/")[2]: data for name, data in wanted}
    if missing := sorted(names - set(found)):
        raise BadRecord(
            f"it has no {missing[0]}",
            file=str(path),
            fix=f"give the folder or the archive that holds {' and '.join(sorted(names))}",
        )
    sentences = {
        label: [line.strip() for line in _western(found[name]).split("\n") if line.strip()]
        for label, name in _RT_FILES.items()
    }
    _check(sha256_json(sentences), content, path, "sentences")
    return sentences


def _western(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n")


@functools.lru_cache(maxsize=2)
def _imdb(options: ImdbOptions) -> tuple[DataSpec, Mapping[str, Split]]:
    reviews = read_imdb(options.file)
    tested = {text for name, text in reviews.items() if name.startswith("test/")}
    texts: dict[str, list[str]] = {"train": [], "test": []}
    codes: dict[str, list[int]] = {"train": [], "test": []}
    for name, text in reviews.items():
        part, label, _ = name.split("/")
        if part == "test" or text not in tested:
            texts[part].append(_BREAK.sub(" ", text))
            codes[part].append(int(label == "pos"))
    labels = {part: np.array(values, np.int64) for part, values in codes.items()}
    shares = {"validation": IMDB_VALIDATION, "test": 0.0}
    drawn = split_by_text(texts["train"], labels["train"], SENTIMENT, shares, options.split_seed)
    parts = {split: [texts["train"][i] for i in places] for split, places in drawn.items()}
    spec = with_vocabulary("imdb", SENTIMENT, parts["train"], options)
    classes = {split: labels["train"][places] for split, places in drawn.items()}
    return spec, labeled_splits(
        spec, parts | {"test": texts["test"]}, classes | {"test": labels["test"]}
    )


def read_imdb(
    file: str | None, *, remote: Remote = IMDB, content: str = IMDB_CONTENT
) -> dict[str, str]:
    """Return the labeled reviews by their names in the archive, ``train/pos/0_9.txt``, sorted.

    Args:
        file: A local ``aclImdb_v1.tar.gz``, or one with the labeled reviews alone.
        remote: Where to download it.
        content: SHA-256 over the reviews.
    """
    path = Path(file).expanduser() if file else fetch(remote)
    found = {
        match[1]: data
        for name, data in tar_members(path, lambda name: bool(_IMDB_FILE.fullmatch(name)))
        if (match := _IMDB_FILE.fullmatch(name))
    }
    total = hashlib.sha256()
    for name in sorted(found):
        total.update(f"{name} {len(found[name])}\n".encode())
        total.update(found[name])
    _check(total.hexdigest(), content, path, "reviews")
    return {name: found[name].decode("utf-8") for name in sorted(found)}


def _check(found: str, content: str, path: Path, what: str) -> None:
    if found != content:
        raise ChecksumMismatch(
            f"the {what} in {path} are not the known ones",
            why=f"their SHA-256 is {found}, expected {content}",
            fix="other texts are your own data: a folder of class folders, or a table",
        )


__all__ = [
    "IMDB",
    "IMDB_CONTENT",
    "RT_CONTENT",
    "RT_POLARITY",
    "describe_imdb",
    "describe_rt_polarity",
    "load_imdb",
    "load_rt_polarity",
    "read_imdb",
    "read_rt_polarity",
]
