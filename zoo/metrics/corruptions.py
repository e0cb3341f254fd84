"""Damage to images, the same on every machine: what a denoising model is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KINDS = ("gaussian", "salt_and_pepper", "masking")


@dataclass(frozen=True)
class Corruption:
    """How images are damaged.

    Attributes:
        kind: ``gaussian`` adds normal noise to every value, ``salt_and_pepper`` makes pixels black
            or white, ``masking`` makes them black (Vincent et al. 2010, JMLR 11, section 5).
        amount: Standard deviation, in 0..1 intensity, of ``gaussian``; else the share of pixels.
        seed: Decides the damage of each example, together with its position.

    Raises:
        ConfigError: If the kind is unknown.
    """

    kind: str
    amount: float
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                "the damage is unknown",
                findings=[Finding("kind", self.kind, f"one of {', '.join(KINDS)}")],
                fix="choose one of them",
            )

    def __call__(
        self, images: np.ndarray, positions: NDArray[Any], low: float, high: float
    ) -> np.ndarray:
        """Return damaged copies: raw, of the same type, within the range.

        Each example has noise of its own, which depends on its position and on nothing else.

        Args:
            images: Raw values.
            positions: Which examples these are, one number each.
            low: The raw value of black.
            high: The raw value of white.

        Shapes:
            images: ``[examples, height, width, channels]``
        """
        import numpy as np

        scaled = (images.astype(np.float64) - low) / (high - low)
        for row, position in enumerate(positions):
            scaled[row] = self._one(scaled[row], np.random.default_rng([self.seed, int(position)]))
        raw = low + (high - low) * np.clip(scaled, 0.0, 1.0)
        return (np.rint(raw) if images.dtype.kind in "iu" else raw).astype(images.dtype)

    def _one(self, image: NDArray[np.float64], random: np.random.Generator) -> NDArray[Any]:
        import numpy as np

        if self.kind == "gaussian":
            return image + random.normal(scale=self.amount, size=image.shape)
        draw = random.uniform(size=(*image.shape[:-1], 1))
        if self.kind == "masking":
            return np.where(draw < self.amount, 0.0, image)
        half = self.amount / 2
        return np.where(draw < half, 0.0, np.where(draw >= 1 - half, 1.0, image))


__all__ = ["KINDS", "Corruption"]
