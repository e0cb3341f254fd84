"""Sentence pairs, a source and its translation: a tab-separated file without a header.

All translations of one source stay in one split. The SHA-256 of the source and the seed decides
which, so an added line moves no other line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.dataset import Dataset
from zoo.data.options import PairOptions, PairVocabularyOptions, VocabularyOptions, read_options
from zoo.data.splits import Indices, place_files
from zoo.data.text.encoding import (
    TextSplit,
    fits,
    left_out,
    none_short,
    short_enough,
    text_spec,
    token_tensor,
)
from zoo.data.text.vocabulary import learn_vocabulary
from zoo.errors import BadRecord, DataError
from zoo.runtime.text import normalize
from zoo.runtime.text_files import read_text
from zoo.spec import DataSpec, Split, Task

Pairs = Sequence[tuple[str, str]]


def open_pairs(path: Path, options: PairOptions) -> Dataset:
    """Read a file with a text, a tab and its translation per line; more columns are ignored.

    Raises:
        BadRecord: If a line has no tab, or nothing on one side of it; it names the line.
        DataError: If there are too few different source texts.
    """
    pairs = _read(path, options)
    given = {split: _read(file, options) for split, file in options.files().items()}
    sources = [source for source, _ in pairs]
    shares = options.shares(given)
    parts = split_by_source(sources, shares, seed=options.split_seed, file=str(path))
    place_files(parts, {"train": len(pairs), **{split: len(own) for split, own in given.items()}})
    for own in given.values():
        pairs += own
    spec, splits = pair_splits(path.name, pairs, parts, options)
    dataset = Dataset(spec, lambda: splits)
    dataset.drawn = "test" not in given
    return dataset


def pair_rows(path: Path, spec: DataSpec, options: Mapping[str, Any]) -> TextSplit:
    """Return every pair of a file that is short enough, in the vocabularies of a model.

    Args:
        path: The file.
        spec: The spec of the model's data.
        options: The options that this data was read with.

    Raises:
        BadRecord: As :func:`open_pairs`.
        DataError: If no pair is short enough.
    """
    known = {name: options[name] for name in PairOptions.model_fields if name in options}
    pairs = _read(path, read_options(PairOptions, known, str(path)))
    names = spec.inputs[0].name, spec.targets[0].name
    texts = {name: [pair[side] for pair in pairs] for side, name in enumerate(names)}
    kept = short_enough(texts, spec).tolist()
    return TextSplit(spec, {name: [part[i] for i in kept] for name, part in texts.items()})


def _read(path: Path, options: PairOptions) -> list[tuple[str, str]]:
    return parse_pairs(read_text(path, options.encoding), str(path))


def parse_pairs(text: str, file: str) -> list[tuple[str, str]]:
    r"""Return the pairs of a text; blank lines are ignored.

    Raises:
        BadRecord: As :func:`open_pairs`.

    Example:
        >>> pairs = parse_pairs("one\tuno\nOne\tuna\n\ntwo\tdos\n", "pairs.txt")
        >>> pairs
        [('one', 'uno'), ('One', 'una'), ('two', 'dos')]
    """
    pairs = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        source, tab, rest = line.partition("\t")
        target = rest.partition("\t")[0]
        if not tab or not source.strip() or not target.strip():
            raise BadRecord(
                "there is nothing before the tab"
                if tab and not source.strip()
                else "there is nothing after the tab"
                if tab
                else "there is no tab in the line",
                file=file,
                row=number,
                why="a line is a text, a tab, and its translation",
                fix="complete the line, or take it out",
            )
        pairs.append((source, target))
    if not pairs:
        raise BadRecord("the file is empty", file=file, fix="write one pair per line")
    return pairs


def source_key(text: str) -> str:
    """Return the key of a source text: equal for texts that differ in case or form only.

    Example:
        >>> source_key("One") == source_key("one")
        True
    """
    return normalize(text).casefold()


def hash_order(keys: Sequence[str], salt: str) -> list[str]:
    """Return the unique keys in the order of the SHA-256 of the salt and the key.

    Example:
        >>> hash_order(["a", "b", "c"], "test")
        ['c', 'a', 'b']
    """
    return sorted(set(keys), key=lambda key: hashlib.sha256(f"{salt}\0{key}".encode()).digest())


def split_by_source(
    sources: Sequence[str], shares: Mapping[str, float], *, seed: int, file: str
) -> dict[str, Indices]:
    """Split pairs so that equal sources stay together.

    Args:
        sources: One source per pair.
        shares: The share of ``validation`` and of ``test`` among the different sources; 0 for no
            such split.
        seed: Seed of the order.
        file: For the error.

    Raises:
        DataError: If there are fewer different sources than splits.
    """
    keys = [source_key(source) for source in sources]
    order = hash_order(keys, str(seed))
    shares = {name: share for name, share in shares.items() if share}
    if len(order) <= len(shares):
        raise DataError(
            f"{file} has {len(order)} different source texts",
            why=f"each of the {len(shares) + 1} splits needs at least one",
            fix="add pairs",
        )
    counts = {name: max(1, round(len(order) * share)) for name, share in shares.items()}
    while sum(counts.values()) >= len(order):
        counts[max(counts, key=lambda name: counts[name])] -= 1
    home = dict.fromkeys(order, "train")
    place = 0
    for name, count in counts.items():
        home.update(dict.fromkeys(order[place : place + count], name))
        place += count
    homes = np.array([home[key] for key in keys])
    return {split: np.flatnonzero(homes == split) for split in ("train", *counts)}


def pair_spec(
    name: str,
    options: VocabularyOptions,
    source: tuple[str, ...] = (),
    target: tuple[str, ...] = (),
    note: str = "",
) -> DataSpec:
    """Return the spec of sentence pairs: ``source``, and ``target`` with start and end tokens.

    Args:
        name: Id of the data.
        options: Tokenization and length.
        source: Vocabulary of the sources.
        target: Vocabulary of the targets.
        note: What else a reader of the artifact's card should know.

    Example:
        >>> options = PairVocabularyOptions(tokenization="words")
        >>> [tensor.name for tensor in pair_spec("numbers", options).targets]
        ['target']
    """
    return DataSpec(
        id=name,
        task=Task.SEQUENCE_TO_SEQUENCE,
        inputs=(token_tensor("source", text_spec(options, source), note),),
        targets=(token_tensor("target", text_spec(options, target), note),),
    )


def pair_splits(
    name: str, pairs: Pairs, parts: Mapping[str, Indices], options: PairVocabularyOptions
) -> tuple[DataSpec, dict[str, Split]]:
    """Return the spec and the splits of pairs, with the vocabularies of the training split.

    A pair with a text of more than ``max_length`` ids (special tokens included) is left out, and
    the spec says how many were: half a sentence is no translation of a whole.

    Example:
        >>> parts = {"train": np.array([0, 1]), "validation": np.array([2]), "test": np.array([2])}
        >>> spec, splits = pair_splits("numbers", pairs, parts, options)
        >>> spec.targets[0].text.vocabulary[4:], len(splits["train"])
        (('una', 'uno'), 2)
    """
    train = [pairs[i] for i in parts["train"].tolist()]
    texts = [source for source, _ in train], [target for _, target in train]
    bare = text_spec(options)
    if options.shared:
        both = learn_vocabulary([*texts[0], *texts[1]], bare, options.vocabulary_size)
        source = target = both
    else:
        source, target = (learn_vocabulary(t, bare, options.vocabulary_size) for t in texts)
    bare_spec = pair_spec(name, options, source.vocabulary, target.vocabulary)
    both_sides = {"source": [one for one, _ in pairs], "target": [other for _, other in pairs]}
    short = fits(both_sides, bare_spec)
    note = left_out(short, "pairs", options.max_length)
    spec = pair_spec(name, options, source.vocabulary, target.vocabulary, note)
    splits: dict[str, Split] = {}
    for split, indices in parts.items():
        kept = [pairs[i] for i in indices.tolist() if short[i]]
        if not kept:
            raise none_short(name, split, "pair", options.max_length)
        splits[split] = TextSplit(
            spec,
            {"source": [source for source, _ in kept], "target": [target for _, target in kept]},
        )
    return spec, splits
