"""``zoo train`` and ``zoo evaluate``: learn, and measure what was learned."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal, cast, get_args

import typer

from zoo.cli.options import (
    Data,
    DataOptions,
    GroupBy,
    Json,
    OtherData,
    Seed,
    Settings,
    example,
    pairs,
    settings,
)
from zoo.cli.output import emit, emit_json, facts, note, table
from zoo.cli.progress import Progress

_Split = Literal["test", "validation", "train"]


def train(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A model, as 'zoo list' names it.", show_default=False),
    ] = None,
    data: Data = None,
    data_option: DataOptions = None,
    group_by: GroupBy = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Passes over the data; the model's recipe if left out."
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Examples a step; the model's recipe if left out."),
    ] = None,
    seed: Seed = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Stop after so many epochs without a better validation loss.",
        ),
    ] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of the run; runs/NAME-N if left out."),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="STEPS",
            help="Save the state inside an epoch too, every so many steps; else once an epoch.",
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with this run where it stopped.")
    ] = None,
    set_: Settings = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model.

    Ctrl-C or SIGTERM stops it behind a step, and --resume goes on: to the same weights as without
    the stop.
    """
    import zoo

    config = settings(set_)
    options = pairs(data_option, option="--data-option")
    if group_by is not None:
        options.setdefault("group_by", group_by)
    if resume is None and name is None:
        raise typer.BadParameter(
            "which model? 'zoo list' names them; --resume RUN goes on with a run",
            param_hint="NAME",
        )
    if resume is not None and (run_dir is not None or options):
        raise typer.BadParameter(
            "a run goes on in its own folder, on its own data", param_hint="--resume"
        )
    with Progress(quiet=quiet) as progress, _resumable():
        run = zoo.train(
            name,
            data,
            data_options=options or None,
            run_dir=run_dir,
            resume=resume,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            patience=patience,
            plan=None if checkpoint_every is None else {"checkpoint_steps": checkpoint_every},
            progress=progress,
            **config,
        )
    if as_json:
        emit_json({"path": run.path, **run.record})
        return
    emit(run_facts(run))
    note(f"\nnext: zoo evaluate {run.path}\n      zoo export {run.path}")


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    """Say how to go on with the run that a signal ends."""
    import zoo

    started: list[Path] = []

    def remember(run_dir: Path) -> None:
        started.append(run_dir)

    listener = SimpleNamespace(zoo_before_train=zoo.hookimpl(remember))
    zoo.hooks().register(listener)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        for folder in started:
            if zoo.Run(folder).status == "finished":
                note(f"the run was finished before that: {folder}")
            else:
                note(f"stopped; to go on: zoo train --resume {folder}")
        raise
    finally:
        zoo.hooks().unregister(listener)


def evaluate(
    target: Annotated[
        str, typer.Argument(metavar="RUN|ARTIFACT", help="What to measure: a folder of either.")
    ],
    data: OtherData = None,
    data_option: DataOptions = None,
    split: Annotated[
        str, typer.Option(metavar="test|validation|train", help="Which part of the data.")
    ] = "test",
    as_json: Json = False,
) -> None:
    """Measure a trained model.

    On the test split, which training never sees; every example counts once.
    """
    import zoo

    options = pairs(data_option, option="--data-option")
    source: Any = data
    if options:
        if data is None:
            raise typer.BadParameter(
                "it says how to read --data, which is left out", param_hint="--data-option"
            )
        source = zoo.dataset(data, **options)
    if split not in get_args(_Split):
        raise typer.BadParameter(f"{split!r} is none of {get_args(_Split)}", param_hint="--split")
    evaluation = zoo.evaluate(target, source, split=cast("_Split", split))
    if as_json:
        emit_json(evaluation)
        return
    emit(scores(evaluation))
    emit(f"\n{evaluation.examples:,} examples; in brackets the 95 % interval")


def report(
    target: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write; RUN/report.html if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the report of a run: one page with its curves, scores and mistakes.

    The scores and the mistakes are there once the run was evaluated.
    """
    from zoo import api

    page = api.write_report(target, out)
    if as_json:
        emit_json({"path": page})
        return
    emit(str(page))


def run_facts(run: Any) -> str:
    """Return what a person wants to know of a finished run."""
    record = run.record
    best = ", ".join(
        f"{metric} {value:.4f}"
        for metric, value in record["best"].items()
        if metric.startswith("val_")
    )
    return facts(
        (
            ("run", run.path),
            ("status", record["status"]),
            ("parameters", f"{record['parameters']:,}"),
            ("epochs", f"{record['epochs_done']} (best: {record['best_epoch']})"),
            ("validation", best),
            ("seconds", f"{record['seconds']:.1f}"),
            ("stopped because", record.get("stopped_because")),
        )
    )


def scores(evaluation: Any) -> str:
    """Return the scores of an evaluation as a table."""
    rows = []
    for name, score in evaluation.scores.items():
        known = score.low is not None and score.high is not None
        interval = f"[{_figure(score.low)}, {_figure(score.high)}]" if known else ""
        unit = f" {score.unit}" if score.unit else ""
        rows.append((name.replace("_", " "), _figure(score.value) + unit, interval))
    return table(("score", "value", "interval"), rows)


def _figure(value: float) -> str:
    """Return a number with four digits that say something."""
    return f"{value:.4g}" if 0 < abs(value) < 0.01 else f"{value:.4f}"


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command(
        "train",
        epilog=example(
            "zoo train cnn --data photos/ --data-option image_size=32 --set dropout=0.3",
            "zoo train --resume runs/cnn-1",
        ),
    )(train)
    app.command("evaluate", epilog=example("zoo evaluate runs/cnn-1 --json"))(evaluate)
    app.command("report", epilog=example("zoo report runs/cnn-1"))(report)


__all__ = ["add_commands", "evaluate", "report", "run_facts", "scores", "train"]
