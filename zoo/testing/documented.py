"""The fifth level: whoever meets it learns what it is, what it takes, what it cannot do."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from zoo.architecture import Architecture
from zoo.testing.checks import CheckGroup, Measured, expect
from zoo.testing.subject import Subject

GROUP = CheckGroup("document", "documented")

WORDS = 3
"""Words that a description has at least."""


@GROUP.check(
    why="`help()` and an editor show docstrings: they are the documentation that is there first.",
    fix="Begin the class, its configuration and each method that it overrides with a sentence that "
    "says what it is or does.",
)
def docstrings(subject: Subject) -> Measured:
    """The class, its configuration and the methods it overrides have docstrings of their own."""
    kind = type(subject.architecture)
    documented: dict[str, Any] = {
        kind.__name__: kind.__dict__.get("__doc__"),
        kind.Config.__name__: kind.Config.__dict__.get("__doc__"),
    }
    for name, member in vars(kind).items():
        if inspect.isfunction(member) and not name.startswith("_") and hasattr(Architecture, name):
            documented[f"{kind.__name__}.{name}"] = member.__doc__
    missing = [name for name, text in documented.items() if len((text or "").split()) < WORDS]
    expect(not missing, "a docstring for each", f"none for {', '.join(missing)}")
    return {"docstrings": len(documented)}


@GROUP.check(
    why="`zoo info NAME` and the documentation of the command line are made from these.",
    fix="`Field(default, description=...)` for every field, with its unit, also of nested models.",
)
def fields(subject: Subject) -> Measured:
    """Every field of its configuration says what it is."""
    schema = subject.architecture.Config.model_json_schema()
    described = list(_fields(schema))
    missing = [name for name, text in described if len(text.split()) < 1]
    expect(not missing, "a description of every field", f"none of {', '.join(missing[:8])}")
    return {"fields": len(described)}


@GROUP.check(
    why="Who wants to understand a model, or to cite it, needs to know where it comes from.",
    fix="Name in `info.references` the papers or books: authors, year, title.",
)
def references(subject: Subject) -> Measured:
    """It names a paper or a book that it comes from."""
    found = subject.architecture.info.references
    expect(found, "one reference at least in info.references", "none")
    short = [text for text in found if len(text.split()) < WORDS]
    expect(not short, "authors, year and title of each reference", short)
    return {"references": len(found)}


@GROUP.check(
    why="A model is used for what it cannot do, if nobody says so.",
    fix="Say in `info.limits`, a sentence each, what it should not be used for.",
)
def limits(subject: Subject) -> Measured:
    """It says what it cannot do, in sentences."""
    found = subject.architecture.info.limits
    expect(found, "one limit at least in info.limits", "none")
    short = [text for text in found if len(text.split()) < WORDS or not text.endswith(".")]
    expect(not short, "whole sentences", short)
    return {"limits": len(found)}


@GROUP.check(
    why="The card is what people get who are given an artifact and nothing else.",
    fix="Fill in `info.summary`, `info.license` and `info.limits`, and let each output of a "
    "`Signature` say its unit, its range or what it means (`inside`).",
)
def card(subject: Subject) -> Measured:
    """The card of its artifact says what it is, its license, its limits, and how it is called."""
    text = " ".join((subject.artifact.path / "card.md").read_text("utf-8").split())
    info = subject.architecture.info
    wanted = {
        "the summary": info.summary,
        "the license": info.license,
        **{f"the limit {limit[:40]!r}": limit for limit in info.limits},
        **{
            f"the signature {graph['signature']!r}": f"`{graph['signature']}`"
            for graph in subject.artifact.manifest["graphs"]
        },
    }
    missing = [what for what, said in wanted.items() if " ".join(said.split()) not in text]
    expect(not missing, "a complete card", f"one without {', '.join(missing)}")
    return {"signatures": len(subject.artifact.manifest["graphs"])}


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return the name and the description of every field; of a group, its own docstring counts."""
    kinds = schema.get("$defs", {})
    for kind, part in ((schema.get("title", ""), schema), *kinds.items()):
        for name, about in part.get("properties", {}).items():
            text = about.get("description", "")
            reference = about.get("$ref") or next(
                (one["$ref"] for one in about.get("allOf", ()) if "$ref" in one), ""
            )
            if not text and reference:
                text = kinds.get(reference.rpartition("/")[2], {}).get("description", "")
            yield f"{kind}.{name}", text
