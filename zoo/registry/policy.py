"""Decide which distributions may run: allow, block and pin, in ``zoo.toml`` and the environment.

The user's file and the project's add up: a project's file may be downloaded with the project, so
it can only forbid. If both pin a name, the user's pin counts. The environment is the user's own and
takes the place of both files, except that ``ZOO_BLOCK`` is added to what they block.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from zoo.errors import ConfigError
from zoo.files import read_regular
from zoo.registry.entrypoints import HERE, Provider, normalize
from zoo.struct import Struct, StructError

FILE = "zoo.toml"
MAX_BYTES = 2**20
"""A larger file is refused before it is parsed."""

_Distribution = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")]
_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*\Z")]
_HookFailures = Literal["warn", "fail"]

_KEYS = {
    "allow": ("ZOO_ALLOW", "names of distributions, e.g. zoo-softmax"),
    "block": ("ZOO_BLOCK", "names of distributions, e.g. zoo-softmax"),
    "pins": ("ZOO_PIN", "a name and its distribution, e.g. cnn=neural-zoo"),
    "hook_failures": ("ZOO_HOOK_FAILURES", "'warn' or 'fail'"),
}
"""The variable of each key, and what it holds."""


class Settings(Struct):
    """The ``[plugins]`` table of one file, or the environment."""

    allow: tuple[_Distribution, ...] | None = None
    block: tuple[_Distribution, ...] = ()
    pins: dict[_Name, _Distribution] = {}
    hook_failures: _HookFailures | None = None


class _File(Struct):
    plugins: Settings = Settings()


@dataclass(frozen=True)
class Pin:
    """The distribution that provides a name, and the variable or file that says so."""

    distribution: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} ({self.source})"


@dataclass(frozen=True)
class Policy:
    """The distributions that may run, and the one that provides a name.

    Attributes:
        allow: Allow-lists by source; a distribution must be on each of them.
        block: Distributions that never run, with the source; blocking is stronger than allowing.
        pins: The distribution that provides a name.
        hook_failures: Whether a hook that raises is a warning, or fails its caller.
        sources: The files that were read.
    """

    allow: Mapping[str, frozenset[str]] = field(default_factory=dict)
    block: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    hook_failures: _HookFailures = "warn"
    sources: tuple[str, ...] = ()

    def refusal(self, provider: Provider) -> str | None:
        """Return why a distribution may not run, or ``None`` if it may."""
        name = provider.distribution
        if name == HERE:
            return None
        if name in self.block:
            return f"{name} is on the block-list ({self.block[name]})"
        for source, allowed in self.allow.items():
            if name not in allowed:
                return f"{name} is not on the allow-list ({source})"
        return None


def read_policy(environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Policy:
    """Return the policy of the environment and the files together.

    Raises:
        ConfigError: If a variable or a file cannot be read, with the key and what is allowed.
    """
    variables = os.environ if environ is None else environ
    files = {str(path): read_settings(path) for path in settings_files(variables, cwd=cwd)}
    return merge(_from_environment(variables), files)


def merge(environment: Settings, files: Mapping[str, Settings]) -> Policy:
    """Join settings into one policy; the user's file comes before the project's."""
    allow: dict[str, frozenset[str]] = {}
    block: dict[str, str] = {}
    pins: dict[str, Pin] = {}
    failures: list[str | None] = []
    for path, settings in [("", environment), *files.items()]:
        sources = {k: f"plugins.{k} in {path}" if path else at for k, (at, _) in _KEYS.items()}
        if settings.allow is not None and (environment.allow is None or not path):
            allow[sources["allow"]] = frozenset(map(normalize, settings.allow))
        for name in map(normalize, settings.block):
            block.setdefault(name, sources["block"])
        for name, distribution in settings.pins.items():
            pins.setdefault(name, Pin(normalize(distribution), sources["pins"]))
        if environment.hook_failures is None or not path:
            failures.append(settings.hook_failures)
    return Policy(allow, block, pins, "fail" if "fail" in failures else "warn", tuple(files))


def settings_files(environ: Mapping[str, str], *, cwd: Path | None = None) -> list[Path]:
    """Return the files to read: the user's, then the project's; or the one that is named."""
    named = environ.get("ZOO_CONFIG")
    if named is not None:
        return [Path(named).expanduser()] if named else []
    home = environ.get("HOME") or environ.get("USERPROFILE")
    config = environ.get("XDG_CONFIG_HOME") or (Path(home) / ".config" if home else None)
    found = [Path(config) / "zoo" / FILE] if config is not None else []
    with contextlib.suppress(FileNotFoundError):  # the working folder was removed
        here = Path.cwd() if cwd is None else cwd
        folders = [here, *here.parents]
        root = next((at for at, folder in enumerate(folders) if _is_there(folder / ".git")), 0)
        project = (folder / FILE for folder in folders[: root + 1])
        found += [file for file in project if _is_there(file)][:1]
    return [file for file in dict.fromkeys(found) if _is_there(file)]


def _is_there(path: Path) -> bool:
    """Return whether something has that path; what cannot be looked at may be there."""
    try:
        path.lstat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def read_settings(path: Path) -> Settings:
    """Read and check one ``zoo.toml``.

    Raises:
        ConfigError: With the file, the key, and what is allowed.
    """
    import tomllib

    fix = f"repair {path}, or leave it out with ZOO_CONFIG="
    try:
        data = tomllib.loads(read_regular(path, limit=MAX_BYTES).decode("utf-8"))
        return _File.model_validate(data).plugins
    except StructError as error:
        raise _invalid(f"{path} is not a valid policy", error.where, error, fix) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read", why=str(error), fix=fix) from error


def _from_environment(environ: Mapping[str, str]) -> Settings:
    words = {
        key: [word.strip() for word in environ[name].split(",") if word.strip()]
        for key, (name, _) in _KEYS.items()
        if name in environ
    }
    table: dict[str, Any] = {key: words[key] for key in ("allow", "block") if key in words}
    table["pins"] = {name: to for name, _, to in (w.partition("=") for w in words.get("pins", ()))}
    table["hook_failures"] = next(iter(words.get("hook_failures", ())), None)
    try:
        return Settings.model_validate(table)
    except StructError as error:
        variable, _ = _KEYS[error.where.partition(".")[0]]
        raise _invalid(
            f"{variable} cannot be read", variable, error, f"unset {variable}"
        ) from error


def _invalid(what: str, where: str, error: StructError, fix: str) -> ConfigError:
    """Return the error for one wrong field."""
    known = f"the table plugins with the keys {', '.join(_KEYS)}"
    expected = next((_KEYS[key][1] for key in error.where.split(".") if key in _KEYS), known)
    return ConfigError(what, why=f"{where}: {error.message}; expected {expected}", fix=fix)
