"""Call the hooks of other packages around a run, an export and a verification."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import HookFailed, ZooError, ZooWarning
from zoo.registry.entrypoints import Provider
from zoo.registry.loader import describe_error, hook_manager, load

if TYPE_CHECKING:
    import pluggy

_STATE = {
    "zoo_before_train": "{run_dir} can be resumed",
    "zoo_before_epoch": "{run_dir} can be resumed",
    "zoo_after_epoch": "{run_dir} can be resumed",
    "zoo_after_train": "{run_dir} is finished all the same",
    "zoo_before_export": "nothing was exported",
    "zoo_after_export": "{path} is published all the same",
    "zoo_before_verify": "nothing was verified",
    "zoo_after_verify": "{path} is what was published all the same",
}
"""What is left when a hook fails its caller."""


class Hooks:
    """The lifecycle hooks. Each implementation is called by itself: none can silence another.

    Args:
        providers: The hook packages to load at the first call.
        failures: What to do if a hook raises: ``warn`` and go on, or ``fail`` the caller.
            :mod:`zoo.hookspecs` says what that means for each hook.
    """

    def __init__(
        self, providers: Iterable[Provider] = (), *, failures: Literal["warn", "fail"] = "warn"
    ) -> None:
        self._providers = {f"{p.distribution}:{p.name}": p for p in providers}
        self._failures = failures

    @functools.cached_property
    def _loaded(self) -> pluggy.PluginManager:
        manager = hook_manager()
        for name, provider in self._providers.items():
            try:
                manager.register(load(provider), name=name)
            except ZooError as error:
                warnings.warn(str(error), ZooWarning, stacklevel=3)
        return manager

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add an object with hooks in this process."""
        self._loaded.register(plugin, name=name)

    def unregister(self, plugin: object) -> None:
        """Remove an object that was added."""
        self._loaded.unregister(plugin)

    def call(self, hook: str, *, ending: bool = False, **arguments: Any) -> None:
        """Call every implementation of a hook, whatever the others do.

        Args:
            hook: Its name.
            ending: Whether an error is being raised already: a failing hook is then a warning,
                and cannot replace that error.
            **arguments: The hook's arguments.

        Raises:
            HookFailed: If a hook raised and the policy is to fail: the first one.
        """
        if not self._providers and "_loaded" not in vars(self):
            return  # nothing is installed or registered, and pluggy is not needed
        fatal = None
        for implementation in getattr(self._loaded.hook, hook).get_hookimpls():
            try:
                _call(implementation, arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - sys.exit must not end a run
                fails = self._failures == "fail" and not ending and fatal is None
                state = f"; {_STATE[hook].format_map(arguments)}" if fails else ""
                failure = self._failure(hook, implementation.plugin_name, error, state)
                if fails:
                    fatal, failure.__cause__ = failure, error
                else:
                    warnings.warn(str(failure), ZooWarning, stacklevel=2)
        if fatal is not None:
            raise fatal

    def _failure(self, hook: str, name: str, error: BaseException, state: str) -> HookFailed:
        owner = self._providers.get(name)
        label = owner.label if owner else f"{name!r}, registered in this process,"
        why, fix = describe_error(error)
        return HookFailed(
            f"the hook {hook} of {label} failed{state}",
            moment=hook,
            distribution=owner.distribution if owner else "",
            version=owner.version if owner else "",
            why=why,
            fix=fix or (owner.way_out if owner else ""),
        )


def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> None:
    if implementation.hookwrapper or implementation.wrapper:
        raise TypeError("expected a function. Received: a wrapper, which is never called")
    implementation.function(**{name: arguments[name] for name in implementation.argnames})
