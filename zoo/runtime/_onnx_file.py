"""A graph of an artifact, checked, in the form in which onnxruntime may open it.

A small graph is one file, read once, and opened from memory. Of a large one the weights lie in a
file beside it, which onnxruntime maps: what it maps must stay what was checked, whoever else may
write to the artifact's folder. So it is given a copy, made while the SHA-256 is computed, in a
folder that belongs to this process alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import Incompatible, StorageError, Tampered
from zoo.files import storage_errors
from zoo.runtime._external import SUFFIX, DataFile, Slice
from zoo.runtime._folder import MAX_BYTES, opened, read_bytes
from zoo.runtime._graph import GraphFacts, inspect_graph
from zoo.runtime.manifest import FileEntry, Graph, Manifest

DATA_FACTOR = 32
"""How many times as large as any other file a data file may be: 64 GiB unless the caller says."""

_AGAIN = "copy the artifact anew, or export the model again"
_BLOCK = 2**20


@dataclass(frozen=True)
class OnnxFile:
    """A graph that has been checked.

    Attributes:
        raw: The bytes of the ONNX file.
        path: Where it lies beside its data file, in a folder that nobody else changes; ``None``
            of a graph that is one file, which is opened from its bytes.
        facts: What was found in it.
    """

    raw: bytes
    path: Path | None = None
    facts: GraphFacts = field(default_factory=GraphFacts)

    def array(self, item: Slice) -> np.ndarray[Any, Any]:
        """Return a constant that lies in the data file, mapped and not read.

        Raises:
            Incompatible: If there is no data file.
        """
        if self.path is None:
            raise Incompatible(f"the constant {item.name!r} lies in no file")
        if not item.length:
            return np.empty(item.shape, item.dtype)
        dtype = np.dtype(item.dtype).newbyteorder("<")
        data = beside(self.path)
        return np.memmap(data, dtype, mode="r", offset=item.offset, shape=item.shape)


def beside(path: Path) -> Path:
    """Return the path of the data file of an ONNX file."""
    return path.with_name(path.name + SUFFIX)


@contextlib.contextmanager
def checked_graph(
    folder: Path, manifest: Manifest, graph: Graph, *, max_bytes: int = MAX_BYTES
) -> Iterator[OnnxFile]:
    """Read a graph of an artifact, compare it with the manifest, and inspect it.

    Args:
        folder: The artifact's folder.
        manifest: Its manifest.
        graph: Which graph.
        max_bytes: The largest ONNX file that is read; its data file may be 32 times as large.

    Yields:
        The graph. What onnxruntime opened and what was mapped stays after the block.

    Raises:
        Tampered: If a file is not the one that was published.
        Incompatible: If it must not be opened.
        StorageError: If there is no room for the copy of a data file.
    """
    name = str(folder / graph.file)
    raw = read_checked(folder, manifest, graph.file, max_bytes=max_bytes)
    entry = manifest.data_file(graph)
    if entry is None:
        yield OnnxFile(raw, facts=inspect_graph(raw, name))
        return
    facts = inspect_graph(raw, name, data=DataFile(entry.name, entry.bytes))
    with private_folder(entry.bytes) as place:
        _copy(folder, entry, place, limit=DATA_FACTOR * max_bytes)
        path = place / graph.file
        with storage_errors(path, "copying"):
            path.write_bytes(raw)
        yield OnnxFile(raw, path, facts)


def read_checked(folder: Path, manifest: Manifest, name: str, *, max_bytes: int) -> bytes:
    """Read one listed file and compare it with the manifest.

    Raises:
        Tampered: If its size or SHA-256 is another.
    """
    entry = manifest.file(name)
    raw = read_bytes(folder, name, limit=max_bytes)
    if len(raw) != entry.bytes or hashlib.sha256(raw).hexdigest() != entry.sha256:
        raise _changed(folder, entry, len(raw))
    return raw


@contextlib.contextmanager
def private_folder(size: int) -> Iterator[Path]:
    """Make a temporary folder with room for some bytes, which no other user can enter.

    Raises:
        StorageError: If there is no room.
    """
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if free < size:
        raise StorageError(
            f"{place} has no room for {size:,} bytes",
            why=f"the weights are copied there to be mapped, and {free:,} bytes are free",
            fix="free some space, or name another folder: TMPDIR=FOLDER",
        )
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        yield Path(folder)


def _copy(folder: Path, entry: FileEntry, place: Path, *, limit: int) -> None:
    """Copy a data file, and compare what is written with the manifest."""
    with (
        storage_errors(place / entry.name, "copying"),
        (place / entry.name).open("xb") as target,
    ):
        check_file(folder, entry, limit=limit, write=target.write)


def check_file(
    folder: Path,
    entry: FileEntry,
    *,
    limit: int,
    write: Callable[[bytes], object] = lambda block: None,
) -> None:
    """Compare a file of any size with the manifest, block by block.

    Args:
        folder: The artifact's folder.
        entry: What the manifest says of it.
        limit: The most bytes that it may have.
        write: Receives every block.

    Raises:
        Tampered: If its size or SHA-256 is another.
    """
    digest, count = hashlib.sha256(), 0
    with opened(folder, entry.name, limit=limit) as (source, size):
        if size != entry.bytes:
            raise _changed(folder, entry, size)
        while block := source.read(_BLOCK):
            count += len(block)
            if count > size:
                break
            digest.update(block)
            write(block)
    if count != size or digest.hexdigest() != entry.sha256:
        raise _changed(folder, entry, count)


def _changed(folder: Path, entry: FileEntry, size: int) -> Tampered:
    why = (
        f"its {size:,} bytes have another SHA-256 than the manifest's"
        if size == entry.bytes
        else f"it has {size:,} bytes, the manifest says {entry.bytes:,}"
    )
    return Tampered(
        f"{folder / entry.name} is not the file that was published", why=why, fix=_AGAIN
    )


__all__ = [
    "DATA_FACTOR",
    "OnnxFile",
    "beside",
    "check_file",
    "checked_graph",
    "private_folder",
    "read_checked",
]
