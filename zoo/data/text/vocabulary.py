"""Vocabularies: learned from the training split, or read from a file of BERT."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.data.options import MAX_VOCABULARY
from zoo.data.splits import Indices
from zoo.errors import BadRecord, DataError, MissingExtra
from zoo.runtime.text import SPLITTERS, Ids, blank, normalize
from zoo.runtime.text_files import read_text
from zoo.spec import SPECIAL_TOKENS, TextSpec

DECODER_TOKENS = ("[DEC]", "[ENC]")
"""Special tokens that BLIP adds to those of BERT: the start of a text, and one of its encoder."""

_ALPHABET = 1_000
"""The most different characters that a vocabulary of subwords begins with."""


def learn_vocabulary(texts: Iterable[str], spec: TextSpec, size: int) -> TextSpec:
    """Return a text spec with the vocabulary of some texts.

    The special tokens come first, then the most frequent tokens, equally frequent ones in the order
    of the alphabet. Subwords are learned by byte-pair encoding (Sennrich, Haddow & Birch 2016,
    arXiv:1508.07909), with the package ``tokenizers``.

    Args:
        texts: The texts of the training split.
        spec: The tokenization; its vocabulary is replaced.
        size: The most tokens, special tokens included.

    Raises:
        DataError: If the texts are empty, or the tokenization is WordPiece.
        MissingExtra: If subwords are to be learned, and ``tokenizers`` is not installed.

    Example:
        >>> learn_vocabulary(["a b", "b"], TextSpec(split="words", max_length=8), 9).vocabulary[4:]
        ('b', 'a')
    """
    if spec.split == "wordpiece":
        raise DataError(
            "a WordPiece vocabulary is not learned here",
            why="it comes with the model that was trained with it",
            fix="tokenization=subwords learns another one",
        )
    normals = (normalize(text, lowercase=spec.lowercase) for text in texts)
    room = size - len(SPECIAL_TOKENS)
    if spec.split == "subwords":
        learned = _subwords(normals, room)
    else:
        split = SPLITTERS[spec.split]
        counts = Counter(token for text in normals for token in split(text))
        learned = _most_frequent(counts, room)
    return _with_vocabulary(spec, learned)


class Tokens:
    """Texts that are split into tokens once, to learn a vocabulary of some and to encode all.

    Args:
        texts: The texts.
        spec: A tokenization into words or characters.
    """

    def __init__(self, texts: Sequence[str], spec: TextSpec) -> None:
        self._spec, split = spec, SPLITTERS[spec.split]
        # A token is a number: that of its first appearance.
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        flat = array("i")
        ends = [0]
        for text in texts:
            flat.extend(map(numbers.__getitem__, split(normalize(text, lowercase=spec.lowercase))))
            ends.append(len(flat))
        self._tokens = list(numbers)
        self._flat, self._ends = np.frombuffer(flat, np.int32), np.array(ends)

    def learn(self, rows: Indices, size: int) -> TextSpec:
        """Return the spec with the vocabulary of some texts, as :func:`learn_vocabulary` does."""
        chosen = np.repeat(np.isin(np.arange(len(self._ends) - 1), rows), np.diff(self._ends))
        counts = np.bincount(self._flat[chosen], minlength=len(self._tokens)).tolist()
        found = {t: count for t, count in zip(self._tokens, counts, strict=True) if count}
        learned = _most_frequent(found, size - len(SPECIAL_TOKENS))
        return _with_vocabulary(self._spec, learned)

    def encode(self, rows: Indices, spec: TextSpec) -> Ids:
        """Return some texts as ids, truncated, as :func:`zoo.data.encode_text` does.

        Raises:
            DataError: If a text is blank.
        """
        lengths = np.minimum(np.diff(self._ends)[rows], spec.max_length)
        if not lengths.all():
            raise blank(int(np.argmin(lengths)))
        known = {token: place for place, token in enumerate(spec.vocabulary)}
        ids = np.array([known.get(token, spec.unk) for token in self._tokens], np.int32)
        inside = np.arange(max(lengths, default=1)) < lengths[:, None]
        packed = np.full(inside.shape, spec.pad, np.int32)
        places = self._ends[rows][:, None] + np.arange(inside.shape[1])
        packed[inside] = ids[self._flat[places[inside]]]
        return packed


def read_wordpieces(path: Path, max_length: int) -> TextSpec:
    """Read a ``vocab.txt`` of BERT, one token per line.

    ``[DEC]`` (the start of a text) and ``[ENC]`` are appended if they are missing, as in BLIP (Li
    et al. 2022, arXiv:2201.12086).

    Args:
        path: The file.
        max_length: The most ids of a text, special tokens included.

    Returns:
        The spec of a WordPiece tokenization in lower case.

    Raises:
        BadRecord: If it cannot be read; lacks ``[PAD]`` on its first line, ``[UNK]`` or ``[SEP]``;
            has a token twice, or too many tokens.
    """
    tokens = read_text(path).removesuffix("\n").split("\n")
    why = "a vocab.txt has one token per line, its special tokens among them, [PAD] first"
    for special in ("[UNK]", "[SEP]"):
        if special not in tokens:
            raise BadRecord(f"the token {special!r} is missing", file=str(path), why=why)
    if tokens[0] != "[PAD]":
        raise BadRecord(f"the first token is {tokens[0]!r}", file=str(path), row=1, why=why)
    if len(tokens) > MAX_VOCABULARY:
        raise BadRecord(
            f"there are {len(tokens):,} tokens", file=str(path), why=f"at most {MAX_VOCABULARY:,}"
        )
    seen: dict[str, int] = {}
    for row, token in enumerate(tokens, 1):
        if (first := seen.setdefault(token, row)) != row:
            raise BadRecord(
                f"the token {token!r} is that of line {first}",
                file=str(path),
                row=row,
                why="a token has one id",
            )
    tokens += [special for special in DECODER_TOKENS if special not in seen]
    return TextSpec(
        split="wordpiece",
        vocabulary=tuple(tokens),
        lowercase=True,
        max_length=max_length,
        pad=0,
        unk=tokens.index("[UNK]"),
        start=tokens.index("[DEC]"),
        end=tokens.index("[SEP]"),
    )


def _most_frequent(counts: Mapping[str, int], room: int) -> list[str]:
    return sorted(counts, key=lambda token: (-counts[token], token))[:room]


def _with_vocabulary(spec: TextSpec, learned: Sequence[str]) -> TextSpec:
    if not learned:
        raise DataError(
            "there is no text to learn a vocabulary from",
            why="the texts of the training split are blank",
        )
    return spec.model_copy(update={"vocabulary": (*SPECIAL_TOKENS, *learned)})


def _subwords(texts: Iterator[str], size: int) -> list[str]:
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError as error:
        raise MissingExtra("a vocabulary of subwords", "text", "tokenizers") from error

    learner = Tokenizer(models.BPE())
    # The units are split here, so that learning and encoding agree; no unit holds a line break.
    learner.pre_tokenizer = pre_tokenizers.Split("\n", "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=size, limit_alphabet=min(_ALPHABET, size), show_progress=False
    )
    split = SPLITTERS["subwords"]
    learner.train_from_iterator(("\n".join(split(text)) for text in texts), trainer)
    vocabulary = learner.get_vocab()
    return sorted(vocabulary, key=lambda token: int(vocabulary[token]))[:size]
