"""What a captioner is made of and how it learns, as checked data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

import zoo
from zoo.config import Frozen

Width = Annotated[int, Field(ge=1, le=16_384)]
Stage = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]

_PRESET = "of the preset if null"


class BlocksConfig(Frozen):
    """What the blocks of either side are made of. What is null is as the preset has it."""

    width: Width | None = Field(
        None, description=f"Size of the vector of each token or word; {_PRESET}."
    )
    layers: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description=f"Blocks; {_PRESET}."
    )
    heads: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description=f"Heads of each attention, which share the width; {_PRESET}."
    )
    feed_forward: Width | None = Field(
        None, description=f"Inner width of each block's feed-forward part; {_PRESET}."
    )


class VisionConfig(BlocksConfig):
    """The side that sees. What is null is as the preset has it."""

    patch: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description=f"Pixels a side of what becomes one token; {_PRESET}."
    )
    stem: Annotated[tuple[Stage, ...], Field(max_length=6)] | None = Field(
        None,
        description="By stage, the filters of each convolution in front of the patches; each stage "
        f"halves the picture; empty for none; {_PRESET}.",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Share silenced of what each part adds.")


class TextConfig(BlocksConfig):
    """The side that writes. What is null is as the preset has it."""

    positions: Annotated[int, Field(ge=2, le=8_192)] | None = Field(
        None,
        description="Longest text, its prompt included; of 'small' what the data needs, if null.",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Share silenced of the words' vectors and of what is added."
    )


class BlipCaptionerConfig(zoo.ModelConfig):
    """What a captioner is made of."""

    preset: Literal["small", "base"] = Field(
        "small",
        description="'small': for drawings and a laptop; 'base': BLIP's own size, 224 million "
        "weights, for its published ones.",
    )
    vision: VisionConfig = VisionConfig()
    text: TextConfig = TextConfig()
    pretrained: str | None = Field(
        None,
        min_length=1,
        description="Weights to start from: a folder with config.json and model.safetensors, or a "
        "repository of the hub such as Salesforce/blip-image-captioning-base.",
    )
    revision: str | None = Field(
        None, min_length=1, description="Of that repository: a commit, a branch or a tag."
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="What that file of weights must have."
    )
    freeze_encoder: bool = Field(
        False, description="Whether the side that sees stays as it is, and only the text learns."
    )
    glance: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Weight of a second loss: which words the caption has, asked of the stem "
        "alone. Without a stem there is none.",
    )
    shift: int = Field(
        3, ge=0, le=64, description="Largest shift of a training picture, pixels either way."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Share of each target spread.")
    optimizer: zoo.OptimizerConfig = zoo.OptimizerConfig(
        learning_rate=2e-3, weight_decay=0.05, warmup=0.05, global_clipnorm=1.0
    )

    @model_validator(mode="after")
    def _heads_share_widths(self) -> Self:
        sizes = self.sizes()
        for name, side in (("vision", sizes.vision), ("text", sizes.text)):
            if side["width"] % side["heads"]:
                raise ValueError(
                    f"{name}.width {side['width']} is not divisible by {name}.heads {side['heads']}"
                )
        if sizes.vision["patch"] % 2 ** len(sizes.vision["stem"]):
            raise ValueError(
                f"vision.patch {sizes.vision['patch']} cannot be halved once for each of the "
                f"{len(sizes.vision['stem'])} stages of vision.stem"
            )
        if self.pretrained is None and (self.revision or self.sha256):
            raise ValueError("revision and sha256 say which 'pretrained' is meant, which is null")
        return self

    @property
    def glances(self) -> bool:
        """Whether the stem is asked for the words of a caption."""
        return self.glance > 0 and bool(self.sizes().vision["stem"])

    def sizes(self) -> Sizes:
        """Return what the two layers take, presets and what was chosen put together."""
        preset = _PRESETS[self.preset]
        given = self.vision.model_dump(exclude_none=True), self.text.model_dump(exclude_none=True)
        return Sizes({**preset.vision, **given[0]}, {**preset.text, **given[1]})


@dataclass(frozen=True)
class Sizes:
    """Arguments of the two sides.

    Attributes:
        vision: Of :class:`zoo_blip_captioner.VisionTransformer`, but for the size of a picture.
        text: Of :class:`zoo_blip_captioner.TextDecoder`, but for what data and picture decide.
    """

    vision: dict[str, Any]
    text: dict[str, Any]


_BASE = {"width": 768, "layers": 12, "heads": 12, "feed_forward": 3072}
_PRESETS = {
    "small": Sizes(
        {
            "patch": 16,
            "width": 96,
            "layers": 2,
            "heads": 3,
            "feed_forward": 384,
            "stem": ((16,), (32, 32), (64, 64), (96,)),
        },
        {"width": 96, "layers": 1, "heads": 4, "feed_forward": 384},
    ),
    "base": Sizes(
        {**_BASE, "patch": 16, "stem": ()},
        {**_BASE, "positions": 512},
    ),
}


__all__ = ["BlipCaptionerConfig", "Sizes", "TextConfig", "VisionConfig"]
