"""Conversion from and to BLIP's published checkpoints.

Importing this module imports no keras.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import TextSpec
from zoo.config import validate
from zoo.errors import ConfigError, DataError, Finding, Incompatible, MissingExtra, Unsupported
from zoo.files import atomic_write, write_json
from zoo_blip_captioner.checkpoint import write_weights
from zoo_blip_captioner.config import BlipCaptionerConfig, Sizes
from zoo_blip_captioner.hub import CONFIG, DEFAULT, TOKENIZER, VOCABULARY

if TYPE_CHECKING:
    from zoo_blip_captioner.checkpoint import Captioner

SUMMARY = "a detailed photo of"
"""Prompt of longer texts."""

_START, _END, _PAD, _UNKNOWN = "[DEC]", "[SEP]", "[PAD]", "[UNK]"
_LENGTH = 128
_MOST_PIXELS, _MOST_PIECES = 4_096, 1_000_000


@dataclass(frozen=True)
class PublishedConfig:
    """Sizes and vocabulary of a published captioner.

    Attributes:
        side: Image size, pixels.
        vision: Other arguments of :class:`zoo_blip_captioner.VisionTransformer`.
        text: Arguments of :class:`zoo_blip_captioner.TextDecoder`, without the vocabulary size.
        text_spec: Vocabulary and special tokens.
    """

    side: int
    vision: dict[str, Any]
    text: dict[str, Any]
    text_spec: TextSpec


def save_captioner(captioner: Captioner, folder: str | Path) -> Path:
    """Save a captioner in the reference's format, and return the folder.

    Raises:
        Unsupported: If the captioner has a stem, or a vocabulary other than BERT word pieces, which
            the reference lacks.
        StorageError: If it cannot be written.
        MissingExtra: If safetensors is not installed.
    """
    place = Path(folder)
    vision, decoder, words = captioner.vision, captioner.decoder, captioner.text_spec
    signs = tuple(words.vocabulary[i] for i in (words.pad, words.unk, words.start, words.end))
    if words.split != "wordpiece" or signs != (_PAD, _UNKNOWN, _START, _END):
        raise Unsupported(
            "the words of this captioner have no form in the reference's files",
            why=f"BLIP cuts text into BERT's word pieces, from {_START} to {_END}; these are "
            f"{words.split}, from {words.vocabulary[words.start]} to {words.vocabulary[words.end]}",
            fix="save it as a Keras model: captioner.save('mine.keras')",
        )
    write_weights(captioner, place)
    shared = {"hidden_act": "gelu", "tie_word_embeddings": True}
    write_json(
        place / CONFIG,
        {
            "architectures": ["BlipForConditionalGeneration"],
            "model_type": "blip",
            "tie_word_embeddings": True,
            "vision_config": {
                **shared,
                "hidden_size": vision.hidden_dim,
                "intermediate_size": vision.intermediate_dim,
                "num_hidden_layers": vision.num_layers,
                "num_attention_heads": vision.num_heads,
                "image_size": vision.image_size,
                "patch_size": vision.patch_size,
                "layer_norm_eps": 1e-5,
            },
            "text_config": {
                **shared,
                "vocab_size": decoder.vocabulary_size,
                "hidden_size": decoder.hidden_dim,
                "encoder_hidden_size": vision.hidden_dim,
                "intermediate_size": decoder.intermediate_dim,
                "num_hidden_layers": decoder.num_layers,
                "num_attention_heads": decoder.num_heads,
                "max_position_embeddings": decoder.max_positions,
                "layer_norm_eps": 1e-12,
                "hidden_dropout_prob": decoder.dropout,
                "bos_token_id": words.start,
                "sep_token_id": words.end,
                "pad_token_id": words.pad,
                "is_decoder": True,
            },
        },
    )
    atomic_write(place / VOCABULARY, "".join(f"{p}\n" for p in words.vocabulary).encode())
    return place


def read_folder(folder: Path) -> PublishedConfig:
    """Read sizes and vocabulary of the captioner in a folder.

    Published configurations leave out defaults, which the package transformers fills in.

    Raises:
        Incompatible: If it is another model, or an unsupported variant.
        ConfigError: If a size is out of range.
        DataError: If a file cannot be read.
        MissingExtra: If transformers is not installed.
    """
    path = folder / CONFIG
    config = _understood(path, _raw(path))
    vision, text = config.vision_config, config.text_config
    _supported(path, vision, text)
    sides = {
        "vision": {
            "patch_size": vision.patch_size,
            "hidden_dim": vision.hidden_size,
            "num_layers": vision.num_hidden_layers,
            "num_heads": vision.num_attention_heads,
            "intermediate_dim": vision.intermediate_size,
        },
        "text": {
            "hidden_dim": text.hidden_size,
            "num_layers": text.num_hidden_layers,
            "num_heads": text.num_attention_heads,
            "intermediate_dim": text.intermediate_size,
            "max_positions": text.max_position_embeddings,
            "dropout": text.hidden_dropout_prob,
        },
    }
    validate(BlipCaptionerConfig, {"preset": "base", **sides}, what=f"the sizes in {path}")
    words = read_vocabulary(folder, text.vocab_size, text.max_position_embeddings)
    signs = (
        ("bos_token_id", text.bos_token_id, words.start),
        ("sep_token_id", text.sep_token_id, words.end),
        ("pad_token_id", text.pad_token_id, words.pad),
    )
    if wrong := [
        Finding(f"text_config.{name}", theirs, f"{ours}, where {words.vocabulary[ours]} is")
        for name, theirs, ours in signs
        if theirs != ours
    ]:
        raise Incompatible(
            f"{path} is not of the vocabulary beside it",
            why="; ".join(map(str, wrong)),
            fix="use the vocabulary that the captioner was published with",
        )
    return PublishedConfig(vision.image_size, sides["vision"], sides["text"], words)


def check_compatible(captioner: Captioner, config: BlipCaptionerConfig, folder: Path) -> None:
    """Check that weights have the sizes and the vocabulary of a captioner.

    Raises:
        ConfigError: With one finding per difference; and as :func:`read_folder`.
    """
    found = read_folder(folder)
    ours = {"vision": captioner.vision, "text": captioner.decoder}
    theirs = {"vision": found.vision, "text": found.text}
    findings = [
        Finding(f"{side}.{name}", getattr(ours[side], name), f"{value}, as the weights have it")
        for side, values in theirs.items()
        for name, value in values.items()
        if name != "dropout" and getattr(ours[side], name) != value
    ]
    settings, options = [], []
    if stem := captioner.vision.stem:
        findings.append(Finding("vision.stem", stem, "none, as the weights have it"))
    if findings:
        settings = _settings(config, Sizes(found.vision, found.text))
    if captioner.vision.image_size != found.side:
        wanted = f"{found.side} pixels a side"
        findings.append(Finding("the images", captioner.vision.image_size, wanted))
        options.append(f"image_size={found.side}")
    if not _same_vocabulary(captioner.text_spec, found.text_spec):
        what = f"the vocabulary in {folder}"
        findings.append(
            Finding("the words", f"{len(captioner.text_spec.vocabulary):,} others", what)
        )
        options.append(f"vocabulary={folder / VOCABULARY}")
    if findings:
        options_text = [f"--set {setting}" for setting in settings]
        options_text += [f"--data-option {option}" for option in options]
        raise ConfigError(
            f"the weights in {folder} are of another captioner than this one",
            findings=findings,
            fix=" ".join(options_text),
        )


def _settings(config: BlipCaptionerConfig, found: Sizes) -> list[str]:
    """Return the settings of a configuration with these sizes."""
    base = BlipCaptionerConfig(preset="base").sizes()
    pairs = (("vision", found.vision, base.vision), ("text", found.text, base.text))
    own = [
        f"{side}.{name}={value}"
        for side, sizes, usual in pairs
        for name, value in sizes.items()
        if name != "dropout" and value != usual[name]
    ]
    return ["preset=base", *own, *(["'vision.stem=[]'"] if config.vision.stem else [])]


def _same_vocabulary(one: TextSpec, other: TextSpec) -> bool:
    names = ("split", "vocabulary", "lowercase", "pad", "unk", "start", "end")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _raw(path: Path) -> dict[str, Any]:
    """Read the raw configuration of a captioner."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} cannot be read", why=str(error), fix="a folder of a captioner has one"
        ) from error
    kind = raw.get("model_type") if isinstance(raw, dict) else None
    heads = (raw.get("architectures") or []) if isinstance(raw, dict) else []
    if kind != "blip" or (heads and "BlipForConditionalGeneration" not in str(heads)):
        raise Incompatible(
            f"{path} is the configuration of another model",
            why=f"its model_type is {kind!r}, its architectures are {heads}; a captioner has "
            "'blip' and BlipForConditionalGeneration",
            fix=f"name the folder of a captioner, or {DEFAULT}",
        )
    return dict(raw)


def _understood(path: Path, raw: dict[str, Any]) -> Any:
    try:
        from transformers import BlipConfig
    except ImportError as error:
        raise MissingExtra("reading BLIP's configuration", "captioning", "transformers") from error
    try:
        return BlipConfig(**raw)
    except Exception as error:  # its validation has errors of its own
        raise DataError(
            f"{path} cannot be understood", why=" ".join(str(error).split())[:300]
        ) from error


def read_vocabulary(folder: Path, vocabulary: int, positions: int = 512) -> TextSpec:
    """Read the vocabulary of a folder: BERT's, and BLIP's special tokens.

    Args:
        folder: With ``vocab.txt``, or ``tokenizer.json``.
        vocabulary: Vocabulary size of the model; missing entries become unused tokens.
        positions: Maximum length of a text.

    Raises:
        DataError: If the vocabulary is missing, too long, or lacks special tokens.
    """
    pieces = _pieces(folder)
    twice = [piece for piece, count in Counter(pieces).items() if count > 1]
    if twice or len(pieces) > vocabulary:
        raise DataError(
            f"the vocabulary in {folder} is not that of the captioner beside it",
            why=f"it has {twice[0]!r} more than once"
            if twice
            else f"it has {len(pieces):,} pieces, and the captioner {vocabulary:,}",
            fix="use the vocabulary that the captioner was published with",
        )
    if _START not in pieces:
        pieces = [*pieces, _START, "[ENC]"][:vocabulary]
    pieces += [f"[unused_{index}]" for index in range(len(pieces), vocabulary)]
    index = {piece: place for place, piece in enumerate(pieces)}
    if missing := [sign for sign in (_PAD, _UNKNOWN, _START, _END) if sign not in index]:
        raise DataError(
            f"the vocabulary in {folder} has no {missing[0]}",
            why=f"a text begins with {_START}, ends with {_END} and is padded with {_PAD}",
            fix="use the vocabulary that the captioner was published with",
        )
    return TextSpec(
        split="wordpiece",
        vocabulary=tuple(pieces),
        lowercase=True,
        max_length=min(_LENGTH, positions),
        pad=index[_PAD],
        unk=index[_UNKNOWN],
        start=index[_START],
        end=index[_END],
        prompts=(("summary", SUMMARY),),
    )


def _pieces(folder: Path) -> list[str]:
    try:
        if (folder / VOCABULARY).is_file():
            text = (folder / VOCABULARY).read_text("utf-8")
            return text.removesuffix("\n").split("\n")
        found = json.loads((folder / TOKENIZER).read_text("utf-8"))
        index = {str(piece): int(place) for piece, place in found["model"]["vocab"].items()}
        index |= {str(t["content"]): int(t["id"]) for t in found.get("added_tokens", [])}
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} holds no vocabulary",
            why=f"there is no {VOCABULARY} and no {TOKENIZER} in it",
            fix="place BERT's vocab.txt there: one piece a line",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the vocabulary in {folder} cannot be read", why=f"{type(error).__name__}: {error}"
        ) from error
    ordered = sorted(index, key=lambda piece: index[piece])
    if [index[piece] for piece in ordered] != list(range(len(ordered))):
        raise DataError(f"{folder / TOKENIZER} has ids without a piece, or twice")
    return ordered


def _supported(path: Path, vision: Any, text: Any) -> None:
    findings = [
        Finding(where, got, f"{wanted!r}")
        for where, got, wanted in (
            ("vision_config.hidden_act", vision.hidden_act, "gelu"),
            ("text_config.hidden_act", text.hidden_act, "gelu"),
            ("vision_config.layer_norm_eps", vision.layer_norm_eps, 1e-5),
            ("text_config.layer_norm_eps", text.layer_norm_eps, 1e-12),
            ("text_config.tie_word_embeddings", text.tie_word_embeddings, True),
        )
        if got != wanted
    ]
    side, patch = vision.image_size, vision.patch_size
    findings += [
        Finding(f"vision_config.{name}", value, "one number above 0, for a square")
        for name, value in (("image_size", side), ("patch_size", patch))
        if not isinstance(value, int) or value < 1
    ]
    if not findings and (side % patch or side > _MOST_PIXELS):
        allowed = f"a multiple of patch_size, {patch}, up to {_MOST_PIXELS:,}"
        findings.append(Finding("vision_config.image_size", side, allowed))
    if not 5 <= text.vocab_size <= _MOST_PIECES:
        allowed = f"from 5 to {_MOST_PIECES:,}"
        findings.append(Finding("text_config.vocab_size", text.vocab_size, allowed))
    if findings:
        raise Incompatible(
            f"{path} describes a captioner that is not supported",
            why="; ".join(map(str, findings)),
            fix=f"use a captioner of the form of {DEFAULT}",
        )
