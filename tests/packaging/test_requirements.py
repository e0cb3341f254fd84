"""The pinned requirements."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.packaging.support import ROOT, pins

SETS = ("base", "all", "dev", "torch")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", SETS)
def test_a_set_names_no_index_no_host_and_no_path(name):
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        assert "://" not in line
        assert not re.match(r" *-(?!-hash=sha256:[0-9a-f]{64})", line)
        assert not line.startswith(("/", ".", "file:"))


@pytest.mark.parametrize("name", SETS)
def test_every_requirement_has_an_exact_version_and_a_hash(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    joined = re.sub(r" *\\\n *", " ", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE))
    lines = [line for line in joined.splitlines() if line]
    assert lines
    for line in lines:
        assert re.match(r"^[\w.-]+==\S+", line), line
        assert "--hash=sha256:" in line, line


def test_the_sets_agree_and_contain_each_other():
    base, everything, dev = (pins(ROOT / "requirements" / f"{name}.txt") for name in SETS[:3])
    assert base.items() <= everything.items() <= dev.items()


def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        project: dict[str, Any] = tomllib.load(stream)["project"]
    return project


def _extra(name: str) -> set[str]:
    """Return the packages that an extra brings, those of the extras that it names included."""
    found: set[str] = set()
    for line in _project()["optional-dependencies"][name]:
        if inner := re.fullmatch(r"neural-zoo\[(.+)\]", line):
            for extra in inner[1].split(","):
                found |= _extra(extra.strip())
        else:
            found.add(_package(line))
    return found


def _package(requirement: str) -> str:
    return _normal(re.split(r"[<>=!~;\[ ]", requirement)[0])


def _pinned(name: str) -> set[str]:
    return {_normal(pin) for pin in pins(ROOT / "requirements" / f"{name}.txt")}


def test_what_the_project_asks_for_is_pinned():
    assert {_package(line) for line in _project()["dependencies"]} <= _pinned("base")
    assert _extra("all") <= _pinned("all")
    assert _extra("dev") <= _pinned("dev")


def test_all_holds_every_extra_that_users_may_ask_for():
    extras = set(_project()["optional-dependencies"]) - {"all", "dev", "parity"}
    wanted = set().union(*map(_extra, extras))
    assert {"uvicorn", "transformers", "sacrebleu"} <= wanted
    assert _extra("all") == wanted


def test_the_base_set_holds_no_framework():
    names = set(pins(ROOT / "requirements" / "base.txt"))
    assert not names & {"keras", "tensorflow", "onnx", "tf2onnx", "torch", "scikit-learn"}
