"""Read tar and zip archives from elsewhere safely.

Every member is checked before any of its bytes are used. An archive is refused if a path leaves its
folder or means another path on another system, if a member is a link or a device, if two members
have one name, or if there are more members or bytes than expected.

The standard library's ``tarfile`` filter is not enough here: some releases of Python let a chain of
links through it, and ``tarfile`` reads headers of any size into memory.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import normalize

from zoo.errors import BadRecord, StorageError, UnsafeArchive
from zoo.files import staged_folder

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,  # an encrypted member
    NotImplementedError,  # an unknown compression
    KeyError,
    ValueError,
    MemoryError,
    OverflowError,
)

_HEADERS = 1 << 20
"""The most bytes of the headers of one member."""

_MAX_PART = 255
"""The most bytes in the name of a file or folder on common file systems."""
_MAX_NAME = 1024
_DRIVE = re.compile(r"[A-Za-z]:")


def name_fault(name: str) -> str:
    """Return why the name of a member is unsafe, as the rest of a sentence, or an empty text.

    Args:
        name: The name in the archive; bytes that are not UTF-8 as lone surrogates.
    """
    parts = name.split("/")
    drive = "\\" in name or _DRIVE.match(name)
    if PurePosixPath(name).is_absolute() or ".." in parts or drive or "\0" in name:
        return "would leave its folder"
    if not name:
        return "is no name"
    if not name.isprintable():
        # A control character, half of a character, or one that changes the direction of writing.
        return "has invisible characters"
    if any(part != "." and part.endswith((".", " ")) for part in parts):
        return "would be another name elsewhere"
    if len(name.encode()) > _MAX_NAME or any(len(part.encode()) > _MAX_PART for part in parts):
        return "is too long"
    return ""


def name_key(name: str) -> str:
    """Return a key that is equal for names that are one file on some file system."""
    return normalize("NFC", str(PurePosixPath(name))).casefold()


def tar_members(
    path: Path,
    wanted: Callable[[str], bool],
    *,
    max_members: int = 500_000,
    max_bytes: int = 1 << 30,
    max_member: int = 1 << 20,
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of the wanted members of a tar file, with gzip or without.

    Args:
        path: The archive.
        wanted: Whether a member of that name is read; the others are only checked.
        max_members: The most members of any kind.
        max_bytes: The most bytes of all members, unpacked.
        max_member: The most bytes of a wanted member.

    Raises:
        UnsafeArchive: If a member is no regular file or folder, its name is unsafe, two wanted
            ones have one name, or a limit is passed.
        BadRecord: If it is no archive, or cut off.

    Example:
        >>> with tarfile.open("texts.tar.gz", "w:gz") as archive:
        ...     archive.add("points.csv")
        >>> members = tar_members(Path("texts.tar.gz"), lambda name: name.endswith(".csv"))
        >>> [(name, len(data)) for name, data in members]
        [('points.csv', 12)]
    """
    members = total = 0
    seen: set[str] = set()
    try:
        with _decompressed(path) as plain:
            stream = _Bounded(plain, path, at_once=max(max_member, _HEADERS) + 512)
            stream.limit = _HEADERS
            archive: Any = tarfile.TarFile(fileobj=stream)  # type: ignore[arg-type]
            while (member := archive.next()) is not None:
                archive.members.clear()  # Else it keeps every header.
                members += 1
                total += max(member.size, 0)
                if reason := name_fault(member.name):
                    raise _unsafe(path, f"{member.name!r} {reason}")
                if not (member.isreg() or member.isdir()) or member.issparse() or member.size < 0:
                    raise _unsafe(path, f"{member.name!r} is no regular file")
                if members > max_members or total > max_bytes:
                    raise _unsafe(path, f"more than {max_members:,} members or {max_bytes:,} bytes")
                stream.limit = total + 4096 * members + 2 * _HEADERS
                if not member.isreg() or not wanted(member.name):
                    continue
                if member.size > max_member:
                    raise _unsafe(path, f"{member.name!r} has {member.size:,} bytes")
                if (key := name_key(member.name)) in seen:
                    raise _unsafe(path, f"{member.name!r} is in it twice")
                seen.add(key)
                inside = archive.extractfile(member)
                data = inside.read() if inside else b""
                if len(data) != member.size:
                    raise EOFError(f"{member.name} is cut off")
                yield member.name, data
    except UnsafeArchive:
        raise
    except _BROKEN as error:
        raise _broken(path, error) from error


class _Bounded:
    """Forward-only stream with a limit on its bytes, and on those of one read.

    Args:
        stream: The decompressed archive.
        path: The archive, for the message.
        at_once: The most bytes of one read.

    Attributes:
        limit: How far it may be read.
    """

    def __init__(self, stream: Any, path: Path, *, at_once: int) -> None:
        self._stream, self._path, self._at_once = stream, path, at_once
        self._place = 0
        self.limit = 0

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._at_once:
            raise _unsafe(self._path, f"a header or a member in it claims {size:,} bytes")
        if self._place + size > self.limit:
            raise _unsafe(self._path, f"it unpacks to more than {self.limit:,} bytes")
        data: bytes = self._stream.read(size)
        self._place += len(data)
        return data

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> int:
        if place < self._place:
            raise _unsafe(self._path, "a member in it claims to begin before the one before it")
        while self._place < place:
            if not self.read(min(place - self._place, 1 << 16)):
                break
        return self._place


def _decompressed(path: Path) -> Any:
    """Open an archive, decompressed if it is a gzip file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file")
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path) if is_gzip else path.open("rb")


def unpack_tar(
    path: Path, folder: Path, wanted: Callable[[str], bool], *, max_member: int = 1 << 20
) -> Path:
    """Write the wanted members of a tar file to a folder that appears whole or not at all.

    An existing folder is left as it is.

    Args:
        path: The archive.
        folder: Folder for the members.
        wanted: Whether a member of that name is written.
        max_member: The most bytes of one.

    Raises:
        UnsafeArchive: As :func:`tar_members`, or if a member is a file and a folder.
        BadRecord: If it is no archive, cut off, or has no wanted member.
        StorageError: If the folder cannot be written.

    Example:
        >>> folder = unpack_tar(Path("texts.tar.gz"), Path("texts"), lambda name: True)
        >>> [path.name for path in folder.iterdir()]
        ['points.csv']
    """
    if folder.is_dir():
        return folder
    try:
        with staged_folder(folder) as stage:
            for name, data in tar_members(path, wanted, max_member=max_member):
                target = stage.joinpath(*PurePosixPath(name).parts)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                    raise _unsafe(path, f"{name!r} is a file and a folder") from error
            if not any(stage.iterdir()):
                raise BadRecord("it has none of the expected members", file=str(path))
    except (OSError, StorageError):
        if not folder.is_dir():  # Another process may have been first.
            raise
    return folder


def zip_member(path: Path, name: str, *, max_member: int) -> bytes:
    """Return the bytes of one member of a zip file.

    Nothing is written and no other member is read, so only its size must be bounded.

    Raises:
        UnsafeArchive: If it is larger than ``max_member`` bytes, or has an unusual compression.
        BadRecord: If it is no archive, damaged, encrypted, or has no such member.

    Example:
        >>> with zipfile.ZipFile("texts.zip", "w") as archive:
        ...     archive.write("points.csv")
        >>> zip_member(Path("texts.zip"), "points.csv", max_member=1000)[:3]
        b'x,y'
    """
    try:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no file")
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(name)
            # The dictionary of LZMA may be larger than the machine.
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _unsafe(path, f"{name!r} is packed by method {entry.compress_type}")
            if entry.file_size > max_member:
                raise _unsafe(path, f"{name!r} has {entry.file_size:,} bytes")
            with archive.open(entry) as stream:
                data = stream.read(max_member + 1)
    except UnsafeArchive:
        raise
    except _BROKEN as error:
        raise _broken(path, error) from error
    if len(data) > max_member:
        raise _unsafe(path, f"{name!r} has more bytes than it claims")
    return data


def _unsafe(path: Path, why: str) -> UnsafeArchive:
    return UnsafeArchive(
        f"{path} is not read", why=why, fix="use the archive from where the data is published"
    )


def _broken(path: Path, error: Exception) -> BadRecord:
    return BadRecord(
        "it cannot be read as an archive",
        file=str(path),
        why=str(error) or type(error).__name__,
        fix="download it again",
    )
