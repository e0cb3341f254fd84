"""``zoo plugins`` and ``zoo doctor``."""

from __future__ import annotations

import click

from zoo import console


@click.command("plugins", epilog=console.example("zoo plugins --json"))
@console.json_option
def plugins(as_json: bool) -> None:
    """List the installed plugins.

    With their version, location and the rule that allows or denies each. Nothing is imported.
    """
    import zoo
    from zoo.api.catalog import registry

    rows = console.plain(zoo.plugins())
    if as_json:
        console.emit_json(rows)
        return
    # A narrow terminal cuts the end of a line, so the decision comes before the location.
    columns = ["name", "group", "status", "distribution", "version", "reason", "editable"]
    columns += ["location"]
    cells = [[console.brief(row[name]) for name in columns] for row in rows]
    console.emit(console.table(columns, cells))
    sources = registry().policy.sources
    if sources:
        console.note(f"rules are in {', '.join(sources)}")


@click.command("doctor", epilog=console.example("zoo doctor"))
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for the import of each third-party plugin.",
)
@console.json_option
def doctor(timeout: float, as_json: bool) -> None:
    """Find problems of this installation.

    Each problem comes with a command that solves it. Exits with 1 if there is any.
    """
    import zoo

    findings = console.plain(zoo.doctor(timeout=timeout))
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
