"""What may be said about text data besides its place, and the tensors that it becomes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo.config import Frozen
from zoo.data.options import SeedOptions, SplitOptions
from zoo.spec import DataSpec, Task, TensorSpec, TextSpec

MAX_PIECES = 100_000
MAX_LENGTH = 4_096


class VocabularyOptions(Frozen):
    """How text is cut, and into how many different pieces."""

    tokenization: Literal["words", "characters", "subwords"] = Field(
        "words",
        description="What text is cut into; the vocabulary of subwords is learned with the "
        "package tokenizers.",
    )
    vocabulary_size: int = Field(
        10_000,
        ge=16,
        le=MAX_PIECES,
        description="The most pieces of a vocabulary, its four signs included: the most frequent "
        "of the training split.",
    )
    max_length: int = Field(
        128, ge=4, le=MAX_LENGTH, description="The most pieces of a text, signs included."
    )
    lowercase: bool = Field(True, description="Whether upper and lower case are one.")


class FileOptions(SplitOptions):
    """Options of every text file."""

    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = Field(
        "utf-8", description="How the file's bytes stand for characters."
    )


class LabeledOptions(FileOptions, VocabularyOptions):
    """Options of texts with a class each: a folder of class folders, or a table."""

    text: str | None = Field(None, description="Of a table: the column that holds the text.")
    target: str | None = Field(
        None,
        description="Of a table: the column that holds the class; null for the last one that is "
        "not the text.",
    )


class PairVocabularyOptions(VocabularyOptions):
    """How two languages are cut."""

    tokenization: Literal["words", "characters", "subwords"] = Field(
        "subwords",
        description="What text is cut into; the vocabulary of subwords is learned with the "
        "package tokenizers.",
    )
    vocabulary_size: int = Field(
        8_000,
        ge=16,
        le=MAX_PIECES,
        description="The most pieces of a language, its four signs included: the most frequent "
        "of the training split.",
    )
    max_length: int = Field(
        32,
        ge=4,
        le=MAX_LENGTH,
        description="The most pieces of a text, signs included; pairs with a longer one are left "
        "out.",
    )
    lowercase: bool = Field(False, description="Whether upper and lower case are one.")
    shared: bool = Field(False, description="Whether both languages have one vocabulary.")


class PairOptions(FileOptions, PairVocabularyOptions):
    """Options of a file of sentence pairs."""

    task: Literal["sequence-to-sequence"] = Field(
        "sequence-to-sequence", description="That the file holds pairs: a text, a tab, a text."
    )


def token_tensor(name: str, text: TextSpec, note: str = "") -> TensorSpec:
    """Return the spec of a sequence of ids.

    Args:
        name: ``tokens``, ``source`` or ``target``.
        text: How text becomes it.
        note: What else a reader of the artifact's card should know.
    """
    kind = "BERT's word pieces" if text.split == "wordpiece" else text.split
    outside = f"text is cut into {kind}, and they into ids by the vocabulary that is kept here"
    last = len(text.vocabulary) - 1
    return TensorSpec(
        name=name,
        shape=("time",),
        dtype="int32",
        text=text,
        range=(0, last) if text.vocabulary else None,
        outside=f"{outside}; {note}" if note else outside,
    )


def text_spec(options: VocabularyOptions, pieces: tuple[str, ...] = ()) -> TextSpec:
    """Return how text becomes ids with these options, and with this vocabulary."""
    return TextSpec(
        split=options.tokenization,
        vocabulary=pieces,
        lowercase=options.lowercase,
        max_length=options.max_length,
    )


def labeled_spec(
    name: str,
    labels: tuple[str, ...],
    options: VocabularyOptions,
    pieces: tuple[str, ...] = (),
) -> DataSpec:
    """Return what texts with a class each are: ``tokens`` and ``label``."""
    note = f"at most {options.max_length} ids: of a longer text, its beginning"
    tokens = token_tensor("tokens", text_spec(options, pieces), note)
    label = TensorSpec(name="label", dtype="int64", labels=labels)
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(tokens,), targets=(label,))


def pair_spec(
    name: str,
    options: VocabularyOptions,
    source: tuple[str, ...] = (),
    target: tuple[str, ...] = (),
    note: str = "",
) -> DataSpec:
    """Return what pairs of texts are: ``source``, and ``target`` between its signs."""
    return DataSpec(
        id=name,
        task=Task.SEQUENCE_TO_SEQUENCE,
        inputs=(token_tensor("source", text_spec(options, source), note),),
        targets=(token_tensor("target", text_spec(options, target), note),),
    )


class NumbersOptions(SeedOptions):
    """Options of the numbers in words."""

    examples: int = Field(30_000, ge=3_000, le=50_000, description="Numbers in the training split.")


__all__ = [
    "MAX_LENGTH",
    "MAX_PIECES",
    "FileOptions",
    "LabeledOptions",
    "NumbersOptions",
    "PairOptions",
    "PairVocabularyOptions",
    "VocabularyOptions",
    "labeled_spec",
    "pair_spec",
    "text_spec",
    "token_tensor",
]
