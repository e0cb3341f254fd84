"""Read ``.npy`` and ``.npz`` files safely: plain arrays, no pickles, no decompression bombs."""

from __future__ import annotations

import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from zoo.files import open_regular

_ARRAY, _ARCHIVE = b"\x93NUMPY", b"PK"
UNREADABLE = (
    *(OSError, ValueError, EOFError, LookupError, MemoryError, OverflowError, TypeError),
    *(RuntimeError, SyntaxError, AttributeError, struct.error, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""Exceptions of zipfile and numpy on damaged bytes."""


class Unreadable(ValueError):
    """A file of arrays cannot be read; the caller adds its name."""


class TooLarge(Unreadable):
    """The arrays of a file would take more memory than the caller allows.

    Attributes:
        total: Their size, bytes.
    """

    def __init__(self, total: int, limit: int) -> None:
        super().__init__(f"it unpacks to {total:,} bytes, more than the {limit:,} that are read")
        self.total = total


def read_arrays(path: Path, *, limit: int) -> np.ndarray[Any, Any] | dict[str, Any]:
    """Read the array of a ``.npy`` file, or every array of a ``.npz`` file by its name.

    The content decides which it is, not the name. Pickled objects are refused.

    Args:
        path: The file.
        limit: The most bytes that the arrays may take together.

    Raises:
        Unreadable: If it is empty, damaged, no regular file, or holds something else.
        TooLarge: If its arrays would take more than ``limit``.
    """
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            start = stream.read(len(_ARRAY))
            stream.seek(0)
            if not start:
                raise Unreadable("the file is empty")
            if start.startswith(_ARCHIVE):
                with zipfile.ZipFile(stream) as archive:
                    size = sum(member.file_size for member in archive.infolist())
                stream.seek(0)
            elif start != _ARRAY:
                raise Unreadable("it is not a .npy or .npz file")
            if size > limit:
                raise TooLarge(size, limit)
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            with loaded:
                arrays = {name: loaded[name] for name in loaded.files}
    except Unreadable:
        raise
    except UNREADABLE as error:
        told = error.strerror if isinstance(error, OSError) else None
        raise Unreadable(told or " ".join(str(error).split()) or type(error).__name__) from error
    for name, array in arrays.items():
        # For a member that is not an array numpy returns its bytes.
        if not isinstance(array, np.ndarray):
            raise Unreadable(f"its member {name!r} is not an array")
    return arrays
