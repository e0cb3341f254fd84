"""Decide which distributions may run: allow, block and pin, in ``zoo.toml`` and the environment.

The user's file lies in ``$XDG_CONFIG_HOME/zoo`` (``~/.config/zoo``). A project's file lies in the
working folder or, inside a repository, in a folder above it up to the repository's root.
``ZOO_CONFIG`` names one file to read instead of both; if it is empty, none is read.

A project's file may be downloaded with the project, so it can only forbid. The two files add up:
what either blocks is blocked, and what one of them does not allow is not allowed. If both pin a
name, the user's pin counts. The environment is the user's own and takes the place of both files,
except that ``ZOO_BLOCK`` is added to what they block.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ConfigError, Finding
from zoo.files import read_regular
from zoo.names import nearest
from zoo.registry.entrypoints import Provider, normalize
from zoo.struct import Struct, StructError

HookFailures = Literal["warn", "fail"]

FILE = "zoo.toml"
MAX_BYTES = 2**20
"""A larger file is refused before it is parsed."""

RULE_FORM = "NAME or NAME==VERSION"

_RULE = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"(?:\s*==\s*(?P<version>[A-Za-z0-9.!+_-]+))?"
)
_PINNED = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class Rule:
    """A distribution, or one version of it, on an allow-list, a block-list or in a pin.

    Attributes:
        distribution: Its normalized name.
        version: If not empty, only this version.
        source: The variable or the file that the rule is from.
    """

    distribution: str
    version: str = ""
    source: str = ""

    @classmethod
    def parse(cls, text: str, source: str = "") -> Rule:
        """Read ``zoo-softmax`` or ``zoo-softmax==1.2``.

        Raises:
            ValueError: If it is neither.
        """
        found = _RULE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"expected {RULE_FORM}")
        return cls(normalize(found["name"]), found["version"] or "", source)

    def __str__(self) -> str:
        return f"{self.distribution}=={self.version}" if self.version else self.distribution

    def matches(self, provider: Provider) -> bool:
        """Return whether the rule is about an installed distribution."""
        if provider.distribution != self.distribution:
            return False
        return not self.version or _same_version(self.version, provider.version)


@dataclass(frozen=True)
class Decision:
    """What a policy decides for a distribution, and which rule of which source decides."""

    allowed: bool
    reason: str


@dataclass(frozen=True)
class Policy:
    """Which distributions may run, and which one provides a name.

    Attributes:
        allow: Allow-lists by source; a distribution must be on each of them.
        block: Distributions that never run; blocking is stronger than allowing.
        pins: The distribution that provides a name.
        hook_failures: Whether a hook that raises is a warning, or fails what called it.
        sources: The files that were read.
    """

    allow: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    block: Sequence[Rule] = ()
    pins: Mapping[str, Rule] = field(default_factory=dict)
    hook_failures: HookFailures = "warn"
    sources: tuple[str, ...] = ()

    def decide(self, provider: Provider) -> Decision:
        """Return whether a distribution may run, and why."""
        for rule in self.block:
            if rule.matches(provider):
                reason = f"{provider.distribution} is on the block-list: {rule} ({rule.source})"
                return Decision(allowed=False, reason=reason)
        reasons = []
        for source, rules in self.allow.items():
            matching = [rule for rule in rules if rule.matches(provider)]
            if not matching:
                near = [str(one) for one in rules if one.distribution == provider.distribution]
                reason = f"{provider.label} is not on the allow-list ({source})"
                reason += f", which has {', '.join(near)}" if near else ""
                return Decision(allowed=False, reason=reason)
            reasons.append(f"{matching[0]} is on the allow-list ({source})")
        return Decision(allowed=True, reason="; ".join(reasons) or "no rule is about it")

    def refusal(self, provider: Provider) -> str | None:
        """Return why a distribution may not run, or ``None`` if it may."""
        if not self.allow and not self.block:
            return None
        decision = self.decide(provider)
        return None if decision.allowed else decision.reason


class Settings(Struct):
    """The ``[plugins]`` table of one file, or the environment; ``None`` if nothing is said."""

    allow: tuple[str, ...] | None = None
    block: tuple[str, ...] = ()
    pins: dict[str, str] = {}
    hook_failures: str | None = None

    def _check(self) -> None:
        for key, texts in (("allow", self.allow or ()), ("block", self.block)):
            for at, text in enumerate(texts):
                if not _RULE.fullmatch(text.strip()):
                    raise StructError(f"{key}.{at}", f"expected {RULE_FORM}")
        for name, text in self.pins.items():
            if not _PINNED.fullmatch(name) or not _RULE.fullmatch(text.strip()):
                raise StructError(f"pins.{name}", f"expected name={RULE_FORM}")
        if self.hook_failures not in (None, "warn", "fail"):
            raise StructError("hook_failures", "expected 'warn' or 'fail'")


class _File(Struct):
    plugins: Settings = Settings()


_VARIABLES = {
    "allow": "ZOO_ALLOW",
    "block": "ZOO_BLOCK",
    "pins": "ZOO_PIN",
    "hook_failures": "ZOO_HOOK_FAILURES",
}


def read_policy(environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Policy:
    """Return the policy of the environment and the files together.

    Args:
        environ: The variables; those of the process by default.
        cwd: The folder to look for a project's file; the working folder by default.

    Raises:
        ConfigError: If a variable or a file cannot be read, with the key and what is allowed.
    """
    variables = os.environ if environ is None else environ
    files = {str(path): read_settings(path) for path in settings_files(variables, cwd=cwd)}
    return merge(_from_environment(variables), files)


def merge(environment: Settings, files: Mapping[str, Settings]) -> Policy:
    """Join settings into one policy; the user's file comes before the project's."""

    def rules(key: str) -> Iterator[tuple[str, Settings]]:
        yield _VARIABLES[key], environment
        for path, settings in files.items():
            yield f"plugins.{key} in {path}", settings

    lists = {
        name: tuple(Rule.parse(text, name) for text in settings.allow)
        for name, settings in rules("allow")
        if settings.allow is not None
    }
    pins: dict[str, Rule] = {}
    for name, settings in rules("pins"):
        for pinned, text in settings.pins.items():
            pins.setdefault(pinned, Rule.parse(text, name))
    said = [one.hook_failures for one in files.values()]
    failures = [environment.hook_failures] if environment.hook_failures else said
    return Policy(
        allow={k: v for k, v in lists.items() if environment.allow is None or k == "ZOO_ALLOW"},
        block=[Rule.parse(text, name) for name, one in rules("block") for text in one.block],
        pins=pins,
        hook_failures="fail" if "fail" in failures else "warn",
        sources=tuple(files),
    )


def settings_files(environ: Mapping[str, str], *, cwd: Path | None = None) -> list[Path]:
    """Return the files to read: the user's, then the project's; or the one that is named.

    Raises:
        ConfigError: If ``ZOO_CONFIG`` names no file.
    """
    named = environ.get("ZOO_CONFIG")
    if named is not None:
        path = Path(named).expanduser()
        if named and not path.is_file():
            findings = [Finding("ZOO_CONFIG", named, f"the path of a {FILE}, or nothing")]
            raise ConfigError(
                f"there is no file {named}", findings=findings, fix="unset ZOO_CONFIG"
            )
        return [path] if named else []
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
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
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
        raise _invalid(f"{path} is not a valid policy", error, data, error.where, fix) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read", why=str(error), fix=fix) from error


def _from_environment(environ: Mapping[str, str]) -> Settings:
    words = {
        key: [word.strip() for word in environ[name].split(",") if word.strip()]
        for key, name in _VARIABLES.items()
        if name in environ
    }
    table: dict[str, Any] = {key: words[key] for key in ("allow", "block") if key in words}
    table["pins"] = {name: to for name, _, to in (w.partition("=") for w in words.get("pins", ()))}
    table["hook_failures"] = next(iter(words.get("hook_failures", ())), None)
    try:
        return Settings.model_validate(table)
    except StructError as error:
        variable = _VARIABLES[error.where.partition(".")[0]]
        example = {"ZOO_PIN": "cnn=neural-zoo", "ZOO_HOOK_FAILURES": "warn"}.get(variable)
        fix = f"export {variable}={example or 'neural-zoo,zoo-softmax==1.2'}"
        raise _invalid(f"{variable} cannot be read", error, table, variable, fix) from error


def _invalid(what: str, error: StructError, data: Any, where: str, fix: str) -> ConfigError:
    """Return the error for one wrong field, with its value and the field that it may mean."""
    received = data
    for part in error.where.split("."):
        if isinstance(received, list) and part.isdecimal():
            received = received[int(part)]
        elif isinstance(received, dict):
            received = received.get(part)
    name = error.where.rpartition(".")[2]
    known = Settings.__annotations__ if "unknown field" in error.message else ()
    near = next(iter(nearest(name, known, count=1)), None)
    return ConfigError(what, findings=[Finding(where, received, error.message, near)], fix=fix)


def _same_version(one: str, other: str) -> bool:
    if one == other:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False
