"""What the user allows to run: plugins are arbitrary code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from zoo.errors import ConfigError, Finding
from zoo.registry.entrypoints import Provider, normalise


@dataclass(frozen=True)
class Policy:
    """Which distributions may offer models, and who wins a contested name.

    Attributes:
        allow: If not ``None``, only these distributions run.
        block: These never run; blocking is stronger than allowing.
        pins: By model name, the distribution that provides it.
        strict: A broken plugin raises where it is met, also while listing.
        hook_failures: Whether a hook that raises is a warning, or fails what called it.
    """

    allow: frozenset[str] | None = None
    block: frozenset[str] = frozenset()
    pins: Mapping[str, str] | None = None
    strict: bool = False
    hook_failures: Literal["warn", "fail"] = "warn"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Policy:
        """Read ``ZOO_ALLOW``, ``ZOO_BLOCK``, ``ZOO_PIN`` and ``ZOO_STRICT``.

        The first two are names with commas between, the third pairs like ``cnn=neural-zoo``.

        Raises:
            ConfigError: If a pin is not ``model=distribution``.
        """
        allow = environ.get("ZOO_ALLOW")
        pins: dict[str, str] = {}
        for pin in _words(environ.get("ZOO_PIN", "")):
            model, _, distribution = pin.partition("=")
            if not model or not distribution:
                raise ConfigError(
                    "ZOO_PIN cannot be read",
                    findings=[
                        Finding("ZOO_PIN", pin, "expected model=distribution, commas between")
                    ],
                    fix="export ZOO_PIN=cnn=neural-zoo",
                )
            pins[model] = normalise(distribution)
        strict = environ.get("ZOO_STRICT", "") not in ("", "0")
        return cls(
            allow=None if allow is None else frozenset(map(normalise, _words(allow))),
            block=frozenset(map(normalise, _words(environ.get("ZOO_BLOCK", "")))),
            pins=pins,
            strict=strict,
            hook_failures="fail" if strict else "warn",
        )

    def refusal(self, provider: Provider) -> str | None:
        """Return why this distribution may not run, or ``None`` if it may."""
        if provider.distribution in self.block:
            return f"{provider.distribution} is on the block-list (ZOO_BLOCK)"
        if self.allow is not None and provider.distribution not in self.allow:
            return f"{provider.distribution} is not on the allow-list (ZOO_ALLOW)"
        return None

    def pinned(self, model: str) -> str | None:
        """Return the distribution that this name is pinned to."""
        return (self.pins or {}).get(model)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


__all__ = ["Policy"]
