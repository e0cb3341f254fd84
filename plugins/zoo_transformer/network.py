"""The layers of a transformer, and the three graphs that share them: learn, encode, decode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import DataSpec, Signature, TensorSpec
from zoo_transformer.config import TransformerConfig

if TYPE_CHECKING:
    import keras

PREVIOUS = "previous"
"""Input of the graph that learns: what was said before each position, the start sign first."""

_MASK = TensorSpec(
    name="memory_mask", shape=("time",), dtype="bool", inside="which places of the source are real"
)


def translator(config: TransformerConfig, source: TensorSpec, target: TensorSpec) -> keras.Model:
    """Return the graph that learns: the source and what was said before, to scores of what is next.

    Shapes:
        source: `(batch, time)`
        previous: `(batch, target_time)`
        Out: logits `(batch, target_time, vocabulary)`
    """
    import keras

    read = keras.Input((None,), dtype=source.dtype, name=source.name)
    said = keras.Input((None,), dtype=target.dtype, name=PREVIOUS)
    shared = config.tied_embeddings and _pieces(source) == _pieces(target)
    tokens = _tokens(config, target, "tokens" if shared else "target_tokens")
    reader = tokens if shared else _tokens(config, source, "source_tokens")
    real = keras.ops.not_equal(read, 0)
    encoded = _encode(config, reader(read), real, _size(source))
    x = _entered(config, tokens(said), _size(target), "target")
    for number in range(1, config.decoder_layers + 1):
        memory = keras.layers.Dense(2 * config.width, name=f"memory_{number}")(encoded)
        x, _ = _decoder(config, number)(x, memory, real)
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="decoder_norm")(x)
    if config.tied_embeddings:
        logits = tokens(x, reverse=True)
    else:
        logits = keras.layers.Dense(len(_pieces(target)), name="scores")(x)
    return keras.Model({source.name: read, PREVIOUS: said}, logits, name="transformer")


def classifier(config: TransformerConfig, tokens: TensorSpec, classes: int) -> keras.Model:
    """Return the graph from ids to class probabilities: blocks, the mean of what is real, classes.

    Shapes:
        tokens: `(batch, time)`
        Out: `(batch, classes)`
    """
    import keras

    from zoo.layers import MaskedMean

    read = keras.Input((None,), dtype=tokens.dtype, name=tokens.name)
    real = keras.ops.not_equal(read, 0)
    embedded = _tokens(config, tokens, "tokens_embedding")(read)
    x = MaskedMean(name="vector")(_encode(config, embedded, real, _size(tokens)), real)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    chances = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(read, chances, name="transformer")


def generation_signatures(
    model: keras.Model, config: TransformerConfig, data: DataSpec
) -> tuple[Signature, Signature]:
    """Return ``encode`` and ``decode``, made of the layers of the graph that learned.

    ``encode`` reads the source and takes the start sign: it gives the first scores and the state.
    ``decode`` takes the state and the token that was chosen: it gives the next scores, and as
    ``next_NAME`` what changed in the state. Of the state, ``memory_i`` are keys and values of the
    source for decoder block ``i``, ``memory_mask`` says which of them are real, and ``cache_i``
    are keys and values of what was said so far.
    """
    source, target = data.inputs[0], data.targets[0]
    return (
        _encode_signature(model, config, source, target),
        _decode_signature(model, config, target),
    )


def _encode_signature(
    model: keras.Model, config: TransformerConfig, source: TensorSpec, target: TensorSpec
) -> Signature:
    import keras

    ops, numbers = keras.ops, range(1, config.decoder_layers + 1)
    read = keras.Input((None,), dtype=source.dtype, name=source.name)
    real = ops.not_equal(read, 0)
    encoded = _again_encode(model, config, read, real)
    start = target.text.start if target.text else 2
    x = _said(model, ops.zeros_like(read[:, :1]) + start, None)
    outputs: dict[str, Any] = {}
    specs = []
    for number in numbers:
        memory = model.get_layer(f"memory_{number}")(encoded)
        x, cache = model.get_layer(f"decoder_{number}")(x, memory, real)
        outputs |= {f"memory_{number}": memory, f"cache_{number}": cache}
        specs += [_memory(number, config), _cache(number, config)]
    outputs |= {"logits": _scores(model, config, x), "memory_mask": real}
    asked = keras.Model({source.name: read}, outputs)
    return Signature("encode", asked, (source,), (_logits(target), _MASK, *specs))


def _decode_signature(
    model: keras.Model, config: TransformerConfig, target: TensorSpec
) -> Signature:
    import keras

    pieces = len(_pieces(target))
    token = keras.Input((), dtype="int32", name="token")
    real = keras.Input((None,), dtype="bool", name="memory_mask")
    inputs = {"token": token, "memory_mask": real}
    taken = [
        TensorSpec(
            name="token",
            dtype="int32",
            range=(0, pieces - 1),
            text=target.text,
            inside="the id that was chosen last",
        ),
        _MASK,
    ]
    outputs: dict[str, Any] = {}
    given = []
    x: Any = None
    for number in range(1, config.decoder_layers + 1):
        memory = keras.Input((None, 2 * config.width), name=f"memory_{number}")
        cache = keras.Input((None, 2 * config.width), name=f"cache_{number}")
        if x is None:
            x = _said(model, keras.ops.expand_dims(token, 1), cache)
        x, after = model.get_layer(f"decoder_{number}")(x, memory, real, past=cache)
        inputs |= {f"memory_{number}": memory, f"cache_{number}": cache}
        outputs[f"next_cache_{number}"] = after
        taken += [_memory(number, config), _cache(number, config)]
        given.append(_longer(number, config))
    outputs["logits"] = _scores(model, config, x)
    asked = keras.Model(inputs, outputs)
    return Signature("decode", asked, tuple(taken), (_logits(target), *given))


def _tokens(config: TransformerConfig, spec: TensorSpec, name: str) -> Any:
    from zoo.layers import TokenEmbedding

    drop = config.word_dropout if name != "target_tokens" else 0.0
    return TokenEmbedding(len(_pieces(spec)), config.width, drop, name=name)


def _entered(config: TransformerConfig, x: Any, length: int, side: str) -> Any:
    """Add positions, and drop some of it in training."""
    import keras

    from zoo.layers import Positions

    if config.positions != "rotary":
        x = Positions(config.positions, length, name=f"{side}_positions")(x)
    return keras.layers.Dropout(config.dropout, name=f"{side}_dropout")(x)


def _encode(config: TransformerConfig, embedded: Any, real: Any, length: int) -> Any:
    import keras

    from zoo.layers import EncoderBlock

    x = _entered(config, embedded, length, "source")
    for number in range(1, config.encoder_layers + 1):
        block = EncoderBlock(
            config.heads,
            config.feed_forward,
            config.dropout,
            config.activation,
            config.positions == "rotary",
            name=f"encoder_{number}",
        )
        x = block(x, real)
    return keras.layers.LayerNormalization(epsilon=1e-5, name="encoder_norm")(x)


def _decoder(config: TransformerConfig, number: int) -> Any:
    from zoo.layers import DecoderBlock

    return DecoderBlock(
        config.heads,
        config.feed_forward,
        config.dropout,
        config.activation,
        config.positions == "rotary",
        name=f"decoder_{number}",
    )


def _layer(model: keras.Model, *names: str) -> Any:
    """Return the first of these layers that the model has, or ``None``."""
    there = {layer.name: layer for layer in model.layers}
    return next((there[name] for name in names if name in there), None)


def _again_encode(model: keras.Model, config: TransformerConfig, read: Any, real: Any) -> Any:
    x = _layer(model, "source_tokens", "tokens")(read)
    positions = _layer(model, "source_positions")
    x = x if positions is None else positions(x)
    for number in range(1, config.encoder_layers + 1):
        x = model.get_layer(f"encoder_{number}")(x, real)
    return model.get_layer("encoder_norm")(x)


def _said(model: keras.Model, ids: Any, past: Any) -> Any:
    x = _layer(model, "target_tokens", "tokens")(ids)
    positions = _layer(model, "target_positions")
    return x if positions is None else positions(x, past=past)


def _scores(model: keras.Model, config: TransformerConfig, x: Any) -> Any:
    x = model.get_layer("decoder_norm")(x)[:, 0]
    if config.tied_embeddings:
        return _layer(model, "target_tokens", "tokens")(x, reverse=True)
    return model.get_layer("scores")(x)


def _memory(number: int, config: TransformerConfig) -> TensorSpec:
    told = f"keys and values of the source, side by side, for decoder block {number}"
    return TensorSpec(name=f"memory_{number}", shape=("time", 2 * config.width), inside=told)


def _cache(number: int, config: TransformerConfig) -> TensorSpec:
    told = f"keys and values of what was written, side by side, of decoder block {number}"
    return TensorSpec(name=f"cache_{number}", shape=("past", 2 * config.width), inside=told)


def _longer(number: int, config: TransformerConfig) -> TensorSpec:
    told = f"cache_{number}, with the token's place behind it"
    shape = ("past_and_token", 2 * config.width)
    return TensorSpec(name=f"next_cache_{number}", shape=shape, inside=told)


def _logits(target: TensorSpec) -> TensorSpec:
    told = "how much each piece of the vocabulary is the next one"
    return TensorSpec(name="logits", shape=(len(_pieces(target)),), inside=told)


def _pieces(spec: TensorSpec) -> tuple[str, ...]:
    return spec.text.vocabulary if spec.text else ()


def _size(spec: TensorSpec) -> int:
    return spec.text.max_length if spec.text else 2


__all__ = ["PREVIOUS", "classifier", "generation_signatures", "translator"]
