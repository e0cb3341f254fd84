"""Levels of conformance, results of the checks of :mod:`zoo.testing`, and receipts of them.

A package can ship its receipt and name it in its catalog. Then ``zoo info`` shows the level that
the model reached, without importing the model.
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
from zoo.version import API_VERSION

Level = Literal["discoverable", "buildable", "trainable", "exportable", "documented", "gold"]
"""Conformance level of an architecture; each level includes those before it."""

LEVELS: tuple[Level, ...] = get_args(Level)
"""All levels, the lowest first."""

RECEIPT = "receipt.json"
"""Name of the receipt in a package; it is left out of the hash that it holds."""

_MOST = 2**20

Outcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed"]

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class Result(Frozen):
    """Result of one check.

    Attributes:
        level: Level that requires the check; only checks of architectures have one.
        outcome: ``xfailed`` failed as it was expected to; ``xpassed`` did not, which is a failure.
        reason: Why it failed, was skipped, or was expected to fail.
        excluded: Whether its level is not reached: the caller left it out, or it could not be made.
        measured: Measured values by name; numbers have three digits, so that they repeat.
        cpu_seconds: CPU time, including trainings that other checks reuse. Not in a receipt.
    """

    id: str
    level: Level | None = None
    outcome: Outcome
    reason: str = ""
    excluded: bool = False
    measured: dict[str, bool | int | float | str] = {}
    cpu_seconds: float = Field(0.0, exclude=True)

    @property
    def counts_for_level(self) -> bool:
        """Whether the level can be reached: the check passed or does not apply."""
        return self.outcome == "passed" or (self.outcome == "skipped" and not self.excluded)


class Identity(Frozen):
    """The plugin that was checked.

    Attributes:
        kind: Kind of the plugin.
        distribution: Its distribution; ``(registered here)`` if it was defined in the process.
        files: The number of files in its package.
        files_sha256: SHA-256 over the names and the contents of these, a receipt left out; ``None``
            if it was defined without a file.
    """

    kind: Literal["architecture", "dataset", "reader", "command"] = "architecture"
    name: str
    distribution: str
    version: str
    api_version: int = API_VERSION
    files: int = 0
    files_sha256: str | None = None


class Receipt(Frozen):
    """Results of the checks of one plugin.

    The same plugin on the same versions gives the same file: without dates, durations and paths.

    Attributes:
        plugin: The plugin that was checked.
        versions: Versions of Python and of numerical packages; ``None`` if not installed.
        level: The highest level whose checks all passed or do not apply; only architectures have
            one.
        counts: The number of checks by outcome.
        checks: Results by the id of the check, in order.
    """

    schema_version: Literal[1] = 1
    plugin: Identity
    versions: dict[str, str | None]
    level: Level | None
    counts: dict[Outcome, int]
    checks: dict[str, Result]

    @property
    def ok(self) -> bool:
        """Whether no check failed or passed unexpectedly."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """Results that failed or passed unexpectedly."""
        return tuple(r for r in self.checks.values() if r.outcome in ("failed", "xpassed"))

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all checks; 0 if it was read from a file."""
        return sum(result.cpu_seconds for result in self.checks.values())

    def write(self, path: str | Path) -> None:
        """Write the receipt as JSON, atomically.

        Raises:
            StorageError: If the folder cannot be written.
        """
        write_json(Path(path), self.model_dump(mode="json"))


def read_receipt(path: str | Path) -> Receipt:
    """Read a receipt.

    Raises:
        Incompatible: If it is not a receipt, or has a newer schema.

    Example:
        >>> report.write("receipt.json")
        >>> read_receipt("receipt.json").plugin.name
        'digits'
    """
    try:
        return Receipt.model_validate_json(read_regular(Path(path), limit=_MOST))
    except (OSError, ValidationError) as error:
        raise Incompatible(
            f"{path} is not a receipt that this zoo reads",
            why=" ".join(str(error).split())[:400],
            fix="zoo check NAME --receipt FILE writes one",
        ) from error


def files_of(package: Path, pattern: str = "*") -> dict[str, Path]:
    """Return the files of a package by their relative names, sorted.

    Byte code and a receipt are left out.
    """
    found = {
        path.relative_to(package).as_posix(): path
        for path in package.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts and path.name != RECEIPT
    }
    return dict(sorted(found.items()))


def digest_of(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 over the names and the contents of files."""
    total = hashlib.sha256()
    for relative, path in files.items():
        total.update(f"{relative} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
