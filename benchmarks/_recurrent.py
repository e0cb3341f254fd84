"""The reference of the translation benchmark: a recurrent encoder–decoder with attention.

A bidirectional LSTM reads, an LSTM writes, and looks back by multiplicative attention (Luong et
al. 2015, arXiv:1508.04025, "general", equations 5 to 8); the scores are tied to the embeddings. It
has the same two signatures as the transformer, so that both are decoded by the same loop.
"""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers import TokenEmbedding
from zoo.spec import DataSpec, TextSpec


class Attention(keras.layers.Layer):
    """Looks from the decoder's states at the encoder's, and joins what it finds."""

    def __init__(self, width: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the two projections."""
        states = input_shape[-1]
        self.general = keras.layers.Dense(states, use_bias=False)
        self.joined = keras.layers.Dense(self.width, activation="tanh")
        self.general.build((None, None, states))
        self.joined.build((None, None, 2 * states))

    def call(self, x: object, memory: object, real: object) -> object:
        """Attend: ``softmax(x W memoryᵀ) memory``, then ``tanh(W [found; x])``."""
        scores = ops.matmul(self.general(x), ops.transpose(memory, (0, 2, 1)))
        scores = ops.where(real[:, None, :], scores, -3e4)
        found = ops.matmul(ops.softmax(scores, axis=-1), memory)
        return self.joined(ops.concatenate([found, x], axis=-1))


class Recurrent:
    """The network, as the graph that learns and the two that write.

    Attributes:
        learns: From the source and what was said before, to logits.
        graphs: ``encode`` and ``decode``.

    Args:
        data: One text read, one written.
        embedding: Width of the tokens' vectors.
        units: Of the LSTM that reads, in each direction; the one that writes has twice as many.
        dropout: Dropout rate of embeddings and attention outputs.
    """

    def __init__(self, data: DataSpec, embedding: int, units: int, dropout: float) -> None:
        self._source, self._target = data.inputs[0], data.targets[0]
        self._text: TextSpec = self._target.text
        pieces = self._source.text.vocabulary, self._text.vocabulary
        self._said = TokenEmbedding(len(pieces[1]), embedding, name="target_tokens")
        shared = pieces[0] == pieces[1]
        self._read = self._said if shared else TokenEmbedding(len(pieces[0]), embedding)
        cell = keras.layers.LSTM(units, return_sequences=True, return_state=True)
        self._encoder = keras.layers.Bidirectional(cell)
        self._decoder = keras.layers.LSTM(2 * units, return_sequences=True, return_state=True)
        self._attention = Attention(embedding)
        self._drop = keras.layers.Dropout(dropout)
        self._units = 2 * units
        self.learns = self._learns()
        self.graphs = {"encode": self._encodes(), "decode": self._decodes()}

    def _memory(self, read: object) -> tuple[object, object, object, object]:
        real = ops.not_equal(read, 0)
        told = self._encoder(self._drop(self._read(read)), mask=real)
        memory, h_forth, c_forth, h_back, c_back = told
        h = ops.concatenate([h_forth, h_back], axis=-1)
        return memory, real, h, ops.concatenate([c_forth, c_back], axis=-1)

    def _says(self, ids: object, memory: object, real: object, state: list) -> tuple:
        states, h, c = self._decoder(self._drop(self._said(ids)), initial_state=state)
        joined = self._drop(self._attention(states, memory, real))
        return self._said(joined, reverse=True), h, c

    def _learns(self) -> keras.Model:
        read = keras.Input((None,), dtype="int32", name=self._source.name)
        said = keras.Input((None,), dtype="int32", name="previous")
        memory, real, h, c = self._memory(read)
        logits, _, _ = self._says(said, memory, real, [h, c])
        return keras.Model({self._source.name: read, "previous": said}, logits, name="lstm")

    def _encodes(self) -> keras.Model:
        read = keras.Input((None,), dtype="int32", name=self._source.name)
        memory, real, h, c = self._memory(read)
        start = ops.zeros_like(read[:, :1]) + self._text.start
        logits, h, c = self._says(start, memory, real, [h, c])
        outputs = {"memory": memory, "memory_mask": real, "cache_h": h, "cache_c": c}
        return keras.Model({self._source.name: read}, {**outputs, "logits": logits[:, 0]})

    def _decodes(self) -> keras.Model:
        inputs = {
            "token": keras.Input((), dtype="int32"),
            "memory": keras.Input((None, self._units)),
            "memory_mask": keras.Input((None,), dtype="bool"),
            "cache_h": keras.Input((self._units,)),
            "cache_c": keras.Input((self._units,)),
        }
        state = [inputs["cache_h"], inputs["cache_c"]]
        ids = ops.expand_dims(inputs["token"], 1)
        logits, h, c = self._says(ids, inputs["memory"], inputs["memory_mask"], state)
        return keras.Model(inputs, {"logits": logits[:, 0], "next_cache_h": h, "next_cache_c": c})


def units_for(data: DataSpec, embedding: int, parameters: int) -> int:
    """Return the units with which the network has as many parameters as asked, or just more."""
    low, high = 8, 2_048
    while low < high:
        middle = (low + high) // 2
        if Recurrent(data, embedding, middle, 0.0).learns.count_params() < parameters:
            low = middle + 1
        else:
            high = middle
    return low


__all__ = ["Recurrent", "units_for"]
