"""BLIP's published captioners: found, checked, and turned into ours; and ours written their way.

A folder on disk comes first; then the cache of the hub; then the hub itself, unless
``ZOO_OFFLINE`` forbids the network. Importing this module imports no keras.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import TextSpec
from zoo.environment import is_offline
from zoo.errors import (
    ChecksumMismatch,
    ConfigError,
    DataError,
    DatasetUnavailable,
    Finding,
    Incompatible,
    MissingExtra,
)
from zoo.files import atomic_write, sha256_file, write_json
from zoo_blip_captioner.checkpoint import WEIGHTS, read_weights, weights_files, write_weights

if TYPE_CHECKING:
    from zoo_blip_captioner.captioner import BlipCaptioner

DEFAULT = "Salesforce/blip-image-captioning-base"
SUMMARY = "a detailed photo of"
"""The beginning behind which a longer text is written."""

CONFIG, VOCABULARY, TOKENIZER = "config.json", "vocab.txt", "tokenizer.json"

_START, _END, _PAD, _UNKNOWN = "[DEC]", "[SEP]", "[PAD]", "[UNK]"
_LENGTH = 128


@dataclass(frozen=True)
class Pin:
    """What of a repository is meant.

    Attributes:
        revision: The commit of its configuration and vocabulary.
        weights_revision: Where its safetensors file is: the main branch of this repository holds a
            pickle alone, and the hub's own conversion lies beside it.
        sha256: Of small files, by name.
    """

    revision: str
    weights_revision: str
    sha256: dict[str, str]


PINS = {
    DEFAULT: Pin(
        "82a37760796d32b1411fe092ab5d4e227313294b",
        "refs/pr/50",
        {
            CONFIG: "f7846f82f4e2c4a2ccbab9ae8b0e44873540a271a76a1288effd078180c13a82",
            VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
    )
}


def load_captioner(
    source: str | Path = DEFAULT, *, revision: str | None = None, sha256: str | None = None
) -> BlipCaptioner:
    """Return the captioner of a folder, or of a repository of the hub.

    The folder has ``config.json``, ``vocab.txt`` (or ``tokenizer.json``) and
    ``model.safetensors``, as ``BlipForConditionalGeneration.save_pretrained`` and the tokenizer's
    own write them.

    Args:
        source: A folder, or the name of a repository.
        revision: Of a repository: a commit, a branch or a tag; what is pinned, or the main branch.
        sha256: What the weights' file must have.

    Raises:
        DatasetUnavailable: If it is not here, and cannot be downloaded.
        ChecksumMismatch: If a file is another one than was pinned.
        Incompatible: If it holds another model, a pickle, or tensors that do not fit.
        DataError: If a file cannot be read.
        MissingExtra: If transformers or safetensors is not installed.
    """
    from zoo_blip_captioner.captioner import BlipCaptioner

    folder = find_folder(source, revision=revision, sha256=sha256)
    vision, text = read_config(folder)
    words = read_words(folder, text.pop("vocabulary"), text["positions"])
    captioner = BlipCaptioner(vision, text, words, name="captioner")
    captioner.build()
    read_weights(captioner, folder)
    return captioner


def save_captioner(captioner: BlipCaptioner, folder: str | Path) -> Path:
    """Write a captioner as the reference reads it, and return the folder.

    Raises:
        Unsupported: If the captioner has a stem, which the reference has not.
        StorageError: If it cannot be written.
    """
    place = Path(folder)
    write_weights(captioner, place)
    vision, decoder, words = captioner.vision, captioner.decoder, captioner.words
    shared = {"hidden_act": "gelu", "tie_word_embeddings": True}
    write_json(
        place / CONFIG,
        {
            "architectures": ["BlipForConditionalGeneration"],
            "model_type": "blip",
            "tie_word_embeddings": True,
            "vision_config": {
                **shared,
                "hidden_size": vision.width,
                "intermediate_size": vision.feed_forward,
                "num_hidden_layers": vision.layers,
                "num_attention_heads": vision.heads,
                "image_size": vision.image_size,
                "patch_size": vision.patch,
                "layer_norm_eps": 1e-5,
            },
            "text_config": {
                **shared,
                "vocab_size": decoder.vocabulary,
                "hidden_size": decoder.width,
                "encoder_hidden_size": vision.width,
                "intermediate_size": decoder.feed_forward,
                "num_hidden_layers": decoder.layers,
                "num_attention_heads": decoder.heads,
                "max_position_embeddings": decoder.positions,
                "layer_norm_eps": 1e-12,
                "bos_token_id": words.start,
                "sep_token_id": words.end,
                "pad_token_id": words.pad,
                "is_decoder": True,
            },
        },
    )
    atomic_write(place / VOCABULARY, "".join(f"{p}\n" for p in words.pieces).encode())
    return place


def find_folder(
    source: str | Path, *, revision: str | None = None, sha256: str | None = None
) -> Path:
    """Return the folder of a captioner, downloaded if it must be, its pinned files compared.

    Raises:
        DatasetUnavailable: If it is not here, and cannot be downloaded.
        ChecksumMismatch: If a file is another one than was pinned.
        Incompatible: If it holds a pickle alone.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        folder = path
    elif isinstance(source, Path) or _looks_like_path(source):
        if path.exists():
            weights_files(path)  # says what is wrong with a file of that kind
        raise DatasetUnavailable(
            f"there is no folder {path}",
            why="a captioner is a folder with config.json, vocab.txt and model.safetensors",
            fix=f"name such a folder, or a repository of the hub: {DEFAULT}",
        )
    else:
        folder = _from_hub(source, revision)
        pin = PINS.get(source)
        if pin is not None and revision in (None, pin.revision):
            for name, wanted in pin.sha256.items():
                _check(folder / name, wanted)
    if sha256 is not None:
        files = weights_files(folder)
        if len(files) != 1:
            raise ConfigError(
                "a SHA-256 is of one file",
                findings=[Finding("sha256", sha256, f"nothing: {folder} has {len(files)} files")],
            )
        _check(files[0], sha256)
    return folder


def read_config(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a folder's configuration says of the two sides, its gaps filled.

    A published configuration leaves out what was the default of its time, or holds half a hundred
    fields of no meaning to it; the package transformers knows the defaults.

    Returns:
        What :class:`VisionTransformer` takes; what :class:`TextDecoder` takes.

    Raises:
        Incompatible: If it is of another model, or of a form that is not supported.
        DataError: If it cannot be read.
        MissingExtra: If transformers is not installed.
    """
    path = folder / CONFIG
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read", why=str(error), fix="a folder of a captioner has one"
        ) from error
    kind = raw.get("model_type") if isinstance(raw, dict) else None
    heads = (raw.get("architectures") or []) if isinstance(raw, dict) else []
    if kind != "blip" or (heads and "BlipForConditionalGeneration" not in heads):
        raise Incompatible(
            f"{path} is the configuration of another model",
            why=f"its model_type is {kind!r}, its architectures are {heads}; a captioner has "
            "'blip' and BlipForConditionalGeneration",
            fix=f"name the folder of a captioner, or {DEFAULT}",
        )
    try:
        from transformers import BlipConfig
    except ImportError as error:
        raise MissingExtra("reading BLIP's configuration", "captioning", "transformers") from error
    try:
        config = BlipConfig(**raw)
    except Exception as error:  # its validation has errors of its own
        raise DataError(
            f"{path} cannot be understood", why=" ".join(str(error).split())[:300]
        ) from error
    seen, said = config.vision_config, config.text_config
    _supported(path, seen, said)
    vision = {
        "image_size": seen.image_size,
        "patch": seen.patch_size,
        "width": seen.hidden_size,
        "layers": seen.num_hidden_layers,
        "heads": seen.num_attention_heads,
        "feed_forward": seen.intermediate_size,
    }
    text = {
        "vocabulary": said.vocab_size,
        "width": said.hidden_size,
        "layers": said.num_hidden_layers,
        "heads": said.num_attention_heads,
        "feed_forward": said.intermediate_size,
        "positions": said.max_position_embeddings,
        "dropout": said.hidden_dropout_prob,
    }
    return vision, text


def read_words(folder: Path, vocabulary: int, positions: int = 512) -> TextSpec:
    """Return the words of a folder: BERT's, and the signs that BLIP put behind them.

    Args:
        folder: With ``vocab.txt``, or ``tokenizer.json``.
        vocabulary: How many words the model has; ids that no piece has are unused signs.
        positions: The longest text the model has positions for.

    Raises:
        DataError: If there is no vocabulary, one that is too long, or one without the signs.
    """
    pieces = _pieces(folder)
    if _START not in pieces:
        pieces += [_START, "[ENC]"]
    if len(pieces) > vocabulary:
        pieces = pieces[:vocabulary]
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
        pieces=tuple(pieces),
        lowercase=True,
        max_length=min(_LENGTH, positions),
        pad=index[_PAD],
        unknown=index[_UNKNOWN],
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


def _supported(path: Path, seen: Any, said: Any) -> None:
    findings = [
        Finding(where, got, f"{wanted!r}")
        for where, got, wanted in (
            ("vision_config.hidden_act", seen.hidden_act, "gelu"),
            ("text_config.hidden_act", said.hidden_act, "gelu"),
            ("vision_config.layer_norm_eps", seen.layer_norm_eps, 1e-5),
            ("text_config.layer_norm_eps", said.layer_norm_eps, 1e-12),
            ("text_config.tie_word_embeddings", said.tie_word_embeddings, True),
        )
        if got != wanted
    ]
    findings += [
        Finding(f"vision_config.{name}", value, "one number, for a square")
        for name, value in (("image_size", seen.image_size), ("patch_size", seen.patch_size))
        if not isinstance(value, int)
    ]
    if findings:
        raise Incompatible(
            f"{path} describes a captioner that is not supported",
            why="; ".join(map(str, findings)),
            fix=f"use a captioner of the form of {DEFAULT}",
        )


def is_named(source: str) -> bool:
    """Return whether a text names a captioner's folder, or could name a repository of the hub."""
    return (Path(source).expanduser() / CONFIG).is_file() or not _looks_like_path(source)


def _looks_like_path(source: str) -> bool:
    owner, slash, name = source.partition("/")
    bare = slash and owner not in ("", ".", "..", "~") and name and "/" not in name
    return not bare or Path(source).exists() or Path(name).suffix in (".h5", ".keras")


def _from_hub(name: str, revision: str | None) -> Path:
    """Return the folder in the hub's cache that holds a repository's files."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtra("the hub's captioners", "captioning", "huggingface_hub") from error
    pin = PINS.get(name)
    commit = revision or (pin.revision if pin else None)
    weights = revision or (pin.weights_revision if pin else None)
    offline = is_offline()

    def get(file: str, at: str | None) -> Path:
        return Path(hf_hub_download(name, file, revision=at, local_files_only=offline))

    try:
        config = get(CONFIG, commit)
        vocabulary = get(VOCABULARY, commit)
        tensors = get(WEIGHTS, weights)
    except EntryNotFoundError as error:
        raise Incompatible(
            f"the repository {name!r} has not all files of a captioner",
            why=" ".join(str(error).split())[:300],
            fix=f"{_by_hand(name)}; a pickle (pytorch_model.bin) is not opened",
        ) from error
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise DatasetUnavailable(
            f"the captioner {name!r} is not here, and cannot be downloaded",
            why="ZOO_OFFLINE forbids the network"
            if offline
            else " ".join(str(error).split())[:300],
            fix=_by_hand(name),
        ) from error
    return _gathered(config, vocabulary, tensors)


def _gathered(config: Path, vocabulary: Path, tensors: Path) -> Path:
    """Return one folder with the three files, which may lie in two revisions of the cache."""
    if config.parent == tensors.parent:
        return config.parent
    for file in (config, vocabulary):
        link = tensors.parent / file.name
        if not link.exists():
            atomic_write(link, file.read_bytes())
    return tensors.parent


def _by_hand(name: str) -> str:
    return (
        f"fetch {CONFIG}, {VOCABULARY} and {WEIGHTS} of {name} into a folder where there is a "
        "network, and name that folder"
    )


def _check(path: Path, wanted: str) -> None:
    found = sha256_file(path)
    if found != wanted:
        raise ChecksumMismatch(
            f"{path} is not the file that is meant",
            why=f"its SHA-256 is {found}, expected {wanted}",
            fix="remove it, so that it is downloaded again, or name another revision",
        )


__all__ = [
    "DEFAULT",
    "PINS",
    "SUMMARY",
    "Pin",
    "find_folder",
    "is_named",
    "load_captioner",
    "read_config",
    "read_words",
    "save_captioner",
]
