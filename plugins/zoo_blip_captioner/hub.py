"""Where a captioner is: in a folder on disk, in the cache of the hub, or on the hub itself.

The hub is asked unless ``ZOO_OFFLINE`` forbids the network. Importing this module imports no keras.
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


def find_folder(
    source: str | Path, *, revision: str | None = None, sha256: str | None = None
) -> Path:
    """Return the folder of a captioner, downloaded if it must be, its pinned files compared.

    Raises:
        DatasetUnavailable: If it is not here, and cannot be downloaded.
        ChecksumMismatch: If a file is another one than was pinned.
        Incompatible: If it holds a pickle alone.
    """
    path = _expanded(source)
    if is_folder(path):
        folder = path
    elif isinstance(source, Path) or _looks_like_path(source):
        if exists(path):
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


def is_named(source: str) -> bool:
    """Return whether a text names a captioner's folder, or could name a repository of the hub."""
    return is_file(_expanded(source) / CONFIG) or not _looks_like_path(source)


def _expanded(source: str | Path) -> Path:
    try:
        return Path(source).expanduser()
    except RuntimeError:  # ~ with the name of nobody
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

    def get(file: str, at: str | None) -> Path:
        return Path(hf_hub_download(name, file, revision=at, local_files_only=offline))

    try:
        config = get(CONFIG, commit)
        try:
            vocabulary = get(VOCABULARY, commit)
        except EntryNotFoundError:
            vocabulary = get(TOKENIZER, commit)
        tensors = get(WEIGHTS, weights)
    except Exception as error:  # its client, and what is below that, raise many kinds
        absent = isinstance(error, EntryNotFoundError)
        if not absent or isinstance(error, LocalEntryNotFoundError):
            raise _unavailable(name, error) from error
        raise Incompatible(
            f"the repository {name!r} has not all files of a captioner",
            why=" ".join(str(error).split())[:300],
            fix=f"{_by_hand(name)}; a pickle (pytorch_model.bin) is not opened",
        ) from error
    return _gathered(config, vocabulary, tensors)


def _unavailable(name: str, error: Exception) -> DatasetUnavailable:
    said = " ".join(str(error).split())[:300] or type(error).__name__
    return DatasetUnavailable(
        f"the captioner {name!r} is not here, and cannot be downloaded",
        why="ZOO_OFFLINE forbids the network" if is_offline() else said,
        fix=_by_hand(name),
    )


def _gathered(config: Path, vocabulary: Path, tensors: Path) -> Path:
    """Return one folder with the three files, which may lie in two revisions of the cache."""
    if config.parent == tensors.parent:
        return config.parent
    for file in (config, vocabulary):
        beside, data = tensors.parent / file.name, file.read_bytes()
        if not beside.is_file() or beside.read_bytes() != data:
            atomic_write(beside, data)
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
