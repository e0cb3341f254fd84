"""Published captioners: in a folder, in the cache of the Hugging Face hub, or on the hub itself.

``ZOO_OFFLINE`` forbids the network. Importing this module imports no keras.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.environment import is_offline
from zoo.errors import (
    ChecksumMismatch,
    ConfigError,
    DatasetUnavailable,
    Finding,
    Incompatible,
    MissingExtra,
)
from zoo.files import atomic_write, exists, is_file, is_folder, sha256_file
from zoo_blip_captioner.checkpoint import WEIGHTS, weights_files

DEFAULT = "Salesforce/blip-image-captioning-base"
CONFIG, VOCABULARY, TOKENIZER = "config.json", "vocab.txt", "tokenizer.json"


@dataclass(frozen=True)
class Pin:
    """Pinned files of a repository.

    Attributes:
        revision: Commit of its configuration and vocabulary.
        weights_revision: Revision of its safetensors file, which may be a conversion by the hub
            where the main branch has only a pickle.
        sha256: SHA-256 of small files, by name.
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


def find_folder(
    source: str | Path, *, revision: str | None = None, sha256: str | None = None
) -> Path:
    """Return the folder of a captioner, after downloading it if necessary.

    Raises:
        DatasetUnavailable: If it is missing, and cannot be downloaded.
        ChecksumMismatch: If a file differs from the pinned one.
        Incompatible: If it has only a pickle.
    """
    path = _expand_user(source)
    if is_folder(path):
        folder = path
    elif isinstance(source, Path) or _looks_like_path(source):
        if exists(path):
            weights_files(path)  # raises for a pickle
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
                _check_sha256(folder / name, wanted)
    if sha256 is not None:
        files = weights_files(folder)
        if len(files) != 1:
            raise ConfigError(
                "sha256 needs a single weights file",
                findings=[Finding("sha256", sha256, f"null: {folder} has {len(files)} files")],
            )
        _check_sha256(files[0], sha256)
    return folder


def is_named(source: str) -> bool:
    """Whether a text names a captioner's folder, or could name a repository of the hub."""
    return is_file(_expand_user(source) / CONFIG) or not _looks_like_path(source)


def _expand_user(source: str | Path) -> Path:
    try:
        return Path(source).expanduser()
    except RuntimeError:  # an unknown user
        return Path(source)


def _looks_like_path(source: str) -> bool:
    owner, slash, name = source.partition("/")
    bare = slash and owner not in ("", ".", "..", "~") and name and "/" not in name
    return not bare or exists(source) or Path(name).suffix in (".h5", ".keras")


def _from_hub(name: str, revision: str | None) -> Path:
    """Return the folder in the hub's cache that holds a repository's files."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingExtra("the hub's captioners", "captioning", "huggingface_hub") from error
    pin = PINS.get(name)
    commit = revision or (pin.revision if pin else None)
    weights = revision or (pin.weights_revision if pin else None)
    offline = is_offline()

    def download(file: str, at: str | None) -> Path:
        return Path(hf_hub_download(name, file, revision=at, local_files_only=offline))

    try:
        config = download(CONFIG, commit)
        try:
            vocabulary = download(VOCABULARY, commit)
        except EntryNotFoundError:
            vocabulary = download(TOKENIZER, commit)
        tensors = download(WEIGHTS, weights)
    except Exception as error:  # the client raises many kinds
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        # A file that is missing in the cache may be on the hub.
        if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
            raise Incompatible(
                f"the repository {name!r} lacks a file of a captioner",
                why=reason,
                fix=f"{_by_hand(name)}; a pickle (pytorch_model.bin) is not opened",
            ) from error
        raise DatasetUnavailable(
            f"the captioner {name!r} is missing, and cannot be downloaded",
            why="ZOO_OFFLINE forbids the network" if offline else reason,
            fix=_by_hand(name),
        ) from error
    # The weights may be in another revision, that is in another folder, than the small files.
    folder = tensors.parent
    for file in (config, vocabulary):
        copy, data = folder / file.name, file.read_bytes()
        if not copy.is_file() or copy.read_bytes() != data:
            atomic_write(copy, data)
    return folder


def _by_hand(name: str) -> str:
    return (
        f"download {CONFIG}, {VOCABULARY} and {WEIGHTS} of {name} into a folder on a machine with "
        "a network, and name that folder"
    )


def _check_sha256(path: Path, wanted: str) -> None:
    found = sha256_file(path)
    if found != wanted:
        raise ChecksumMismatch(
            f"{path} is not the expected file",
            why=f"its SHA-256 is {found}, expected {wanted}",
            fix="remove it, so that it is downloaded again, or name another revision",
        )
