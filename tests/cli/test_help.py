"""``--help`` teaches: every command shows how it is called."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from zoo.cli import main
from zoo.cli.program import app

VERBS = sorted(
    [command.name for command in app.registered_commands]
    + [group.name for group in app.registered_groups]
)
INSIDE = sorted(
    f"{group.name} {command.name}"
    for group in app.registered_groups
    for command in group.typer_instance.registered_commands
)
COMMANDS = sorted([*VERBS, *INSIDE])


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert not caught.value.code
    return capsys.readouterr().out


def test_the_commands_are_the_verbs_of_the_zoo():
    verbs = (
        "bench build check crossvalidate damage-report demo diff doctor evaluate export info list "
        "new plugins predict quantize report runs sample serve train verify why"
    )
    assert verbs.split() == VERBS
    assert INSIDE == ["runs compare", "runs prune"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example_that_its_parser_accepts(command, capsys):
    text = help_of(capsys, *command.split())
    examples = re.findall(
        r"^  zoo .+$", text.partition("Example:")[2].replace("    zoo", "  zoo"), re.MULTILINE
    )
    assert examples
    parser = typer.main.get_command(app)
    for line in examples:
        program, *words = shlex.split(line)
        assert program == "zoo"
        assert words[: len(command.split())] == command.split()
        accept(parser, words)


def accept(parser, words):
    """Let a parser read words, down to the command that they end in."""
    name, *rest = words
    with parser.make_context("zoo", [name], resilient_parsing=True) as context:
        command = parser.get_command(context, name)
        if rest and rest[0] in getattr(command, "commands", ()):
            accept(command, rest)
        else:
            command.make_context(name, rest)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_is_explained(command, capsys):
    options = help_of(capsys, *command.split()).partition("Options:")[2]
    options = options.partition("Example:")[0].partition("Commands:")[0]
    entries = re.split(r"^  (?=-)", options, flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert len(entry.split("  ", 1)[-1].split()) >= 2, entry


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_speaks_json(command, capsys):
    assert "--json" in help_of(capsys, *command.split())


def test_help_fits_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for words in ([], *[command.split() for command in COMMANDS]):
        assert all(len(line) <= 100 for line in help_of(capsys, *words).splitlines())


def test_the_version_is_that_of_the_distribution(capsys):
    from importlib.metadata import version

    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"zoo {version('neural-zoo')}"
