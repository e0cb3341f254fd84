"""Beam search in the style of transformers writes what transformers writes, token for token."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

from zoo.runtime.decoding import generate
from zoo.spec import TextSpec

pytestmark = pytest.mark.slow

PIECES = 24
PAD, START, END = 0, 21, 2
TEXT = TextSpec(
    split="words", vocabulary=tuple(map(str, range(PIECES))), max_length=64, pad=PAD, start=START,
    end=END, unk=1,
)  # fmt: skip


class Captioner:
    """A random BLIP, asked by transformers, and as ``encode`` and ``decode``.

    Args:
        seed: Of its weights and pictures.
        rows: Pictures.
        ends: Added to the score of the end sign.
    """

    def __init__(self, seed: int, rows: int, ends: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.torch: Any = pytest.importorskip("torch")
            transformers = pytest.importorskip("transformers")
        self.torch.manual_seed(seed)
        width = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
        text = {
            **width, "encoder_hidden_size": 16, "vocab_size": PIECES, "num_hidden_layers": 1,
            "max_position_embeddings": 64, "projection_dim": 16, "bos_token_id": START,
            "eos_token_id": END, "sep_token_id": END, "pad_token_id": PAD,
            "initializer_range": 0.6,
        }  # fmt: skip
        vision = {**width, "image_size": 8, "patch_size": 4, "num_hidden_layers": 1}
        vision |= {"initializer_range": 0.6, "projection_dim": 16}
        config = transformers.BlipConfig(text_config=text, vision_config=vision)
        self.model = transformers.BlipForConditionalGeneration(config).eval()
        head = self.model.text_decoder.cls.predictions
        with self.torch.no_grad():
            head.decoder.bias[END] += ends
        self.pictures = self.torch.randn(rows, 3, 8, 8)

    def theirs(self, prompt: list[int], **options: Any) -> list[list[int]]:
        """Return what transformers writes behind a prompt, without padding on the right."""
        # The last one stands for the sign behind a prompt, which is taken off.
        ids = self.torch.tensor([[START, *prompt, END]] * len(self.pictures))
        given = {"input_ids": ids, "attention_mask": self.torch.ones_like(ids)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.model.generate(self.pictures, **given, do_sample=False, **options)
        return [trimmed(row) for row in found[:, 1 + len(prompt) :].tolist()]

    def logits(self, images: Any, ids: Any) -> np.ndarray:
        """Return the scores behind some ids, worked out from the beginning."""
        with self.torch.no_grad():
            given = {"encoder_hidden_states": self.torch.as_tensor(images)}
            found = self.model.text_decoder(
                self.torch.as_tensor(ids), **given, is_decoder=True, use_cache=False
            )
        return found.logits[:, -1].numpy()

    @property
    def predict_fns(self) -> dict[str, Any]:
        def encode(inputs: Any) -> dict[str, np.ndarray]:
            with self.torch.no_grad():
                images = self.model.vision_model(self.torch.as_tensor(inputs["image"]))[0].numpy()
            ids = np.full((len(images), 1), START, np.int64)
            return {"logits": self.logits(images, ids), "images": images, "ids": ids}

        def decode(state: Any) -> dict[str, np.ndarray]:
            ids = np.concatenate([state["ids"], state["token"][:, None]], axis=1)
            return {"logits": self.logits(state["images"], ids), "next_ids": ids}

        return {"encode": encode, "decode": decode}

    def ours(self, prompt: list[int], limit: int, *, early: bool, **options: Any) -> Any:
        """Return what the search writes behind a prompt."""
        images = self.pictures.numpy()
        given = {"prompt": prompt, "max_tokens": len(prompt) + limit, **options}
        given |= {"style": "transformers", "early_stopping": early}
        return generate(self.predict_fns, {"image": images}, TEXT, **given)


def trimmed(row: list[int]) -> list[int]:
    """Return a row without what is on its right, padding: whatever stands behind its end sign."""
    if END in row:
        return row[: row.index(END) + 1]
    while row and row[-1] == PAD:
        row = row[:-1]
    return row


@pytest.mark.parametrize("beams", [1, 2, 3, 4, 5])
def test_tokens_equal_those_of_transformers(beams: int) -> None:
    written = set()
    for seed in range(18):
        captioner = Captioner(
            100 * beams + seed, rows=1 + seed % 4, ends=(-1.0, 3.0, 6.0)[seed % 3]
        )
        prompt, limit = ([], [7], [5, 9, 4])[seed // 3 % 3], 4 + seed % 5
        for early, penalty in itertools.product((False, True), (0.5, 1.0, 2.0)):
            options = {"length_penalty": penalty, "early_stopping": early} if beams > 1 else {}
            theirs = captioner.theirs(prompt, num_beams=beams, max_new_tokens=limit, **options)
            ours = captioner.ours(prompt, limit, early=early, beams=beams, length_penalty=penalty)
            assert [trimmed(row) for row in ours.tokens.tolist()] == theirs
            assert ours.cut.tolist() == [END not in row for row in theirs]
            written |= {(len(row), END in row) for row in theirs}
            if beams == 1:
                break
    # Texts that end early, and such as do not end at all.
    assert len(written) > 4
    assert {ended for _, ended in written} == {True, False}


def test_a_text_at_the_limit_is_marked_as_cut() -> None:
    found = Captioner(3, rows=3, ends=-9.0).ours([], 5, early=False, beams=3)
    assert found.cut.all()
    assert END not in found.tokens
    assert found.score == pytest.approx(found.log_probability / 5)
