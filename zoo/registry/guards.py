"""Name the plugin where one of its methods raises what no caller expects."""

from __future__ import annotations

import contextlib
import functools
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.architecture import Architecture
from zoo.errors import PluginBroken, ZooError
from zoo.registry.contract import reason_of
from zoo.registry.entrypoints import Provider

METHODS = (
    *("adapt", "build", "default_config", "evaluate", "load_pretrained", "resolve_pretrained"),
    *("signatures", "test_configs", "train"),
)


def guard(architecture: Architecture[Any], provider: Provider) -> None:
    """Put a guard before every method of the contract that an architecture has of its own.

    What the method raises comes out as a :class:`PluginBroken` that names the distribution, its
    version and the place; errors of the zoo, an interrupt, want of memory and warnings that the
    user made errors pass as they are. ``SystemExit`` does not end the program.
    """
    for name in METHODS:
        if getattr(type(architecture), name, None) is getattr(Architecture, name):
            continue
        with contextlib.suppress(Exception):  # one without a __dict__ goes without guards
            method = getattr(architecture, name)
            setattr(architecture, name, _guarded(method, name, provider))


def _guarded(method: Callable[..., Any], name: str, provider: Provider) -> Callable[..., Any]:
    @functools.wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except (ZooError, MemoryError, Warning):
            raise
        except (Exception, SystemExit) as error:
            raise PluginBroken(
                f"the plugin for {provider.name!r} from {provider.label} failed in {name}()",
                why=_reason(error, provider),
                fix=f"pip install --upgrade {provider.distribution}, or report it to its authors; "
                "--debug shows the traceback",
            ) from error

    return guarded


def _reason(error: BaseException, provider: Provider) -> str:
    """Say what was raised, and the innermost place in the plugin's own files."""
    reason, _ = reason_of(error)
    module = sys.modules.get(provider.module.partition(".")[0])
    home = getattr(module, "__file__", None)
    if home is None:
        return reason
    file = Path(home)
    own = f"{file.parent}/" if file.name == "__init__.py" else str(file)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(own)]
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return reason if not place or place in reason else f"{reason}, called at {place}"


__all__ = ["METHODS", "guard"]
