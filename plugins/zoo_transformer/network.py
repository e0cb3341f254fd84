"""Transformer graphs for training, encoding and step-by-step decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import DataSpec, Signature, TensorSpec
from zoo_transformer.config import TransformerConfig

if TYPE_CHECKING:
    import keras

PREVIOUS = "previous"
"""Input of the training graph: the target's tokens before each position, start token first."""

_MEMORY_MASK = TensorSpec(
    name="memory_mask", shape=("time",), dtype="bool", inside="which source positions are real"
)


def build_translator(
    config: TransformerConfig, source: TensorSpec, target: TensorSpec
) -> keras.Model:
    """Return the training graph from source and previous target tokens to next-token logits.

    Shapes:
        source: `(batch, time)`
        previous: `(batch, target_time)`
        Out: logits `(batch, target_time, vocabulary)`
    """
    import keras

    source_ids = keras.Input((None,), dtype=source.dtype, name=source.name)
    previous_ids = keras.Input((None,), dtype=target.dtype, name=PREVIOUS)
    shared = config.tied_embeddings and _vocabulary(source) == _vocabulary(target)
    target_embedding = _embedding(config, target, "tokens" if shared else "target_tokens")
    source_embedding = target_embedding if shared else _embedding(config, source, "source_tokens")
    mask = keras.ops.not_equal(source_ids, 0)
    encoded = _encoder(config, source_embedding(source_ids), mask, _max_length(source))
    x = _add_positions(config, target_embedding(previous_ids), _max_length(target), "target")
    for number in range(1, config.decoder_layers + 1):
        memory = keras.layers.Dense(2 * config.hidden_dim, name=f"memory_{number}")(encoded)
        x, _ = _decoder_block(config, number)(x, memory, mask)
    x = keras.layers.LayerNormalization(epsilon=1e-5, name="decoder_norm")(x)
    if config.tied_embeddings:
        logits = target_embedding(x, reverse=True)
    else:
        logits = keras.layers.Dense(len(_vocabulary(target)), name="logits")(x)
    inputs = {source.name: source_ids, PREVIOUS: previous_ids}
    return keras.Model(inputs, logits, name="transformer")


def build_classifier(config: TransformerConfig, tokens: TensorSpec, classes: int) -> keras.Model:
    """Return the graph from token ids to class probabilities: encoder, average pooling, softmax.

    Shapes:
        tokens: `(batch, time)`
        Out: `(batch, classes)`
    """
    import keras

    from zoo.layers import MaskedAveragePooling1D

    ids = keras.Input((None,), dtype=tokens.dtype, name=tokens.name)
    mask = keras.ops.not_equal(ids, 0)
    embedded = _embedding(config, tokens, "tokens_embedding")(ids)
    encoded = _encoder(config, embedded, mask, _max_length(tokens))
    x = MaskedAveragePooling1D(name="pooling")(encoded, mask)
    x = keras.layers.Dropout(config.dropout, name="dropout")(x)
    probabilities = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(ids, probabilities, name="transformer")


def generation_signatures(
    model: keras.Model, config: TransformerConfig, data: DataSpec
) -> tuple[Signature, Signature]:
    """Return ``encode`` and ``decode``, which share the layers of the training graph.

    ``encode`` reads the source and the start token: it returns the first logits and the state.
    ``decode`` takes the state and the chosen token: it returns the next logits, and as
    ``next_NAME`` the changed part of the state. In the state, ``memory_i`` are keys and values of
    the source for decoder block ``i``, ``memory_mask`` marks the real ones, and ``cache_i`` are
    keys and values of the tokens so far.
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

    ops = keras.ops
    ids = keras.Input((None,), dtype=source.dtype, name=source.name)
    mask = ops.not_equal(ids, 0)
    encoded = _encode(model, config, ids, mask)
    start = target.text.start if target.text else 2
    x = _embed_target(model, ops.zeros_like(ids[:, :1]) + start, None)
    outputs: dict[str, Any] = {}
    specs = []
    for number in range(1, config.decoder_layers + 1):
        memory = model.get_layer(f"memory_{number}")(encoded)
        x, cache = model.get_layer(f"decoder_{number}")(x, memory, mask)
        outputs |= {f"memory_{number}": memory, f"cache_{number}": cache}
        specs += [_memory_spec(number, config), _cache_spec(number, config)]
    outputs |= {"logits": _logits(model, config, x), "memory_mask": mask}
    graph = keras.Model({source.name: ids}, outputs)
    return Signature(
        "encode",
        graph,
        (source,),
        (_logits_spec(target), _MEMORY_MASK, *specs),
        decode="decode",
    )


def _decode_signature(
    model: keras.Model, config: TransformerConfig, target: TensorSpec
) -> Signature:
    import keras

    token = keras.Input((), dtype="int32", name="token")
    mask = keras.Input((None,), dtype="bool", name="memory_mask")
    inputs = {"token": token, "memory_mask": mask}
    token_spec = TensorSpec(
        name="token",
        dtype="int32",
        range=(0, len(_vocabulary(target)) - 1),
        draw="uniform",
        text=target.text,
        inside="id of the last token",
    )
    input_specs = [token_spec, _MEMORY_MASK]
    outputs: dict[str, Any] = {}
    output_specs = [_logits_spec(target)]
    x: Any = None
    for number in range(1, config.decoder_layers + 1):
        memory = keras.Input((None, 2 * config.hidden_dim), name=f"memory_{number}")
        cache = keras.Input((None, 2 * config.hidden_dim), name=f"cache_{number}")
        if x is None:
            x = _embed_target(model, keras.ops.expand_dims(token, 1), cache)
        x, new_cache = model.get_layer(f"decoder_{number}")(x, memory, mask, cache=cache)
        inputs |= {f"memory_{number}": memory, f"cache_{number}": cache}
        outputs[f"next_cache_{number}"] = new_cache
        input_specs += [_memory_spec(number, config), _cache_spec(number, config)]
        output_specs.append(_next_cache_spec(number, config))
    outputs["logits"] = _logits(model, config, x)
    graph = keras.Model(inputs, outputs)
    return Signature("decode", graph, tuple(input_specs), tuple(output_specs))


def _embedding(config: TransformerConfig, spec: TensorSpec, name: str) -> Any:
    from zoo.layers import TokenEmbedding

    word_dropout = config.word_dropout if name != "target_tokens" else 0.0
    return TokenEmbedding(len(_vocabulary(spec)), config.hidden_dim, word_dropout, name=name)


def _add_positions(config: TransformerConfig, x: Any, max_length: int, side: str) -> Any:
    """Add position embeddings and dropout."""
    import keras

    from zoo.layers import PositionEmbedding

    if config.positions != "rotary":
        x = PositionEmbedding(config.positions, max_length, name=f"{side}_positions")(x)
    return keras.layers.Dropout(config.dropout, name=f"{side}_dropout")(x)


def _encoder(config: TransformerConfig, embedded: Any, mask: Any, max_length: int) -> Any:
    import keras

    from zoo.layers import EncoderBlock

    x = _add_positions(config, embedded, max_length, "source")
    for number in range(1, config.encoder_layers + 1):
        block = EncoderBlock(
            config.num_heads,
            config.intermediate_dim,
            config.dropout,
            config.activation,
            config.positions == "rotary",
            name=f"encoder_{number}",
        )
        x = block(x, mask)
    return keras.layers.LayerNormalization(epsilon=1e-5, name="encoder_norm")(x)


def _decoder_block(config: TransformerConfig, number: int) -> Any:
    from zoo.layers import DecoderBlock

    return DecoderBlock(
        config.num_heads,
        config.intermediate_dim,
        config.dropout,
        config.activation,
        config.positions == "rotary",
        name=f"decoder_{number}",
    )


def _layer(model: keras.Model, *names: str) -> Any:
    """Return the first of these layers that the model has, or ``None``."""
    found = {layer.name: layer for layer in model.layers}
    return next((found[name] for name in names if name in found), None)


def _encode(model: keras.Model, config: TransformerConfig, ids: Any, mask: Any) -> Any:
    x = _layer(model, "source_tokens", "tokens")(ids)
    positions = _layer(model, "source_positions")
    x = x if positions is None else positions(x)
    for number in range(1, config.encoder_layers + 1):
        x = model.get_layer(f"encoder_{number}")(x, mask)
    return model.get_layer("encoder_norm")(x)


def _embed_target(model: keras.Model, ids: Any, cache: Any) -> Any:
    x = _layer(model, "target_tokens", "tokens")(ids)
    positions = _layer(model, "target_positions")
    return x if positions is None else positions(x, cache=cache)


def _logits(model: keras.Model, config: TransformerConfig, x: Any) -> Any:
    x = model.get_layer("decoder_norm")(x)[:, 0]
    if config.tied_embeddings:
        return _layer(model, "target_tokens", "tokens")(x, reverse=True)
    return model.get_layer("logits")(x)


def _memory_spec(number: int, config: TransformerConfig) -> TensorSpec:
    inside = f"keys and values of the source, concatenated, for decoder block {number}"
    return TensorSpec(name=f"memory_{number}", shape=("time", 2 * config.hidden_dim), inside=inside)


def _cache_spec(number: int, config: TransformerConfig) -> TensorSpec:
    inside = f"keys and values of the tokens so far, concatenated, of decoder block {number}"
    return TensorSpec(name=f"cache_{number}", shape=("past", 2 * config.hidden_dim), inside=inside)


def _next_cache_spec(number: int, config: TransformerConfig) -> TensorSpec:
    inside = f"cache_{number} extended by the token"
    shape = ("past_and_token", 2 * config.hidden_dim)
    return TensorSpec(name=f"next_cache_{number}", shape=shape, inside=inside)


def _logits_spec(target: TensorSpec) -> TensorSpec:
    inside = "logits of the next token"
    return TensorSpec(name="logits", shape=(len(_vocabulary(target)),), inside=inside)


def _vocabulary(spec: TensorSpec) -> tuple[str, ...]:
    return spec.text.vocabulary if spec.text else ()


def _max_length(spec: TensorSpec) -> int:
    return spec.text.max_length if spec.text else 2
