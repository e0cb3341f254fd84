"""Archives that were not made here: read member by member, and written out by nobody else.

Every member is looked at before any of its bytes are used: a path that would leave its folder, a
link, a device, or more members or bytes than an archive of its kind has, and the archive is
refused.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

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
        UnsafeArchive: If a member is no regular file or folder, its path leaves the archive, or
            a limit is passed.
        BadRecord: If it is no archive, or cut off.
    """
    members = total = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                members += 1
                total += max(member.size, 0)
                _check_name(path, member.name)
                if not (member.isreg() or member.isdir()) or member.issparse():
                    raise _unsafe(path, f"{member.name!r} is no regular file")
                if members > max_members or total > max_bytes:
                    raise _unsafe(path, f"more than {max_members:,} members or {max_bytes:,} bytes")
                if not member.isreg() or not wanted(member.name):
                    continue
                if member.size > max_member:
                    raise _unsafe(path, f"{member.name!r} has {member.size:,} bytes")
                stream = archive.extractfile(member)
                data = stream.read() if stream else b""
                if len(data) != member.size:
                    raise EOFError(f"{member.name} is cut off")
                yield member.name, data
    except UnsafeArchive:
        raise
    except _BROKEN as error:
        raise _broken(path, error) from error


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
        UnsafeArchive: As :func:`tar_members`, or if two members have one name.
        BadRecord: If it is no archive, cut off, or has nothing that is wanted.
        StorageError: If the folder cannot be written.
    """
    if folder.is_dir():
        return folder
    with storage_errors(folder, "unpacking"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            written: set[str] = set()
            for name, data in tar_members(path, wanted, max_member=max_member):
                place = PurePosixPath(name)
                # One name in two spellings would be one file on some file systems.
                if (key := str(place).casefold()) in written:
                    raise _unsafe(path, f"{name!r} is in it twice")
                written.add(key)
                target = fresh.joinpath(*place.parts)
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

    Raises:
        UnsafeArchive: If it is larger than ``max_member`` bytes, or says that it is smaller.
        BadRecord: If it is no archive, damaged, or has no such member.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(name)
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


def _check_name(path: Path, name: str) -> None:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\\" in name or "\0" in name:
        raise _unsafe(path, f"{name!r} would leave its folder")


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


__all__ = ["tar_members", "unpack_tar", "zip_member"]
