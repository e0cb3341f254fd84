"""Where a policy is written: environment variables, the user's ``zoo.toml``, a project's.

The user's file lies in ``$XDG_CONFIG_HOME/zoo`` (``~/.config/zoo``). A project's lies in the
working directory or, inside a repository, in a folder above it up to the repository's root.
``ZOO_CONFIG`` names one file that is read instead of both; empty, none is read.

A project's file may come from a stranger, like all that is downloaded. So the two files are not
layers of which one covers the other: they add up. What either blocks is blocked, what one of them
does not allow is not allowed, and the stricter ``strict`` and ``hook_failures`` hold. A name that
both pin is pinned as the user's file says. The environment is the user's own word for one process:
``ZOO_ALLOW``, ``ZOO_STRICT``, ``ZOO_HOOK_FAILURES`` and the names of ``ZOO_PIN`` take the place of
what the files say; ``ZOO_BLOCK`` is added to them, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, StrictBool

from zoo.config import Frozen, validate
from zoo.errors import ConfigError, Finding
from zoo.names import name_fault
from zoo.registry.policy import RULE_FORM, HookFailures, Pin, Policy, Rule

FILE = "zoo.toml"
MAX_BYTES = 2**20
"""A file larger than this is refused before it is parsed."""


def _rule(text: str) -> str:
    Rule.parse(text)
    return text


def _model(text: str) -> str:
    fault = name_fault(text)
    if fault is not None:
        raise ValueError(fault)
    return text


def _distribution(text: str) -> str:
    rule = Rule.parse(text)
    if rule.version or rule.sha256:
        raise ValueError("a pin names a distribution; an allow-list can ask for its version")
    return text


_Rules = tuple[Annotated[str, AfterValidator(_rule)], ...]


class Settings(Frozen):
    """What one file, or the environment, says of plugins; ``None`` where it says nothing."""

    allow: _Rules | None = None
    block: _Rules = ()
    pins: dict[
        Annotated[str, AfterValidator(_model)], Annotated[str, AfterValidator(_distribution)]
    ] = {}
    strict: StrictBool | None = None
    hook_failures: Literal["warn", "fail"] | None = None


class _File(Frozen):
    plugins: Settings = Settings()


@dataclass(frozen=True)
class Source:
    """Somebody's settings, and how messages call them."""

    name: str
    settings: Settings


def read_policy(environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Policy:
    """Return what the environment and the files say together.

    Args:
        environ: The variables; those of the process by default.
        cwd: Where a project's file is looked for; the working directory by default.

    Raises:
        ConfigError: If a variable or a file cannot be read; file, key and what is allowed are
            named.
    """
    variables = os.environ if environ is None else environ
    environment = _from_variables(variables)
    files = [Source(str(path), read_settings(path)) for path in settings_files(variables, cwd=cwd)]
    return merge(environment, files)


def merge(environment: Settings, files: Sequence[Source]) -> Policy:
    """Join settings into one policy; of the files, those of the user come first."""
    policy = Policy()
    policy.sources = tuple(source.name for source in files)
    policy.block = tuple(
        Rule.parse(text, name)
        for name, texts in [
            ("ZOO_BLOCK", environment.block),
            *((f"plugins.block in {source.name}", source.settings.block) for source in files),
        ]
        for text in texts
    )
    lists = [(f"plugins.allow in {source.name}", source.settings.allow) for source in files]
    if environment.allow is not None:
        lists = [("ZOO_ALLOW", environment.allow)]
    policy.allow = tuple(
        (name, tuple(Rule.parse(text, name) for text in texts))
        for name, texts in lists
        if texts is not None
    )
    for name, pins in [
        ("ZOO_PIN", environment.pins),
        *((f"plugins.pins in {source.name}", source.settings.pins) for source in files),
    ]:
        for model, distribution in pins.items():
            found = Pin(Rule.parse(distribution).distribution, name)
            policy.pins.setdefault(model, found)
    policy.strict = (
        any(source.settings.strict for source in files)
        if environment.strict is None
        else environment.strict
    )
    policy.hook_failures = _hook_failures(environment, files)
    return policy


def _hook_failures(environment: Settings, files: Sequence[Source]) -> HookFailures:
    if environment.hook_failures is not None:
        return environment.hook_failures
    if environment.strict:
        return "fail"
    for settings in (source.settings for source in files):
        strict = settings.strict and environment.strict is None
        if (settings.hook_failures or ("fail" if strict else "warn")) == "fail":
            return "fail"
    return "warn"


def settings_files(environ: Mapping[str, str], *, cwd: Path | None = None) -> list[Path]:
    """Return the files that are read: the user's, then the project's; or the one chosen.

    Raises:
        ConfigError: If ``ZOO_CONFIG`` names no file.
    """
    chosen = environ.get("ZOO_CONFIG")
    if chosen is not None:
        path = Path(chosen).expanduser()
        if chosen and not path.is_file():
            raise ConfigError(
                f"there is no file {chosen}",
                findings=[Finding("ZOO_CONFIG", chosen, f"the path of a {FILE}, or nothing")],
                fix="unset ZOO_CONFIG",
            )
        return [path] if chosen else []
    home = environ.get("HOME") or environ.get("USERPROFILE")
    config = environ.get("XDG_CONFIG_HOME") or (Path(home) / ".config" if home else None)
    found = [] if config is None else [Path(config) / "zoo" / FILE]
    found = [path for path in found if not _is_absent(path)]
    try:
        here = Path.cwd() if cwd is None else cwd
    except OSError:  # the working directory was removed
        return found
    project = _project_file(here)
    if project is not None and project not in found:
        found.append(project)
    return found


def _project_file(here: Path) -> Path | None:
    """Return the nearest file from a folder up to the root of the repository that it is in."""
    folders = [here, *here.parents]
    root = next((at for at, folder in enumerate(folders) if not _is_absent(folder / ".git")), 0)
    return next((f / FILE for f in folders[: root + 1] if not _is_absent(f / FILE)), None)


def _is_absent(path: Path) -> bool:
    """Return whether there is nothing of that name. What cannot be looked at may be there."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def read_settings(path: Path) -> Settings:
    """Read and check one ``zoo.toml``.

    Raises:
        ConfigError: With the file, the key, and what is allowed.
    """
    import tomllib

    fix = f"repair {path}, or leave it out with ZOO_CONFIG="
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise ConfigError(
                f"{path} cannot be read",
                why=f"it is no file, or larger than {MAX_BYTES} bytes",
                fix=fix,
            )
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read", why=str(error), fix=fix) from error
    return validate(_File, data, what=str(path), fix=fix).plugins


def _from_variables(environ: Mapping[str, str]) -> Settings:
    pins: dict[str, str] = {}
    for pin in _words(environ.get("ZOO_PIN", "")):
        model, _, distribution = pin.partition("=")
        try:
            pins[_model(model)] = _distribution(distribution)
        except ValueError as error:
            raise _unreadable("ZOO_PIN", pin, "model=distribution, commas between") from error
    said = environ.get("ZOO_HOOK_FAILURES", "")
    choices: dict[str, HookFailures | None] = {"": None, "warn": "warn", "fail": "fail"}
    if said not in choices:
        raise _unreadable("ZOO_HOOK_FAILURES", said, "warn or fail")
    strict = environ.get("ZOO_STRICT")
    # All of it is checked by now, and a schema that no file needs takes 50 ms to build.
    return Settings.model_construct(
        allow=_rules("ZOO_ALLOW", environ.get("ZOO_ALLOW")),
        block=_rules("ZOO_BLOCK", environ.get("ZOO_BLOCK")) or (),
        pins=pins,
        strict=None if strict is None else strict.lower() not in ("", "0", "false", "no"),
        hook_failures=choices[said],
    )


def _rules(variable: str, text: str | None) -> tuple[str, ...] | None:
    """Return the rules of a variable, or ``None`` if it is not set."""
    if text is None:
        return None
    words = _words(text)
    for word in words:
        try:
            Rule.parse(word)
        except ValueError as error:
            raise _unreadable(variable, word, f"{RULE_FORM}, commas between") from error
    return tuple(words)


def _unreadable(variable: str, received: str, allowed: str) -> ConfigError:
    examples = {
        "ZOO_PIN": "cnn=neural-zoo",
        "ZOO_HOOK_FAILURES": "warn",
    }
    return ConfigError(
        f"{variable} cannot be read",
        findings=[Finding(variable, received, f"expected {allowed}")],
        fix=f"export {variable}={examples.get(variable, 'neural-zoo,zoo-softmax==1.2')}",
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


__all__ = ["FILE", "Settings", "Source", "merge", "read_policy", "read_settings", "settings_files"]
