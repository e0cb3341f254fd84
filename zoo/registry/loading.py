"""Import one plugin, check it against the contract, and survive whatever it does."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from typing import Any

from zoo.architecture import Architecture
from zoo.errors import ZooWarning
from zoo.registry.containment import contained
from zoo.registry.contract import broken, load, reason_of
from zoo.registry.entrypoints import ARCHITECTURES, HOOKS, Provider
from zoo.registry.guards import guard
from zoo.registry.quarantine import Quarantine


def load_architecture(provider: Provider, quarantine: Quarantine) -> Architecture[Any]:
    """Import what an entry point names and return an instance of it.

    Raises:
        PluginBroken: Whatever went wrong, with the distribution, the reason and a remedy.
            Only ``KeyboardInterrupt`` passes.
    """
    architecture: Architecture[Any] = _load(provider, ARCHITECTURES, quarantine)
    if not provider.is_own:
        guard(architecture, provider)
    return architecture


def load_hook(provider: Provider, quarantine: Quarantine) -> object:
    """Import what an entry point of a hook package names and return it.

    Raises:
        PluginBroken: As for architectures.
    """
    return _load(provider, HOOKS, quarantine)


def load_plugin(provider: Provider, group: str, quarantine: Quarantine) -> Any:
    """Import what an entry point of any group names and return it.

    Raises:
        PluginBroken: As for architectures.
    """
    return _load(provider, group, quarantine)


def _load(provider: Provider, group: str, quarantine: Quarantine) -> Any:
    if provider.is_own:
        return _checked(provider, group)
    identity, verdict = quarantine.admit(provider, group)
    if verdict.framework:
        # What keras itself does to a process stays.
        with contextlib.suppress(ImportError):
            importlib.import_module("keras")
    with quarantine.ledger.marked(identity), contained() as traces:
        loaded = _checked(provider, group)
    if traces.touched:
        warnings.warn(
            f"{provider.label} changes {', '.join(traces.touched)} when it is imported; "
            "put back where possible",
            ZooWarning,
            stacklevel=4,
        )
    for warning in traces.warned:
        warnings.warn(f"{provider.label} warns: {warning}", ZooWarning, stacklevel=4)
    return loaded


def _checked(provider: Provider, group: str) -> Any:
    try:
        loaded, faults = load(provider, group)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit in a stranger's module must not end the program
        raise broken(provider, *reason_of(error)) from error
    if faults:
        raise broken(provider, "; ".join(faults))
    return loaded


__all__ = ["load_architecture", "load_hook", "load_plugin"]
