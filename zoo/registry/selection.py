"""Which of the known models somebody asks to see."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from zoo.errors import RegistryError
from zoo.registry.listing import Listing
from zoo.spec import Task


@dataclass(frozen=True)
class Selection:
    """What a listing must be to be shown.

    Attributes:
        pattern: A glob, which aliases match too.
        task: Only those for this task.
        tags: Only those that have all of these.
        installed: Only those that are installed.
        hidden: Deprecated names and other versions too, which a pattern without ``*`` and
            ``?`` finds in any case.

    Raises:
        RegistryError: If there is no such task.
    """

    pattern: str = "*"
    task: str | None = None
    tags: frozenset[str] = frozenset()
    installed: bool = False
    hidden: bool = False

    def __post_init__(self) -> None:
        if self.task is not None and self.task not in set(Task):
            near = difflib.get_close_matches(self.task, list(Task), n=1)
            raise RegistryError(
                f"there is no task {self.task!r}",
                why=f"tasks are {', '.join(Task)}",
                fix=f"zoo list --task {near[0] if near else Task.CLASSIFICATION}",
            )

    @property
    def reaches_hidden(self) -> bool:
        """Whether deprecated names and other versions are looked through."""
        return self.hidden or not set(self.pattern) & set("*?[")

    def takes(self, listing: Listing, tasks: Collection[str], tags: Collection[str]) -> bool:
        """Return whether a listing of a model with these tasks and tags is asked for."""
        entry = listing.entry
        aliases = entry.aliases if entry is not None and entry.name == listing.name else ()
        return (
            any(fnmatchcase(name, self.pattern) for name in (listing.name, *aliases))
            and not (listing.notice and not self.reaches_hidden)
            and not (self.installed and listing.status == "not installed")
            and (self.task is None or self.task in tasks)
            and self.tags <= set(tags)
        )


__all__ = ["Selection"]
