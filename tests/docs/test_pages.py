"""The pages under docs/, and what every committed text must hold to."""

from __future__ import annotations

import functools
import inspect
import re
import tomllib
from pathlib import Path

import pytest

import zoo.errors
from tests.docs.pages import ROOT, anchors, links, tracked
from zoo.cli.program import INTERNAL_ERROR, app

PAGES = [*tracked("*.md")]
TEXTS = [
    path
    for path in tracked()
    if path.suffix not in {".png", ".npz", ".h5", ".onnx", ".keras", ".gif", ".jpg"}
]
KINDS = [
    kind
    for name in zoo.errors.__all__
    if isinstance(kind := getattr(zoo.errors, name), type) and issubclass(kind, zoo.ZooError)
]


@functools.cache
def _anchors(page: Path) -> set[str]:
    return anchors(page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path):
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in _anchors(target), f"{page.name}: {link}"


def _meaning(kind: type[zoo.ZooError]) -> str:
    first = (inspect.getdoc(kind) or "").splitlines()[0].rstrip(".")
    return re.sub(r"``|:class:`", "`", first)


def test_the_page_of_errors_has_one_line_an_error():
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in text.splitlines()
        if line.startswith("| ZOO-")
    ]
    assert [row[:4] for row in rows] == [
        (
            kind.code,
            f"`{kind.__name__}`",
            str(kind.exit_code),
            _meaning(kind),
        )
        for kind in sorted(KINDS, key=lambda kind: kind.code)
    ]
    assert all(len(row) == 5 and row[4] for row in rows)
    assert f"with {INTERNAL_ERROR} for" in text


def test_no_two_errors_share_a_code():
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)


def test_the_options_and_commands_that_pages_name_exist():
    with app.make_context("zoo", ["list"], resilient_parsing=True) as context:
        commands = {name: app.get_command(context, name) for name in app.list_commands(context)}
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for command in re.findall(r"`(zoo [^`]+)`", page.read_text("utf-8")):
            _, name, *words = command.split()
            if name.startswith("-") or name.isupper():
                continue
            assert name in commands, f"{page.name}: {command}"
            inside = getattr(commands[name], "commands", {})
            asked = inside.get(words[0], commands[name]) if words else commands[name]
            known = {option for parameter in asked.params for option in parameter.opts}
            options = [word for word in words if word.startswith("-")]
            assert set(options) <= known | {"--help"}, f"{page.name}: {command}"


def test_the_changelog_speaks_of_this_version_or_of_what_is_to_come():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    with (ROOT / "pyproject.toml").open("rb") as stream:
        version = tomllib.load(stream)["project"]["version"]
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert titles[0] == "Unreleased" or titles[0].startswith(version)


# Written so that this file does not hold what it looks for.
_FORBIDDEN = {
    "a folder of one machine": re.compile(
        r"(?<![\w./-])/(?:work|home/[a-z]+|root|Users|mnt)/(?!\.\.\.)\w"
    ),
    "the host of a package registry": re.compile(
        r"(?:pypi\.org|pythonhosted|simple/|index-url\s*[= ]\s*http|artifactory|nexus\.)"
    ),
    "a machine's own address": re.compile(r"\b(?:10|192\.168|172\.16)\.\d+\.\d+(?:\.\d+)?\b:\d"),
}


@pytest.mark.parametrize("what", sorted(_FORBIDDEN))
def test_no_committed_text_names(what):
    pattern = _FORBIDDEN[what]
    found = []
    for path in TEXTS:
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)
