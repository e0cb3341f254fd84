"""The pinned requirements."""

from __future__ import annotations

import re
import tomllib

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


def test_what_the_project_asks_for_is_pinned():
    with (ROOT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "base": project["dependencies"],
        "all": [line for name in ("keras", "datasets", "report") for line in extras[name]],
        "dev": [line for line in extras["dev"] if not line.startswith("neural-zoo")],
    }
    for name, lines in wanted.items():
        names = {_normal(pin) for pin in pins(ROOT / "requirements" / f"{name}.txt")}
        assert {_normal(re.split(r"[<>=!~;\[ ]", line)[0]) for line in lines} <= names


def test_the_base_set_holds_no_framework():
    names = set(pins(ROOT / "requirements" / "base.txt"))
    assert not names & {"keras", "tensorflow", "onnx", "tf2onnx", "torch", "scikit-learn"}
