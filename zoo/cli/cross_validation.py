"""``zoo crossvalidate``: train once a fold, and measure what was not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Data, DataOptions, GroupBy, Json, Settings, example, pairs, settings
from zoo.cli.output import emit, emit_json, note
from zoo.cli.training import scores


def crossvalidate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model, as 'zoo list' names it.")],
    data: Data = None,
    data_option: DataOptions = None,
    folds: Annotated[
        int, typer.Option(min=2, metavar="N", help="Parts to divide the examples into.")
    ] = 10,
    group_by: GroupBy = None,
    seeds: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How often to divide and train everything anew."),
    ] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Passes over the data; the model's recipe if left out."
        ),
    ] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keeps the runs; they are not kept if left out."),
    ] = None,
    set_: Settings = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line a training.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model once a fold, each measured on the fold that it has not seen.

    Early stopping and calibration use a part of the other folds. For CSV files and named tables.
    """
    import zoo

    def watch(row: Any) -> None:
        headline, score = next(iter(row.scores.items()))
        unit = f" {score.unit}" if score.unit else ""
        note(
            f"seed {row.seed} fold {row.fold}: {headline} {score.value:.4g}{unit} on "
            f"{row.examples:,} examples, {row.cpu_seconds:.0f} CPU-seconds"
        )

    done = zoo.crossvalidate(
        name,
        data,
        folds=folds,
        group_by=[column.strip() for column in group_by.split(",")] if group_by else (),
        seeds=seeds,
        data_options=pairs(data_option, option="--data-option"),
        run_dir=run_dir,
        plan={"epochs": epochs} if epochs is not None else None,
        watch=None if quiet else watch,
        **settings(set_),
    )
    if as_json:
        means = {key: score.model_dump(mode="json") for key, score in done.scores.items()}
        emit_json({**done.model_dump(mode="json"), "scores": means})
        return
    emit(scores(done))
    emit(f"\nmeans over {len(done.results)} trainings; in brackets the 95 % interval")


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command(
        "crossvalidate",
        epilog=example(
            "zoo crossvalidate mlp_regressor --data prices.csv --folds 5 --group-by street,city"
        ),
    )(crossvalidate)


__all__ = ["add_commands", "crossvalidate"]
