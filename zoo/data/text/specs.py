"""Specs of text data: labeled texts, sentence pairs, captioned images."""

from __future__ import annotations

from zoo.data.options import CAPTION, SUMMARY, VocabularyOptions
from zoo.spec import DataSpec, Task, TensorSpec, TextSpec


def token_tensor(name: str, text: TextSpec, note: str = "") -> TensorSpec:
    """Return the spec of a sequence of token ids.

    Args:
        name: Name of the tensor.
        text: How text becomes ids.
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


def text_spec(options: VocabularyOptions, vocabulary: tuple[str, ...] = ()) -> TextSpec:
    """Return the text spec of these options and this vocabulary."""
    return TextSpec(
        split=options.tokenization,
        vocabulary=vocabulary,
        lowercase=options.lowercase,
        max_length=options.max_length,
    )


def labeled_spec(
    name: str,
    labels: tuple[str, ...],
    options: VocabularyOptions,
    vocabulary: tuple[str, ...] = (),
) -> DataSpec:
    """Return the spec of labeled texts: ``tokens`` and ``label``."""
    note = f"at most {options.max_length} ids: of a longer text, its beginning"
    tokens = token_tensor("tokens", text_spec(options, vocabulary), note)
    label = TensorSpec(name="label", dtype="int64", labels=labels)
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(tokens,), targets=(label,))


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
    """
    return DataSpec(
        id=name,
        task=Task.SEQUENCE_TO_SEQUENCE,
        inputs=(token_tensor("source", text_spec(options, source), note),),
        targets=(token_tensor("target", text_spec(options, target), note),),
    )


def caption_spec(
    name: str, image: TensorSpec, text: TextSpec, *, summary: bool, note: str = ""
) -> DataSpec:
    """Return the spec of captioned images: ``image``, and ``caption`` with start and end tokens.

    Args:
        name: Id of the data.
        image: The input.
        text: Text spec of a caption, and of a summary.
        summary: Whether there is a second target ``summary``, without its prompt.
        note: What else a reader of the artifact's card should know.
    """
    names = (CAPTION, SUMMARY) if summary else (CAPTION,)
    return DataSpec(
        id=name,
        task=Task.CAPTIONING,
        inputs=(image,),
        targets=tuple(token_tensor(target, text, note) for target in names),
    )
