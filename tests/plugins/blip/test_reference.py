"""A small captioner has the image features and logits of the reference with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import ops

from tests.plugins.blip import tiny

SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2)))
CLOSE = 1e-4
"""Logits here are between -10 and 10; what differs is the rounding of sums in float32."""


@pytest.fixture(scope="module", params=SEEDS)
def both(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    theirs, ours = tiny.pair(tmp_path_factory.mktemp("reference"), request.param)
    # In float32 the reference is as far from the exact logits as ours.
    theirs.model.double()
    return theirs, ours


def far(one: Any, other: Any) -> float:
    assert np.shape(one) == np.shape(other)
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


def test_image_features_are_equal(both: Any) -> None:
    theirs, ours = both
    images = tiny.pictures(3)
    seen, _ = theirs.score(images, np.full((3, 1), tiny.START))
    assert seen.shape == (3, 1 + 3 * 3, 48)
    assert far(seen, ours.encode(images)) <= CLOSE


def test_logits_are_equal(both: Any) -> None:
    theirs, ours = both
    images = tiny.pictures(3)
    ids, _ = tiny.begun(3, 9)
    _, logits = theirs.score(images, ids)
    assert logits.std() > 1
    assert far(logits, ours({"images": images, "ids": ids})) <= CLOSE


@pytest.mark.parametrize("left", [False, True])
def test_padding_is_masked_as_in_the_reference(both: Any, left: bool) -> None:
    theirs, ours = both
    images = tiny.pictures(3)
    ids, mask = tiny.begun(3, 9, left=left)
    _, logits = theirs.score(images, ids, mask)
    found = np.asarray(ours({"images": images, "ids": ids, "mask": mask}))
    # Whoever may see nothing at all attends evenly in both; elsewhere padding decides nothing.
    assert far(logits[mask], found[mask]) <= CLOSE
    other = np.where(mask, ids, 7)
    again = np.asarray(ours({"images": images, "ids": other, "mask": mask}))
    np.testing.assert_array_equal(again[mask], found[mask])


def test_decoding_with_growing_caches_gives_the_same_logits(both: Any) -> None:
    theirs, ours = both
    images = tiny.pictures(2)
    ids, _ = tiny.begun(2, 8)
    _, logits = theirs.score(images, ids)
    memories = ours.decoder.project_memory(ours.encode(images))
    first, caches = ours.decoder(ids[:, :3], memories)
    assert far(logits[:, :3], first) <= CLOSE
    for place in range(3, 8):
        found, caches = ours.decoder(ids[:, place : place + 1], memories, caches=caches)
        assert far(logits[:, place], found[:, 0]) <= CLOSE
    assert [tuple(cache.shape) for cache in caches] == [(2, 8, 64)] * 2


def test_decoding_with_caches_of_full_length_gives_the_same_logits(both: Any) -> None:
    theirs, ours = both
    images = tiny.pictures(2)
    ids, _ = tiny.begun(2, 8)
    _, logits = theirs.score(images, ids)
    memories = ours.decoder.project_memory(ours.encode(images))
    caches = [ops.ones((2, 8, 64)) for _ in range(2)]
    for place in range(8):
        word, known = ids[:, place : place + 1], np.tile(np.arange(8) <= place, (2, 1))
        positions = np.full((2, 1), place)
        found, caches = ours.decoder(
            word,
            memories,
            padding_mask=known,
            caches=caches,
            cache_index=place,
            positions=positions,
        )
        assert far(logits[:, place], found[:, 0]) <= CLOSE


def test_images_of_any_number_type_give_the_same_features(both: Any) -> None:
    _, ours = both
    images = tiny.pictures(2)
    expected = ours.encode(images)
    for kind in ("int32", "float32", "float64"):
        np.testing.assert_array_equal(ours.encode(images.astype(kind)), expected)


@pytest.mark.parametrize(
    ("said", "num_heads"), [(None, 8), pytest.param(12, 12, marks=pytest.mark.slow)]
)
def test_missing_numbers_of_heads_are_the_default_of_transformers(
    tmp_path: Path, said: int | None, num_heads: int
) -> None:
    wide = {"hidden_size": 96, "num_attention_heads": num_heads}
    theirs = tiny.reference(tmp_path, spread=0.1, **wide)
    tiny.change(tmp_path, text_config={"num_attention_heads": said})
    ours = tiny.load(tmp_path)
    assert ours.decoder.num_heads == num_heads
    ids, mask = tiny.begun(2, 6)
    _, logits = theirs.score(tiny.pictures(2), ids, mask)
    found = np.asarray(ours({"images": tiny.pictures(2), "ids": ids, "mask": mask}))
    assert far(logits[mask], found[mask]) <= CLOSE


def test_the_epsilons_of_the_norms_are_equal(
    tmp_path: Path,
) -> None:
    """Vectors of almost nothing, whose variance is less than 1e-5, show it."""
    theirs, ours = tiny.pair(tmp_path, spread=1e-4, shake=1e-4)
    ids, _ = tiny.begun(2, 6)
    images = tiny.pictures(2)
    seen, logits = theirs.score(images, ids)
    found = np.asarray(ours({"images": images, "ids": ids}))
    np.testing.assert_allclose(ours.encode(images), seen, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found, logits, atol=1e-6)
    assert np.abs(logits).max() > 1e-4


def test_a_minimal_configuration_is_enough(tmp_path: Path) -> None:
    theirs = tiny.reference(tmp_path)
    usual = {"layer_norm_eps", "hidden_act", "initializer_range", "projection_dim", "model_type"}
    usual |= {"attention_dropout", "hidden_dropout_prob", "is_decoder", "eos_token_id"}
    gone = dict.fromkeys(usual)
    tiny.change(
        tmp_path,
        vision_config=gone,
        text_config=gone,
        architectures=None,
        initializer_factor=None,
        logit_scale_init_value=None,
        transformers_version=None,
        image_text_hidden_size=None,
    )
    ours = tiny.load(tmp_path)
    ids, _ = tiny.begun(2, 6)
    _, logits = theirs.score(tiny.pictures(2), ids)
    assert far(logits, ours({"images": tiny.pictures(2), "ids": ids})) <= CLOSE
