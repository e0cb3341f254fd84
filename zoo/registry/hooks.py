"""Call what other packages do around a run, an export and a verification."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from zoo import hookspecs
from zoo.errors import HookFailed, PluginBroken, ZooError, ZooWarning
from zoo.registry.contract import broken, reason_of
from zoo.registry.entrypoints import Provider

if TYPE_CHECKING:
    from zoo.registry.quarantine import Quarantine

_LEFT = {
    "zoo_before_train": "{run_dir} can be resumed",
    "zoo_before_epoch": "{run_dir} can be resumed",
    "zoo_after_epoch": "{run_dir} can be resumed",
    "zoo_after_train": "{run_dir} is finished all the same",
    "zoo_before_export": "nothing was exported",
    "zoo_after_export": "{path} is published all the same",
    "zoo_before_verify": "nothing was verified",
    "zoo_after_verify": "{path} is what was published all the same",
}
"""What stands when a hook fails what called it."""


class Hooks:
    """The lifecycle hooks, each implementation called by itself so that one cannot silence another.

    Args:
        providers: The hook packages to load when a moment first comes.
        strict: Raise where a hook package cannot be loaded, instead of warning and going on.
        failures: What a hook that raises does: ``warn`` and go on, or ``fail`` what called it.
            :mod:`zoo.hookspecs` says what that means at each moment. Left out, ``strict`` decides.
        records: What is known of strangers' plugins; that of the surroundings by default.

    Attributes:
        broken: What could not be loaded, and what failed, in the order in which it happened.
    """

    def __init__(
        self,
        providers: Iterable[Provider] = (),
        *,
        strict: bool = False,
        failures: Literal["warn", "fail"] | None = None,
        records: Quarantine | None = None,
    ) -> None:
        self._providers = {f"{p.distribution}:{p.name}": p for p in providers}
        self._strict = strict
        self._failures = failures or ("fail" if strict else "warn")
        self._records = records
        self.broken: list[PluginBroken | HookFailed] = []

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

    def call(self, moment: str, *, ending: bool = False, **arguments: Any) -> None:
        """Call every implementation of a hook; each has its turn, whatever the others do.

        Args:
            moment: The hook's name.
            ending: An error is on its way already: what fails now is a warning, and cannot
                take that error's place.
            **arguments: What the hook is told.

        Raises:
            HookFailed: If one failed, and the policy is to fail with it: the first that did.
        """
        fatal = None
        for implementation in getattr(self._manager.hook, moment).get_hookimpls():
            error = _called(implementation, arguments)
            if error is None:
                continue
            fails = self._failures == "fail" and not ending and fatal is None
            left = _LEFT[moment].format_map(arguments) if fails else ""
            problem = self._problem(moment, implementation, error, left)
            self.broken.append(problem)
            if fails:
                fatal, problem.__cause__ = problem, error
            else:
                warnings.warn(str(problem), ZooWarning, stacklevel=2)
        if fatal is not None:
            raise fatal

    def _problem(
        self, moment: str, implementation: pluggy.HookImpl, error: BaseException, left: str
    ) -> HookFailed:
        name = implementation.plugin_name
        owner = self._providers.get(name)
        whose = owner.label if owner else f"{name!r}, which this process registered,"
        fix = error.fix if isinstance(error, ZooError) else ""
        if owner and not fix:
            fix = (
                f"pip install --upgrade {owner.distribution}, or go on without it: "
                f"ZOO_BLOCK={owner.distribution}"
            )
        return HookFailed(
            f"the hook {moment} of {whose} failed{'; ' if left else ''}{left}",
            moment=moment,
            distribution=owner.distribution if owner else "",
            version=owner.version if owner else "",
            why=reason_of(error)[0],
            fix=fix,
        )

    def _failed(self, problem: PluginBroken, error: BaseException | None = None) -> None:
        self.broken.append(problem)
        if self._strict:
            if error is None:
                raise problem
            raise problem from error
        warnings.warn(str(problem), ZooWarning, stacklevel=3)


def _called(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> BaseException | None:
    """Call one implementation, and return what it raised; only an interrupt passes."""
    if implementation.hookwrapper or implementation.wrapper:
        return TypeError("expected a function. Received: a wrapper, which is never called")
    try:
        implementation.function(**{name: arguments[name] for name in implementation.argnames})
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - sys.exit in a tracker must not end a run
        return error
    return None


__all__ = ["Hooks"]
