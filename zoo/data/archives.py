"""Archives that were not made here: read member by member, and written out by nobody else.

Every member is looked at before any of its bytes are used: a path that would leave its folder or be
another one elsewhere, a link, a device, two members of one name, or more members or bytes than an
archive of its kind has, and the archive is refused. That holds for headers too, which the standard
library reads whole into memory: no more is unpacked at once than the largest member may have.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import category, normalize

from zoo.errors import BadRecord, UnsafeArchive
from zoo.files import storage_errors, sync_folder

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    UnicodeDecodeError,
    RuntimeError,  # of an encrypted member
    NotImplementedError,  # of a compression that the standard library does not know
    KeyError,
    ValueError,
    lzma.LZMAError,
    MemoryError,  # of a dictionary that is larger than the machine
    OverflowError,
)

_HEADERS = 1 << 20
"""Bytes that the headers of one member may have: its name, and what else it says of itself."""

_UNPACKERS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)


def tar_members(
    path: Path,
    wanted: Callable[[str], bool],
    *,
    max_members: int = 500_000,
    max_bytes: int = 1 << 30,
    max_member: int = 1 << 20,
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of the wanted members of a tar file, compressed or not.

    Args:
        path: The archive.
        wanted: Whether a member of that name is read; the others are only looked at.
        max_members: The most members of any kind.
        max_bytes: The most bytes of all members, unpacked.
        max_member: The most bytes of a wanted member.

    Raises:
        UnsafeArchive: If a member is no regular file or folder, its path leaves the archive or
            could be another one elsewhere, two wanted ones have one name, or a limit is passed.
        BadRecord: If it is no archive, or cut off.
    """
    members = total = 0
    seen: set[str] = set()
    try:
        with _unpacked(path) as plain:
            stream = _Bounded(plain, path, at_once=max(max_member, _HEADERS) + 512)
            stream.most = _HEADERS
            archive: Any = tarfile.TarFile(fileobj=stream)  # type: ignore[arg-type]
            while (member := archive.next()) is not None:
                # Else it keeps every header that it has seen.
                archive.members.clear()
                members += 1
                total += max(member.size, 0)
                _check_name(path, member.name)
                if not (member.isreg() or member.isdir()) or member.issparse() or member.size < 0:
                    raise _unsafe(path, f"{member.name!r} is no regular file")
                if members > max_members or total > max_bytes:
                    raise _unsafe(path, f"more than {max_members:,} members or {max_bytes:,} bytes")
                # So much the members were said to have; headers come on top.
                stream.most = total + 4096 * members + 2 * _HEADERS
                if not member.isreg() or not wanted(member.name):
                    continue
                if member.size > max_member:
                    raise _unsafe(path, f"{member.name!r} has {member.size:,} bytes")
                if (key := key_of(member.name)) in seen:
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
    """A stream that is read in order, never too much at once, and not beyond a bound.

    Args:
        stream: What an archive unpacks to.
        path: The archive, for the message.
        at_once: The most bytes of one reading.

    Attributes:
        most: How far it may be read.
    """

    def __init__(self, stream: Any, path: Path, *, at_once: int) -> None:
        self._stream, self._path, self._at_once = stream, path, at_once
        self._place = 0
        self.most = 0

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._at_once:
            raise _unsafe(self._path, f"a header or a member in it says that it has {size:,} bytes")
        if self._place + size > self.most:
            raise _unsafe(self._path, f"it unpacks to more than {self.most:,} bytes")
        data: bytes = self._stream.read(size)
        self._place += len(data)
        return data

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> int:
        if place < self._place:
            raise _unsafe(self._path, "a member in it says that it begins before the one before it")
        while self._place < place:
            if not self.read(min(place - self._place, 1 << 16)):
                break
        return self._place


def _unpacked(path: Path) -> Any:
    """Open an archive as what it unpacks to, if it is packed."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file")
    with path.open("rb") as stream:
        begin = stream.read(6)
    for sign, unpacker in _UNPACKERS:
        if begin.startswith(sign):
            return unpacker(path)
    return path.open("rb")


def unpack_tar(
    path: Path, folder: Path, wanted: Callable[[str], bool], *, max_member: int = 1 << 20
) -> Path:
    """Write the wanted members of a tar file to a folder that appears whole or not at all.

    They are written to a fresh folder beside it, which a rename puts in place. A folder that is
    there already is left as it is.

    Args:
        path: The archive.
        folder: Where its members go.
        wanted: Whether a member of that name is written.
        max_member: The most bytes of one.

    Raises:
        UnsafeArchive: As :func:`tar_members`, or if a member is a file and a folder.
        BadRecord: If it is no archive, cut off, or has nothing that is wanted.
        StorageError: If the folder cannot be written.
    """
    if folder.is_dir():
        return folder
    with storage_errors(folder, "unpacking"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            written = 0
            for name, data in tar_members(path, wanted, max_member=max_member):
                written += 1
                target = fresh.joinpath(*PurePosixPath(name).parts)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                    raise _unsafe(path, f"{name!r} is a file and a folder") from error
            if not written:
                raise BadRecord("it has nothing of what is meant to be in it", file=str(path))
            try:
                fresh.rename(folder)
            except OSError:
                if not folder.is_dir():  # Another process may have been first.
                    raise
            sync_folder(folder.parent)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def zip_member(path: Path, name: str, *, max_member: int) -> bytes:
    """Return the bytes of one member of a zip file.

    The others are not looked at, and nothing is written.

    Raises:
        UnsafeArchive: If it is larger than ``max_member`` bytes, or says that it is smaller; if it
            is in the file twice, overlaps another, is encrypted, packed in a way that hardly any
            archive is, or no regular file.
        BadRecord: If it is no archive, damaged, or has no such member.
    """
    try:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no file")
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(name)
            if reason := _zip_fault(archive, entry):
                raise _unsafe(path, f"{name!r} {reason}")
            if entry.file_size > max_member:
                raise _unsafe(path, f"{name!r} has {entry.file_size:,} bytes")
            with archive.open(entry) as stream:
                data = stream.read(max_member + 1)
    except UnsafeArchive:
        raise
    except _BROKEN as error:
        raise _broken(path, error) from error
    if len(data) > max_member:
        raise _unsafe(path, f"{name!r} has more bytes than it says")
    return data


def _zip_fault(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """Return what is wrong with an entry of a zip file, or an empty text."""
    entries = archive.infolist()
    kind = stat.S_IFMT(entry.external_attr >> 16)
    end = entry.header_offset + 30 + len(entry.orig_filename.encode()) + entry.compress_size
    others = [other for other in entries if other is not entry]
    if any(key_of(other.filename) == key_of(entry.filename) for other in others):
        return "is in it twice"
    if entry.flag_bits & 1:
        return "is encrypted"
    if entry.is_dir() or kind not in (0, stat.S_IFREG):
        return "is no regular file"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is packed by method {entry.compress_type}, which is not read"
    if any(entry.header_offset <= other.header_offset < end for other in others):
        return "overlaps another member"
    return ""


def _check_name(path: Path, name: str) -> None:
    if reason := name_fault(name):
        raise _unsafe(path, f"{name!r} {reason}")


def _unsafe(path: Path, why: str) -> UnsafeArchive:
    return UnsafeArchive(
        f"{path} is not read", why=why, fix="use the archive from where the data is published"
    )


def _broken(path: Path, error: Exception) -> BadRecord:
    return BadRecord(
        "it cannot be read as the archive that is meant",
        file=str(path),
        why=str(error) or type(error).__name__,
        fix="download it again",
    )


LONGEST_PART = 255
"""Bytes that the name of one file or folder may have; no common file system takes more."""

LONGEST = 1024
"""Bytes that a whole name may have, far from where systems stop (4096)."""

_DRIVE = re.compile(r"[A-Za-z]:")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that change the direction of writing: a name reads as another one."""


def name_fault(name: str) -> str:
    """Return what is wrong with a member's name, as the rest of a sentence, or an empty text.

    Args:
        name: As it stands in the archive; bytes that are no UTF-8 as lone surrogates.
    """
    place = PurePosixPath(name)
    parts = name.split("/")
    leaves = place.is_absolute() or ".." in parts or "\\" in name or _DRIVE.match(name)
    if leaves or "\0" in name:
        return "would leave its folder"
    if not name:
        return "is no name"
    if any(category(sign) == "Cs" for sign in name):
        return "is no text"
    if any(category(sign) == "Cc" or sign in _TURNING for sign in name):
        return "has signs that cannot be seen"
    if any(part != "." and part.endswith((".", " ")) for part in parts):
        return "would be another name elsewhere"
    if len(name.encode()) > LONGEST or any(len(part.encode()) > LONGEST_PART for part in parts):
        return "is too long"
    return ""


def key_of(name: str) -> str:
    """Return what two names have in common that are one file on some file system."""
    return normalize("NFC", str(PurePosixPath(name))).casefold()
