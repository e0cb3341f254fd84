"""Decide whether a stranger's plugin is let into this process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zoo.errors import ConfigError, Finding, PluginBroken
from zoo.registry.contract import broken
from zoo.registry.entrypoints import Provider
from zoo.registry.identity import Identity, identify, key_of
from zoo.registry.ledger import Ledger
from zoo.registry.verdict import Verdict

PROBE_SECONDS = 60.0
"""How long a plugin may take to be imported; keras from a cold disk takes half of it."""

_AT_ONCE = 4


@dataclass
class Quarantine:
    """What is known of strangers' plugins, and how more is found out.

    Args:
        ledger: What other processes saw.
        seconds: How long a probe may take; 0 makes none, and lets everything in that is not known
            to be bad.
    """

    ledger: Ledger = field(default_factory=Ledger)
    seconds: float = PROBE_SECONDS

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Quarantine:
        """Read ``ZOO_PROBE_SECONDS``; the ledger lies in ``ZOO_CACHE``.

        Raises:
            ConfigError: If it is not a number of seconds.
        """
        text = environ.get("ZOO_PROBE_SECONDS", "").strip()
        if not text:
            return cls()
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= 3600:
            raise ConfigError(
                "ZOO_PROBE_SECONDS cannot be read",
                findings=[
                    Finding("ZOO_PROBE_SECONDS", text, "expected seconds from 0 (none) to 3600")
                ],
                fix="export ZOO_PROBE_SECONDS=60",
            )
        return cls(seconds=seconds)

    def known(self, provider: Provider, group: str) -> Verdict | None:
        """Return what is remembered of a plugin, finding out nothing."""
        # Most are not known, and then who they are need not be found out either.
        if provider.is_own or not self.ledger.may_know(key_of(provider, group)):
            return None
        return self.ledger.recall(identify(provider, group))

    def examine(self, provider: Provider, group: str) -> Verdict:
        """Return the verdict on a plugin: the remembered one, or that of a probe.

        One that is good without a day is a guess: no probe can run here, or none is wanted.
        """
        identity = identify(provider, group)
        verdict = self.ledger.recall(identity)
        if verdict is not None:
            return verdict
        return self._probe(identity) or Verdict()

    def examine_all(self, announcements: Iterable[tuple[Provider, str]]) -> list[Verdict]:
        """Return one verdict each, in order, several probes at once."""
        from concurrent.futures import ThreadPoolExecutor

        from zoo.registry.probe import stop_probes

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return list(pool.map(lambda one: self.examine(*one), announcements))
            except BaseException:  # an interrupt: nobody waits for what hangs
                pool.shutdown(wait=False, cancel_futures=True)
                stop_probes()
                raise

    def admit(self, provider: Provider, group: str) -> tuple[Identity, Verdict]:
        """Return who a plugin is and its good verdict.

        Raises:
            PluginBroken: If the verdict is not good.
        """
        identity = identify(provider, group)
        verdict = self.ledger.recall(identity)
        remembered = verdict is not None
        verdict = verdict or self._probe(identity) or Verdict()
        if not verdict.good:
            raise refusal(provider, verdict, remembered=remembered)
        return identity, verdict

    def _probe(self, identity: Identity) -> Verdict | None:
        if not self.seconds:
            return None
        from zoo.registry.probe import probe

        verdict = probe(identity, self.seconds)
        return None if verdict is None else self.ledger.remember(identity, verdict)


def refusal(provider: Provider, verdict: Verdict, *, remembered: bool) -> PluginBroken:
    """Return the error for a plugin that is not let in."""
    if not remembered:
        return broken(provider, verdict.reason, verdict.fix)
    error = broken(
        provider,
        f"{verdict.reason}; seen on {verdict.when}, and skipped since",
        verdict.fix,
    )
    if "--retry" not in error.fix:
        error = broken(provider, error.why, f"{error.fix}; zoo doctor --retry looks again")
    return error


__all__ = ["PROBE_SECONDS", "Quarantine", "refusal"]
