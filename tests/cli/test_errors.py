"""Error messages and exit codes of the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

import zoo.errors
from zoo.cli import main, program
from zoo.errors import BadRecord, ConfigError, Finding, MissingExtra, UnknownModel, ZooError


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(words)
    code = caught.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture
def failing(monkeypatch):
    """Make `zoo list` raise what a test wants."""

    def install(error: BaseException) -> None:
        def fail(*_args: object, **_options: object) -> None:
            raise error

        monkeypatch.setattr("zoo.console.emit_json", fail)
        monkeypatch.setattr("zoo.console.table", fail)

    return install


ERRORS = [
    error
    for name in zoo.errors.__all__
    if isinstance(error := getattr(zoo.errors, name), type) and issubclass(error, ZooError)
]


def _make(kind: type[ZooError]) -> ZooError:
    if kind is BadRecord:
        return BadRecord("wrong", file="a.csv", row=3, column="price", fix="repair it")
    if kind is MissingExtra:
        return MissingExtra("training", "keras", "tensorflow")
    return kind("it broke", why="because", fix="zoo doctor")


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_of_the_zoo_exits_with_its_code_and_without_a_traceback(kind, failing, capsys):
    failing(_make(kind))
    assert run("list") == kind.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert kind.code in err
    assert "try: " in err


def test_the_exit_codes_in_the_help_are_those_of_the_errors(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out.partition("Exit codes:")[2].partition("Environment:")[0]
    documented = {int(code) for code in re.findall(r"(?:^|\s{2})(\d+)  \w", text, re.MULTILINE)}
    signals = {130, 143}
    assert documented == {k.exit_code for k in ERRORS} | {0, 2, program.INTERNAL_ERROR} | signals


def test_the_program_documents_the_codes_that_the_errors_document():
    tree = zoo.errors.__doc__
    assert tree is not None
    assert {int(code) for code in re.findall(r"exit (\d+)", tree)} == {
        kind.exit_code for kind in ERRORS
    }


def test_with_json_the_error_is_json_on_standard_error(failing, capsys):
    failing(ConfigError("1 wrong value", findings=[Finding("dropout", 2, "less than 1")]))
    assert run("list", "--json") == 4
    out, err = capsys.readouterr()
    assert out == ""
    error = json.loads(err)
    assert error["error"] == "ConfigError"
    assert error["findings"][0]["where"] == "dropout"


@pytest.mark.parametrize("words", [("--debug", "list"), ("list", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(words, failing):
    failing(UnknownModel("no such model"))
    with pytest.raises(UnknownModel):
        main(words)


def test_an_unexpected_exception_is_an_internal_error_in_three_lines(failing, capsys):
    failing(ZeroDivisionError("division by zero\nand more"))
    assert run("list") == program.INTERNAL_ERROR
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in err
    assert "a fault of the zoo" in err
    assert "--debug" in err
    assert len(err.splitlines()) == 3


@pytest.mark.parametrize(("package", "extra"), [("keras.layers", "keras"), ("sklearn", "datasets")])
def test_an_optional_package_that_a_plugin_misses_is_named_with_its_extra(
    package, extra, failing, capsys
):
    failing(ModuleNotFoundError(f"No module named {package!r}", name=package))
    assert run("list") == MissingExtra.exit_code
    assert f'pip install "neural-zoo[{extra}]"' in capsys.readouterr().err


def test_a_package_that_the_zoo_does_not_know_is_an_internal_error(failing):
    failing(ModuleNotFoundError("No module named 'odd'", name="odd"))
    assert run("list") == program.INTERNAL_ERROR


def test_an_interrupt_exits_as_shells_expect(failing, capsys):
    failing(KeyboardInterrupt())
    assert run("list") == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("list", "--frobnicate"),
        ("info",),
        ("train",),
        ("build", "cnn", "--set", "x"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_exits_with_2_and_points_to_help(words, capsys):
    assert run(*words) == 2
    assert "-h" in capsys.readouterr().err


def test_no_words_at_all_show_the_help(capsys):
    run()
    out, err = capsys.readouterr()
    assert "Commands:" in out + err


def test_a_closed_pipe_ends_the_program_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-c", "from zoo.cli import main; main(['list', '--json'])"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_errors_are_plain_where_colors_are_unwanted(name, monkeypatch, failing, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv(name, "dumb")
    failing(UnknownModel("no such model"))
    run("list")
    assert "\x1b" not in capsys.readouterr().err


def test_errors_are_colored_on_a_terminal(monkeypatch, failing, capsys):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    failing(UnknownModel("no such model"))
    run("list")
    assert "\x1b[31merror:" in capsys.readouterr().err


def test_an_unknown_command_suggests_the_nearest_ones(capsys):
    assert run("trian") == 2
    err = capsys.readouterr().err
    assert "No such command 'trian'" in err
    assert "train" in err
