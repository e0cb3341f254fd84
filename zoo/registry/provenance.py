"""Where an installed distribution comes from, and whether its files are those it was installed as.

An installer writes ``RECORD`` (PyPA, "Recording installed projects"): every file with its size and
its hash. It says that nothing was changed since, not that what was installed is good.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import json
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

State = Literal["verified", "differs", "editable", "no record"]

_HASHES = frozenset({"sha256", "sha384", "sha512"})
"""What RECORD may use (PEP 376 asks for sha256 or better)."""

_WRITTEN_BY_INSTALLERS = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})

_CODE = frozenset({".py", ".pyd", ".so", ".dll", ".dylib", ".pth"})


@dataclass(frozen=True)
class Row:
    """One line of RECORD: a file, what it was hashed by, its hash and its size."""

    path: str
    algorithm: str
    digest: str
    size: int | None


@dataclass(frozen=True)
class Verification:
    """What came of comparing a distribution with its RECORD.

    Attributes:
        state: ``verified``; ``differs``, with the faults; ``editable``: its code lies in
            somebody's working folder, and RECORD does not speak of it; ``no record``: there is
            nothing to compare with.
        files: How many files were compared.
        faults: What differs, a line each.
    """

    state: State
    files: int = 0
    faults: tuple[str, ...] = ()


def editable_folder(installed: importlib.metadata.Distribution) -> str | None:
    """Return the working folder of an editable install (PEP 610), or ``None`` if it is none."""
    text = _metadata(installed, "direct_url.json")
    if not text:
        return None
    from urllib.parse import urlsplit
    from urllib.request import url2pathname  # brings http and ssl along

    try:
        told = json.loads(text)
        if told["dir_info"]["editable"] is not True:
            return None
        parts = urlsplit(told["url"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return url2pathname(parts.path) if parts.scheme == "file" else str(told["url"])


def records(installed: importlib.metadata.Distribution) -> list[Row] | None:
    """Return the lines of RECORD, or ``None`` if there is no RECORD or it is none."""
    text = _metadata(installed, "RECORD")
    if not text:
        return None
    rows = []
    try:
        for line in csv.reader(text.splitlines()):
            if not line or not line[0]:
                continue
            path, hashed, size, *_ = [*line, "", ""]
            algorithm, _, digest = hashed.partition("=")
            rows.append(Row(path, algorithm, digest, int(size) if size.isdecimal() else None))
    except csv.Error:
        return None
    return rows


def content_hash(installed: importlib.metadata.Distribution) -> str | None:
    """Return one SHA-256 over all that a wheel brought, or ``None`` if that is not recorded.

    It is taken over the lines ``path,algorithm=digest`` of RECORD, sorted, with a line feed after
    each, without what an installer adds: so the same wheel gives the same in every environment,
    and the RECORD inside the wheel gives it too. An editable install has none.
    """
    if editable_folder(installed) is not None:
        return None
    rows = records(installed)
    brought = {f"{row.path},{row.algorithm}={row.digest}" for row in rows or () if _brought(row)}
    if not brought:
        return None
    return hashlib.sha256("".join(f"{line}\n" for line in sorted(brought)).encode()).hexdigest()


def verify(installed: importlib.metadata.Distribution) -> Verification:
    """Compare every file of a distribution with RECORD, and look for code that is not in it."""
    if editable_folder(installed) is not None:
        return Verification("editable")
    rows = records(installed)
    if rows is None:
        return Verification("no record")
    compared = [row for row in rows if row.digest]
    faults = [fault for row in compared if (fault := _fault(installed, row)) is not None]
    faults += [f"{path} is not in RECORD" for path in _unrecorded(installed, rows)]
    if not compared:
        return Verification("no record")
    return Verification("differs" if faults else "verified", len(compared), tuple(faults))


def _metadata(installed: importlib.metadata.Distribution, name: str) -> str | None:
    try:
        return installed.read_text(name)
    except (OSError, UnicodeDecodeError):
        return None


def _brought(row: Row) -> bool:
    """Return whether a file came with the wheel, and not from the installer."""
    path = PurePosixPath(row.path)
    if not row.digest or path.is_absolute() or path.parts[0] == "..":
        return False  # a script that the installer wrote for this environment
    at_top = len(path.parts) == 2 and path.parts[0].endswith(".dist-info")
    return not (at_top and path.name in _WRITTEN_BY_INSTALLERS)


def _fault(installed: importlib.metadata.Distribution, row: Row) -> str | None:
    """Return what is wrong with one recorded file, or ``None``."""
    path = Path(str(installed.locate_file(row.path)))
    try:
        found = path.stat()
        # Anything else could be read for ever.
        if not stat.S_ISREG(found.st_mode):
            return f"{row.path} is no file"
        if row.size is not None and found.st_size != row.size:
            return f"{row.path} has {found.st_size} bytes instead of {row.size}"
        if row.algorithm not in _HASHES:
            return f"{row.path} is recorded by {row.algorithm!r}, which is not trusted"
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, row.algorithm).digest()
    except FileNotFoundError:
        # ``pip install --target`` moves scripts, and leaves their old places in RECORD.
        return None if PurePosixPath(row.path).parts[0] == ".." else f"{row.path} is missing"
    except (OSError, ValueError) as error:
        return f"{row.path} cannot be read: {error}"
    same = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == row.digest.rstrip("=")
    return None if same else f"{row.path} was changed"


def _unrecorded(installed: importlib.metadata.Distribution, rows: Iterable[Row]) -> list[str]:
    """Return the code in the distribution's packages that no distribution has recorded."""
    known = {PurePosixPath(row.path).as_posix() for row in rows}
    packages = {
        parts[0]
        for path in known
        if len(parts := PurePosixPath(path).parts) > 1
        and not parts[0].endswith((".dist-info", ".data"))
        and parts[0] not in ("..", "/")
    }
    root = Path(str(installed.locate_file("")))
    extra = [
        found.relative_to(root).as_posix()
        for package in sorted(packages)
        for found in sorted((root / package).rglob("*"))
        if found.suffix in _CODE and found.relative_to(root).as_posix() not in known
    ]
    # A namespace may be shared: asking all distributions is dear, and seldom needed.
    recorded = _recorded_anywhere() if extra else frozenset()
    return [path for path in extra if path not in recorded]


def _recorded_anywhere() -> frozenset[str]:
    return frozenset(
        PurePosixPath(row.path).as_posix()
        for installed in importlib.metadata.distributions()
        for row in records(installed) or ()
    )


__all__ = [
    "Row",
    "State",
    "Verification",
    "content_hash",
    "editable_folder",
    "records",
    "verify",
]
