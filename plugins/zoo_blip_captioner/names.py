"""Which tensor of the reference's files is which weight of ours, and how one becomes the other.

Importing this module imports no keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_blip_captioner.sides import Sides

REPEATED = {
    "text_decoder.cls.predictions.decoder.weight": (
        "text_decoder.bert.embeddings.word_embeddings.weight"
    ),
    "text_decoder.cls.predictions.decoder.bias": "text_decoder.cls.predictions.bias",
}
"""Tensors that a file may hold a second time, because the head is tied to the words."""

BUFFERS = ("text_decoder.bert.embeddings.position_ids", "vision_model.embeddings.position_ids")
"""The numbers 0, 1, 2, ... which older files hold."""


@dataclass(frozen=True)
class Link:
    """One weight of ours, and the tensors that it is made of.

    Attributes:
        weight: The Keras variable.
        tensors: Names in a file. Of several, their first axes stand one behind the other.
        axes: The order of the tensor's axes that gives ours.
    """

    weight: Any
    tensors: tuple[str, ...]
    axes: tuple[int, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor."""
        ours = tuple(self.weight.shape)
        whole = tuple(ours[self.axes.index(axis)] for axis in range(len(ours)))
        part = (whole[0] // len(self.tensors), *whole[1:])
        return dict.fromkeys(self.tensors, part)

    def ours(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return the value of our weight."""
        parts = [arrays[name] for name in self.tensors]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return np.transpose(whole, self.axes)

    def theirs(self) -> dict[str, NDArray[Any]]:
        """Return the tensors that our weight's value makes."""
        whole = np.transpose(np.asarray(self.weight), np.argsort(self.axes))
        parts = np.split(whole, len(self.tensors))
        return {
            name: np.ascontiguousarray(part) for name, part in zip(self.tensors, parts, strict=True)
        }


def links(captioner: Sides) -> list[Link]:
    """Return every weight of a captioner without a stem, with the names in the reference's files.

    The names are those of ``BlipForConditionalGeneration``: of the picture's attention one matrix
    holds queries, keys and values, one behind the other; of the text's there are three.
    """
    return [*_vision(captioner.vision), *_text(captioner.decoder)]


def _vision(vision: Any) -> Iterator[Link]:
    start = "vision_model"
    yield Link(vision.whole, (f"{start}.embeddings.class_embedding",), (0, 1, 2))
    yield Link(vision.places, (f"{start}.embeddings.position_embedding",), (0, 1, 2))
    patches = f"{start}.embeddings.patch_embedding"
    yield Link(vision.patches.kernel, (f"{patches}.weight",), (2, 3, 1, 0))
    yield Link(vision.patches.bias, (f"{patches}.bias",), (0,))
    for number, block in enumerate(vision.blocks):
        layer = f"{start}.encoder.layers.{number}"
        yield from _dense(block.self_attention.qkv_dense, f"{layer}.self_attn.qkv")
        yield from _dense(block.self_attention.output_dense, f"{layer}.self_attn.projection")
        yield from _norm(block.self_attention_norm, f"{layer}.layer_norm1")
        yield from _norm(block.feedforward_norm, f"{layer}.layer_norm2")
        yield from _dense(block.intermediate_dense, f"{layer}.mlp.fc1")
        yield from _dense(block.output_dense, f"{layer}.mlp.fc2")
    yield from _norm(vision.norm, f"{start}.post_layernorm")


def _text(decoder: Any) -> Iterator[Link]:
    start = "text_decoder.bert"
    words = f"{start}.embeddings"
    yield Link(decoder.words, (f"{words}.word_embeddings.weight",), (1, 0))
    yield Link(decoder.places, (f"{words}.position_embeddings.weight",), (0, 1))
    yield from _norm(decoder.entry, f"{words}.LayerNorm")
    for number, block in enumerate(decoder.blocks):
        layer = f"{start}.encoder.layer.{number}"
        own, cross = f"{layer}.attention", f"{layer}.crossattention"
        yield from _dense(
            block.attention.qkv_dense, f"{own}.self.query", f"{own}.self.key", f"{own}.self.value"
        )
        yield from _dense(block.attention.output_dense, f"{own}.output.dense")
        yield from _norm(block.norms[0], f"{own}.output.LayerNorm")
        yield from _dense(block.cross.query_dense, f"{cross}.self.query")
        yield from _dense(block.keys_values, f"{cross}.self.key", f"{cross}.self.value")
        yield from _dense(block.cross.output_dense, f"{cross}.output.dense")
        yield from _norm(block.norms[1], f"{cross}.output.LayerNorm")
        yield from _dense(block.wide, f"{layer}.intermediate.dense")
        yield from _dense(block.narrow, f"{layer}.output.dense")
        yield from _norm(block.norms[2], f"{layer}.output.LayerNorm")
    head = "text_decoder.cls.predictions"
    yield from _dense(decoder.last, f"{head}.transform.dense")
    yield from _norm(decoder.exit, f"{head}.transform.LayerNorm")
    yield Link(decoder.bias, (f"{head}.bias",), (0,))


def _dense(layer: Any, *names: str) -> Iterator[Link]:
    # PyTorch keeps a matrix with what comes out in its first axis, Keras in its last.
    yield Link(layer.kernel, tuple(f"{name}.weight" for name in names), (1, 0))
    yield Link(layer.bias, tuple(f"{name}.bias" for name in names), (0,))


def _norm(layer: Any, name: str) -> Iterator[Link]:
    yield Link(layer.gamma, (f"{name}.weight",), (0,))
    yield Link(layer.beta, (f"{name}.bias",), (0,))


__all__ = ["BUFFERS", "REPEATED", "Link", "links"]
