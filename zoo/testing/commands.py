"""Checks of commands: listing, import, help."""

from __future__ import annotations

import functools

import click

from zoo.api.catalog import list_commands, load_command
from zoo.testing.checks import CheckGroup, Measured, Skipped, expect
from zoo.testing.import_probe import (
    expect_light,
    expect_no_effects,
    expect_unlisted,
    trace_import,
)
from zoo.testing.subject import Subject

GROUP = CheckGroup("command", kind="command")


class CommandSubject(Subject):
    """A command of an installed package.

    Raises:
        RegistryError: If there is no such command, or it is broken.
    """

    kind = "command"
    group = "zoo.commands"

    @functools.cached_property
    def command(self) -> click.Command:
        """The command."""
        return load_command(self.name)


@GROUP.check(
    why="`zoo --help` lists every command, and must not run the code of any package for it.",
    fix="Announce the command by an entry point alone; keep its module out of hooks and datasets.",
)
def listed(subject: CommandSubject) -> Measured:
    """It is listed under its own name, and listing imports nothing of it."""
    expect(subject.provider.name in list_commands(), "a command that is listed", "none")
    expect_unlisted(subject.entry_point[0])
    expect(
        subject.command.name == subject.provider.name,
        f"a command with the name of its entry point, {subject.provider.name!r}",
        repr(subject.command.name),
    )
    return {"name": subject.provider.name}


@GROUP.check(
    why="The help of a command must be quick, also where no framework is installed.",
    fix="Import frameworks, arrays and your own modules inside the function.",
)
def light_import(subject: CommandSubject) -> Measured:
    """Importing its module imports no framework, changes nothing and prints nothing."""
    trace = trace_import(*subject.entry_point)
    expect_light(trace)
    expect_no_effects(trace)
    return {"frameworks": 0}


@GROUP.check(
    why="The help text is the documentation that every user has.",
    fix="Begin the docstring with a line that says what the command does, and repeat it as its "
    "`summary` in the catalog.",
)
def help(subject: CommandSubject) -> Measured:  # noqa: A001 - the name of the check
    """Its help works, and begins with the summary that is listed."""
    from click.testing import CliRunner

    done = CliRunner().invoke(subject.command, ["--help"], prog_name=f"zoo {subject.name}")
    expect(done.exit_code == 0, "exit code 0 of --help", f"{done.exit_code}: {done.exception!r}")
    first = (subject.command.help or "").strip().partition("\n")[0]
    expect(first, "a docstring of the command", "none")
    summary = list_commands()[subject.provider.name]
    expect(summary in ("", first), f"the summary {first!r} in the catalog", repr(summary))
    return {"summary": first}


@GROUP.check(
    why="An option that is not explained is found by trial.",
    fix="Give every option and argument `help=...`.",
)
def options(subject: CommandSubject) -> Measured:
    """Every option and argument is explained."""
    if not subject.command.params:
        raise Skipped("it has no options and no arguments")
    missing = [
        str(one.name)
        for one in subject.command.params
        if not (getattr(one, "help", "") or "").strip()
    ]
    expect(not missing, "help of every option and argument", f"none of {', '.join(missing)}")
    return {"options": len(subject.command.params)}
