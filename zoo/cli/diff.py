"""``zoo diff``: what changed between two artifacts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Json, example
from zoo.cli.output import emit, emit_json, plain, table

DIFFERENT = 1
"""The exit code when something differs, as that of ``diff`` and ``cmp``."""

_SHOWN = 48


def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="An artifact: exports/NAME/VERSION.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    as_json: Json = False,
) -> None:
    """Explain what changed between two artifacts.

    Weights, graph, interface, configuration, data, metrics, metadata. Exits with 0 if they are the
    same, with 1 if they differ. Needs no Keras.
    """
    import zoo

    report = plain(zoo.diff(before, after))
    if as_json:
        emit_json(report)
    elif report["same"]:
        emit("the same")
    else:
        emit("\n\n".join(_sections(report)))
    if not report["same"]:
        raise typer.Exit(DIFFERENT)


def _sections(report: dict[str, Any]) -> list[str]:
    """Return a titled table for each kind of difference, and what is alike in one line."""
    rows: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {
        "metrics": (
            ("metric", "before", "after", "difference", ""),
            [
                (
                    change["name"],
                    _figure(change["before"]),
                    _figure(change["after"]),
                    _figure(change["difference"], "+.4g"),
                    change["noise"],
                )
                for change in report["metrics"]
            ],
        ),
        "weights": (
            ("signature", "constant", "before", "after", "largest difference", "changed"),
            [
                (
                    change["signature"],
                    change["name"],
                    change["before"] or "-",
                    change["after"] or "-",
                    _figure(change["largest"], ".2e"),
                    _figure(change["changed"], ".0%"),
                )
                for change in report["weights"]
            ],
        ),
        "graph": (
            ("signature", "operators added", "operators removed", ""),
            [
                (
                    change["signature"],
                    _counts(change["added"]),
                    _counts(change["removed"]),
                    "the same operators, set or joined otherwise" if change["rewired"] else "",
                )
                for change in report["graph"]
            ],
        ),
    }
    for name in ("interface", "config", "data", "metadata", "proof", "files"):
        rows[name] = (
            ("what", "before", "after"),
            [
                (change["what"], _short(change["before"]), _short(change["after"]))
                for change in report[name]
            ],
        )
    parts = [f"{name}\n{table(header, found)}" for name, (header, found) in rows.items() if found]
    alike = [name for name, (_, found) in rows.items() if not found]
    return [*parts, f"alike: {', '.join(alike)}"] if alike else parts


def _counts(operators: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in operators.items()) or "-"


def _figure(value: float | None, form: str = ".4g") -> str:
    return "-" if value is None else format(value, form)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def add_commands(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("diff", epilog=example("zoo diff exports/cnn/1 exports/cnn/2"))(diff)


__all__ = ["DIFFERENT", "add_commands", "diff"]
