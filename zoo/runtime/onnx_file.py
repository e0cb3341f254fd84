"""A checked ONNX file in the form in which onnxruntime may open it.

A small graph is one file, read once and opened from memory. The weights of a large one are in a
file beside it (external data), which onnxruntime maps: what it maps must stay what was checked,
even if another process writes to the artifact's folder. So it is given a copy, made while the
SHA-256 is computed, in a folder that belongs to this process alone.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import Incompatible, StorageError
from zoo.files import storage_errors
from zoo.runtime.artifact_files import check_entry, read_entry
from zoo.runtime.manifest import DATA_SUFFIX, Graph, Manifest
from zoo.runtime.onnx_inspection import DataFile, GraphFacts, Slice, inspect_graph


@dataclass(frozen=True)
class OnnxFile:
    """A graph that has been checked.

    Attributes:
        raw: Bytes of the ONNX file.
        path: Its path beside its data file, in a private folder; ``None`` for a graph without
            external data, which is opened from its bytes.
        facts: What was read from it.
    """

    raw: bytes
    path: Path | None = None
    facts: GraphFacts = field(default_factory=GraphFacts)

    @property
    def source(self) -> bytes | str:
        """What onnxruntime is given: bytes, or the path if there is external data to map."""
        return self.raw if self.path is None else str(self.path)

    def array(self, item: Slice) -> np.ndarray[Any, Any]:
        """Return a constant of the data file, memory-mapped.

        Raises:
            Incompatible: If there is no data file.
        """
        if self.path is None:
            raise Incompatible(f"the constant {item.name!r} has no data file")
        if not item.length:
            return np.empty(item.shape, item.dtype)
        dtype = np.dtype(item.dtype).newbyteorder("<")
        data = data_path(self.path)
        return np.memmap(data, dtype, mode="r", offset=item.offset, shape=item.shape)


def data_path(path: Path) -> Path:
    """Return the path of the data file of an ONNX file."""
    return path.with_name(path.name + DATA_SUFFIX)


@contextlib.contextmanager
def checked_graph(folder: Path, manifest: Manifest, graph: Graph) -> Iterator[OnnxFile]:
    """Read a graph of an artifact, compare it with the manifest, and inspect it.

    Yields:
        The graph. What onnxruntime opened and what was mapped stays after the block.

    Raises:
        Tampered: If a file was changed after publishing.
        Incompatible: If it must not be opened.
        StorageError: If there is no room for the copy of a data file.
    """
    name = str(folder / graph.file)
    raw = read_entry(folder, manifest.file(graph.file))
    entry = manifest.data_file(graph)
    if entry is None:
        yield OnnxFile(raw, facts=inspect_graph(raw, name))
        return
    facts = inspect_graph(raw, name, data=DataFile(entry.name, entry.bytes))
    with private_folder(entry.bytes) as private:
        path = private / graph.file
        with storage_errors(path, "copying"):
            with data_path(path).open("xb") as target:
                check_entry(folder, entry, write=target.write)
            path.write_bytes(raw)
        yield OnnxFile(raw, path, facts)


@contextlib.contextmanager
def private_folder(size: int) -> Iterator[Path]:
    """Make a temporary folder with room for some bytes, which no other user can enter.

    Raises:
        StorageError: If there is no room.
    """
    parent = tempfile.gettempdir()
    free = shutil.disk_usage(parent).free
    if free < size:
        raise StorageError(
            f"{parent} has no room for {size:,} bytes",
            why=f"the weights are copied there to be mapped, and {free:,} bytes are free",
            fix="free some space, or name another folder: TMPDIR=FOLDER",
        )
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        yield Path(folder)
