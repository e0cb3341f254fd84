"""What the parts of this package know of a captioner: its two sides, and its words.

Whoever reads, writes or searches needs no more; so they need not know the class that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zoo import TextSpec
    from zoo_blip_captioner.text import TextDecoder
    from zoo_blip_captioner.vision import VisionTransformer


class Sides(Protocol):
    """A captioner.

    Attributes:
        vision: The side that sees.
        decoder: The side that writes.
        words: How ids become words.
    """

    vision: VisionTransformer
    decoder: TextDecoder
    words: TextSpec


__all__ = ["Sides"]
