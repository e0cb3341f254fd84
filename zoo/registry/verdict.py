"""What was seen when a plugin was imported where it could do no harm."""

from __future__ import annotations

from typing import Literal

from zoo.config import Frozen

Kind = Literal["good", "failed", "died", "hung"]


class Verdict(Frozen):
    """Whether a plugin may be imported here, why not, and what else it did.

    Attributes:
        kind: ``good``; ``failed`` (it raised, or does not follow the contract); ``died`` (it
            ended the process that imported it); ``hung`` (it had not finished in time).
        reason: Why it is not good, in a line, with the place.
        fix: What would make it good, where more is known than that it must be repaired.
        framework: Whether keras came in with its import, which costs seconds.
        seconds: How long its import took, wall time.
        printed: The beginning of what it wrote meanwhile.
        warned: The warnings that it raised.
        touched: The global state that it changed, in words.
        when: The day on which this was seen, ISO 8601.
    """

    kind: Kind = "good"
    reason: str = ""
    fix: str = ""
    framework: bool = False
    seconds: float = 0.0
    printed: str = ""
    warned: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    when: str = ""

    @property
    def good(self) -> bool:
        """Whether the plugin may be imported here."""
        return self.kind == "good"

    @property
    def habits(self) -> list[str]:
        """What a good plugin does at import that it had better not, in words."""
        found = []
        if self.framework:
            found.append(f"imports keras when it is imported ({self.seconds:.1f} s)")
        elif self.seconds > SLOW:
            found.append(f"takes {self.seconds:.1f} s to import")
        if self.touched:
            found.append(f"changes {', '.join(self.touched)}")
        if self.warned:
            found.append(f"warns: {self.warned[0]}")
        if self.printed:
            found.append(f"prints {self.printed.splitlines()[0][:60]!r}")
        return found


SLOW = 1.0
"""An import that takes longer than this, in seconds, is worth a word."""


def one_line(text: str, most: int) -> str:
    """Return a stranger's text on one line, shortened, without the signs that steer a terminal."""
    words = " ".join(text[: 4 * most].split())[:most]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in words)


__all__ = ["SLOW", "Kind", "Verdict", "one_line"]
