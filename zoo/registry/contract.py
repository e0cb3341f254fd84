"""Check what an entry point leads to, and say what is wrong with it."""

from __future__ import annotations

import importlib
import inspect
import traceback
from typing import Any

import pluggy

from zoo import hookspecs
from zoo.architecture import API_VERSION, Architecture, ArchitectureInfo
from zoo.config import ModelConfig
from zoo.errors import PluginBroken, ZooError
from zoo.names import identity, split_version
from zoo.registry import entrypoints
from zoo.registry.entrypoints import ARCHITECTURES, HOOKS, Provider
from zoo.registry.interface import version_mismatch
from zoo.registry.verdict import one_line


def load(provider: Provider, group: str) -> tuple[Any, list[str]]:
    """Import what an entry point names; return it, ready for use, and what is wrong with it.

    Raises:
        BaseException: Whatever the stranger's code raises.
    """
    candidate = provider.load()
    if group == HOOKS:
        return candidate, hook_faults(candidate)
    if group != ARCHITECTURES:
        return candidate, []  # whoever asked for it knows what it should be
    faults = contract_faults(candidate, provider.name)
    return (candidate if faults else candidate()), faults


def contract_faults(candidate: object, name: str) -> list[str]:
    """Return every way in which an object is not an architecture of that name."""
    if not inspect.isclass(candidate) or not issubclass(candidate, Architecture):
        return [f"expected a class derived from zoo.Architecture. Received: {candidate!r:.200}"]
    info = getattr(candidate, "info", None)
    if not isinstance(info, ArchitectureInfo):
        return [f"expected info to be a zoo.ArchitectureInfo. Received: {info!r:.200}"]
    unfit = version_mismatch(info.api_version, "the plugin")
    if unfit is not None:
        return [unfit.why]
    faults = []
    if info.identity != identity(*split_version(name)):
        faults.append(f"the entry point is called {name!r} and info.name is {info.identity!r}")
    config = getattr(candidate, "Config", None)
    if not inspect.isclass(config) or not issubclass(config, ModelConfig):
        faults.append(f"expected Config to derive from zoo.ModelConfig. Received: {config!r:.200}")
    if not isinstance(getattr(candidate, "default_dataset", None), str):
        faults.append("expected default_dataset to be the id of a dataset")
    missing = sorted(candidate.__abstractmethods__)
    if missing:
        faults.append(f"it does not implement {', '.join(missing)}")
    return faults


def hook_faults(plugin: object) -> list[str]:
    """Return what is wrong with an object that is to be called at the lifecycle's moments."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin)
    except pluggy.PluginValidationError as error:
        return [one_line(str(error), 500)]
    return []


def broken(provider: Provider, reason: str, fix: str = "") -> PluginBroken:
    """Return the error for a plugin that cannot be used."""
    return PluginBroken(
        f"the plugin for {provider.name!r} from {provider.label} is broken",
        why=reason,
        fix=fix or f"zoo doctor, then {remedy(provider)}",
    )


def remedy(provider: Provider) -> str:
    """Return what a user can do about a plugin that does not work."""
    name = provider.distribution
    return f"pip install --upgrade {name}, or pip uninstall {name}; ZOO_BLOCK={name} keeps it out"


def reason_of(error: BaseException) -> tuple[str, str]:
    """Say what was raised and where in the plugin, and what would help if that is known."""
    if isinstance(error, ZooError):
        return f"{error.what}: {error.why}".rstrip(": "), error.fix
    try:
        text = one_line(str(error), 500) or "no message"
    except Exception:  # noqa: BLE001 - a stranger's exception may not even have a text
        text = "its message cannot be read"
    fix = ""
    module = (getattr(error, "name", None) or "") if isinstance(error, ImportError) else ""
    if module.partition(".")[0] == "zoo":
        text += f"; it may be written for another neural-zoo: this one has interface {API_VERSION}"
        fix = "pip install --upgrade neural-zoo, or another version of the plugin"
    return f"{type(error).__name__}: {text}{_place(error)}", fix


def _place(error: BaseException) -> str:
    """Return the innermost place in the traceback that is not the import system's."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<frozen importlib", *_LEADING))
    ]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


_LEADING = (importlib.__file__.removesuffix("__init__.py"), entrypoints.__file__)
"""Files that lead to a plugin, in which nothing of its own goes wrong."""


__all__ = ["broken", "contract_faults", "hook_faults", "load", "reason_of", "remedy"]
