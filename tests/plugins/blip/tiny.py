"""Captioners so small that many fit into a test, ours and the reference's, and their folders."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.pretrained import SUMMARY, read_vocabulary, save_captioner
from zoo_blip_captioner.vision import MEAN, STDDEV

load = BlipCaptioner.from_pretrained
BERT_SIGNS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
SAID = ("a", "detailed", "photo", "of", "black", "jet", "##s", "on", "grass", "two", "##way", "run")
PIECES = (*BERT_SIGNS, *SAID, *(f"w{index}" for index in range(42)), "[DEC]", "[ENC]")
START, END, PAD = PIECES.index("[DEC]"), PIECES.index("[SEP]"), 0

SIDE = 36
"""Pixels a side: with patches of 12 an odd number of them."""

VISION = {
    "image_size": SIDE,
    "patch_size": 12,
    "hidden_dim": 48,
    "num_layers": 3,
    "num_heads": 4,
    "intermediate_dim": 40,
}
TEXT = {
    "hidden_dim": 32,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_dim": 72,
    "max_positions": 32,
}

VISION_CONFIG = {
    "image_size": SIDE,
    "patch_size": 12,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
}
TEXT_CONFIG = {
    "vocab_size": len(PIECES),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 72,
    "max_position_embeddings": 32,
    "bos_token_id": START,
    "sep_token_id": END,
    "pad_token_id": PAD,
}
"""The same sizes in the words of the reference."""


def write_vocabulary(folder: Path, pieces: tuple[str, ...] = PIECES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "vocab.txt"
    file.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    return file


def captioner(folder: Path, seed: int = 0, **text: Any) -> BlipCaptioner:
    """Return a captioner whose weights are all random, the biases and norms among them."""
    write_vocabulary(folder)
    words = read_vocabulary(folder, len(PIECES), 32)
    made = BlipCaptioner(VISION, {**TEXT, **text}, words)
    made.build()
    random = np.random.default_rng(seed)
    for weight in made.weights:
        scale = 0.3 if len(weight.shape) > 1 else 0.1
        weight.assign((weight.name == "gamma") + scale * random.standard_normal(weight.shape))
    return made


def published(folder: Path, seed: int = 0) -> Path:
    """Return a folder as the hub has them, with random weights."""
    return save_captioner(captioner(folder, seed), folder)


def change(folder: Path, **sides: Any) -> None:
    """Change fields of a folder's configuration; ``None`` takes a field out."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    for name, value in sides.items():
        if isinstance(value, dict):
            config[name] = {k: v for k, v in {**config[name], **value}.items() if v is not None}
        else:
            config[name] = value
    file.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def pictures(count: int = 2, seed: int = 0, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def begun(rows: int, time: int, seed: int = 0, *, left: bool = False) -> tuple[Any, Any]:
    """Return random beginnings of different lengths and which of their words are real."""
    random = np.random.default_rng(seed)
    ids = random.integers(4, len(PIECES) - 2, (rows, time)).astype(np.int32)
    lengths = np.maximum(1, time - 2 * np.arange(rows))
    mask = np.arange(time)[None] < lengths[:, None]
    if left:
        mask = mask[:, ::-1].copy()
    ids[:, 0] = START
    return ids, mask


def values(layer: keras.layers.Layer) -> list[np.ndarray]:
    return [np.array(weight) for weight in layer.weights]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


class Reference:
    """The model of the package transformers, asked with NumPy arrays.

    Args:
        model: A ``BlipForConditionalGeneration``.
    """

    def __init__(self, model: Any) -> None:
        self.torch: Any = torch()
        self.model = model.eval()

    def pixels(self, images: np.ndarray) -> Any:
        """Return raw pixels as the reference takes them: by the numbers of CLIP, colors first."""
        scaled = (images.astype(np.float32) - np.float32(MEAN)) / np.float32(STDDEV)
        return self.torch.tensor(scaled.transpose(0, 3, 1, 2).copy()).to(self.model.dtype)

    def score(self, images: np.ndarray, ids: np.ndarray, mask: np.ndarray | None = None) -> Any:
        """Return the tokens of the pictures and the logits."""
        given = {"input_ids": self.torch.tensor(ids).long()}
        if mask is not None:
            given["attention_mask"] = self.torch.tensor(mask).long()
        with self.torch.no_grad():
            found = self.model(pixel_values=self.pixels(images), **given)
        return found.last_hidden_state.numpy(), found.logits.numpy()

    def write(
        self, images: Any, ids: Any = None, mask: Any = None, *, limit: int = 20, **options: Any
    ) -> np.ndarray:
        """Return the ids after a prompt."""
        given, behind = {}, 1
        if ids is not None:
            # It takes off the last one, which stands for the end sign of a tokenizer.
            behind = ids.shape[1]
            whole = np.concatenate([ids, ids[:, :1]], axis=1)
            given["input_ids"] = self.torch.tensor(whole).long()
            real = np.ones(ids.shape, bool) if mask is None else mask
            real = np.concatenate([real, real[:, :1]], axis=1)
            given["attention_mask"] = self.torch.tensor(real).long()
        given |= {"max_new_tokens": limit, "do_sample": False, "num_beams": 1}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.model.generate(self.pixels(images), **{**given, **options})
        return np.asarray(found.numpy()[:, behind:], np.int32)


def torch() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="the reference is a PyTorch model")


def reference(
    folder: Path,
    seed: int = 0,
    *,
    ends: float = 0.0,
    spread: float = 0.3,
    shake: float = 0.1,
    **text: Any,
) -> Reference:
    """Write a random model of the reference into a folder, and return it.

    Args:
        folder: Where to.
        seed: Of the weights.
        ends: Added to the score of the end sign.
        spread: The deviation of what is drawn.
        shake: How far biases and norms, which begin as 0 and 1, are moved.
        **text: Other fields of the text's configuration.
    """
    machine = torch()
    import transformers

    machine.manual_seed(seed)
    drawn = {"initializer_range": spread}
    config = transformers.BlipConfig(
        vision_config={**VISION_CONFIG, **drawn}, text_config={**TEXT_CONFIG, **drawn, **text}
    )
    model = transformers.BlipForConditionalGeneration(config).eval()
    with machine.no_grad():
        for weight in model.parameters():
            weight.add_(shake * machine.randn_like(weight))
        model.text_decoder.cls.predictions.bias[END] += ends
    model.save_pretrained(folder)
    write_vocabulary(folder)
    return Reference(model)


def pair(folder: Path, seed: int = 0, **options: Any) -> tuple[Reference, BlipCaptioner]:
    """Return a random model of the reference, and ours with its weights."""
    theirs = reference(folder, seed, **options)
    return theirs, load(folder)


__all__ = [
    "END", "PAD", "PIECES", "SAID", "SIDE", "START", "SUMMARY", "TEXT", "TEXT_CONFIG", "VISION",
    "VISION_CONFIG", "Reference", "begun", "captioner", "change", "pair", "pictures", "published",
    "reference", "same", "torch", "values", "write_vocabulary",
]  # fmt: skip
