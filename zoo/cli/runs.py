"""``zoo runs``, ``runs compare``, ``runs prune`` and ``zoo why``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from zoo import console

CONTRADICTED = 1
"""The exit code of ``zoo why`` if a check of the artifact's origin fails."""

_SHOWN = 40
"""Columns that one value of a comparison may take."""

_PLACES = ("source", "weights", "run", "data")
"""The links of a trace that have a location."""

_folder_option = click.option(
    "--in",
    "folder",
    type=console.PATH,
    metavar="FOLDER",
    default=Path("runs"),
    help="The folder of the runs.",
)
_architecture_option = click.option(
    "--architecture", metavar="NAME", help="Only runs of this model; * is a wildcard."
)
_status_option = click.option(
    "--status",
    metavar="STATUS",
    help="Only with this status: running, interrupted, finished, stopped, failed, unreadable.",
)
_data_option = click.option(
    "--data", metavar="ID|PATH", help="Only on this data, a name or a path; * is a wildcard."
)


@click.group(
    "runs",
    invoke_without_command=True,
    epilog=console.example(
        "zoo runs --sort metric --status finished",
        "zoo runs compare runs/cnn-1 runs/cnn-2",
        "zoo runs prune --keep-best 3 --older-than 30d",
    ),
)
@_folder_option
@_architecture_option
@_status_option
@_data_option
@click.option(
    "--sort",
    metavar="KEY",
    default="started",
    help="By started, name, status, epochs, metric, cost or size.",
)
@click.option("--schema", is_flag=True, help="Print the JSON schema of run.json instead.")
@console.json_option
def runs(folder: Path, schema: bool, as_json: bool, **options: Any) -> None:
    """List, compare and remove runs.

    Shows the status, metric and cost of each run, with 95 % intervals in brackets. A run whose
    process died is 'interrupted'. Values of the validation split are marked.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    import zoo
    from zoo.api.run import run_schema

    if schema:
        console.emit_json(run_schema())
        return
    found = zoo.runs(folder, **options)
    if as_json:
        console.emit_json(found)
        return
    if not found:
        console.note(f"no such runs in {folder}; 'zoo train NAME' makes one")
        return
    header = ("run", "status", "epochs", "metric", "CPU time", "size", "started", "data")
    console.emit(console.table(header, [_row(entry, folder) for entry in found]))
    for entry in found:
        if entry.problem:
            console.warn(entry.problem)


@runs.command("compare", epilog=console.example("zoo runs compare runs/cnn-1 runs/cnn-2"))
@click.argument(
    "paths",
    type=console.PATH,
    metavar="RUN...",
    nargs=-1,
    required=True,
    help="The folders of two or more runs.",
)
@console.json_option
def compare(paths: tuple[Path, ...], as_json: bool) -> None:
    """Compare runs.

    Shows differences in configuration, plan, data, code, versions, machine, outcome and cost, and
    all scores of the test split with 95 % intervals.
    """
    import zoo

    if len(paths) < 2:
        raise click.BadParameter("give two or more runs", param_hint="RUN...")
    found = zoo.compare(*paths)
    if as_json:
        console.emit_json(found)
        return
    header = [path.name or str(path) for path in paths]
    if len(set(header)) < len(header):
        header = [str(path) for path in paths]
    parts: dict[str, Any] = {
        part: (
            ("what", *header),
            [(row.what, *(console.brief(value, _SHOWN) for value in row.values)) for row in rows],
        )
        for part, rows in found.differences.items()
    }
    scores = [(row.name, *map(_score, row.scores), ", ".join(row.noise)) for row in found.scores]
    console.emit(console.comparison({**parts, "scores": (("score", *header, ""), scores)}))
    for notice in found.notices:
        console.warn(notice)


@runs.command(
    "prune",
    epilog=console.example(
        "zoo runs prune --keep-best 3 --older-than 30d",
        "zoo runs prune --status failed --yes",
        "zoo runs prune --checkpoints --yes",
    ),
)
@_folder_option
@click.option(
    "--keep-best",
    type=click.IntRange(min=0),
    metavar="N",
    help="Keep the N best runs of each model on the same data, by the validation split.",
)
@click.option("--older-than", metavar="AGE", help="Only runs last active before: 12h, 30d, 4w.")
@_status_option
@click.option("--checkpoints", is_flag=True, help="Remove only the checkpoints of finished runs.")
@click.option("--yes", is_flag=True, help="Remove them. Without it nothing is removed.")
@console.json_option
def prune(folder: Path, yes: bool, as_json: bool, **options: Any) -> None:
    """Remove the runs that meet all given conditions.

    Shows what would be removed, and removes it with --yes. Runs in use, runs that an artifact came
    from, runs with files that training did not write, and links are kept.
    """
    from zoo.api.runs import prune as prune_runs

    done = prune_runs(folder, dry_run=not yes, **options)
    if as_json:
        console.emit_json({**console.plain(done), "bytes": done.bytes})
        return
    verb = "removed" if yes else "would be removed"
    rows = [
        (row.path, verb if row.removed else "kept", console.size(row.bytes), row.because)
        for row in done.runs
    ]
    if rows:
        console.emit(console.table(("run", "", "size", "because"), rows))
    gone = sum(row.removed for row in done.runs)
    console.emit(f"{gone} of {len(done.runs)} {verb}: {console.size(done.bytes)}")
    if gone and not yes:
        console.note("nothing was removed; the same command with --yes removes them")


@click.command("why", epilog=console.example("zoo why exports/cnn/1"))
@click.argument(
    "artifact", type=console.PATH, metavar="ARTIFACT", help="An artifact: exports/NAME/VERSION."
)
@_folder_option
@click.option("--run", type=console.PATH, metavar="RUN", help="Its run, if that is not in --in.")
@click.option(
    "--data/--no-data",
    default=True,
    help="Compare the data too, which may take minutes.",
)
@console.json_option
@console.quiet_frameworks
def why(artifact: Path, folder: Path, run: Path | None, data: bool, as_json: bool) -> None:
    """Trace an artifact to its origin.

    Finds its run or published weights, its data and its configuration, and compares the hashes at
    every link. Exits with 1 if one differs. Nothing is downloaded.
    """
    import zoo

    trace = zoo.why(artifact, runs=folder, run=run, data=data)
    if as_json:
        console.emit_json({**console.plain(trace), "holds": trace.holds})
    else:
        console.emit("\n\n".join(_link(link) for link in trace.links))
    if not trace.holds:
        raise click.exceptions.Exit(CONTRADICTED)


def _row(entry: Any, folder: Path) -> tuple[object, ...]:
    name = entry.path.relative_to(folder) if entry.path.is_relative_to(folder) else entry.path
    if entry.status == "unreadable":
        return (name, entry.status, "", "", "", console.size(entry.bytes), "", "")
    reached = ""
    if entry.value is not None:
        reached = f"{entry.metric} {_score(entry)}"
        reached += " (validation)" if entry.split == "validation" else ""
    epochs = f"{entry.epochs} of {entry.planned}"
    when = entry.started[:16].replace("T", " ")
    cost, data = _duration(entry.cpu_seconds), entry.data
    return (name, entry.status, epochs, reached, cost, console.size(entry.bytes), when, data)


def _link(link: Any) -> str:
    missing = "(not here)" if link.kind in _PLACES else ""
    lines = [f"{link.kind}  {console.printable(link.where) or missing}".rstrip()]
    for name, value in link.facts.items():
        if link.kind == "config":
            lines += [f"    {console.printable(k)}: {console.brief(v)}" for k, v in value.items()]
        elif value is not None and value != {}:
            lines.append(f"    {name}: {_brief(value)}")
    marks = {
        True: console.paint("holds", "green"),
        False: console.paint("DIFFERS", "red"),
        None: "not compared",
    }
    for check in link.checks:
        reason = f": {console.printable(check.note)}" if check.note else ""
        lines.append(f"    {marks[check.holds]}: {check.what}{reason}")
    return "\n".join(lines)


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} {console.brief(v, _SHOWN)}" for key, v in value.items())
        return console.shortened(console.printable(inside), 4 * _SHOWN)
    return console.printable(str(value))


def _score(score: Any) -> str:
    """Format a score, or the score of a run in a list; a dash for none."""
    return console.score(score.value, score.low, score.high, score.unit) if score else "-"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"
