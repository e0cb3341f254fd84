"""Vocabularies: the pieces that text is made of, learned from the training split or of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo.data.options import MAX_VOCABULARY
from zoo.errors import BadRecord, DataError, MissingExtra
from zoo.runtime.text import CUTTERS, normal
from zoo.runtime.text_files import read_text
from zoo.spec import SPECIAL_TOKENS, TextSpec

DECODER_SIGNS = ("[DEC]", "[ENC]")
"""What BLIP adds to BERT's pieces: the start of a written text, and a sign of its encoder."""

_ALPHABET = 1_000
"""The most different characters that a vocabulary of subwords begins with."""


def learn_vocabulary(texts: Iterable[str], spec: TextSpec, size: int) -> TextSpec:
    """Return the spec with the pieces of some texts: the signs, then the most frequent first.

    Words and characters are counted; equally frequent ones stand in the order of the alphabet.
    Subwords are merged pair by pair, the most frequent first (byte-pair encoding: Sennrich,
    Haddow & Birch 2016, arXiv:1508.07909), by the package ``tokenizers``.

    Args:
        texts: The texts of the training split.
        spec: How they are cut; its pieces are replaced.
        size: The most pieces, signs included.

    Raises:
        DataError: If there is nothing in the texts, or BERT's word pieces are asked for.
        MissingExtra: If subwords are asked for, and ``tokenizers`` is not installed.

    Example:
        >>> learn_vocabulary(["a b", "b"], TextSpec(split="words", max_length=8), 9).vocabulary[4:]
        ('b', 'a')
    """
    if spec.split == "wordpiece":
        raise DataError(
            "a vocabulary of BERT's word pieces is not learned here",
            why="it comes with the model that was trained with it",
            fix="tokenization=subwords learns one that keeps its blanks",
        )
    normals = (normal(text, lowercase=spec.lowercase) for text in texts)
    room = size - len(SPECIAL_TOKENS)
    if spec.split == "subwords":
        learned = _subwords(normals, room)
    else:
        cut = CUTTERS[spec.split]
        counts = Counter(piece for text in normals for piece in cut(text))
        learned = sorted(counts, key=lambda piece: (-counts[piece], piece))[:room]
    if not learned:
        raise DataError(
            "there is no text to learn a vocabulary from",
            why="the texts of the training split hold nothing but blanks",
        )
    return spec.model_copy(update={"vocabulary": (*SPECIAL_TOKENS, *learned)})


def read_wordpieces(path: Path, max_length: int) -> TextSpec:
    """Return how a ``vocab.txt`` as BERT has it cuts text: its word pieces, in lower case.

    A piece stands on each line, and its line less one is its id. ``[DEC]``, the start of what is
    written, and ``[ENC]`` are added behind the last where they are missing, as BLIP does (Li et
    al. 2022, arXiv:2201.12086).

    Args:
        path: The file.
        max_length: The most ids a text may have, signs included.

    Raises:
        BadRecord: If it cannot be read, or lacks ``[PAD]`` on its first line, ``[UNK]`` or
            ``[SEP]``; if it has a piece twice, or too many.
    """
    pieces = read_text(path).removesuffix("\n").split("\n")
    why = "a vocab.txt has a piece a line, its signs among them, [PAD] first"
    for sign in ("[UNK]", "[SEP]"):
        if sign not in pieces:
            raise BadRecord(f"the piece {sign!r} is missing", file=str(path), why=why)
    if pieces[0] != "[PAD]":
        raise BadRecord(f"the first piece is {pieces[0]!r}", file=str(path), row=1, why=why)
    if len(pieces) > MAX_VOCABULARY:
        raise BadRecord(
            f"there are {len(pieces):,} pieces", file=str(path), why=f"at most {MAX_VOCABULARY:,}"
        )
    seen: dict[str, int] = {}
    for row, piece in enumerate(pieces, 1):
        if (first := seen.setdefault(piece, row)) != row:
            raise BadRecord(
                f"the piece {piece!r} is that of line {first}",
                file=str(path),
                row=row,
                why="a piece has one id",
            )
    pieces += [sign for sign in DECODER_SIGNS if sign not in seen]
    return TextSpec(
        split="wordpiece",
        vocabulary=tuple(pieces),
        lowercase=True,
        max_length=max_length,
        pad=0,
        unk=pieces.index("[UNK]"),
        start=pieces.index("[DEC]"),
        end=pieces.index("[SEP]"),
    )


def _subwords(texts: Iterator[str], size: int) -> list[str]:
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError as error:
        raise MissingExtra("a vocabulary of subwords", "text", "tokenizers") from error

    learner = Tokenizer(models.BPE())
    # The units are cut here, so that learning and encoding cut alike; no unit holds a line break.
    learner.pre_tokenizer = pre_tokenizers.Split("\n", "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=size, limit_alphabet=min(_ALPHABET, size), show_progress=False
    )
    cut = CUTTERS["subwords"]
    learner.train_from_iterator(("\n".join(cut(text)) for text in texts), trainer)
    vocabulary = learner.get_vocab()
    return sorted(vocabulary, key=lambda piece: int(vocabulary[piece]))[:size]
