"""What the user allows to run: plugins are arbitrary code.

A policy is the sum of what several sources say: the environment, the user's file, a project's
file. Each can forbid, none can permit what another forbids; :mod:`zoo.registry.settings` finds and
reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from zoo.registry.entrypoints import Provider, normalize
from zoo.registry.provenance import content_hash, editable_folder

HookFailures = Literal["warn", "fail"]

_RULE = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"(?:\s*==\s*(?P<version>[A-Za-z0-9.!+_-]+))?"
    r"(?:\s*@\s*sha256:(?P<sha256>[0-9a-f]{64}))?"
)

RULE_FORM = "NAME, NAME==VERSION or NAME@sha256:HASH"
"""How a rule is written, for messages."""


@dataclass(frozen=True)
class Rule:
    """One entry of an allow-list or a block-list.

    Attributes:
        distribution: Whom it is about, as PEP 503 compares names.
        version: If not empty, only this version.
        sha256: If not empty, only what has this content hash: see
            :func:`zoo.registry.provenance.content_hash`.
        source: Who says so: a variable, or a file.
    """

    distribution: str
    version: str = ""
    sha256: str = ""
    source: str = ""

    @classmethod
    def parse(cls, text: str, source: str = "") -> Rule:
        """Read ``zoo-softmax``, ``zoo-softmax==1.2`` or ``zoo-softmax==1.2@sha256:…``.

        Raises:
            ValueError: If it is none of these.
        """
        found = _RULE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"expected {RULE_FORM}")
        return cls(normalize(found["name"]), found["version"] or "", found["sha256"] or "", source)

    def __str__(self) -> str:
        text = self.distribution
        if self.version:
            text += f"=={self.version}"
        return f"{text}@sha256:{self.sha256[:12]}…" if self.sha256 else text

    def mismatch(self, provider: Provider) -> str | None:
        """Return why it is not about a distribution, or ``None`` if it is.

        Empty if it is about another one.
        """
        if provider.distribution != self.distribution:
            return ""
        if self.version and not _same_version(self.version, provider.version):
            return f"it has {self}, and {provider.label} is installed"
        if not self.sha256:
            return None
        installed = provider.installed
        if installed is not None and editable_folder(installed) is not None:
            return f"it has {self}, and {provider.label} is an editable install, which has no hash"
        found = content_hash(installed) if installed is not None else None
        if found == self.sha256:
            return None
        told = f"has {found[:12]}…" if found else "has no RECORD that could be hashed"
        return f"it has {self}, and {provider.label} {told}"


@dataclass(frozen=True)
class Verdict:
    """What a policy says of a distribution.

    Attributes:
        allowed: Whether it may run.
        reason: Which rule of which source decided, in words.
        explicit: Whether a rule names the distribution.
        exact: Whether it may run only as the files that were recorded.
    """

    allowed: bool
    reason: str
    explicit: bool = False
    exact: bool = False


@dataclass(frozen=True)
class Pin:
    """Which distribution answers to a name, and who says so."""

    distribution: str
    source: str = ""


class Policy:
    """Which distributions may offer models, and who wins a contested name.

    Args:
        allow: If not ``None``, only these distributions run.
        block: These never run; blocking is stronger than allowing.
        pins: By model name, the distribution that provides it.
        strict: A broken plugin raises where it is met, also while listing.
        hook_failures: Whether a hook that fails ends what it looks on, or is a warning; ``None``
            for the first if strict, else the second.
        source: Who says so.

    Attributes:
        allow: Every allow-list with its source; a distribution must be on all of them.
        sources: The files that were read.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] | None = None,
        block: Iterable[str] = (),
        pins: Mapping[str, str] | None = None,
        strict: bool = False,
        hook_failures: HookFailures | None = None,
        source: str = "the program",
    ) -> None:
        listed = None if allow is None else tuple(Rule.parse(text, source) for text in allow)
        self.allow: tuple[tuple[str, Sequence[Rule]], ...] = (
            () if listed is None else ((source, listed),)
        )
        self.block = tuple(Rule.parse(text, source) for text in block)
        self.pins = {name: Pin(normalize(found), source) for name, found in (pins or {}).items()}
        self.strict = strict
        self.hook_failures: HookFailures = hook_failures or ("fail" if strict else "warn")
        self.sources: tuple[str, ...] = ()

    def verdict(self, provider: Provider) -> Verdict:
        """Say whether a distribution may run, and which rule of which source decides."""
        for rule in self.block:
            if rule.mismatch(provider) is None:
                about = f"{provider.distribution} is on the block-list: {rule} ({rule.source})"
                return Verdict(allowed=False, reason=about, explicit=True)
        reasons, exact = [], False
        for source, rules in self.allow:
            misses = [rule.mismatch(provider) for rule in rules]
            if None not in misses:
                near = [miss for miss in misses if miss]
                reason = f"{provider.distribution} is not on the allow-list ({source})"
                reason += f": {'; '.join(near)}" if near else ""
                return Verdict(allowed=False, reason=reason)
            for rule, miss in zip(rules, misses, strict=True):
                if miss is None:
                    reasons.append(f"{rule} is on the allow-list ({source})")
                    exact = exact or bool(rule.sha256)
        if not reasons:
            return Verdict(allowed=True, reason="no rule is about it")
        return Verdict(allowed=True, reason="; ".join(reasons), explicit=True, exact=exact)

    def refusal(self, provider: Provider) -> str | None:
        """Return why this distribution may not run, or ``None`` if it may."""
        verdict = self.verdict(provider)
        return None if verdict.allowed else verdict.reason

    def pinned(self, model: str) -> str | None:
        """Return the distribution that this name is pinned to."""
        pin = self.pins.get(model)
        return pin.distribution if pin else None


def _same_version(one: str, other: str) -> bool:
    if one == other:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


__all__ = ["RULE_FORM", "HookFailures", "Pin", "Policy", "Rule", "Verdict"]
