"""``zoo sample``: new examples, drawn from a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.options import Json, Seed, example
from zoo.cli.output import emit, emit_json


def sample(
    target: Annotated[
        str, typer.Argument(metavar="RUN|ARTIFACT", help="What draws: a folder of either.")
    ],
    count: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How many; with --given, for each of those."),
    ] = 16,
    steps: Annotated[
        int, typer.Option(min=1, metavar="N", help="How far each chain goes from its start.")
    ] = 1_000,
    given: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Examples in which what is missing is drawn: a .csv, .npy or .npz."
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="The class to draw, of a model that has learned them."),
    ] = None,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A .png, .npz or .csv file; samples.png or samples.csv if left out.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw new examples from a trained model.

    From noise, given a part of an example, or of a class. An artifact draws without Keras.
    """
    import zoo
    from zoo import api

    drawn = zoo.sample(
        target, count, steps=steps, given=given, label=label, seed=0 if seed is None else seed
    )
    spec = drawn.specs[0]
    path = api.write_samples(drawn, out or f"samples{'.png' if spec.is_image else '.csv'}")
    if as_json:
        emit_json({"path": path, "examples": len(drawn), "shape": spec.shape})
        return
    emit(str(path))


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command(
        "sample",
        epilog=example(
            "zoo sample exports/rbm/1 --count 25 --out digits.png",
            "zoo sample runs/rbm-2 --given people.csv --out filled.csv",
        ),
    )(sample)


__all__ = ["add_commands", "sample"]
