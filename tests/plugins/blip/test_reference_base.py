"""A captioner of BLIP's own size, 224 million weights, equals the reference.

The weights are random. Both models are never in memory at once.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.blip import tiny

STEPS = 5


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder of the reference, and what it said; the model itself is gone."""
    machine = tiny.torch()
    import transformers

    folder = tmp_path_factory.mktemp("base")
    machine.manual_seed(0)
    config = transformers.BlipConfig(
        vision_config={"initializer_range": 0.02}, text_config={"num_attention_heads": 12}
    )
    model = transformers.BlipForConditionalGeneration(config).eval()
    with machine.no_grad():
        for weight in model.parameters():
            weight.add_(0.01 * machine.randn_like(weight))
    model.save_pretrained(folder)
    signs = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 30522: "[DEC]", 30523: "[ENC]"}
    tiny.write_vocabulary(folder, tuple(signs.get(i, f"word{i}") for i in range(30524)))
    theirs = tiny.Reference(model)
    images = tiny.pictures(2, side=384)
    ids = np.random.default_rng(1).integers(1000, 30000, (2, 6)).astype(np.int32)
    mask = np.array([[True] * 6, [True] * 4 + [False] * 2])
    seen, logits = theirs.score(images, ids, mask)
    found = {"images": images, "ids": ids, "mask": mask, "seen": seen, "logits": logits}
    found["written"] = theirs.write(images, limit=STEPS)
    del model, theirs
    gc.collect()
    yield folder, found
    shutil.rmtree(folder)


@pytest.mark.slow
def test_the_captioner_of_the_published_size_equals_the_reference(
    expected: tuple[Path, dict[str, Any]],
) -> None:
    folder, wanted = expected
    ours = tiny.load(folder)
    images, ids, mask = wanted["images"], wanted["ids"], wanted["mask"]
    assert 223e6 < ours.count_params() < 225e6
    assert (ours.text_spec.start, ours.text_spec.end, ours.text_spec.pad) == (30522, 102, 0)

    seen = np.asarray(ours.encode(images))
    logits = np.asarray(ours({"images": images, "ids": ids, "mask": mask}))
    written = ours.generate(images, max_new_tokens=STEPS)

    assert seen.shape == (2, 577, 768) and logits.shape == (2, 6, 30524)
    assert np.abs(seen - wanted["seen"]).max() <= 1e-4
    assert np.abs(logits - wanted["logits"])[mask].max() <= 1e-4
    np.testing.assert_array_equal(written, wanted["written"])
