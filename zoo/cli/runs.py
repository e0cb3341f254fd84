"""``zoo runs`` and ``zoo why``: what was trained, and what an artifact was made from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Json, example
from zoo.cli.output import emit, emit_json, note, paint, plain, printable, shortened, size, table

CONTRADICTED = 1
"""The exit code of ``zoo why`` where something is not what the artifact says."""

_SHOWN = 40
"""Columns that one value of a comparison may take."""

_PLACES = ("original", "weights", "run", "data")
"""The links of a trace that lie somewhere."""

_KINDS = ("architecture", "config", "plan", "data", "code", "versions", "host", "outcome", "cost")

Folder = Annotated[
    Path, typer.Option("--in", metavar="FOLDER", help="The folder that the runs lie in.")
]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only runs of this model; * stands for any letters."),
]
Status = Annotated[
    str | None,
    typer.Option(
        metavar="STATUS",
        help="Only those: running, interrupted, finished, stopped, failed, unreadable.",
    ),
]
OnData = Annotated[
    str | None,
    typer.Option(
        metavar="ID|PATH", help="Only those on this data, or with a fingerprint that begins so."
    ),
]

_group = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@_group.callback(
    epilog=example(
        "zoo runs --sort metric --status finished",
        "zoo runs compare runs/cnn-1 runs/cnn-2",
        "zoo runs prune --keep-best 3 --older-than 30d",
    )
)
def runs(
    context: typer.Context,
    folder: Folder = Path("runs"),
    architecture: Model = None,
    status: Status = None,
    data: OnData = None,
    sort: Annotated[
        str,
        typer.Option(metavar="KEY", help="By started, name, status, epochs, metric, cost or size."),
    ] = "started",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of run.json instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List runs: how they ended, what they reached, what they cost.

    A run whose process died is 'interrupted'. An interval in brackets is of 95 %; a value
    of the validation split is marked.
    """
    if context.invoked_subcommand is not None:
        return
    import zoo
    from zoo import api

    if schema:
        emit_json(api.run_schema())
        return
    found = zoo.runs(folder, architecture=architecture, status=status, data=data, sort=sort)
    if as_json:
        emit_json(found)
        return
    if not found:
        note(f"no such runs in {folder}; 'zoo train NAME' makes one")
        return
    emit(
        table(
            ("run", "status", "epochs", "metric", "CPU time", "size", "started", "data"),
            [_row(entry, folder) for entry in found],
        )
    )
    for entry in found:
        if entry.problem:
            note(f"{paint('warning:', 'yellow')} {printable(entry.problem)}")


@_group.command(
    "compare",
    epilog=example("zoo runs compare runs/cnn-1 runs/cnn-2"),
)
def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Two runs or more.")],
    as_json: Json = False,
) -> None:
    """Say in what runs differ.

    Configuration, plan, data, code, versions, machine, outcome, cost. What is equal is left
    out. Scores of the test split have their 95 % interval.
    """
    import zoo

    if len(paths) < 2:
        raise typer.BadParameter("two runs or more are compared", param_hint="RUN...")
    found = zoo.compare(*paths)
    if as_json:
        emit_json(found)
        return
    header = [path.name or str(path) for path in paths]
    if len(set(header)) < len(header):
        header = [str(path) for path in paths]
    parts = [
        f"{kind}\n{_differences(getattr(found, kind), header)}"
        for kind in _KINDS
        if getattr(found, kind)
    ]
    if found.scores:
        parts.append(f"scores\n{_scores(found.scores, header)}")
    alike = [kind for kind in _KINDS if not getattr(found, kind)]
    if alike:
        parts.append(f"alike: {', '.join(alike)}")
    emit("\n\n".join(parts))
    for notice in found.notices:
        note(f"{paint('notice:', 'yellow')} {printable(notice)}")


@_group.command(
    "prune",
    epilog=example(
        "zoo runs prune --keep-best 3 --older-than 30d",
        "zoo runs prune --status failed --yes",
        "zoo runs prune --checkpoints --yes",
    ),
)
def prune(
    only: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...", help="Only these runs; all if left out.", show_default=False
        ),
    ] = None,
    folder: Folder = Path("runs"),
    keep_best: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Keep the N best of each model on the same data, by the validation split.",
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Only those last worked on before: 12h, 30d, 4w."),
    ] = None,
    architecture: Model = None,
    status: Status = None,
    data: OnData = None,
    checkpoints: Annotated[
        bool,
        typer.Option(
            "--checkpoints", help="Remove only the checkpoints of finished runs, not the runs."
        ),
    ] = False,
    exports: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where artifacts lie: their runs are kept.")
    ] = Path("exports"),
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also what an artifact came from, and files that no run wrote."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove them. Without this nothing is touched.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove runs that every given condition chooses.

    Says what it would remove, and removes it with --yes. A run that a process holds stays, and
    so does one that an artifact came from; links are not followed.
    """
    from zoo import api

    done = api.prune(
        folder,
        only=only or (),
        keep_best=keep_best,
        status=status,
        older_than=older_than,
        architecture=architecture,
        data=data,
        checkpoints=checkpoints,
        exports=exports,
        force=force,
        dry_run=not yes,
    )
    if as_json:
        emit_json({**plain(done), "bytes": done.bytes})
        return
    verb = "removed" if yes else "would go"
    rows = [
        (row.path, row.what, verb if row.removed else "stays", size(row.bytes), row.because)
        for row in done.runs
    ]
    if rows:
        emit(table(("run", "what", "", "size", "because"), rows))
    for notice in done.notices:
        note(f"{paint('notice:', 'yellow')} {printable(notice)}")
    if done.leftovers:
        note(f"{len(done.leftovers)} unfinished removals {'were finished' if yes else 'are left'}")
    gone = sum(row.removed for row in done.runs)
    emit(f"{gone} of {len(done.runs)} {verb}: {size(done.bytes)}")
    if gone and not yes:
        note("nothing was touched; the same command with --yes removes them")


def why(
    artifact: Annotated[
        Path, typer.Argument(metavar="ARTIFACT", help="An artifact: exports/NAME/VERSION.")
    ],
    folder: Folder = Path("runs"),
    run: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Its run, if that lies elsewhere.")
    ] = None,
    data: Annotated[
        bool,
        typer.Option(
            "--data/--no-data", help="Read the data and compare it too: minutes, if it is drawn."
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Say what an artifact was made from.

    Follows it to its run or published weights, to the data, to the configuration, and compares the
    hashes at every link. Exits with 1 if one does not hold. Nothing is downloaded.
    """
    import zoo

    trace = zoo.why(artifact, runs=folder, run=run, data=data)
    if as_json:
        emit_json({**plain(trace), "holds": trace.holds})
    else:
        emit("\n\n".join(_link(link) for link in trace.links))
    if not trace.holds:
        raise typer.Exit(CONTRADICTED)


def _row(entry: Any, folder: Path) -> tuple[object, ...]:
    name = entry.path.relative_to(folder) if entry.path.is_relative_to(folder) else entry.path
    if entry.status == "unreadable":
        return (name, entry.status, "", "", "", size(entry.bytes), "", "")
    reached = ""
    if entry.value is not None:
        reached = f"{entry.metric} {_score(entry.value, entry.low, entry.high, entry.unit)}"
        reached += " (validation)" if entry.split == "validation" else ""
    epochs = f"{entry.epochs} of {entry.planned}"
    when = entry.started[:16].replace("T", " ")
    cost, data = _duration(entry.cpu_seconds), entry.data
    return (name, entry.status, epochs, reached, cost, size(entry.bytes), when, data)


def _differences(rows: Iterable[Any], header: Sequence[str]) -> str:
    return table(("what", *header), [(row.what, *map(_short, row.values)) for row in rows])


def _scores(rows: Iterable[Any], header: Sequence[str]) -> str:
    return table(
        ("score", *header, ""),
        [
            (
                row.name,
                *(
                    "-" if score is None else _score(score.value, score.low, score.high, score.unit)
                    for score in row.scores
                ),
                ", ".join(row.noise),
            )
            for row in rows
        ],
    )


def _link(link: Any) -> str:
    missing = "(not here)" if link.kind in _PLACES else ""
    lines = [f"{link.kind}  {printable(link.where) or missing}".rstrip()]
    for name, value in link.facts.items():
        if link.kind == "config":
            lines += [f"    {printable(str(key))}: {_whole(item)}" for key, item in value.items()]
        elif value is not None and value != {}:
            lines.append(f"    {name}: {_brief(value)}")
    marks = {True: paint("holds", "green"), False: paint("DIFFERS", "red"), None: "not compared"}
    for check in link.checks:
        reason = f": {printable(check.note)}" if check.note else ""
        lines.append(f"    {marks[check.holds]}: {check.what}{reason}")
    return "\n".join(lines)


def _whole(value: Any) -> str:
    return printable(json.dumps(plain(value), ensure_ascii=False))


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} {_short(item)}" for key, item in value.items())
        return shortened(printable(inside), 4 * _SHOWN)
    return printable(str(value))


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    if len(text) == 64 and text.isalnum():
        text = f"{text[:12]}…"
    return shortened(printable(text), _SHOWN)


def _score(value: float, low: float | None, high: float | None, unit: str | None) -> str:
    text = f"{value:.4g}"
    if low is not None and high is not None:
        text += f" [{low:.4g}, {high:.4g}]"
    return f"{text} {unit}" if unit else text


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.add_typer(_group, name="runs")
    app.command("why", epilog=example("zoo why exports/cnn/1"))(why)


__all__ = ["CONTRADICTED", "add_commands", "compare", "prune", "runs", "why"]
