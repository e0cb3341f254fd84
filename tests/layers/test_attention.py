"""Attention, position embeddings and masks follow their equations, and ignore padding."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.layers import (
    CrossAttention,
    DecoderBlock,
    EncoderBlock,
    MaskedAveragePooling1D,
    PositionEmbedding,
    SelfAttention,
    TokenAccuracy,
    TokenCrossentropy,
    TokenEmbedding,
    dot_product_attention,
    split_heads,
)

RNG = np.random.default_rng(0)
WIDTH, HEADS = 12, 3


def numpy(value: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(value)


def vectors(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def twin(layer: keras.layers.Layer, reference: keras.layers.MultiHeadAttention) -> None:
    """Give Keras's own attention the weights of ours."""
    size = WIDTH // HEADS
    inner = [numpy(w) for w in layer.qkv_dense.weights]
    outer = [numpy(w) for w in layer.output_dense.weights]
    kernels, biases = np.split(inner[0], 3, axis=1), np.split(inner[1], 3)
    weights = []
    for kernel, bias in zip(kernels, biases, strict=True):
        weights += [kernel.reshape(WIDTH, HEADS, size), bias.reshape(HEADS, size)]
    weights += [outer[0].reshape(HEADS, size, WIDTH), outer[1]]
    reference.set_weights(weights)


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_keras_own_with_the_same_weights(causal):
    x = vectors(4, 7, WIDTH)
    real = np.arange(7)[None] < np.array([7, 3, 1, 5])[:, None]
    layer = SelfAttention(HEADS, causal=causal)
    given, _ = layer(x, real)
    reference = keras.layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
    reference.build(x.shape, x.shape)
    twin(layer, reference)

    wanted = reference(x, x, attention_mask=real[:, None, :], use_causal_mask=causal)

    np.testing.assert_allclose(numpy(given), numpy(wanted), atol=1e-5)


def test_cross_attention_ignores_masked_positions():
    x, memory = vectors(3, 5, WIDTH), vectors(3, 6, 2 * WIDTH)
    real = np.arange(6)[None] < np.array([6, 2, 4])[:, None]
    layer = CrossAttention(HEADS)
    before = numpy(layer(x, memory, real))

    changed = np.where(real[..., None], memory, 100.0).astype("float32")

    np.testing.assert_allclose(numpy(layer(x, changed, real)), before, atol=1e-6)


def test_cross_attention_accepts_keys_and_values_that_are_split_by_head():
    x, memory = vectors(3, 5, WIDTH), vectors(3, 6, 2 * WIDTH)
    real = np.arange(6)[None] < np.array([6, 2, 4])[:, None]
    layer = CrossAttention(HEADS)
    laid = split_heads(*np.split(memory, 2, axis=-1), HEADS)

    for allowed in (None, real):
        found = layer(x, laid, allowed)
        np.testing.assert_array_equal(numpy(found), numpy(layer(x, memory, allowed)))


def test_a_single_position_attends_to_the_cache_without_a_mask():
    layer = SelfAttention(HEADS, causal=True)
    token, past = keras.Input((1, WIDTH)), keras.Input((None, 2 * WIDTH))
    function = keras.Function([token, past], layer(token, cache=past))
    x = vectors(2, 4, WIDTH)
    whole, cache = layer(x)
    found, after = function([x[:, 3:], cache[:, :3]])

    np.testing.assert_allclose(numpy(found), numpy(whole)[:, 3:], atol=1e-6)
    np.testing.assert_allclose(numpy(after), numpy(cache), atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 1000))
def test_attention_is_a_weighted_average_of_the_unmasked_values(queries, keys, seed):
    random = np.random.default_rng(seed)
    query, key = random.normal(size=(2, 1, max(queries, keys), WIDTH)).astype("float32")
    values = random.normal(size=(1, keys, WIDTH)).astype("float32")
    allowed = random.random((1, 1, queries, keys)) < 0.5
    allowed[..., 0] = True

    found = numpy(dot_product_attention(query[:, :queries], key[:, :keys], values, allowed, HEADS))

    for place in range(queries):
        seen = values[0, allowed[0, 0, place]]
        assert (found[0, place] <= seen.max(axis=0) + 1e-5).all()
        assert (found[0, place] >= seen.min(axis=0) - 1e-5).all()


def test_a_row_of_pure_padding_stays_finite():
    block = EncoderBlock(HEADS, 16)
    nothing = np.zeros((2, 5), bool)
    assert np.isfinite(numpy(block(vectors(2, 5, WIDTH), nothing))).all()
    assert (numpy(MaskedAveragePooling1D()(vectors(2, 5, WIDTH), nothing)) == 0).all()


def test_a_decoder_block_is_causal():
    x, memory, real = vectors(2, 6, WIDTH), vectors(2, 4, 2 * WIDTH), np.ones((2, 4), bool)
    block = DecoderBlock(HEADS, 16)
    before, _ = block(x, memory, real)
    changed = x.copy()
    changed[:, 3:] += 5

    after, _ = block(changed, memory, real)

    np.testing.assert_allclose(numpy(after)[:, :3], numpy(before)[:, :3], atol=1e-5)
    assert abs(numpy(after)[:, 3:] - numpy(before)[:, 3:]).max() > 0.1


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("parts", [(1, 1, 1, 1, 1, 1), (2, 4), (5, 1)])
def test_decoding_in_parts_with_a_cache_equals_one_call(parts, rotary):
    x, memory = vectors(2, 6, WIDTH), vectors(2, 4, 2 * WIDTH)
    real = np.array([[True] * 4, [True, True, False, False]])
    block = DecoderBlock(HEADS, 16, rotary=rotary)
    whole, present = block(x, memory, real)

    cache, found, start = None, [], 0
    for size in parts:
        given, cache = block(x[:, start : start + size], memory, real, cache=cache)
        found.append(numpy(given))
        start += size

    np.testing.assert_allclose(np.concatenate(found, axis=1), numpy(whole), atol=1e-5)
    np.testing.assert_allclose(numpy(cache), numpy(present), atol=1e-5)


def test_rotary_attention_depends_on_relative_positions_only():
    layer = SelfAttention(HEADS, rotary=True)
    x = vectors(1, 1, WIDTH)
    pair = np.concatenate([x, vectors(1, 1, WIDTH)], axis=1)
    here, _ = layer(pair)
    moved, _ = layer(
        np.concatenate([vectors(1, 4, WIDTH), pair], axis=1), np.array([[False] * 4 + [True] * 2])
    )

    np.testing.assert_allclose(numpy(moved)[:, 4:], numpy(here), atol=1e-5)


@pytest.mark.parametrize("kind", ["sinusoidal", "learned"])
def test_position_embeddings_continue_after_the_cache(kind):
    layer = PositionEmbedding(kind, max_length=10)
    x = vectors(2, 7, WIDTH)
    whole = numpy(layer(x))

    rest = numpy(layer(x[:, 3:], cache=x[:, :3]))

    np.testing.assert_allclose(rest, whole[:, 3:], atol=1e-6)
    assert abs(whole - x).max() > 0


def test_sinusoidal_positions_follow_the_paper():
    told = numpy(PositionEmbedding()(np.zeros((1, 5, 8), "float32")))[0]
    for place in range(5):
        for i in range(4):
            angle = place / 10_000 ** (i / 4)
            assert told[place, i] == pytest.approx(np.sin(angle), abs=1e-6)
            assert told[place, i + 4] == pytest.approx(np.cos(angle), abs=1e-6)


def test_tied_embedding_and_logits_share_one_matrix():
    layer = TokenEmbedding(9, 4)
    found = numpy(layer(np.array([[1, 8]])))
    matrix = numpy(layer.weights[0])

    np.testing.assert_allclose(found[0], matrix[[1, 8]] * 2.0, rtol=1e-6)
    scores = numpy(layer(found, reverse=True))
    np.testing.assert_allclose(scores, found @ matrix.T, rtol=1e-5)
    assert len(layer.trainable_weights) == 1


def test_word_dropout_drops_whole_tokens_in_training_only():
    layer = TokenEmbedding(9, 4, word_dropout=0.5, seed=1)
    ids = RNG.integers(1, 9, (50, 20))
    silent = (numpy(layer(ids, training=True)) == 0).all(axis=-1)

    assert 0.4 < silent.mean() < 0.6
    assert not (numpy(layer(ids)) == 0).all(axis=-1).any()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_mean_over_the_real_tokens_of_the_batch(smoothing):
    logits = vectors(3, 5, 7)
    true = np.array([[3, 1, 4, 0, 0], [2, 0, 0, 0, 0], [6, 5, 4, 3, 2]])
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    target = np.eye(7)[true] * (1 - smoothing) + smoothing / 7
    losses = -(target * logp).sum(-1)

    loss = TokenCrossentropy(smoothing)

    assert float(loss(true, logits)) == pytest.approx(losses[true != 0].mean(), rel=1e-5)
    other = np.where((true == 0)[..., None], 50.0, logits).astype("float32")
    assert float(loss(true, other)) == pytest.approx(float(loss(true, logits)), rel=1e-6)
    wider = np.pad(true, ((0, 0), (0, 4))), np.pad(logits, ((0, 0), (0, 4), (0, 0)))
    assert float(loss(*wider)) == pytest.approx(float(loss(true, logits)), rel=1e-5)


def test_a_batch_of_pure_padding_has_no_loss_and_no_accuracy():
    true, logits = np.zeros((2, 3), int), vectors(2, 3, 5)
    metric = TokenAccuracy()
    metric.update_state(true, logits)
    assert float(TokenCrossentropy()(true, logits)) == 0
    assert float(metric.result()) == 0


def test_token_accuracy_counts_real_tokens_over_all_batches_alike():
    metric = TokenAccuracy()
    right = np.eye(6, dtype="float32")
    metric.update_state(np.array([[3, 4, 0, 0]]), right[[[3, 4, 0, 0]]])
    metric.update_state(np.array([[5, 5, 5, 5]]), right[[[5, 1, 1, 1]]])
    assert float(metric.result()) == pytest.approx(3 / 6)


@pytest.mark.parametrize(("width", "heads", "rotary"), [(10, 3, False), (9, 3, True)])
def test_heads_that_do_not_divide_the_width_are_refused(width, heads, rotary):
    with pytest.raises(ValueError, match="width"):
        SelfAttention(heads, rotary=rotary)(vectors(1, 2, width))


def test_a_network_of_these_layers_is_saved_and_loaded(tmp_path: Path):
    ids, memory = keras.Input((None,), dtype="int32"), keras.Input((None, 2 * WIDTH))
    real = keras.ops.not_equal(ids, 0)
    tokens = TokenEmbedding(9, WIDTH, word_dropout=0.1)
    x = EncoderBlock(HEADS, 8, 0.1, "gelu", rotary=True)(PositionEmbedding()(tokens(ids)), real)
    x, _ = DecoderBlock(HEADS, 8)(x, memory, keras.ops.ones_like(memory[..., 0], "bool"))
    model = keras.Model([ids, memory], [tokens(x, reverse=True), MaskedAveragePooling1D()(x, real)])
    inputs = [RNG.integers(0, 9, (3, 5)), vectors(3, 4, 2 * WIDTH)]

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    for ours, theirs in zip(model(inputs), loaded(inputs), strict=True):
        np.testing.assert_array_equal(numpy(ours), numpy(theirs))
