"""What an exported captioner can be asked: to look, to go on by one word, to write a whole text.

Importing this module imports keras.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from zoo import DataSpec, Signature, TensorSpec
from zoo_blip_captioner.captioner import GreedyWriter
from zoo_blip_captioner.learning import known

if TYPE_CHECKING:
    from zoo_blip_captioner.captioner import BlipCaptioner

LONGEST = 64
"""Words that ``write`` writes at most: its caches have that length at every step."""


def published(captioner: BlipCaptioner, data: DataSpec) -> Sequence[Signature]:
    """Return the three graphs of a captioner.

    ``encode`` looks at a picture once: it gives keys and values of it for every block of the text,
    and empty caches. ``decode`` takes all that and one word: it gives the scores of the next word,
    and caches that are longer by one. ``write`` is the whole greedy search as one graph, for a
    server that knows nothing of loops; it holds every weight once more.
    """
    return _encode(captioner, data), _decode(captioner, data), _write(captioner, data)


def _encode(captioner: BlipCaptioner, data: DataSpec) -> Signature:
    image = _image(data)
    memories = captioner.decoder.remember(captioner.vision(image))
    outputs: dict[str, Any] = {}
    specs = []
    for number, (keys, values) in enumerate(memories, start=1):
        outputs |= {
            f"keys_{number}": keys,
            f"values_{number}": values,
            f"cache_{number}": Nothing(2 * captioner.decoder.width, name=f"c{number}")(values),
        }
        specs += [*_memory(captioner, number), _cache(captioner, number, 0)]
    return Signature("encode", keras.Model(image, outputs), data.inputs[:1], tuple(specs))


def _decode(captioner: BlipCaptioner, data: DataSpec) -> Signature:
    words, decoder = known(data.targets[0]), captioner.decoder
    token = keras.Input((), dtype="int32", name="token")
    width, numbers = decoder.width, range(1, decoder.layers + 1)
    memories = [
        tuple(keras.Input(spec.shape, name=spec.name) for spec in _memory(captioner, n))
        for n in numbers
    ]
    caches = [keras.Input((None, 2 * width), name=f"cache_{n}") for n in numbers]
    logits, after = decoder(ops.expand_dims(token, 1), memories, pasts=caches)
    state = (*itertools.chain.from_iterable(memories), *caches)
    inputs = {"token": token} | {x.name: x for x in state}
    outputs = {"logits": logits[:, 0]} | {f"next_cache_{n}": after[n - 1] for n in numbers}
    taken = [
        TensorSpec(
            name="token",
            dtype="int32",
            range=(0, len(words.vocabulary) - 1),
            text=words,
            inside="the word that was chosen",
        )
    ]
    given = [
        TensorSpec(
            name="logits",
            shape=(len(words.vocabulary),),
            inside="how much each word of the vocabulary is the next one",
        )
    ]
    for number in numbers:
        taken += [*_memory(captioner, number), _cache(captioner, number)]
        told = f"cache_{number}, with the word's place behind it"
        shape = ("past_and_token", 2 * width)
        given.append(TensorSpec(name=f"next_cache_{number}", shape=shape, inside=told))
    return Signature("decode", keras.Model(inputs, outputs), tuple(taken), tuple(given))


def _write(captioner: BlipCaptioner, data: DataSpec) -> Signature:
    words = known(data.targets[0])
    image = _image(data)
    steps = min(words.max_length, captioner.decoder.positions, LONGEST + 1) - 1
    start = Beginning(words.start, name="start")(image)
    text = GreedyWriter(captioner, steps, name="text")(image, start, ops.equal(start, words.start))
    spec = TensorSpec(
        name="text",
        shape=(steps,),
        dtype="int32",
        text=words,
        inside="the likeliest word at every step, behind the start sign; padded",
    )
    return Signature("write", keras.Model(image, {"text": text}), data.inputs[:1], (spec,))


def _image(data: DataSpec) -> Any:
    spec = data.inputs[0]
    return keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)


def _memory(captioner: BlipCaptioner, number: int) -> tuple[TensorSpec, TensorSpec]:
    heads, tokens = captioner.decoder.heads, captioner.vision.tokens
    size = captioner.decoder.width // heads
    told = f"of the picture, of each head of block {number} of the text"
    return (
        TensorSpec(name=f"keys_{number}", shape=(heads, size, tokens), inside=f"keys {told}"),
        TensorSpec(name=f"values_{number}", shape=(heads, tokens, size), inside=f"values {told}"),
    )


def _cache(captioner: BlipCaptioner, number: int, length: int | str = "past") -> TensorSpec:
    told = f"keys and values of what was written, side by side, of block {number} of the text"
    shape = (length, 2 * captioner.decoder.width)
    return TensorSpec(name=f"cache_{number}", shape=shape, inside=told)


class Nothing(keras.layers.Layer):
    """Of the values of a picture, a sequence of no positions: an empty cache of the right width."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def call(self, values: Any) -> Any:
        """Cut."""
        # Cut last: TensorFlow's kernels divide by the size of what they multiply.
        whole = values[:, 0, :1, :1] * ops.ones((1, 1, self.width), values.dtype)
        return whole[:, :0]


class Beginning(keras.layers.Layer):
    """The start sign, once for each picture: int32 `(batch, 1)`."""

    def __init__(self, start: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def call(self, image: Any) -> Any:
        """Begin."""
        row = ops.zeros_like(ops.cast(image[:, :1, 0, 0], "int32"))
        return row + self.start


__all__ = ["LONGEST", "published"]
