"""What a classifier of damage is made of and how it learns, as checked data."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

import zoo
from zoo.config import Frozen

Width = Annotated[int, Field(ge=1, le=4_096)]
Stage = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]
Backbone = Literal["vgg16", "resnet50v2", "mobilenetv2", "efficientnetv2b0", "densenet121"]


class HeadConfig(Frozen):
    """What turns a map of features into classes."""

    pooling: Literal["average", "flatten"] = Field(
        "average",
        description="'average': one vector for the whole picture, so that the map of evidence is "
        "exact; 'flatten': every place by itself, which needs many weights.",
    )
    dense: tuple[Width, ...] = Field(
        (), max_length=4, description="Width of each hidden layer behind the features."
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Share silenced before the last layer.")


class FineTuneConfig(Frozen):
    """The second phase: the last blocks of the backbone learn on, slowly."""

    epochs: int = Field(
        0, ge=0, le=100_000, description="Epochs behind those of the plan; none if 0."
    )
    blocks: Annotated[int, Field(ge=1, le=3)] | Literal["all"] = Field(
        1, description="How many blocks learn, from the last one on, or 'all' of the backbone."
    )
    learning_rate: float = Field(
        1e-5, gt=0, le=1, description="Highest rate of this phase, per step."
    )


class VGG16DamageConfig(zoo.ModelConfig):
    """What a classifier of damage is made of."""

    preset: Literal["small", "transfer"] = Field(
        "small",
        description="'small': a compact network from scratch at the pictures' own size; "
        "'transfer': a backbone that was trained on other pictures, and a new head.",
    )
    stem: Width = Field(16, description="Of 'small': filters of the first convolution.")
    stages: tuple[Stage, ...] = Field(
        ((24,), (48, 48), (96, 96)),
        min_length=1,
        max_length=8,
        description="Of 'small': by stage, the filters of each 3 x 3 convolution; stages are "
        "halved in between.",
    )
    backbone: Backbone = Field("vgg16", description="Of 'transfer': what sees.")
    pretrained: str = Field(
        "imagenet",
        min_length=1,
        max_length=4_096,
        description="Weights of the backbone: 'imagenet' (downloaded once, as Keras pins it), the "
        "path of a weights file without its top, or 'none', which learns everything anew.",
    )
    side: int = Field(
        224,
        ge=32,
        le=1_024,
        description="Of 'transfer': pixels a side of the square that a picture is fitted into, "
        "its aspect kept.",
    )
    views: int = Field(
        4,
        ge=1,
        le=64,
        description="Of 'transfer': views of each training picture whose features are kept, the "
        "plain one and randomly changed ones; an epoch visits all. One without augmentation.",
    )
    head: HeadConfig = Field(HeadConfig(), description="What turns features into classes.")
    fine_tune: FineTuneConfig = Field(
        FineTuneConfig(), description="Of 'transfer': the second phase."
    )
    class_weights: Literal["balanced", "none"] = Field(
        "balanced",
        description="'balanced': every class counts as much as any other, however rare.",
    )
    positive: str | None = Field(
        None,
        max_length=200,
        description="Of two classes, the one that is looked for: curves and threshold are about "
        "it. The first if null.",
    )
    miss_cost: float = Field(
        1.0,
        gt=0,
        le=1_000,
        description="What it costs to miss the class that is looked for, in false alarms: the "
        "threshold is the cheapest on the validation split.",
    )
    augmentation: zoo.AugmentationConfig = Field(
        zoo.AugmentationConfig(flip=True, shift=0.05), description="Random changes while training."
    )

    @model_validator(mode="after")
    def _learns_from_something(self) -> Self:
        random = self.preset == "transfer" and self.pretrained == "none"
        if random and self.fine_tune.blocks != "all":
            raise ValueError(
                "pretrained 'none' leaves the frozen blocks at random, and the features of a "
                "random network are not transfer learning: fine_tune.blocks=all learns all of it, "
                "and preset=small is made for learning from scratch"
            )
        return self

    @property
    def is_frozen(self) -> bool:
        """Whether there is a phase in which the backbone stays as it is."""
        return self.preset == "transfer" and self.pretrained != "none"


__all__ = ["Backbone", "FineTuneConfig", "HeadConfig", "VGG16DamageConfig"]
