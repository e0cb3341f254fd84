"""Exported signatures of a captioner: ``encode``, ``decode`` and ``generate``.

Importing this module imports keras.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from zoo import DataSpec, Signature, TensorSpec
from zoo_blip_captioner.captioner import GreedySearch
from zoo_blip_captioner.teacher_forcing import text_spec_of

if TYPE_CHECKING:
    from zoo_blip_captioner.captioner import BlipCaptioner

MAX_TOKENS = 64
"""Maximum number of tokens of ``generate``, whose caches have that length at every step."""


def make_signatures(captioner: BlipCaptioner, data: DataSpec) -> Sequence[Signature]:
    """Return the three signatures of a captioner.

    ``encode`` maps an image to keys and values for every block of the decoder, and empty caches.
    ``decode`` maps these and a token to next-token logits and extended caches. ``generate`` is the
    whole greedy search as one graph, for servers without loops; it contains all weights again.
    """
    return _encode(captioner, data), _decode(captioner, data), _generate(captioner, data)


def _encode(captioner: BlipCaptioner, data: DataSpec) -> Signature:
    image = _image(data)
    memories = captioner.decoder.project_memory(captioner.vision(image))
    outputs: dict[str, Any] = {}
    specs = []
    for number, (keys, values) in enumerate(memories, start=1):
        outputs |= {
            f"keys_{number}": keys,
            f"values_{number}": values,
            f"cache_{number}": EmptyCache(2 * captioner.decoder.hidden_dim, name=f"c{number}")(
                values
            ),
        }
        specs += [*_memory(captioner, number), _cache(captioner, number, 0)]
    graph = keras.Model(image, outputs)
    return Signature("encode", graph, data.inputs[:1], tuple(specs), decode="decode")


def _decode(captioner: BlipCaptioner, data: DataSpec) -> Signature:
    words, decoder = text_spec_of(data.targets[0]), captioner.decoder
    token = keras.Input((), dtype="int32", name="token")
    hidden_dim, numbers = decoder.hidden_dim, range(1, decoder.num_layers + 1)
    memories = [
        tuple(keras.Input(spec.shape, name=spec.name) for spec in _memory(captioner, n))
        for n in numbers
    ]
    caches = [keras.Input((None, 2 * hidden_dim), name=f"cache_{n}") for n in numbers]
    logits, after = decoder(ops.expand_dims(token, 1), memories, caches=caches)
    state = (*itertools.chain.from_iterable(memories), *caches)
    inputs = {"token": token} | {x.name: x for x in state}
    outputs = {"logits": logits[:, 0]} | {f"next_cache_{n}": after[n - 1] for n in numbers}
    taken = [
        TensorSpec(
            name="token",
            dtype="int32",
            range=(0, len(words.vocabulary) - 1),
            draw="uniform",
            text=words,
            inside="the last token",
        )
    ]
    given = [
        TensorSpec(
            name="logits",
            shape=(len(words.vocabulary),),
            inside="logits of the next token",
        )
    ]
    for number in numbers:
        taken += [*_memory(captioner, number), _cache(captioner, number)]
        description = f"cache_{number}, extended by the token"
        shape = ("past_and_token", 2 * hidden_dim)
        given.append(TensorSpec(name=f"next_cache_{number}", shape=shape, inside=description))
    return Signature("decode", keras.Model(inputs, outputs), tuple(taken), tuple(given))


def _generate(captioner: BlipCaptioner, data: DataSpec) -> Signature:
    words = text_spec_of(data.targets[0])
    image = _image(data)
    steps = min(words.max_length, captioner.decoder.max_positions, MAX_TOKENS + 1) - 1
    start = StartToken(words.start, name="start")(image)
    text = GreedySearch(captioner, steps, name="text")(image, start, ops.equal(start, words.start))
    spec = TensorSpec(
        name="text",
        shape=(steps,),
        dtype="int32",
        text=words,
        inside="greedy search after the start token; padded",
    )
    return Signature("generate", keras.Model(image, {"text": text}), data.inputs[:1], (spec,))


def _image(data: DataSpec) -> Any:
    spec = data.inputs[0]
    return keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)


def _memory(captioner: BlipCaptioner, number: int) -> tuple[TensorSpec, TensorSpec]:
    num_heads, tokens = captioner.decoder.num_heads, captioner.vision.tokens
    size = captioner.decoder.hidden_dim // num_heads
    source = f"of the image, by head, of decoder block {number}"
    return (
        TensorSpec(name=f"keys_{number}", shape=(num_heads, size, tokens), inside=f"keys {source}"),
        TensorSpec(
            name=f"values_{number}", shape=(num_heads, tokens, size), inside=f"values {source}"
        ),
    )


def _cache(captioner: BlipCaptioner, number: int, length: int | str = "past") -> TensorSpec:
    description = f"keys and values of the tokens so far, concatenated, of decoder block {number}"
    shape = (length, 2 * captioner.decoder.hidden_dim)
    return TensorSpec(name=f"cache_{number}", shape=shape, inside=description)


class EmptyCache(keras.layers.Layer):
    """Empty cache of the right width: a sequence without positions."""

    def __init__(self, hidden_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim

    def call(self, values: Any) -> Any:
        """Return the empty cache."""
        # Sliced last: TensorFlow's kernels divide by the size of their operands.
        whole = values[:, 0, :1, :1] * ops.ones((1, 1, self.hidden_dim), values.dtype)
        return whole[:, :0]


class StartToken(keras.layers.Layer):
    """Start token for each image: int32 `(batch, 1)`."""

    def __init__(self, start: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def call(self, image: Any) -> Any:
        """Repeat the start token."""
        row = ops.zeros_like(ops.cast(image[:, :1, 0, 0], "int32"))
        return row + self.start
