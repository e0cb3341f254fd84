"""``zoo plugins`` and ``zoo doctor``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from zoo import console


@click.command("plugins", epilog=console.example("zoo plugins --verify --strict"))
@click.option(
    "--verify", is_flag=True, help="Compare every file with its RECORD; exit with 1 if one differs."
)
@click.option(
    "--strict",
    is_flag=True,
    help="Try each, and fail if one is broken or contested, or denied without a rule.",
)
@console.json_option
def plugins(verify: bool, strict: bool, as_json: bool) -> None:
    """List the installed plugins.

    With their version, location and the rule that allows or denies each. Nothing is imported.
    """
    import zoo
    from zoo.api.plugins import require_order

    rows = zoo.plugins(verify_files=verify, examine=strict)
    if as_json:
        console.emit_json(rows)
    elif rows:
        _show_plugins(rows)
    else:
        console.note(
            "no plugin is installed; pip install --force-reinstall neural-zoo brings the zoo's own"
        )
    if strict:
        require_order(rows)
    if any(row.files in {"differs", "no record"} for row in rows):
        raise click.exceptions.Exit(1)


def _show_plugins(rows: Sequence[Any]) -> None:
    from zoo.api.catalog import registry

    # A narrow terminal cuts the end of a line, so the decision comes before the location.
    columns = ["name", "kind", "verdict", "distribution", "version"]
    columns += ["files"] if any(row.files for row in rows) else []
    columns += ["rule", "editable", "location"]
    found = console.plain(rows)
    console.emit(console.table(columns, [[_cell(row[name]) for name in columns] for row in found]))
    for distribution, faults in {row.distribution: row.faults for row in rows}.items():
        for fault in faults:
            console.emit(f"{distribution}: {console.printable(fault)}")
    sources = registry().policy.sources
    if sources:
        console.note(f"rules are in {', '.join(sources)}")
    if any(row.files == "editable" for row in rows):
        console.note("editable: the code lies in a working folder, which RECORD does not list")


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@click.command("doctor", epilog=console.example("zoo doctor"))
@click.option("--retry", is_flag=True, help="Forget which plugins failed, and try them again.")
@console.json_option
def doctor(retry: bool, as_json: bool) -> None:
    """Find problems of this installation.

    Each problem comes with a command that solves it. Exits with 1 if there is any.
    """
    import zoo

    findings = console.plain(zoo.doctor(retry=retry))
    healthy = all(finding["status"] != "fail" for finding in findings)
    if as_json:
        console.emit_json({"healthy": healthy, "findings": findings})
    else:
        colors = {"ok": "green", "warn": "yellow", "fail": "red"}
        for finding in findings:
            status = finding["status"]
            console.emit(f"{console.paint(f'{status:4}', colors[status])}  {finding['what']}")
            if finding.get("fix"):
                console.emit(f"      try: {finding['fix']}")
    if not healthy:
        raise click.exceptions.Exit(1)
