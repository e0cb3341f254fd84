"""What may be said about a dataset besides its name: one typed model a kind of source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from zoo.config import Frozen, validate
from zoo.errors import ConfigError


class SeedOptions(Frozen):
    """Options of every dataset."""

    split_seed: int = Field(
        0, ge=0, lt=2**31, description="Decides which example is in which split."
    )


class SplitOptions(SeedOptions):
    """Options of data that the zoo divides itself."""

    validation_share: float = Field(
        0.15,
        gt=0,
        lt=0.9,
        description="Share of the examples, of every class where there are classes, that is held "
        "out to choose epochs and configurations.",
    )
    test_share: float = Field(
        0.15, gt=0, lt=0.9, description="Share of them that only the evaluation sees."
    )

    @model_validator(mode="after")
    def _something_is_left(self) -> SplitOptions:
        if self.validation_share + self.test_share > 0.9:
            raise ValueError(
                "validation_share and test_share together must leave a tenth to train on"
            )
        return self


def _size(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)(?:\s*x\s*(\d+))?\s*", value)):
        value = [int(match[1]), int(match[2] or match[1])]
    return [value, value] if isinstance(value, int) and not isinstance(value, bool) else value


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


MAX_SIDE = 4096
"""The longest side, in pixels, of a picture as a model sees it."""
_Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
_Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
ImageSize = Annotated[tuple[_Side, _Side], BeforeValidator(_size)]
"""Height and width; ``64`` and ``"48x64"`` are read as such."""


class ImageOptions(SplitOptions):
    """Options of a folder of pictures."""

    image_size: Annotated[tuple[_Side, _Side] | None, BeforeValidator(_size)] = Field(
        None,
        description="Pixels the model sees: 64, or '48x64' (height x width); null for their own.",
    )
    channels: Literal[1, 3] | None = Field(
        None, description="1 for gray, 3 for color; null for what the pictures have."
    )
    image_fit: Literal["stretch", "pad"] = Field(
        "stretch",
        description="How a picture of another shape comes to that size: stretched, or with its "
        "aspect kept and the rest gray. A model remembers it.",
    )
    near_duplicates: Literal["together", "ignore"] = Field(
        "together",
        description="'together': pictures that look nearly the same, as frames of one scene do, "
        "stay on one side of every split that is drawn.",
    )


def _listed(value: Any) -> Any:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


class GroupOptions(SplitOptions):
    """Options of data whose rows may belong together, and may be divided into folds."""

    group_by: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (),
        description="Columns, as a list or with commas between them: rows that agree in all of "
        "them stay on one side of every split.",
    )
    folds: int | None = Field(
        None,
        ge=2,
        le=1_000,
        description="Parts to divide the examples into; one of them is the test split, instead of "
        "test_share.",
    )
    fold: int = Field(
        0, ge=0, lt=1_000, description="Which part is the test split, counted from 0."
    )

    @model_validator(mode="after")
    def _fold_is_one_of_them(self) -> GroupOptions:
        if self.fold and (self.folds is None or self.fold >= self.folds):
            raise ValueError(f"there are {self.folds or 'no'} folds, counted from 0")
        return self


class TableOptions(GroupOptions):
    """Options of a CSV file."""

    task: Literal["classification", "regression"] | None = Field(
        None,
        description="What the target is: a class or a measurement; null to decide by its cells.",
    )
    target: str | None = Field(
        None, description="Name of the column to predict; null for the last one."
    )
    numeric: _Names = Field((), description="Columns to read as numbers whatever they look like.")
    categorical: _Names = Field(
        (), description="Columns to read as categories, also when they hold numbers."
    )
    drop: _Names = Field((), description="Columns to leave out.")


OptionsT = TypeVar("OptionsT", bound=Frozen)


def read_options(kind: type[OptionsT], values: Mapping[str, Any] | None, source: str) -> OptionsT:
    """Check the options of a source.

    Raises:
        ConfigError: With one finding a wrong option.
    """
    try:
        return validate(kind, dict(values or {}), what=f"the options of the data {source!r}")
    except ConfigError as error:
        known = ", ".join(kind.model_fields)
        raise ConfigError(
            error.what, findings=error.findings, fix=f"choose among the options {known}"
        ) from error


__all__ = [
    "MAX_SIDE",
    "GroupOptions",
    "ImageOptions",
    "ImageSize",
    "OptionsT",
    "SeedOptions",
    "SplitOptions",
    "TableOptions",
    "read_options",
]
