"""What may be said about captioned pictures besides their place, and the tensors they become."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from zoo.data.options import ImageOptions
from zoo.data.text_options import MAX_LENGTH, MAX_PIECES, VocabularyOptions, token_tensor
from zoo.spec import DataSpec, Task, TensorSpec, TextSpec

CAPTION, SUMMARY = "caption", "summary"
"""The names of the targets."""

PROMPTS = ((SUMMARY, "a detailed photo of"),)
"""What a model goes on from where it shall write a summary; a caption needs no prompt."""


class CaptionOptions(ImageOptions, VocabularyOptions):
    """Options of a folder of pictures with captions."""

    tokenization: Literal["words", "characters", "subwords"] = Field(
        "words",
        description="What text is cut into; the vocabulary of subwords is learned with the "
        "package tokenizers.",
    )
    max_length: int = Field(
        64,
        ge=4,
        le=MAX_LENGTH,
        description="The most pieces of a text, signs and prompt included; a longer one is left "
        "out, with what belongs to it.",
    )
    vocabulary_size: int = Field(
        10_000,
        ge=16,
        le=MAX_PIECES,
        description="The most pieces of a vocabulary, its four signs included: the most frequent "
        "of the training split.",
    )
    vocabulary: str | None = Field(
        None,
        description="A vocab.txt as BERT has it, a piece a line: texts are cut into its word "
        "pieces, in lower case, and nothing is learned. [DEC] and [ENC] are added behind the last "
        "line where they are missing, as BLIP does.",
    )
    prompt: str = Field(
        PROMPTS[0][1],
        pattern=r"\S",
        description="What a model goes on from where it shall write a summary; where there are "
        "summaries.",
    )

    @model_validator(mode="after")
    def _one_vocabulary(self) -> CaptionOptions:
        learned = {"tokenization", "vocabulary_size", "lowercase"} & self.model_fields_set
        if self.vocabulary is not None and learned:
            raise ValueError(
                f"vocabulary=FILE decides {' and '.join(sorted(learned))}: leave them out"
            )
        return self


def caption_spec(
    name: str, image: TensorSpec, text: TextSpec, *, summary: bool, note: str = ""
) -> DataSpec:
    """Return what captioned pictures are: ``image``, and ``caption`` between its signs.

    Args:
        name: Of the data.
        image: The picture.
        text: How a caption becomes ids, and a summary.
        summary: Whether there are summaries too: a second target, without its prompt.
        note: What else a reader of the artifact's card should know.
    """
    names = (CAPTION, SUMMARY) if summary else (CAPTION,)
    return DataSpec(
        id=name,
        task=Task.CAPTIONING,
        inputs=(image,),
        targets=tuple(token_tensor(target, text, note) for target in names),
    )


__all__ = ["CAPTION", "PROMPTS", "SUMMARY", "CaptionOptions", "caption_spec"]
