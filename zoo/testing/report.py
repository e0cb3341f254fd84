"""What the checks found in this process."""

from __future__ import annotations

import re
from typing import Any

from zoo.config import Frozen
from zoo.receipts import OUTCOMES, Identity, Level, Outcome, Receipt, Result

_FOLDERS = re.compile(r"(?<![\w./:])/(?:[\w.+@~-]+/)+")


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


__all__ = ["Report", "rounded", "without_places"]
