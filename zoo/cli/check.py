"""``zoo check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from zoo import console

if TYPE_CHECKING:
    from zoo.testing import Level, Receipt, Result

_COLORS = {"passed": "green", "failed": "red", "xpassed": "red", "skipped": "yellow"}


@click.command("check", epilog=console.example("zoo check cnn --level buildable"))
@click.argument("name", required=False, help="A model, dataset, reader or command of a package.")
@click.option(
    "--level",
    metavar="LEVEL",
    default="gold",
    help="Highest level to check: discoverable, buildable, trainable, exportable, documented, "
    "gold. Each includes those before it.",
)
@click.option(
    "--select", multiple=True, metavar="GLOB", help="Only checks with such ids; repeatable."
)
@click.option("--exclude", multiple=True, metavar="ID=REASON", help="Skip a check; repeatable.")
@click.option(
    "--expect-failure",
    multiple=True,
    metavar="ID=REASON",
    help="Expect a check to fail; repeatable.",
)
@click.option(
    "--receipt",
    type=console.PATH,
    metavar="FILE",
    help="Write the results as JSON, without a date.",
)
@click.option("--list", "only_list", is_flag=True, help="List all checks with their levels.")
@console.json_option
@console.quiet_frameworks
def check(
    name: str | None,
    level: str,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    expect_failure: tuple[str, ...],
    receipt: Path | None,
    only_list: bool,
    as_json: bool,
) -> None:
    """Run the conformance checks of a plugin.

    A model is built, trained, exported and evaluated on a part of its default data; a dataset is
    loaded; a reader opens its example. Exits with 1 if a check fails, or passes that was expected
    to fail; docs/checks.md explains each check.
    """
    from zoo import testing

    if only_list:
        _show_checks(as_json=as_json)
        return
    if name is None:
        raise click.BadParameter("which plugin? 'zoo list' shows the models", param_hint="NAME")
    report = testing.check_plugin(
        name,
        level=cast("Level", level),
        select=select,
        exclude=_reasons(exclude, "--exclude"),
        expected_failures=_reasons(expect_failure, "--expect-failure"),
        progress=None if as_json else _show,
    )
    if receipt is not None:
        report.write(receipt)
    if as_json:
        found = {"ok": report.ok, "cpu_seconds": report.cpu_seconds}
        console.emit_json({**console.plain(report), **found})
    else:
        _summarize(report)
    if not report.ok:
        raise click.exceptions.Exit(1)


def _reasons(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Return ``ID=REASON`` texts as a dictionary; a reason is taken as it is written."""
    found: dict[str, str] = {}
    for text in texts:
        key, given, reason = text.partition("=")
        if not given or not key.strip():
            raise click.BadParameter(f"{text!r} is not ID=REASON", param_hint=option)
        found[key.strip()] = reason.strip()
    return found


def _show_checks(*, as_json: bool) -> None:
    from zoo import testing

    checks = testing.all_checks()
    if as_json:
        keys = ("id", "kind", "level", "title", "why", "fix", "page")
        console.emit_json([{key: getattr(one, key) for key in keys} for one in checks])
        return
    rows: list[tuple[Any, ...]] = [(one.id, one.level or one.kind, one.title) for one in checks]
    console.emit(console.table(("check", "level", "requirement"), rows))


def _show(result: Result) -> None:
    from zoo import testing

    word = console.paint(result.outcome.ljust(7), _COLORS.get(result.outcome, "dim"))
    console.emit(f"{word}  {result.id}" + (f": {result.reason}" if result.reason else ""))
    if result.outcome in ("failed", "xpassed"):
        page = next(one.page for one in testing.all_checks() if one.id == result.id)
        console.emit(f"         see {page}")


def _summarize(report: Receipt) -> None:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items() if count)
    level = f"; level {report.level or 'none'}" if report.plugin.kind == "architecture" else ""
    console.emit(f"{report.plugin.name}: {counts}{level}")
    console.note(f"{report.cpu_seconds:.0f} s of CPU time")
