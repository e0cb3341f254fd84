"""What the checks of :mod:`zoo.testing` found of an architecture, as a file that can be kept.

A package can ship it, and its catalog can name it: what is known of a model then says how far it
has come, and nothing of the model is imported for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, ValidationError

from zoo.config import Frozen
from zoo.errors import Incompatible
from zoo.files import read_regular, write_json

Level = Literal["discoverable", "buildable", "trainable", "exportable", "documented", "gold"]
"""How far an architecture has come: each level asks for everything of those before it."""

LEVELS: tuple[Level, ...] = get_args(Level)
"""From the first to the last."""

RECEIPT = "receipt.json"
"""The file of a package that its own hash leaves out: it holds that hash."""

_MOST = 2**20

Outcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed"]

OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "skipped", "xfailed", "xpassed")


class Result(Frozen):
    """What one check said.

    Attributes:
        outcome: ``xfailed`` failed as it was expected to; ``xpassed`` did not, which is a failure.
        reason: Why it failed, was skipped, or was expected to fail.
        excluded: Whether whoever asked left it out, and not the check itself.
        measured: What it found, by name; numbers have three digits, so that they repeat.
        cpu_seconds: What it cost, the trainings that others then use included. Not in a receipt.
    """

    id: str
    level: Level
    outcome: Outcome
    reason: str = ""
    excluded: bool = False
    measured: dict[str, bool | int | float | str] = {}
    cpu_seconds: float = Field(0.0, exclude=True)

    @property
    def counts_for_level(self) -> bool:
        """Whether the level can be reached with this: it passed, or does not apply."""
        return self.outcome == "passed" or (self.outcome == "skipped" and not self.excluded)


class Identity(Frozen):
    """Which architecture was looked at.

    Attributes:
        distribution: What provides it; ``(registered here)`` if it was defined in the process.
        files: How many files its package has.
        files_sha256: SHA-256 over the names and the contents of these, a receipt left out; ``None``
            if it was defined without a file.
    """

    name: str
    distribution: str
    version: str
    api_version: int
    files: int = 0
    files_sha256: str | None = None


class Receipt(Frozen):
    """What the checks found, to be kept: no date, no duration, no place of a machine.

    The same architecture on the same versions gives the same receipt.

    Attributes:
        versions: Of Python and of the packages that decide numbers; ``None`` if not installed.
        level: The highest level of which every check passed or does not apply; ``None`` if there
            is none.
        counts: How many checks had each outcome.
        checks: By id, what each said.
    """

    schema_version: Literal[1] = 1
    architecture: Identity
    versions: dict[str, str | None]
    level: Level | None
    counts: dict[Outcome, int]
    checks: dict[str, Result]

    def write(self, path: str | Path) -> None:
        """Write it as JSON, atomically.

        Raises:
            StorageError: If the folder cannot be written.
        """
        write_json(Path(path), self.model_dump(mode="json"))


def read_receipt(path: str | Path) -> Receipt:
    """Read a receipt again.

    Raises:
        Incompatible: If it is none, or one of a newer schema.

    Example:
        >>> zoo.testing.read_receipt("receipt.json").level
        'gold'
    """
    try:
        return Receipt.model_validate_json(read_regular(Path(path), limit=_MOST))
    except (OSError, ValidationError) as error:
        raise Incompatible(
            f"{path} is no receipt that this zoo reads",
            why=" ".join(str(error).split())[:400],
            fix="zoo check NAME --receipt FILE writes one",
        ) from error


def files_of(package: Path) -> dict[str, Path]:
    """Return the files of a package by their relative names, sorted.

    Byte code and a receipt are left out.
    """
    found = {
        path.relative_to(package).as_posix(): path
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != RECEIPT
    }
    return dict(sorted(found.items()))


def digest_of(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 over the names and the contents of files."""
    total = hashlib.sha256()
    for relative, path in files.items():
        total.update(f"{relative} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


__all__ = [
    "LEVELS",
    "OUTCOMES",
    "RECEIPT",
    "Identity",
    "Level",
    "Outcome",
    "Receipt",
    "Result",
    "digest_of",
    "files_of",
    "read_receipt",
]
