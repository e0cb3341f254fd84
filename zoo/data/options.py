"""Data options: one typed model for every kind of source."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from zoo.config import Frozen, validate
from zoo.errors import ConfigError
from zoo.runtime.table_header import Layout

MAX_SIDE = 4096
"""The longest side, in pixels, of an image as a model sees it."""

MAX_VOCABULARY = 100_000
MAX_LENGTH = 4_096

MAX_WINDOW = 4_096
"""The most steps that a window looks back."""

MAX_HORIZON = 512
"""The most steps that are forecast."""

CAPTION, SUMMARY = "caption", "summary"
"""The names of the targets of captioned images."""

PROMPTS = ((SUMMARY, "a detailed photo of"),)
"""The decoder prefix of a summary; a caption has none."""


def _size(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)(?:\s*x\s*(\d+))?\s*", value)):
        value = [int(match[1]), int(match[2] or match[1])]
    return [value, value] if isinstance(value, int) and not isinstance(value, bool) else value


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _comma_separated(value: Any) -> Any:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


_Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
_Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]
ImageSize = Annotated[tuple[_Side, _Side], BeforeValidator(_size)]
"""Height and width; ``64`` and ``"48x64"`` are read as such."""

CalendarFeature = Literal["minute", "hour", "weekday", "day", "day_of_year", "month"]
_Features = Annotated[tuple[CalendarFeature, ...], BeforeValidator(_one_or_more)]
Tokenization = Literal["words", "characters", "subwords"]


FILE_OPTIONS = ("test", "validation", "vocabulary")
"""Options that name a file beside the data."""


class MaxExamplesOptions(Frozen):
    """Option of every source of data."""

    max_examples: int = Field(
        ge=1,
        le=2**31,
        description="The most examples that a split keeps, evenly spaced over it.",
    )


class SeedOptions(Frozen):
    """Options of every dataset."""

    split_seed: int = Field(
        0, ge=0, lt=2**31, description="Seed that assigns examples to the splits."
    )


class SplitOptions(SeedOptions):
    """Options of data that is split here."""

    validation_split: float = Field(
        0.15,
        gt=0,
        lt=0.9,
        description="Fraction of the examples (of every class, if there are classes) in the "
        "validation split, which chooses epochs and configurations.",
    )
    test_split: float = Field(
        0.15,
        gt=0,
        lt=0.9,
        description="Fraction of the examples in the test split, which only an evaluation reads.",
    )

    @model_validator(mode="after")
    def _leave_training_data(self) -> Self:
        if self.validation_split + self.test_split > 0.9:
            raise ValueError(
                "validation_split and test_split together must leave a tenth to train on"
            )
        return self

    def shares(self, given: Collection[str] = ()) -> dict[str, float]:
        """Return the shares of the validation and the test split; 0 for a given split."""
        shares = {"validation": self.validation_split, "test": self.test_split}
        return {name: 0.0 if name in given else share for name, share in shares.items()}


class GroupOptions(SplitOptions):
    """Options of data with groups of rows, or with folds."""

    group_by: Annotated[tuple[str, ...], BeforeValidator(_comma_separated)] = Field(
        (),
        description="Columns, as a list or separated by commas: rows that agree in all of them "
        "stay in one split.",
    )
    folds: int | None = Field(
        None,
        ge=2,
        le=1_000,
        description="Number of folds; one of them is the test split, instead of test_split.",
    )
    fold: int = Field(
        0, ge=0, lt=1_000, description="Index of the fold that is the test split, from 0."
    )

    @model_validator(mode="after")
    def _check_fold(self) -> Self:
        if self.fold and (self.folds is None or self.fold >= self.folds):
            raise ValueError(f"there are {self.folds or 'no'} folds, counted from 0")
        return self


class SplitFileOptions(Frozen):
    """Files of the splits of a file."""

    validation: str | None = Field(
        None, description="File of the validation split; null to draw it from this file."
    )
    test: str | None = Field(
        None, description="File of the test split; null to draw it from this file."
    )

    def files(self) -> dict[str, Path]:
        """Return the files that are given, by the name of their split."""
        given = {"validation": self.validation, "test": self.test}
        return {split: Path(file) for split, file in given.items() if file is not None}


class EncodingOptions(Frozen):
    """Option of every file of text."""

    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = Field(
        "utf-8", description="Character encoding of the file."
    )


class HeaderOptions(EncodingOptions):
    """Options of every file with columns."""

    header: bool | None = Field(
        None,
        description="Whether the first row holds names; null refuses one that looks like data.",
    )
    names: _Names = Field((), description="Names of the columns of a file without a header.")
    skip: int = Field(0, ge=0, le=10_000, description="Number of lines before the header.")

    @property
    def layout(self) -> Layout:
        """What is said of the file."""
        return Layout(self.header, self.names, self.skip, self.encoding)


class TableOptions(GroupOptions, HeaderOptions, SplitFileOptions):
    """Options of a table."""

    task: Literal["classification", "regression"] | None = Field(
        None, description="Task; null to decide by the cells of the target."
    )
    target: str | None = Field(
        None, description="Name of the column to predict; null for the last one."
    )
    numeric: _Names = Field(
        (),
        description="Columns to read as numbers in any case, without percent signs and currencies.",
    )
    categorical: _Names = Field(
        (), description="Columns to read as categories, even if they hold numbers."
    )
    drop: _Names = Field((), description="Columns to leave out.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark.")
    thousands: Literal["", ",", ".", " ", "'"] = Field(
        "", description="Mark between groups of three digits; empty for none."
    )
    missing: _Names = Field(
        (), description="Further cells that stand for a missing value, beside the usual ones."
    )

    @model_validator(mode="after")
    def _check_marks(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands are different marks")
        return self


class WindowOptions(SplitOptions):
    """Options of every time series: the sizes of a window, and the shares of the splits."""

    window: int | None = Field(
        None,
        ge=2,
        le=MAX_WINDOW,
        description="Steps of history in a window; null for four horizons and at least a season, "
        "or fewer if the series is short.",
    )
    horizon: int | None = Field(
        None,
        ge=1,
        le=MAX_HORIZON,
        description="Steps to forecast; null for a season of the frequency (24 hours, 7 days, 12 "
        "months), at most 24 steps, 8 without a season, or fewer if the series is short.",
    )
    validation_split: float = Field(
        0.2,
        gt=0,
        lt=0.9,
        description="Fraction of the steps in the validation split, just before the test split.",
    )
    test_split: float = Field(
        0.2, gt=0, lt=0.9, description="Fraction of the steps, the latest, in the test split."
    )


class SeriesOptions(WindowOptions, HeaderOptions):
    """Options of a CSV file of measurements in time order."""

    task: Literal["forecasting"] = Field("forecasting", description="Task.")
    date: str | None = Field(
        None, description="The column of dates; null for the first column that holds dates."
    )
    target: _Names = Field(
        (), description="Columns to forecast; empty for every column of measurements."
    )
    drop: _Names = Field((), description="Columns to leave out.")
    group_by: Annotated[tuple[str, ...], BeforeValidator(_comma_separated)] = Field(
        (),
        description="Columns, as a list or separated by commas, whose values name a series: the "
        "table holds several, and one model learns all of them.",
    )
    future: Annotated[tuple[str, ...], BeforeValidator(_comma_separated)] = Field(
        (),
        description="Columns, as a list or separated by commas, that are known in advance, such as "
        "promotions: their values over the horizon are inputs.",
    )
    validation: str | None = Field(
        None, description="File of the validation split; null for the last steps of this file."
    )
    test: str | None = Field(
        None, description="File of the test split; null for the last steps of this file."
    )
    calendar: _Features | None = Field(
        None,
        description="Calendar features of the dates: minute, hour, weekday, day, day_of_year, "
        "month; null for those that suit the step, an empty list for none.",
    )
    gaps: Literal["error", "interpolate"] = Field(
        "error",
        description="Missing rows and cells: an error, or linear interpolation. Forecasts of "
        "interpolated steps, or from one, are neither trained on nor measured.",
    )


class ImageOptions(SplitOptions):
    """Options of a folder of images."""

    image_size: Annotated[tuple[_Side, _Side] | None, BeforeValidator(_size)] = Field(
        None,
        description="Pixels the model sees: 64, or '48x64' (height x width); null for the size "
        "of the images.",
    )
    channels: Literal[1, 3] | None = Field(
        None, description="1 for gray, 3 for color; null for the channels of the images."
    )
    image_fit: Literal["stretch", "pad"] = Field(
        "stretch",
        description="How an image of another shape is resized: stretched, or with its aspect "
        "ratio kept and padded with gray. A model remembers it.",
    )
    near_duplicates: Literal["together", "ignore"] = Field(
        "together",
        description="'together': images that look nearly the same, such as frames of one scene, "
        "stay in one split.",
    )


def _tokenization(default: Tokenization) -> Any:
    return Field(
        default,
        description="Unit of the tokens; a vocabulary of subwords is learned with the package "
        "tokenizers.",
    )


def _vocabulary_size(default: int, whose: str = "vocabulary") -> Any:
    return Field(
        default,
        ge=16,
        le=MAX_VOCABULARY,
        description=f"The most tokens of a {whose}, its four special tokens included: the most "
        "frequent ones of the training split.",
    )


def _max_length(default: int, note: str = "special tokens included") -> Any:
    return Field(default, ge=4, le=MAX_LENGTH, description=f"The most tokens of a text, {note}.")


class VocabularyOptions(Frozen):
    """Tokenization and vocabulary size."""

    tokenization: Tokenization = _tokenization("words")
    vocabulary_size: int = _vocabulary_size(10_000)
    max_length: int = _max_length(128)
    lowercase: bool = Field(True, description="Whether text is turned to lower case.")


class TextFileOptions(SplitOptions, EncodingOptions):
    """Options of every text file."""


class LabeledOptions(TextFileOptions, VocabularyOptions, HeaderOptions, SplitFileOptions):
    """Options of texts with a class each: a folder of class folders, or a table."""

    text: str | None = Field(None, description="Column of the text, in a table.")
    target: str | None = Field(
        None, description="Column of the class, in a table; null for the last other column."
    )


class PairVocabularyOptions(VocabularyOptions):
    """Tokenization and vocabulary sizes of two languages."""

    tokenization: Tokenization = _tokenization("subwords")
    vocabulary_size: int = _vocabulary_size(8_000, "language")
    max_length: int = _max_length(
        32, "special tokens included; pairs with a longer text are left out"
    )
    lowercase: bool = Field(False, description="Whether text is turned to lower case.")
    shared: bool = Field(False, description="Whether both languages share one vocabulary.")


class PairOptions(TextFileOptions, PairVocabularyOptions, SplitFileOptions):
    """Options of a file of sentence pairs."""

    task: Literal["sequence-to-sequence"] = Field(
        "sequence-to-sequence", description="Task: each line is a text, a tab, a text."
    )


class CaptionOptions(ImageOptions, VocabularyOptions):
    """Options of a folder of captioned images."""

    max_length: int = _max_length(
        64,
        "special tokens and prompt included; a longer text is left out, together with its line",
    )
    vocabulary: str | None = Field(
        None,
        description="A vocab.txt of BERT, one token per line: texts are split into WordPiece "
        "tokens, in lower case, and no vocabulary is learned. [DEC] and [ENC] are appended if "
        "they are missing, as in BLIP.",
    )
    prompt: str = Field(
        PROMPTS[0][1],
        pattern=r"\S",
        description="Decoder prefix of a summary, if there are summaries.",
    )

    @model_validator(mode="after")
    def _check_vocabulary(self) -> Self:
        learned = {"tokenization", "vocabulary_size", "lowercase"} & self.model_fields_set
        if self.vocabulary is not None and learned:
            raise ValueError(
                f"vocabulary=FILE decides {' and '.join(sorted(learned))}: leave them out"
            )
        return self


OptionsT = TypeVar("OptionsT", bound=Frozen)


def read_options(kind: type[OptionsT], values: Mapping[str, Any] | None, source: str) -> OptionsT:
    """Check the options of a source.

    Raises:
        ConfigError: With one finding for every wrong option.
    """
    try:
        return validate(kind, dict(values or {}), what=f"the options of the data {source!r}")
    except ConfigError as error:
        known = ", ".join(kind.model_fields)
        raise ConfigError(
            error.what, findings=error.findings, fix=f"choose among the options {known}"
        ) from error


def header_options(options: Mapping[str, Any], source: str) -> HeaderOptions:
    """Return what options of any kind of table say of its header."""
    known = {name: options[name] for name in HeaderOptions.model_fields if name in options}
    return read_options(HeaderOptions, known, source)
