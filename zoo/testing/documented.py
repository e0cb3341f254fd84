"""Checks of the level documented: docstrings, fields, references, limits, card."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from zoo.architecture import Architecture
from zoo.testing.checks import CheckGroup, Measured, expect
from zoo.testing.subject import ModelSubject

GROUP = CheckGroup("document", "documented")

WORDS = 3
"""Least number of words in a description."""


@GROUP.check(
    why="`help()` and editors show docstrings.",
    fix="Add a docstring to the class, its configuration and each method that it overrides.",
)
def docstrings(subject: ModelSubject) -> Measured:
    """The class, its configuration and the methods it overrides have docstrings of their own."""
    kind = type(subject.architecture)
    documented: dict[str, Any] = {
        kind.__name__: kind.__dict__.get("__doc__"),
        kind.Config.__name__: kind.Config.__dict__.get("__doc__"),
    }
    for name, member in vars(kind).items():
        if inspect.isfunction(member) and not name.startswith("_") and hasattr(Architecture, name):
            documented[f"{kind.__name__}.{name}"] = member.__doc__
    missing = [name for name, text in documented.items() if not (text or "").strip()]
    expect(not missing, "a docstring for each", f"none for {', '.join(missing)}")
    short = [name for name, text in documented.items() if len((text or "").split()) < WORDS]
    expect(not short, f"docstrings of {WORDS} words at least", f"fewer for {', '.join(short)}")
    return {"docstrings": len(documented)}


@GROUP.check(
    why="`zoo info NAME` and the documentation of the command line are made from these.",
    fix="`Field(default, description=...)` for every field, with its unit, also of nested models.",
)
def fields(subject: ModelSubject) -> Measured:
    """Every field of its configuration has a description."""
    schema = subject.architecture.Config.model_json_schema()
    described = list(_fields(schema))
    missing = [name for name, text in described if not text.strip()]
    expect(not missing, "a description of every field", f"none of {', '.join(missing[:8])}")
    return {"fields": len(described)}


@GROUP.check(
    why="Users need the source of a model to understand and to cite it.",
    fix="Name in `info.references` the papers or books: authors, year, title.",
)
def references(subject: ModelSubject) -> Measured:
    """It has a reference to a paper or a book."""
    found = subject.architecture.info.references
    expect(found, "one reference at least in info.references", "none")
    short = [text for text in found if len(text.split()) < WORDS]
    expect(not short, "authors, year and title of each reference", short)
    return {"references": len(found)}


@GROUP.check(
    why="Without stated limits, a model is used for tasks that it cannot do.",
    fix="State in `info.limits`, one sentence each, what it should not be used for.",
)
def limits(subject: ModelSubject) -> Measured:
    """It states its limits in sentences."""
    found = subject.architecture.info.limits
    expect(found, "one limit at least in info.limits", "none")
    short = [text for text in found if len(text.split()) < WORDS or not text.endswith(".")]
    expect(not short, "whole sentences", short)
    return {"limits": len(found)}


@GROUP.check(
    why="The model card is the documentation of an artifact.",
    fix="Fill in `info.summary`, `info.license` and `info.limits`, and let each output of a "
    "`Signature` say its unit, its range or what it means (`inside`).",
)
def card(subject: ModelSubject) -> Measured:
    """The card of its artifact states summary, license, limits and signatures."""
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
    """Return the name and description of every field, or the docstring of a nested model."""
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
