"""BLIP's captioner as ordinary Keras layers, equal to the reference, trainable and exportable.

>>> from zoo_blip_captioner import BlipCaptioner
>>> captioner = BlipCaptioner.from_pretrained("Salesforce/blip-image-captioning-base")
>>> captioner.generate_text(pixels)

The layers are imported, and keras with them, when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo_blip_captioner.architecture import BlipCaptioning
from zoo_blip_captioner.config import BlipCaptionerConfig

if TYPE_CHECKING:
    from zoo_blip_captioner.captioner import BlipCaptioner as BlipCaptioner
    from zoo_blip_captioner.pretrained import (
        save_captioner as save_captioner,
    )
    from zoo_blip_captioner.text import TextDecoder as TextDecoder
    from zoo_blip_captioner.training_model import captioner_of as captioner_of
    from zoo_blip_captioner.vision import VisionTransformer as VisionTransformer

_HOMES = {
    "BlipCaptioner": "captioner",
    "TextDecoder": "text",
    "VisionTransformer": "vision",
    "captioner_of": "training_model",
    "save_captioner": "pretrained",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "BlipCaptioner",
    "BlipCaptionerConfig",
    "BlipCaptioning",
    "TextDecoder",
    "VisionTransformer",
    "captioner_of",
    "save_captioner",
]
