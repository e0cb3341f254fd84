"""What the checks found: a report for now, and a receipt that can be kept and read again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from zoo.config import Frozen
from zoo.errors import Incompatible
from zoo.files import write_json
from zoo.testing.levels import Level

Outcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed"]

OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "skipped", "xfailed", "xpassed")

_FOLDERS = re.compile(r"(?<![\w./:])/(?:[\w.+@~-]+/)+")


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


class Report(Frozen):
    """What the checks found in this process.

    Attributes:
        level: See :class:`Receipt`.
        results: One a check, in the order in which they were made.
    """

    architecture: Identity
    versions: dict[str, str | None]
    level: Level | None
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and nothing passed that was expected to fail."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results that are failures."""
        return tuple(r for r in self.results if r.outcome in ("failed", "xpassed"))

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many checks had each outcome."""
        return {
            outcome: sum(result.outcome == outcome for result in self.results)
            for outcome in OUTCOMES
        }

    @property
    def cpu_seconds(self) -> float:
        """What all of it cost."""
        return sum(result.cpu_seconds for result in self.results)

    def receipt(self) -> Receipt:
        """Return what can be kept of it."""
        return Receipt(
            architecture=self.architecture,
            versions=self.versions,
            level=self.level,
            counts=self.counts,
            checks={result.id: result for result in self.results},
        )


def read_receipt(path: str | Path) -> Receipt:
    """Read a receipt again.

    Raises:
        Incompatible: If it is none, or one of a newer schema.

    Example:
        >>> zoo.testing.read_receipt("receipt.json").level
        'gold'
    """
    try:
        return Receipt.model_validate_json(Path(path).read_bytes())
    except (OSError, ValidationError) as error:
        raise Incompatible(
            f"{path} is no receipt that this zoo reads",
            why=" ".join(str(error).split())[:400],
            fix="zoo check NAME --receipt FILE writes one",
        ) from error


def rounded(measured: Any) -> dict[str, bool | int | float | str]:
    """Return what a check measured as plain data, numbers to three digits."""
    plain: dict[str, bool | int | float | str] = {}
    for name, value in measured.items():
        item = value.item() if hasattr(value, "item") else value
        plain[name] = float(f"{item:.3g}") if isinstance(item, float) else item
    return plain


def without_places(text: str) -> str:
    """Return a message in which files have their names, and not the folders of this machine."""
    return _FOLDERS.sub("", text)


__all__ = [
    "OUTCOMES",
    "Identity",
    "Outcome",
    "Receipt",
    "Report",
    "Result",
    "read_receipt",
    "rounded",
    "without_places",
]
