"""Texts with a name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo.data import number_lengths, numbers_in_words as numbers
from zoo.data.info import DatasetInfo, Row
from zoo.data.numbers_in_words import NumbersOptions
from zoo.data.options import (
    MAX_LENGTH,
    MAX_VOCABULARY,
    PairVocabularyOptions,
    SeedOptions,
    SplitOptions,
    VocabularyOptions,
)
from zoo.data.text.specs import labeled_spec, pair_spec

SENTIMENT = ("negative", "positive")

_FILE = "A local copy instead of a download; its texts must be the known ones."


class SpaEngOptions(SeedOptions, PairVocabularyOptions):
    """Options of the English and Spanish sentences."""

    file: str | None = Field(None, description=f"{_FILE} A spa-eng.zip, or its spa.txt.")


class RtPolarityOptions(SplitOptions, VocabularyOptions):
    """Options of the sentences from reviews."""

    max_length: int = Field(
        64, ge=4, le=MAX_LENGTH, description="The most pieces of a text, signs included."
    )
    file: str | None = Field(
        None,
        description=f"{_FILE} A folder with rt-polarity.neg and rt-polarity.pos, or their archive.",
    )


class ImdbOptions(SeedOptions, VocabularyOptions):
    """Options of the reviews."""

    pieces: Literal["words", "characters", "subwords"] = Field(
        "words",
        description="What text is cut into; the vocabulary of subwords is learned with the "
        "package tokenizers.",
    )
    vocabulary_size: int = Field(
        20_000,
        ge=16,
        le=MAX_VOCABULARY,
        description="The most pieces of a vocabulary, its four signs included: the most frequent "
        "of the training split.",
    )
    max_length: int = Field(
        256, ge=4, le=MAX_LENGTH, description="The most pieces of a text, signs included."
    )
    file: str | None = Field(None, description=f"{_FILE} An aclImdb_v1.tar.gz.")


ROWS: tuple[Row, ...] = (
    (
        DatasetInfo(
            summary="Numbers from 0 to 999,999 in English words and in Spanish ones",
            license="CC0-1.0",
            source="made by the rules of both languages: zoo/data/numbers_in_words.py",
            offline=True,
            spec=numbers.SPEC,
            options=NumbersOptions,
        ),
        "zoo.data.numbers_in_words:load",
    ),
    (
        DatasetInfo(
            summary="3,200 numbers in English words, and whether they have 3, 4, 5 or 6 digits",
            license="CC0-1.0",
            source="made by the rules of the language: zoo/data/number_lengths.py",
            offline=True,
            spec=number_lengths.SPEC,
        ),
        "zoo.data.number_lengths:load",
    ),
    (
        DatasetInfo(
            summary="118,964 English sentences with a Spanish translation each, from Tatoeba",
            license="CC BY 2.0 FR",
            source="tatoeba.org, by way of manythings.org/anki, as of May 2018",
            bytes=2_638_744,
            offline=False,
            spec=pair_spec("spa_eng", SpaEngOptions()),
            options=SpaEngOptions,
            describe="zoo.data.spa_eng:describe",
        ),
        "zoo.data.spa_eng:load",
    ),
    (
        DatasetInfo(
            summary="10,662 sentences from reviews of films, half of them positive",
            license="not stated",
            source="Pang & Lee 2005, Seeing stars (ACL): sentence polarity dataset v1.0",
            bytes=487_770,
            offline=False,
            spec=labeled_spec("rt_polarity", SENTIMENT, RtPolarityOptions()),
            options=RtPolarityOptions,
            describe="zoo.data.reviews:describe_rt_polarity",
        ),
        "zoo.data.reviews:load_rt_polarity",
    ),
    (
        DatasetInfo(
            summary="50,000 reviews of films, half of them positive, with an official test split",
            license="not stated",
            source="Maas et al. 2011, Learning word vectors for sentiment analysis (ACL)",
            bytes=84_125_825,
            offline=False,
            spec=labeled_spec("imdb", SENTIMENT, ImdbOptions()),
            options=ImdbOptions,
            describe="zoo.data.reviews:describe_imdb",
        ),
        "zoo.data.reviews:load_imdb",
    ),
)

__all__ = [
    "ROWS",
    "SENTIMENT",
    "ImdbOptions",
    "RtPolarityOptions",
    "SpaEngOptions",
]
