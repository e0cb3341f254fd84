"""Import one plugin and check that it is what its entry point announces."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

from zoo.errors import PolicyDenied, ZooError
from zoo.registry.entrypoints import (
    ARCHITECTURES,
    COMMANDS,
    DATASETS,
    HOOKS,
    OWN,
    READERS,
    Provider,
    kind_of,
)
from zoo.version import API_VERSION

if TYPE_CHECKING:
    import pluggy

_KINDS = {
    COMMANDS: "click:Command",
    DATASETS: "zoo.data:NamedDataset",
    READERS: "zoo.data:FileReader",
}
"""The class whose instances entry points lead to, by group."""


def load(provider: Provider) -> Any:
    """Import the object that an entry point names; an architecture is instantiated.

    What it prints meanwhile goes to standard error, where it does not mix with results.

    Raises:
        PolicyDenied: If another file would be imported than the one that was installed.
        PluginBroken: Whatever else goes wrong, ``SystemExit`` included, with the distribution, the
            reason and the place. Only ``KeyboardInterrupt`` passes.
    """
    point = EntryPoint(provider.name, provider.value, provider.group)
    found = _import(provider, point.load)
    if provider.group == HOOKS:
        _attempt(provider, lambda: hook_manager().register(found))
    elif provider.group == ARCHITECTURES:
        check_architecture(found, provider)
        found = _attempt(provider, found)
    else:
        kind = _KINDS[provider.group]
        if not isinstance(found, pkgutil.resolve_name(kind)):
            raise provider.broken(f"expected a {kind.replace(':', '.')}. Received: {found!r:.200}")
        if provider.group == DATASETS and found.id != provider.name:
            raise provider.broken(f"the dataset's id is {found.id!r:.80}")
    return found


def import_module(provider: Provider, name: str) -> None:
    """Import a further module of the distribution of a plugin.

    Raises:
        PolicyDenied, PluginBroken: As :func:`load`.
    """
    _import(replace(provider, value=name), lambda: importlib.import_module(name))


def _import(provider: Provider, act: Callable[[], Any]) -> Any:
    """Do what imports a module of a plugin, if it would be the installed one."""
    misplaced = provider.misplaced()
    if misplaced is not None:
        raise PolicyDenied(
            f"the {kind_of(provider.group)} {provider.name!r} may not run",
            why=misplaced,
            fix="rename that file, or install its project with pip install --editable",
        )
    return _attempt(provider, act)


def _attempt(provider: Provider, act: Callable[[], Any]) -> Any:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return act()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit in a plugin must not end the program
        raise provider.broken(*describe_error(error)) from error


def hook_manager() -> pluggy.PluginManager:
    """Return a new plugin manager that knows the zoo's hooks."""
    import pluggy

    from zoo import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def check_architecture(candidate: Any, provider: Provider) -> None:
    """Check an object against the contract of an architecture.

    Raises:
        PluginBroken: With everything that is wrong.
    """
    # Hooks and commands are loaded without what architectures need.
    from zoo.architecture import Architecture, ArchitectureInfo
    from zoo.config import BaseConfig

    if not inspect.isclass(candidate) or not issubclass(candidate, Architecture):
        expected = "a class derived from zoo.Architecture"
        raise provider.broken(f"expected {expected}. Received: {candidate!r:.200}")
    info = getattr(candidate, "info", None)
    if not isinstance(info, ArchitectureInfo):
        raise provider.broken(f"expected info as zoo.ArchitectureInfo. Received: {info!r:.200}")
    faults = []
    if info.identity != provider.identity:
        faults.append(
            f"the entry point is called {provider.name!r} and info.name is {info.identity!r}"
        )
    config = getattr(candidate, "Config", None)
    if not inspect.isclass(config) or not issubclass(config, BaseConfig):
        faults.append(f"expected Config to derive from zoo.BaseConfig. Received: {config!r:.200}")
    if not isinstance(getattr(candidate, "default_dataset", None), str):
        faults.append("expected default_dataset to be the id of a dataset")
    if missing := sorted(candidate.__abstractmethods__):
        faults.append(f"it does not implement {', '.join(missing)}")
    if faults:
        raise provider.broken("; ".join(faults))


def describe_error(error: BaseException) -> tuple[str, str]:
    """Return what was raised and where, in one line, and a remedy if one is known."""
    if isinstance(error, ZooError):
        return f"{error.what}: {error.why}".rstrip(": "), error.fix
    try:
        words = " ".join(str(error)[:2000].split())[:500] or "no message"
        # Terminals obey control characters.
        text = "".join(c if c.isprintable() else "\ufffd" for c in words)
    except Exception:  # noqa: BLE001 - a plugin's exception may not even have a text
        text = "its message cannot be read"
    fix = ""
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "zoo":
        text += f"; it may be written for another {OWN}: this one has interface {API_VERSION}"
        fix = f"pip install --upgrade {OWN}, or another version of the plugin"
    return f"{type(error).__name__}: {text}{_place(error)}", fix


def _place(error: BaseException) -> str:
    """Return file and line of the innermost frame outside the import system."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    leading = ("<frozen importlib", importlib.__file__.removesuffix("__init__.py"), __file__)
    every = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in every if not frame.filename.startswith(leading)]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
