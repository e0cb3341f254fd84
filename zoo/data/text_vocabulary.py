"""Vocabularies: the pieces that text is made of, learned from the training split alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from zoo.errors import DataError, MissingExtra
from zoo.runtime.text import CUTTERS, normal
from zoo.spec import SIGNS, TextSpec

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
        >>> learn_vocabulary(["a b", "b"], TextSpec(split="words", max_length=8), 100).pieces[4:]
        ('b', 'a')
    """
    if spec.split == "wordpiece":
        raise DataError(
            "a vocabulary of BERT's word pieces is not learned here",
            why="it comes with the model that was trained with it",
            fix="pieces=subwords learns one that keeps its blanks",
        )
    normals = (normal(text, lowercase=spec.lowercase) for text in texts)
    room = size - len(SIGNS)
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
    return spec.model_copy(update={"pieces": (*SIGNS, *learned)})


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


__all__ = ["learn_vocabulary"]
