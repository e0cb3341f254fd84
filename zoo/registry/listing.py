"""What is known of a model without importing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.registry.catalog import ModelEntry
from zoo.registry.entrypoints import Provider

Status = Literal["ready", "not installed", "broken", "contested", "denied"]


@dataclass(frozen=True)
class Listing:
    """One line of a listing: known without importing anything.

    Attributes:
        status: ``ready``; ``not installed`` (the catalog knows it); ``broken`` (it failed to
            load); ``contested`` (two distributions offer it); ``denied`` (by policy).
        providers: The distributions that offer it.
        entry: What the catalog says of it.
        problem: Why it is not ready, as one line.
        fix: What to do about that.
        versions: The versions of the architecture that are offered, the newest first.
        notice: That the name is deprecated, and what to use instead.
        identity: What the name means, aliases and versions resolved: ``cnn``, ``cnn@2``.
        weights: The weights that the name asks for; empty if it names none.
    """

    name: str
    status: Status
    providers: tuple[Provider, ...] = ()
    entry: ModelEntry | None = None
    problem: str = ""
    fix: str = ""
    versions: tuple[str, ...] = ()
    notice: str = ""
    identity: str = ""
    weights: str = ""

    @property
    def distribution(self) -> str:
        """The distribution that provides it, or would."""
        if self.providers:
            return self.providers[0].distribution
        return self.entry.distribution if self.entry else ""


__all__ = ["Listing", "Status"]
