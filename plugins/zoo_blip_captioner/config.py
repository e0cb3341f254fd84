"""Configuration of captioners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

import zoo
from zoo.config import Frozen

Width = Annotated[int, Field(ge=1, le=16_384)]
Stage = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]

_PRESET = "null for the preset's"


class BlocksConfig(Frozen):
    """Transformer of the encoder or the decoder; null fields are as in the preset."""

    hidden_dim: Width | None = Field(None, description=f"Hidden dimension; {_PRESET}.")
    num_layers: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description=f"Number of blocks; {_PRESET}."
    )
    num_heads: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None, description=f"Attention heads; {_PRESET}."
    )
    intermediate_dim: Width | None = Field(
        None, description=f"Hidden dimension of the feed-forward networks; {_PRESET}."
    )


class VisionConfig(BlocksConfig):
    """Image encoder; null fields are as in the preset."""

    patch_size: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description=f"Patch size, pixels; {_PRESET}."
    )
    stem: Annotated[tuple[Stage, ...], Field(max_length=6)] | None = Field(
        None,
        description="Filters of each convolution before the patches, by stage; each stage halves "
        f"the image; empty for none; {_PRESET}.",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout rate of each sublayer.")


class TextConfig(BlocksConfig):
    """Text decoder; null fields are as in the preset."""

    max_positions: Annotated[int, Field(ge=2, le=8_192)] | None = Field(
        None,
        description="Maximum length of a text with its prompt; null for what the data needs.",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout rate of embeddings and of each sublayer."
    )


class BlipCaptionerConfig(zoo.ModelConfig):
    """Configuration of a captioner."""

    preset: Literal["small", "base"] = Field(
        "small",
        description="'small' for synthetic images; 'base', BLIP's 224 million parameters, for "
        "its published weights.",
    )
    vision: VisionConfig = Field(VisionConfig(), description="Image encoder.")
    text: TextConfig = Field(TextConfig(), description="Text decoder.")
    pretrained: str | None = Field(
        None,
        min_length=1,
        description="Pretrained weights: a folder with config.json and model.safetensors, or a "
        "repository such as Salesforce/blip-image-captioning-base.",
    )
    revision: str | None = Field(
        None, min_length=1, description="Commit, branch or tag of that repository."
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="Expected SHA-256 of the weights file."
    )
    freeze_encoder: bool = Field(
        False, description="Freeze the image encoder, and train only the decoder."
    )
    bag_of_words_weight: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Weight of the auxiliary loss that predicts the words of a caption from the "
        "stem; unused without a stem.",
    )
    shift: int = Field(
        3, ge=0, le=64, description="Maximum random shift of training images, pixels."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing factor.")
    optimizer: zoo.OptimizerConfig = zoo.OptimizerConfig(
        learning_rate=2e-3, weight_decay=0.05, warmup=0.05, global_clipnorm=1.0
    )

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        sizes = self.sizes()
        for name, side in (("vision", sizes.vision), ("text", sizes.text)):
            if side["hidden_dim"] % side["num_heads"]:
                raise ValueError(
                    f"{name}.hidden_dim {side['hidden_dim']} is not divisible by "
                    f"{name}.num_heads {side['num_heads']}"
                )
        if sizes.vision["patch_size"] % 2 ** len(sizes.vision["stem"]):
            raise ValueError(
                f"vision.patch_size {sizes.vision['patch_size']} is not divisible by 2 for each of "
                f"the {len(sizes.vision['stem'])} stages of vision.stem"
            )
        if self.pretrained is None and (self.revision or self.sha256):
            raise ValueError("revision and sha256 need 'pretrained', which is null")
        return self

    @property
    def use_bag_of_words(self) -> bool:
        """Whether there is an auxiliary bag-of-words loss."""
        return self.bag_of_words_weight > 0 and bool(self.sizes().vision["stem"])

    def sizes(self) -> Sizes:
        """Return the sizes of encoder and decoder, with the preset's defaults."""
        preset = _PRESETS[self.preset]
        given = self.vision.model_dump(exclude_none=True), self.text.model_dump(exclude_none=True)
        return Sizes({**preset.vision, **given[0]}, {**preset.text, **given[1]})


@dataclass(frozen=True)
class Sizes:
    """Arguments of encoder and decoder.

    Attributes:
        vision: Of :class:`zoo_blip_captioner.VisionTransformer`, without the image size.
        text: Of :class:`zoo_blip_captioner.TextDecoder`, without vocabulary and memory size.
    """

    vision: dict[str, Any]
    text: dict[str, Any]


_BASE = {"hidden_dim": 768, "num_layers": 12, "num_heads": 12, "intermediate_dim": 3072}
_PRESETS = {
    "small": Sizes(
        {
            "patch_size": 16,
            "hidden_dim": 96,
            "num_layers": 2,
            "num_heads": 3,
            "intermediate_dim": 384,
            "stem": ((16,), (32, 32), (64, 64), (96,)),
        },
        {"hidden_dim": 96, "num_layers": 1, "num_heads": 4, "intermediate_dim": 384},
    ),
    "base": Sizes(
        {**_BASE, "patch_size": 16, "stem": ()},
        {**_BASE, "max_positions": 512},
    ),
}
