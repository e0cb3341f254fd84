"""Import one plugin, check it against the contract, and survive whatever it does."""

from __future__ import annotations

import inspect
import traceback
from typing import Any

from zoo.architecture import Architecture, ArchitectureInfo
from zoo.config import ModelConfig
from zoo.errors import PluginBroken
from zoo.registry.entrypoints import Provider
from zoo.registry.interface import version_mismatch
from zoo.registry.names import split_version
from zoo.spec import identity


def load_architecture(provider: Provider) -> Architecture[Any]:
    """Import what an entry point names and return an instance of it.

    Raises:
        PluginBroken: Whatever went wrong, with the distribution, the reason and a remedy.
            Only ``KeyboardInterrupt`` passes.
    """
    try:
        candidate = provider.load()
        faults = contract_faults(candidate, provider.name)
        if not faults:
            architecture: Architecture[Any] = candidate()
            return architecture
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit in a stranger's module must not end the program
        raise broken(provider, _reason(error)) from error
    raise broken(provider, "; ".join(faults))


def contract_faults(candidate: object, name: str) -> list[str]:
    """Return every way in which an object is not an architecture of that name."""
    if not inspect.isclass(candidate) or not issubclass(candidate, Architecture):
        return [f"expected a class derived from zoo.Architecture. Received: {candidate!r}"]
    info = getattr(candidate, "info", None)
    if not isinstance(info, ArchitectureInfo):
        return [f"expected info to be a zoo.ArchitectureInfo. Received: {info!r}"]
    unfit = version_mismatch(info.api_version, "the plugin")
    if unfit is not None:
        return [unfit.why]
    faults = []
    if info.identity != identity(*split_version(name)):
        faults.append(f"the entry point is called {name!r} and info.name is {info.identity!r}")
    config = getattr(candidate, "Config", None)
    if not inspect.isclass(config) or not issubclass(config, ModelConfig):
        faults.append(f"expected Config to derive from zoo.ModelConfig. Received: {config!r}")
    if not isinstance(getattr(candidate, "default_dataset", None), str):
        faults.append("expected default_dataset to be the id of a dataset")
    missing = sorted(candidate.__abstractmethods__)
    if missing:
        faults.append(f"it does not implement {', '.join(missing)}")
    return faults


def broken(provider: Provider, reason: str) -> PluginBroken:
    """Return the error for a plugin that cannot be used."""
    return PluginBroken(
        f"the plugin for {provider.name!r} from {provider.label} is broken",
        why=reason,
        fix=f"zoo doctor, then pip install --upgrade {provider.distribution} or pip uninstall it",
    )


def _reason(error: BaseException) -> str:
    """Say what was raised, and where in the plugin."""
    text = " ".join(str(error).split()) or "no message"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text[:500]}{place}"


__all__ = ["broken", "contract_faults", "load_architecture"]
