"""Configuration of damage classifiers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

import zoo
from zoo.config import Frozen

Width = Annotated[int, Field(ge=1, le=4_096)]
Stage = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]
Backbone = Literal["vgg16", "resnet50v2", "mobilenetv2"]


class HeadConfig(Frozen):
    """Classification head on a feature map."""

    pooling: Literal["average", "flatten"] = Field(
        "average",
        description="Global average pooling, for which saliency maps are exact, or flatten, which "
        "takes many more weights.",
    )
    dense: tuple[Width, ...] = Field(
        (), max_length=4, description="Units of each hidden layer after the features."
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate before the last layer.")


class FineTuneConfig(Frozen):
    """Fine-tuning of the last blocks of a backbone after the head is trained."""

    epochs: int = Field(
        0, ge=0, le=100_000, description="Fine-tuning epochs after those of the plan."
    )
    blocks: Annotated[int, Field(ge=1, le=3)] | Literal["all"] = Field(
        1, description="Number of blocks to fine-tune, from the last one, or 'all'."
    )
    learning_rate: float = Field(1e-5, gt=0, le=1, description="Peak learning rate of fine-tuning.")


class VGG16DamageConfig(zoo.ModelConfig):
    """Configuration of a damage classifier."""

    preset: Literal["small", "transfer"] = Field(
        "small",
        description="'small': a small CNN from scratch; 'transfer': a pretrained backbone and a "
        "new head.",
    )
    stem: Width = Field(16, description="Filters of the first convolution (small).")
    stages: tuple[Stage, ...] = Field(
        ((24,), (48, 48), (96, 96)),
        min_length=1,
        max_length=8,
        description="Filters of each 3 x 3 convolution, by stage; stages are separated by pooling "
        "(small).",
    )
    backbone: Backbone = Field("vgg16", description="Network of keras.applications (transfer).")
    pretrained: str = Field(
        "imagenet",
        min_length=1,
        max_length=4_096,
        description="Backbone weights: 'imagenet' (downloaded once), the path of a weights file "
        "without the top, or 'none' for random weights (transfer).",
    )
    image_size: int = Field(
        224,
        ge=32,
        le=1_024,
        description="Side of the square that images are resized and padded to, pixels (transfer).",
    )
    views: int = Field(
        4,
        ge=1,
        le=64,
        description="Views of each training image whose features are cached: the original and "
        "augmented ones; an epoch visits all (transfer).",
    )
    head: HeadConfig = Field(HeadConfig(), description="Classification head.")
    fine_tune: FineTuneConfig = Field(FineTuneConfig(), description="Fine-tuning (transfer).")
    class_weights: Literal["balanced", "none"] = Field(
        "balanced",
        description="Class weights in the loss: inversely proportional to frequency, or none.",
    )
    positive_class: str | None = Field(
        None,
        max_length=200,
        description="Positive class of binary classifiers, for curves and threshold; the first if "
        "null.",
    )
    false_negative_cost: float = Field(
        1.0,
        gt=0,
        le=1_000,
        description="Cost of a false negative, in false positives; the threshold is the cheapest "
        "on the validation split.",
    )
    augmentation: zoo.AugmentationConfig = Field(
        zoo.AugmentationConfig(flip=True, shift=0.05),
        description="Random augmentation in training.",
    )

    @model_validator(mode="after")
    def _check_pretrained(self) -> Self:
        random = self.preset == "transfer" and self.pretrained == "none"
        if random and self.fine_tune.blocks != "all":
            raise ValueError(
                "pretrained=none leaves the frozen blocks at random, which is not transfer "
                "learning: use fine_tune.blocks=all to train all of it, or preset=small"
            )
        return self

    @property
    def is_pretrained(self) -> bool:
        """Whether the backbone has pretrained weights, and is frozen at first."""
        return self.preset == "transfer" and self.pretrained != "none"
