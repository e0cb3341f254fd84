"""The command ``zoo damage-report``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo import console


@click.command(
    "damage-report",
    cls=console.FunctionCommand,
    function="zoo_aircraft:damage_report",
    epilog=console.example(
        "zoo damage-report wing.jpg --classifier exports/vgg16_damage/1",
        "zoo damage-report wing.jpg nose.jpg --classifier runs/vgg16_damage-1 --out reports",
    ),
)
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...", help="Image files.")
@click.option(
    "--classifier",
    required=True,
    metavar="RUN|ARTIFACT|NAME",
    help="The damage classifier: the folder of a run or an artifact, or a model.",
)
@click.option(
    "--captioner",
    metavar="RUN|ARTIFACT|NAME",
    help="The captioner that describes each photo. Default: no description.",
)
@click.option(
    "--out",
    type=console.PATH,
    metavar="FOLDER",
    default=Path("damage-report"),
    help="Folder that receives a JSON and an HTML file per photo.",
)
@console.json_option
@console.quiet_frameworks
def damage_report(
    photos: tuple[str, ...], classifier: str, captioner: str | None, out: Path, as_json: bool
) -> None:
    """Report the damage on photos.

    Writes one JSON file and one HTML page per photo. Artifacts need no Keras.
    """
    from zoo_aircraft.report import damage_report as write_reports

    reports = write_reports(list(photos), classifier, captioner=captioner, out=out)
    if as_json:
        console.emit_json(reports)
        return
    rows = [
        (one.damage.image, one.damage.label, f"{one.damage.probability:.4f}", one.page)
        for one in reports
    ]
    console.emit(console.table(("photo", "damage", "probability", "page"), rows))
