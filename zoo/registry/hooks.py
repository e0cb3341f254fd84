"""Call what other packages do around a run, an export and a verification."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

from zoo import hookspecs
from zoo.errors import PluginBroken, ZooWarning
from zoo.registry.contract import broken, reason_of
from zoo.registry.entrypoints import Provider

if TYPE_CHECKING:
    from zoo.registry.quarantine import Quarantine


class Hooks:
    """The lifecycle hooks, each implementation called by itself so that one cannot silence another.

    Args:
        providers: The hook packages to load when a moment first comes.
        strict: Raise where a hook package fails, instead of warning and going on.
        records: What is known of strangers' plugins; that of the surroundings by default.
    """

    def __init__(
        self,
        providers: Iterable[Provider] = (),
        *,
        strict: bool = False,
        records: Quarantine | None = None,
    ) -> None:
        self._providers = {f"{p.distribution}:{p.name}": p for p in providers}
        self._strict = strict
        self._records = records
        self.broken: list[PluginBroken] = []

    @functools.cached_property
    def _manager(self) -> pluggy.PluginManager:
        from zoo.registry.loading import load_hook
        from zoo.registry.quarantine import Quarantine

        records = self._records or Quarantine.from_environment()
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        for name, provider in self._providers.items():
            try:
                manager.register(load_hook(provider, records), name=name)
            except PluginBroken as error:
                self._failed(error)
            except Exception as error:  # noqa: BLE001 - looking for hooks runs strangers' code
                # pluggy keeps what failed its validation half-registered.
                if manager.has_plugin(name):
                    manager.unregister(name=name)
                self._failed(broken(provider, *reason_of(error)), error)
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
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it must not cost the run
                provider = self._providers.get(implementation.plugin_name)
                who = provider.label if provider else implementation.plugin_name
                self._failed(
                    PluginBroken(
                        f"the hook {moment} of {who} failed",
                        why=reason_of(error)[0],
                        fix=f"pip install --upgrade {provider.distribution}, or "
                        f"ZOO_BLOCK={provider.distribution} keeps it out; ZOO_STRICT=1 makes this "
                        "fatal"
                        if provider
                        else "ZOO_STRICT=1 makes it fatal",
                    ),
                    error,
                )

    def _failed(self, problem: PluginBroken, error: BaseException | None = None) -> None:
        self.broken.append(problem)
        if self._strict:
            if error is None:
                raise problem
            raise problem from error
        warnings.warn(str(problem), ZooWarning, stacklevel=3)


__all__ = ["Hooks"]
