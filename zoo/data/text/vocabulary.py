"""Vocabularies: learned from the training split, or read from a file of BERT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo.data.options import MAX_VOCABULARY
from zoo.errors import BadRecord, DataError, MissingExtra
from zoo.runtime.text import SPLITTERS, normalize
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
        learned = sorted(counts, key=lambda token: (-counts[token], token))[:room]
    if not learned:
        raise DataError(
            "there is no text to learn a vocabulary from",
            why="the texts of the training split are blank",
        )
    return spec.model_copy(update={"vocabulary": (*SPECIAL_TOKENS, *learned)})


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
