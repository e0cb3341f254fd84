"""Commands that packages bring by entry points."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import zoo
from tests.registry.fakes import install
from zoo.api.catalog import registry
from zoo.cli import main

GREET = """
import click
from zoo import console

@click.command()
@click.argument("name", help="Your name.")
@console.json_option
def greet(name, as_json):
    '''Greet a person.'''
    console.emit_json({"hello": name}) if as_json else console.emit(f"hello {name}")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry.cache_clear()
    yield tmp_path / "site"
    registry.cache_clear()


def add(site: Path, package: str, name: str, code: str, attribute: str = "greet") -> None:
    module = package.replace("-", "_")
    points = {"zoo.commands": {name: f"{module}:{attribute}"}}
    install(site, package, points=points, files={f"{module}.py": code})
    registry.cache_clear()


def run(capsys, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(words)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_a_command_of_a_package_is_listed_without_import_and_imported_when_called(site, capsys):
    add(site, "zoo-greet", "greet", GREET)
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "greet" in out
    assert "zoo_greet" not in sys.modules
    assert run(capsys, "greet", "Ada")[:2] == (0, "hello Ada\n")
    assert json.loads(run(capsys, "greet", "Ada", "--json")[1]) == {"hello": "Ada"}
    assert "Greet a person." in run(capsys, "greet", "--help")[1]


@pytest.mark.parametrize(
    "code",
    ["raise ImportError('no such thing')", "raise SystemExit(0)", "greet = print", ""],
    ids=["import error", "exit", "no command", "no attribute"],
)
def test_a_broken_command_is_a_typed_error_and_breaks_nothing_else(site, capsys, code):
    add(site, "zoo-broken", "greet", code)
    assert run(capsys, "--help")[0] == 0
    assert run(capsys, "list")[0] == 0
    exit_code, _, err = run(capsys, "greet", "Ada")
    assert exit_code == 3
    assert "zoo-broken" in err
    assert "try: " in err


def test_a_command_of_two_packages_is_a_collision_that_a_distribution_resolves(site, capsys):
    add(site, "zoo-one", "greet", GREET)
    add(site, "zoo-two", "greet", GREET)
    code, _, err = run(capsys, "greet", "Ada")
    assert code == 3
    assert "zoo-one" in err
    assert "zoo-two" in err
    assert run(capsys, "zoo-two:greet", "Ada")[:2] == (0, "hello Ada\n")


def test_a_package_cannot_replace_a_command_of_the_zoo(site, capsys):
    add(site, "zoo-greet", "list", GREET)
    code, out, _ = run(capsys, "list", "--json")
    assert code == 0
    assert any(model["name"] == "cnn" for model in json.loads(out))
    assert run(capsys, "zoo-greet:list", "Ada")[:2] == (0, "hello Ada\n")
    code, out, _ = run(capsys, "doctor")
    assert code == 1
    assert "the zoo has a command of that name" in out


TWO_FACES = """
import click
from zoo import console

def greet_all(*names):
    return [f"hello {name}" for name in names]

@click.command(cls=console.FunctionCommand, function="{place}")
@click.argument("names", nargs=-1, help="Your names.")
def greet(names):
    '''Greet people.'''
    console.emit(chr(10).join(greet_all(*names)))
"""


@pytest.fixture
def forget():
    """Forget the functions that a test has found."""
    yield
    for name in ("greet_all", "greet"):
        vars(zoo).pop(name, None)


def test_a_command_of_a_package_may_be_a_function_of_the_zoo_too(site, capsys, forget):
    code = TWO_FACES.replace("{place}", "zoo_greet:greet_all")
    add(site, "zoo-greet", "greet-all", code)
    assert run(capsys, "greet-all", "Ada")[:2] == (0, "hello Ada\n")
    assert zoo.greet_all("Ada", "Alan") == ["hello Ada", "hello Alan"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (GREET, "the command 'zoo greet' is no function"),
        (TWO_FACES.replace("{place}", "zoo_greet:gone"), "has no attribute 'gone'"),
        ("raise ImportError('no such thing')", "no such thing"),
    ],
    ids=["a command alone", "no such function", "a broken package"],
)
def test_a_command_without_a_function_is_no_attribute_of_the_zoo(site, code, reason, forget):
    add(site, "zoo-greet", "greet", code)
    assert not hasattr(zoo, "greet")
    with pytest.raises(AttributeError, match=reason):
        zoo.greet  # noqa: B018 - the access is what fails


def test_the_zoo_s_own_commands_are_functions():
    import zoo_aircraft
    import zoo_inspect

    assert zoo.damage_report is zoo_aircraft.damage_report
    for name in ("activations", "descend", "diagnose", "inspect"):
        assert getattr(zoo, name) is getattr(zoo_inspect, name)


def test_the_commands_of_the_zoo_s_own_packages_have_a_summary_in_the_help(capsys):
    from zoo.registry.catalog import read_catalog
    from zoo.registry.entrypoints import own_catalog_path

    entries = read_catalog(own_catalog_path()).commands
    lines = [line.split(maxsplit=1) for line in run(capsys, "--help")[1].splitlines()]
    assert entries
    for entry in entries:
        assert [entry.name, entry.summary] in lines
