"""Call what other packages do around a run, an export and a verification."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable
from typing import Any

import pluggy

from zoo import hookspecs
from zoo.errors import PluginBroken
from zoo.registry.entrypoints import Provider
from zoo.registry.loading import broken


class Hooks:
    """The lifecycle hooks, each implementation called by itself so that one cannot silence another.

    Args:
        providers: The hook packages to load when a moment first comes.
        strict: Raise where a hook package fails, instead of warning and going on.
    """

    def __init__(self, providers: Iterable[Provider] = (), *, strict: bool = False) -> None:
        self._providers = list(providers)
        self._strict = strict
        self.broken: list[PluginBroken] = []

    @functools.cached_property
    def _manager(self) -> pluggy.PluginManager:
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        for provider in self._providers:
            try:
                manager.register(provider.load(), name=f"{provider.distribution}:{provider.name}")
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - as for architectures: strangers' code
                # pluggy keeps what failed its validation half-registered.
                manager.unregister(name=f"{provider.distribution}:{provider.name}")
                self._failed(broken(provider, f"{type(error).__name__}: {error}"), error)
        return manager

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add an object with hooks in this process."""
        self._manager.register(plugin, name=name)

    def unregister(self, plugin: object) -> None:
        """Take an object that was added back out."""
        self._manager.unregister(plugin)

    def call(self, moment: str, **arguments: Any) -> None:
        """Call every implementation of a hook, in the order of registration."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, moment)
        for implementation in caller.get_hookimpls():
            accepted = {name: arguments[name] for name in implementation.argnames}
            try:
                implementation.function(**accepted)
            except Exception as error:  # noqa: BLE001 - a tracker's fault must not cost the run
                self._failed(
                    PluginBroken(
                        f"the hook {moment} of {implementation.plugin_name} failed",
                        why=f"{type(error).__name__}: {error}",
                        fix="zoo doctor; ZOO_STRICT=1 makes it fatal",
                    ),
                    error,
                )

    def _failed(self, problem: PluginBroken, error: BaseException) -> None:
        self.broken.append(problem)
        if self._strict:
            raise problem from error
        warnings.warn(str(problem), RuntimeWarning, stacklevel=3)


__all__ = ["Hooks"]
