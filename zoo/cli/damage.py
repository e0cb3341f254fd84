"""``zoo damage-report``: photos, a classifier and a captioner, put together for a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.options import Json, example
from zoo.cli.output import emit, emit_json, table


def damage_report(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTO", help="Picture files.")],
    classifier: Annotated[
        str,
        typer.Option(
            metavar="RUN|ARTIFACT|NAME",
            help="What says which damage: a folder of either, or a model.",
        ),
    ],
    captioner: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|ARTIFACT|NAME",
            help="What describes a photo; nothing is written if left out.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder that receives a JSON and an HTML file.")
    ] = Path("damage-report"),
    as_json: Json = False,
) -> None:
    """Say of each photo what is damaged, and where.

    One JSON file and one page a photo. Artifacts answer without Keras.
    """
    import zoo

    reports = zoo.damage_report(photos, classifier, captioner=captioner, out=out)
    if as_json:
        emit_json(reports)
        return
    rows = [
        (one.damage.photo, one.damage.label, f"{one.damage.probability:.4f}", one.page)
        for one in reports
    ]
    emit(table(("photo", "damage", "probability", "page"), rows))


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command(
        "damage-report",
        epilog=example(
            "zoo damage-report wing.jpg --classifier exports/vgg16_damage/1",
            "zoo damage-report wing.jpg nose.jpg --classifier runs/vgg16_damage-1 --out reports",
        ),
    )(damage_report)


__all__ = ["add_commands", "damage_report"]
