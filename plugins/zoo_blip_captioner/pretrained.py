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
from zoo_blip_captioner.config import BlipCaptionerConfig
from zoo_blip_captioner.hub import CONFIG, DEFAULT, TOKENIZER, VOCABULARY

if TYPE_CHECKING:
    from zoo_blip_captioner.captioner import BlipCaptioner

SUMMARY = "a detailed photo of"
"""Prompt of longer texts."""

_PAD, _UNK, _START, _END = "[PAD]", "[UNK]", "[DEC]", "[SEP]"
_SPECIAL_TOKENS = (_PAD, _UNK, _START, _END)
_MAX_LENGTH = 128
_MAX_SIDE, _MAX_VOCABULARY = 4_096, 1_000_000


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


def save_captioner(captioner: BlipCaptioner, folder: str | Path) -> Path:
    """Save a captioner in BLIP's format, and return the folder.

    Raises:
        Unsupported: If the captioner has a stem, or a vocabulary other than BERT word pieces.
        StorageError: If it cannot be written.
        MissingExtra: If safetensors is not installed.
    """
    place = Path(folder)
    vision, decoder, words = captioner.vision, captioner.decoder, captioner.text_spec
    special = tuple(words.vocabulary[i] for i in (words.pad, words.unk, words.start, words.end))
    if words.split != "wordpiece" or special != _SPECIAL_TOKENS:
        raise Unsupported(
            "the vocabulary of this captioner has no equivalent in BLIP's format",
            why=f"BLIP splits text into BERT's word pieces, from {_START} to {_END}; this one has "
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
    config = _read_config(path)
    vision, text = config.vision_config, config.text_config
    _check_supported(path, vision, text)
    sizes = {
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
    validate(BlipCaptionerConfig, {"preset": "base", **sizes}, what=f"the sizes in {path}")
    words = read_vocabulary(folder, text.vocab_size, text.max_position_embeddings)
    if wrong := [
        Finding(f"text_config.{name}", theirs, f"{ours}, the id of {words.vocabulary[ours]}")
        for name, theirs, ours in (
            ("bos_token_id", text.bos_token_id, words.start),
            ("sep_token_id", text.sep_token_id, words.end),
            ("pad_token_id", text.pad_token_id, words.pad),
        )
        if theirs != ours
    ]:
        raise Incompatible(
            f"{path} does not fit the vocabulary beside it",
            why="; ".join(map(str, wrong)),
            fix="use the vocabulary that the captioner was published with",
        )
    return PublishedConfig(vision.image_size, sizes["vision"], sizes["text"], words)


def check_compatible(captioner: BlipCaptioner, config: BlipCaptionerConfig, folder: Path) -> None:
    """Check that weights have the sizes and the vocabulary of a captioner.

    Raises:
        ConfigError: With one finding per difference; and as :func:`read_folder`.
    """
    found = read_folder(folder)
    findings = [
        Finding(f"{side}.{name}", getattr(layer, name), f"{value}, as in the weights")
        for side, layer, sizes in (
            ("vision", captioner.vision, found.vision),
            ("text", captioner.decoder, found.text),
        )
        for name, value in sizes.items()
        if name != "dropout" and getattr(layer, name) != value
    ]
    if stem := captioner.vision.stem:
        findings.append(Finding("vision.stem", stem, "none, as in the weights"))
    fixes = _settings(config, found) if findings else []
    if captioner.vision.image_size != found.side:
        wanted = f"{found.side} pixels a side"
        findings.append(Finding("image size", captioner.vision.image_size, wanted))
        fixes.append(f"--data-option image_size={found.side}")
    own = captioner.text_spec.model_copy(
        update={name: getattr(found.text_spec, name) for name in ("max_length", "prompts")}
    )
    if own != found.text_spec:
        received = f"another of {len(own.vocabulary):,} tokens"
        findings.append(Finding("vocabulary", received, f"the vocabulary in {folder}"))
        fixes.append(f"--data-option vocabulary={folder / VOCABULARY}")
    if findings:
        raise ConfigError(
            f"the weights in {folder} do not fit this captioner",
            findings=findings,
            fix=" ".join(fixes),
        )


def _settings(config: BlipCaptionerConfig, found: PublishedConfig) -> list[str]:
    """Return the options of the command line for a configuration with these sizes."""
    base = BlipCaptionerConfig(preset="base").sizes()
    own = [
        f"--set {side}.{name}={value}"
        for side, sizes, usual in (
            ("vision", found.vision, base.vision),
            ("text", found.text, base.text),
        )
        for name, value in sizes.items()
        if name != "dropout" and value != usual[name]
    ]
    return ["--set preset=base", *own, *(["--set 'vision.stem=[]'"] if config.vision.stem else [])]


def _read_config(path: Path) -> Any:
    """Read the configuration of a captioner as a ``BlipConfig`` of transformers."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} cannot be read", why=str(error), fix="a folder of a captioner has one"
        ) from error
    found = raw if isinstance(raw, dict) else {}
    kind, classes = found.get("model_type"), found.get("architectures") or []
    if kind != "blip" or (classes and "BlipForConditionalGeneration" not in str(classes)):
        raise Incompatible(
            f"{path} is the configuration of another model",
            why=f"its model_type is {kind!r}, its architectures are {classes}; a captioner has "
            "'blip' and BlipForConditionalGeneration",
            fix=f"name the folder of a captioner, or {DEFAULT}",
        )
    try:
        from transformers import BlipConfig
    except ImportError as error:
        raise MissingExtra("reading BLIP's configuration", "captioning", "transformers") from error
    try:
        return BlipConfig(**found)
    except Exception as error:  # transformers raises many kinds
        raise DataError(f"{path} is not valid", why=" ".join(str(error).split())[:300]) from error


def read_vocabulary(folder: Path, vocabulary: int, positions: int = 512) -> TextSpec:
    """Read the vocabulary of a folder: BERT's, and BLIP's special tokens.

    Args:
        folder: With ``vocab.txt``, or ``tokenizer.json``.
        vocabulary: Vocabulary size of the model; missing entries become unused tokens.
        positions: Maximum length of a text.

    Raises:
        DataError: If the vocabulary is missing, too long, or lacks special tokens.
    """
    tokens = _read_tokens(folder)
    repeated = [token for token, count in Counter(tokens).items() if count > 1]
    if repeated or len(tokens) > vocabulary:
        raise DataError(
            f"the vocabulary in {folder} does not fit the captioner beside it",
            why=f"it repeats {repeated[0]!r}"
            if repeated
            else f"it has {len(tokens):,} tokens, and the captioner {vocabulary:,}",
            fix="use the vocabulary that the captioner was published with",
        )
    if _START not in tokens:
        tokens = [*tokens, _START, "[ENC]"][:vocabulary]
    tokens += [f"[unused_{index}]" for index in range(len(tokens), vocabulary)]
    index = {token: place for place, token in enumerate(tokens)}
    if missing := [token for token in _SPECIAL_TOKENS if token not in index]:
        raise DataError(
            f"the vocabulary in {folder} has no {missing[0]}",
            why=f"a text begins with {_START}, ends with {_END} and is padded with {_PAD}",
            fix="use the vocabulary that the captioner was published with",
        )
    return TextSpec(
        split="wordpiece",
        vocabulary=tuple(tokens),
        lowercase=True,
        max_length=min(_MAX_LENGTH, positions),
        pad=index[_PAD],
        unk=index[_UNK],
        start=index[_START],
        end=index[_END],
        prompts=(("summary", SUMMARY),),
    )


def _read_tokens(folder: Path) -> list[str]:
    """Read the tokens of a folder, in the order of their ids."""
    try:
        if (folder / VOCABULARY).is_file():
            text = (folder / VOCABULARY).read_text("utf-8")
            return text.removesuffix("\n").split("\n")
        found = json.loads((folder / TOKENIZER).read_text("utf-8"))
        ids = {str(token): int(index) for token, index in found["model"]["vocab"].items()}
        ids |= {str(t["content"]): int(t["id"]) for t in found.get("added_tokens", [])}
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} has no vocabulary",
            why=f"there is no {VOCABULARY} and no {TOKENIZER} in it",
            fix="place BERT's vocab.txt there: one token per line",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the vocabulary in {folder} cannot be read", why=f"{type(error).__name__}: {error}"
        ) from error
    tokens = sorted(ids, key=lambda token: ids[token])
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise DataError(f"{folder / TOKENIZER} has ids without a token, or repeated ones")
    return tokens


def _check_supported(path: Path, vision: Any, text: Any) -> None:
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
        Finding(f"vision_config.{name}", value, "one number above 0, the side of a square")
        for name, value in (("image_size", side), ("patch_size", patch))
        if not isinstance(value, int) or value < 1
    ]
    if not findings and (side % patch or side > _MAX_SIDE):
        allowed = f"a multiple of patch_size, {patch}, up to {_MAX_SIDE:,}"
        findings.append(Finding("vision_config.image_size", side, allowed))
    if not 5 <= text.vocab_size <= _MAX_VOCABULARY:
        allowed = f"from 5 to {_MAX_VOCABULARY:,}"
        findings.append(Finding("text_config.vocab_size", text.vocab_size, allowed))
    if findings:
        raise Incompatible(
            f"{path} describes a captioner that is not supported",
            why="; ".join(map(str, findings)),
            fix=f"use a captioner of the form of {DEFAULT}",
        )
