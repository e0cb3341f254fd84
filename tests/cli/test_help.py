"""``--help`` is complete, and its examples work."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from zoo.api.catalog import CORE_COMMANDS, list_commands
from zoo.cli import main
from zoo.cli.program import COMMANDS, app


def every_command() -> dict[str, click.Command]:
    """Return every command, those of packages and groups included."""
    found = {}
    with app.make_context("zoo", ["list"], resilient_parsing=True) as context:
        for name in app.list_commands(context):
            command = app.get_command(context, name)
            found[name] = command
            if isinstance(command, click.Group):
                found |= {f"{name} {inner}": one for inner, one in command.commands.items()}
    return found


ALL = every_command()


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert not caught.value.code
    return capsys.readouterr().out


def test_the_commands_are_the_verbs_of_the_zoo():
    verbs = (
        "activations bench build check crossvalidate damage-report datasets demo descend diagnose "
        "diff doctor evaluate export info inspect inspect-data list new plugins predict quantize "
        "report runs sample serve train verify why"
    )
    assert verbs.split() == sorted(name for name in ALL if " " not in name)
    assert sorted(name for name in ALL if " " in name) == ["runs compare", "runs prune"]


SUMMARIES = {name: summary for name, (_, summary) in COMMANDS.items()} | list_commands()


def test_the_doctor_knows_the_commands_of_the_zoo() -> None:
    assert tuple(COMMANDS) == CORE_COMMANDS


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_summary_of_a_command_is_the_first_line_of_its_help(name):
    command = ALL[name]
    assert command.name == name
    assert (command.help or "").splitlines()[0] == SUMMARIES[name]


@pytest.mark.parametrize("command", ALL)
def test_every_command_shows_an_example_that_its_parser_accepts(command, capsys):
    text = help_of(capsys, *command.split())
    examples = re.findall(r"^ *zoo .+$", text.partition("Example:")[2], re.MULTILINE)
    assert examples
    for line in examples:
        program, *words = shlex.split(line)
        assert program == "zoo"
        assert words[: len(command.split())] == command.split()
        accept(app, words)


def accept(parser, words):
    """Let a parser read words, down to the command that they end in."""
    name, *rest = words
    with parser.make_context("zoo", [name], resilient_parsing=True) as context:
        command = parser.get_command(context, name)
        if rest and rest[0] in getattr(command, "commands", ()):
            accept(command, rest)
        else:
            command.make_context(name, rest)


@pytest.mark.parametrize("command", ALL)
def test_every_option_and_argument_of_every_command_is_explained(command):
    for parameter in ALL[command].params:
        assert len((getattr(parameter, "help", None) or "").split()) >= 2, parameter


@pytest.mark.parametrize("command", ALL)
def test_every_command_has_json_output(command):
    assert any("--json" in parameter.opts for parameter in ALL[command].params)


def test_help_fits_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for words in ([], *[command.split() for command in ALL]):
        assert all(len(line) <= 100 for line in help_of(capsys, *words).splitlines())


def test_the_version_is_that_of_the_distribution(capsys):
    from importlib.metadata import version

    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"zoo {version('neural-zoo')}"
