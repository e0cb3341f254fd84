"""``zoo check``: what is expected of an architecture, and whether it is so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli.options import Json, example
from zoo.cli.output import emit, emit_json, note, paint, plain, table

if TYPE_CHECKING:
    from zoo.testing import Report, Result

_COLORS = {"passed": "green", "failed": "red", "xpassed": "red", "skipped": "yellow"}


def check(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A model, as 'zoo list' names it.", show_default=False),
    ] = None,
    level: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="How far to go: discoverable, buildable, trainable, exportable, documented, "
            "gold. Each asks for all before it.",
        ),
    ] = "gold",
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only checks with such ids; repeat for more."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="ID=REASON", help="Leave a check out, and say why; repeat for more."),
    ] = None,
    expect_failure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=REASON", help="A check is known to fail, and why; repeat for more."
        ),
    ] = None,
    receipt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what was found as JSON, without a date."),
    ] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Show every check with its level, and make none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check that an architecture does what every architecture should.

    It is found, built, trained, exported and measured on a part of its default data. Exits with 1
    if a check fails, or passes that was expected to fail; docs/checks.md says how to repair it.
    """
    from zoo import testing

    if only_list:
        _show_checks(as_json=as_json)
        return
    if name is None:
        raise typer.BadParameter("which model? 'zoo list' shows the names", param_hint="NAME")
    report = testing.check_architecture(
        name,
        level=level,  # type: ignore[arg-type]  # checked there, with the levels in the message
        select=tuple(select or ()),
        exclude=_reasons(exclude, "--exclude"),
        expected_failures=_reasons(expect_failure, "--expect-failure"),
        progress=None if as_json else _show,
    )
    if receipt is not None:
        report.receipt().write(receipt)
    if as_json:
        emit_json({**plain(report.receipt()), "ok": report.ok, "cpu_seconds": report.cpu_seconds})
    else:
        _summarize(report)
    if not report.ok:
        raise typer.Exit(1)


def _reasons(texts: list[str] | None, option: str) -> dict[str, str]:
    """Return ``ID=REASON`` texts as a dictionary; a reason is taken as it is written."""
    found: dict[str, str] = {}
    for text in texts or ():
        key, given, reason = text.partition("=")
        if not given or not key.strip():
            raise typer.BadParameter(f"{text!r} is not ID=REASON", param_hint=option)
        found[key.strip()] = reason.strip()
    return found


def _show_checks(*, as_json: bool) -> None:
    from zoo import testing

    checks = testing.all_checks()
    if as_json:
        keys = ("id", "level", "title", "why", "fix", "page")
        emit_json([{key: getattr(one, key) for key in keys} for one in checks])
        return
    rows: list[tuple[Any, ...]] = [(one.id, one.level, one.title) for one in checks]
    emit(table(("check", "level", "what is expected"), rows))


def _show(result: Result) -> None:
    from zoo import testing

    word = paint(result.outcome.ljust(7), _COLORS.get(result.outcome, "dim"))
    emit(f"{word}  {result.id}" + (f": {result.reason}" if result.reason else ""))
    if result.outcome in ("failed", "xpassed"):
        page = next(one.page for one in testing.all_checks() if one.id == result.id)
        emit(f"         see {page}")


def _summarize(report: Report) -> None:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items() if count)
    emit(f"{report.architecture.name}: {counts}; level {report.level or 'none'}")
    note(f"{report.cpu_seconds:.0f} s of CPU time")


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command("check", epilog=example("zoo check cnn --level buildable"))(check)


__all__ = ["add_commands", "check"]
