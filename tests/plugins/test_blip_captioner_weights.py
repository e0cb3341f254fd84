"""The published captioner reaches its published figures, with onnxruntime and NumPy alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo

ARTIFACT = Path(__file__).parents[2] / "exports" / "blip_captioner" / "1"


@pytest.mark.slow
def test_the_artifact_captions_seen_and_held_out_combinations() -> None:
    split = zoo.dataset("aircraft_captions_synthetic", examples=2).split("test")
    everything = np.arange(len(split))
    pictures, _ = split.take(everything)
    written = zoo.runtime.load_generator(ARTIFACT).predict({"image": pictures["image"]}).texts
    right = np.array([a == b for a, b in zip(written, split.texts["caption"], strict=True)])
    held_out = split.held_out(everything)

    assert right[~held_out].mean() >= 0.95
    assert right[held_out].mean() >= 0.95


def test_a_summary_agrees_with_the_caption() -> None:
    split = zoo.dataset("aircraft_captions_synthetic", examples=2, test_examples=100).split("test")
    pictures = {"image": split.take(np.arange(100))[0]["image"]}
    generator = zoo.runtime.load_generator(ARTIFACT)
    captions = generator.predict(pictures).texts
    summaries = generator.predict(pictures, prompt="summary").texts
    same = [
        {name: split.parse(summary).get(name) for name in said} == said
        for summary, said in zip(summaries, map(split.parse, captions), strict=True)
    ]

    assert np.mean(same) >= 0.9
