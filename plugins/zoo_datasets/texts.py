"""Real texts: sentiment of film reviews (rt_polarity, imdb) and translations (spa_eng)."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping

import numpy as np
from pydantic import Field

from zoo.data import (
    Dataset,
    NamedDataset,
    PairVocabularyOptions,
    Remote,
    SeedOptions,
    SplitOptions,
    VocabularyOptions,
    hash_order,
    labeled_dataset,
    labeled_spec,
    pair_spec,
    pair_splits,
    parse_pairs,
    source_key,
    split_by_text,
    tar_members,
    zip_member,
)
from zoo.errors import BadRecord
from zoo.files import sha256_json
from zoo.spec import Split
from zoo_datasets import check_content, local_or_downloaded

RT_POLARITY_REMOTE = Remote(
    name="rt-polaritydata.tar.gz",
    urls=(
        "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
        "https://storage.googleapis.com/seldon-datasets/sentence_polarity_v1/"
        "rt-polaritydata.tar.gz",
    ),
    size=487_770,
    sha256="a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9",
)
RT_POLARITY_SHA256 = "65239a0ff90dff8be719a17d84957ef608ad9da20944d952c4d2d895bdbd08ef"
"""SHA-256 over the sentences of both classes in their order, as text."""

IMDB_REMOTE = Remote(
    name="aclImdb_v1.tar.gz",
    urls=("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",),
    size=84_125_825,
    sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
)
IMDB_SHA256 = "07722abb3341e017c7eb226d36c60cee3d927285d55ce069013c94cbf031a6b7"
"""SHA-256 over the names and the bytes of the 50,000 labeled reviews, in the order of names."""

# The copy of 2018 that TensorFlow's tutorials use; manythings.org itself changes with Tatoeba.
SPA_ENG_REMOTE = Remote(
    name="spa-eng.zip",
    urls=("https://storage.googleapis.com/download.tensorflow.org/data/spa-eng.zip",),
    size=2_638_744,
    sha256=None,
)
SPA_ENG_SHA256 = "6ec60e212f812ee3430f7568ea6f33b6fb080e32193c5952e8da0ee8ba45574c"
"""SHA-256 of ``spa.txt``, 8,042,772 bytes, whatever archive it came in."""
SPA_ENG_HELD_OUT = 2_000
"""English sentences of the validation split, and of the test split, with all translations."""

SPLITS = ("train", "validation", "test")
SENTIMENT = ("negative", "positive")
IMDB_VALIDATION = 0.1
"""Share of the official training split that is held out to choose by."""

_RT_FILES = {"negative": "rt-polarity.neg", "positive": "rt-polarity.pos"}
_IMDB_FILE = re.compile(r"(?:\./)?aclImdb/((?:train|test)/(?:neg|pos)/\d+_\d+\.txt)")
_BREAK = re.compile(r"<br\s*/?>")
_LOCAL = "A local copy instead of a download; its texts must be the known ones."
_OWN = "other texts are your own data: a folder of class folders, or a table"


class SpaEngOptions(SeedOptions, PairVocabularyOptions):
    """Options of the English and Spanish sentences."""

    file: str | None = Field(None, description=f"{_LOCAL} A spa-eng.zip, or its spa.txt.")


class RtPolarityOptions(SplitOptions, VocabularyOptions):
    """Options of the sentences from reviews."""

    max_length: int = Field(
        64, ge=4, le=4_096, description="The most tokens of a text, special tokens included."
    )
    file: str | None = Field(
        None,
        description=f"{_LOCAL} A folder with rt-polarity.neg and rt-polarity.pos, or their "
        "archive.",
    )


class ImdbOptions(SeedOptions, VocabularyOptions):
    """Options of the reviews."""

    vocabulary_size: int = Field(
        20_000,
        ge=16,
        le=100_000,
        description="The most tokens of a vocabulary, special tokens included: the most frequent "
        "of the training split.",
    )
    max_length: int = Field(
        256, ge=4, le=4_096, description="The most tokens of a text, special tokens included."
    )
    file: str | None = Field(None, description=f"{_LOCAL} An aclImdb_v1.tar.gz.")


@functools.lru_cache(maxsize=2)
def open_rt_polarity(options: RtPolarityOptions) -> Dataset:
    """Open the sentences; equal ones stay on one side of the split.

    Raises:
        DatasetUnavailable: If they cannot be downloaded now.
        ChecksumMismatch: If they are other sentences.
    """
    sentences = read_rt_polarity(options.file)
    texts = [text for group in sentences.values() for text in group]
    codes = np.repeat(np.arange(len(SENTIMENT)), [len(group) for group in sentences.values()])
    parts = split_by_text(texts, codes, SENTIMENT, options.shares(), options.split_seed)
    return labeled_dataset("rt_polarity", SENTIMENT, texts, codes, parts, options)


def read_rt_polarity(file: str | None) -> dict[str, list[str]]:
    """Return the sentences of each class.

    Args:
        file: A local folder with ``rt-polarity.neg`` and ``rt-polarity.pos``, or the archive;
            ``None`` for a download. Windows' Western encoding, as published, or UTF-8.
    """
    path = local_or_downloaded(file, RT_POLARITY_REMOTE)
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
        label: [line.strip() for line in _decoded(found[name]).split("\n") if line.strip()]
        for label, name in _RT_FILES.items()
    }
    check_content(sha256_json(sentences), RT_POLARITY_SHA256, f"the sentences in {path}", _OWN)
    return sentences


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n")


@functools.lru_cache(maxsize=2)
def open_imdb(options: ImdbOptions) -> Dataset:
    """Open the reviews with their official test split.

    Line breaks in HTML become blanks. A tenth of the official training split is held out for
    validation, equal reviews together. The 123 texts that stand in the test split too are left
    out of it.

    Raises:
        DatasetUnavailable: If they cannot be downloaded now.
        ChecksumMismatch: If they are other reviews.
        UnsafeArchive: If the archive holds what such an archive does not.
    """
    reviews = read_imdb(options.file)
    tested = {text for name, text in reviews.items() if name.startswith("test/")}
    kept = {n: text for n, text in reviews.items() if n.startswith("test/") or text not in tested}
    texts = [_BREAK.sub(" ", text) for text in kept.values()]
    codes = np.array(["/pos/" in name for name in kept], np.int64)
    is_test = np.array([name.startswith("test/") for name in kept])
    train = np.flatnonzero(~is_test)
    shares = {"validation": IMDB_VALIDATION, "test": 0.0}
    drawn = split_by_text(
        [texts[i] for i in train], codes[train], SENTIMENT, shares, options.split_seed
    )
    parts = {split: train[places] for split, places in drawn.items()}
    parts["test"] = np.flatnonzero(is_test)
    return labeled_dataset("imdb", SENTIMENT, texts, codes, parts, options)


def read_imdb(file: str | None) -> dict[str, str]:
    """Return the labeled reviews by their names in the archive, ``train/pos/0_9.txt``, sorted.

    Args:
        file: A local ``aclImdb_v1.tar.gz``, or one with the labeled reviews alone; ``None`` for a
            download.
    """
    path = local_or_downloaded(file, IMDB_REMOTE)
    found = {
        match[1]: data
        for name, data in tar_members(path, lambda name: bool(_IMDB_FILE.fullmatch(name)))
        if (match := _IMDB_FILE.fullmatch(name))
    }
    total = hashlib.sha256()
    for name in sorted(found):
        total.update(f"{name} {len(found[name])}\n".encode())
        total.update(found[name])
    check_content(total.hexdigest(), IMDB_SHA256, f"the reviews in {path}", _OWN)
    return {name: found[name].decode("utf-8") for name in sorted(found)}


@functools.lru_cache(maxsize=2)
def open_spa_eng(options: SpaEngOptions) -> Dataset:
    """Open the pairs of sentences.

    The test split is fixed: the 2,000 different English sentences (case apart) whose SHA-256
    comes first, with all their translations. ``split_seed`` draws 2,000 others, which is the
    validation split. No English sentence is in two splits; a Spanish one may be, where it
    translates several.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the sentences are other ones.
        MissingExtra: If subwords are asked for, and ``tokenizers`` is not installed.
    """
    path = local_or_downloaded(options.file, SPA_ENG_REMOTE)
    is_text = path.suffix.lower() == ".txt"
    data = path.read_bytes() if is_text else zip_member(path, "spa-eng/spa.txt", max_member=1 << 24)
    check_content(
        hashlib.sha256(data).hexdigest(),
        SPA_ENG_SHA256,
        f"the sentences in {path}",
        "a newer file is your own data: unzip it, and give spa.txt as --data with "
        "--data-option task=sequence-to-sequence",
    )
    pairs = parse_pairs(data.decode("utf-8"), str(path))
    keys = [source_key(source) for source, _ in pairs]
    order = hash_order(keys, "test")
    others = hash_order(order[SPA_ENG_HELD_OUT:], f"validation {options.split_seed}")
    home = dict.fromkeys(order[:SPA_ENG_HELD_OUT], "test")
    home |= dict.fromkeys(others[:SPA_ENG_HELD_OUT], "validation")
    homes = np.array([home.get(key, "train") for key in keys])
    parts = {split: np.flatnonzero(homes == split) for split in SPLITS}
    spec, splits = pair_splits("spa_eng", pairs, parts, options)
    return Dataset(spec, lambda: splits)


def _splits(dataset: Dataset) -> Mapping[str, Split]:
    return {name: dataset.split(name) for name in SPLITS}


RT_POLARITY = NamedDataset(
    spec=labeled_spec("rt_polarity", SENTIMENT, RtPolarityOptions()),
    summary="10,662 sentences from reviews of films, half of them positive",
    size="10,662 sentences, 488 kB",
    license="not stated",
    source="Pang & Lee 2005, Seeing stars (ACL): sentence polarity dataset v1.0",
    offline=False,
    options=RtPolarityOptions,
    describe=lambda options: open_rt_polarity(options).spec,
    load=lambda options: _splits(open_rt_polarity(options)),
)
IMDB = NamedDataset(
    spec=labeled_spec("imdb", SENTIMENT, ImdbOptions()),
    summary="50,000 reviews of films, half of them positive, with an official test split",
    size="50,000 texts, 84 MB",
    license="not stated",
    source="Maas et al. 2011, Learning word vectors for sentiment analysis (ACL)",
    offline=False,
    options=ImdbOptions,
    describe=lambda options: open_imdb(options).spec,
    load=lambda options: _splits(open_imdb(options)),
)
SPA_ENG = NamedDataset(
    spec=pair_spec("spa_eng", SpaEngOptions()),
    summary="118,964 English sentences with a Spanish translation each, from Tatoeba",
    size="118,964 pairs, 2.6 MB",
    license="CC BY 2.0 FR",
    source="tatoeba.org, by way of manythings.org/anki, as of May 2018",
    offline=False,
    options=SpaEngOptions,
    describe=lambda options: open_spa_eng(options).spec,
    load=lambda options: _splits(open_spa_eng(options)),
)
