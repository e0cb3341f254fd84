"""Image corruptions for evaluating denoising: seeded, the same on every machine."""

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
    """A corruption of images (Vincent et al. 2010, JMLR 11, section 5).

    Attributes:
        kind: ``gaussian`` adds normal noise to every value, ``salt_and_pepper`` sets pixels to
            black or white, ``masking`` sets them to black.
        amount: Standard deviation of ``gaussian``, in 0..1 intensity; else the share of pixels.
        seed: Seed, combined with the position of each example.

    Raises:
        ConfigError: If the kind is unknown.

    Example:
        >>> corruption = Corruption("masking", 0.5)
        >>> images = np.ones((2, 4, 4, 1))
        >>> noisy = corruption(images, np.arange(2), 0.0, 1.0)
        >>> sorted(set(noisy.ravel().tolist()))
        [0.0, 1.0]
    """

    kind: str
    amount: float
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(
                "the kind of corruption is unknown",
                findings=[Finding("kind", self.kind, f"one of {', '.join(KINDS)}")],
                fix="choose one of them",
            )

    def __call__(
        self, images: np.ndarray, positions: NDArray[Any], low: float, high: float
    ) -> np.ndarray:
        """Return corrupted copies: raw, of the same dtype, within the range.

        The noise of an example depends on its position and on nothing else.

        Args:
            images: Raw values.
            positions: Position of each example in its split.
            low: Raw value of black.
            high: Raw value of white.

        Shapes:
            images: ``[examples, height, width, channels]``
        """
        import numpy as np

        scaled = (images.astype(np.float64) - low) / (high - low)
        for row, position in enumerate(positions):
            random = np.random.default_rng([self.seed, int(position)])
            scaled[row] = self._corrupt(scaled[row], random)
        raw = low + (high - low) * np.clip(scaled, 0.0, 1.0)
        return (np.rint(raw) if images.dtype.kind in "iu" else raw).astype(images.dtype)

    def _corrupt(self, image: NDArray[np.float64], random: np.random.Generator) -> NDArray[Any]:
        import numpy as np

        if self.kind == "gaussian":
            return image + random.normal(scale=self.amount, size=image.shape)
        draw = random.uniform(size=(*image.shape[:-1], 1))
        if self.kind == "masking":
            return np.where(draw < self.amount, 0.0, image)
        half = self.amount / 2
        return np.where(draw < half, 0.0, np.where(draw >= 1 - half, 1.0, image))


__all__ = ["Corruption"]
