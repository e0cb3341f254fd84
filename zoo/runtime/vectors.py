"""Golden vectors: inputs, and what the Keras model gave for them, in one ``.npz`` file."""

from __future__ import annotations

import ast
import io
import math
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import Incompatible

_KINDS = "biuf"
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    SyntaxError,
    RuntimeError,  # of an encrypted member, and of a too deeply nested header
    MemoryError,
    EOFError,
    OSError,
    struct.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Vector:
    """One golden case of one signature."""

    inputs: Mapping[str, np.ndarray[Any, Any]]
    outputs: Mapping[str, np.ndarray[Any, Any]]


def pack_vectors(cases: Mapping[str, Sequence[Vector]]) -> bytes:
    """Return the bytes of ``vectors.npz``: the same arrays give the same bytes.

    The members are named ``<signature>/<case>/inputs/<name>`` and ``.../outputs/<name>``; they are
    stored uncompressed, so that a reader can bound what it will need.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for signature in sorted(cases):
            for index, case in enumerate(cases[signature]):
                for part, arrays in (("inputs", case.inputs), ("outputs", case.outputs)):
                    for name in sorted(arrays):
                        member = io.BytesIO()
                        array = np.ascontiguousarray(arrays[name])
                        np.lib.format.write_array(member, array, allow_pickle=False)
                        entry = zipfile.ZipInfo(f"{signature}/{index}/{part}/{name}.npy")
                        entry.create_system = 3
                        archive.writestr(entry, member.getvalue())
    return buffer.getvalue()


def unpack_vectors(raw: bytes, signature: str) -> list[Vector]:
    """Return the golden cases of a signature.

    Raises:
        Incompatible: If the bytes are not what :func:`pack_vectors` writes. Nothing is
            decompressed, unpickled, or allocated beyond the file's own size.
    """
    found: dict[int, dict[str, dict[str, np.ndarray[Any, Any]]]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for entry in archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(raw):
                    raise ValueError(f"{entry.filename} is compressed")
                owner, index, part, name = entry.filename.removesuffix(".npy").split("/")
                if owner != signature:
                    continue
                case = found.setdefault(int(index), {"inputs": {}, "outputs": {}})
                case[part][name] = _array(archive.read(entry))
    except _UNREADABLE as error:
        raise Incompatible(
            "the golden vectors cannot be read",
            why=str(error),
            fix="copy the artifact anew, or export the model again",
        ) from error
    return [Vector(found[i]["inputs"], found[i]["outputs"]) for i in sorted(found)]


def _array(raw: bytes) -> np.ndarray[Any, Any]:
    # numpy's own reader allocates what the header announces; this one looks first.
    if raw[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError("an array of another format")
    start = 10 + int.from_bytes(raw[8:10], "little")
    header = ast.literal_eval(raw[10:start].decode("ascii"))
    shape, dtype = header["shape"], np.dtype(header["descr"])
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind not in _KINDS or header["fortran_order"] or size != len(raw) - start:
        raise ValueError("an array's header does not fit its data")
    return np.frombuffer(raw[start:], dtype).reshape(shape)


__all__ = ["Vector", "pack_vectors", "unpack_vectors"]
