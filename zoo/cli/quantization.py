"""``zoo quantize``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import console
from zoo.errors import QuantizationRejected

_COLUMNS = (
    "method",
    "size",
    "of source",
    "loss (95 % interval)",
    "agreement",
    "largest difference",
    "batch 1",
    "batch 64",
    "cost",
    "result",
)


@click.command(
    "quantize",
    epilog=console.example("zoo quantize exports/cnn/1", "zoo quantize exports/cnn/1 --max-loss 1"),
)
@click.argument("path", type=console.PATH, help="An artifact: exports/NAME/VERSION.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Method to try: optimized, int8_dynamic, int8_static, float16; repeatable. Default: all.",
)
@click.option(
    "--prefer",
    metavar="WHICH",
    default="balanced",
    help="The candidate to prefer: smallest, fastest or balanced.",
)
@click.option(
    "--max-loss",
    type=click.FloatRange(min=0),
    metavar="X",
    default=0.5,
    help="Largest allowed loss of the main metric: percentage points of a share, percent of any "
    "other metric.",
)
@click.option(
    "--min-agreement",
    type=click.FloatRange(min=0, max=1),
    metavar="X",
    default=0.99,
    help="Least share of examples with the same predicted class.",
)
@click.option(
    "--metric", metavar="NAME", help="The main metric. Default: accuracy for a classifier."
)
@console.data_option
@console.data_options_option
@click.option(
    "--out",
    type=console.PATH,
    metavar="FOLDER",
    help="The model repository: it receives NAME_LABEL/VERSION. Default: the artifact's own.",
)
@click.option(
    "--version", type=console.COUNT, metavar="N", help="The version. Default: the next free one."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.01),
    metavar="S",
    default=0.5,
    help="Time to measure the latency of each candidate, per batch size.",
)
@console.json_option
def quantize(
    path: Path,
    methods: tuple[str, ...],
    data: str | None,
    data_option: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Quantize an artifact.

    Tries several methods, and measures size, latency and loss of accuracy. The best variant is
    published, if its loss is small enough. Needs no Keras.
    """
    import zoo

    source = console.open_data(data, data_option)
    try:
        found = zoo.quantize(path, methods=methods or None, data=source, **options)
    except QuantizationRejected as error:
        if error.report is not None and not as_json:
            console.emit(_candidates(console.plain(error.report)))
        raise
    if as_json:
        console.emit_json(found)
        return
    report, published = console.plain(found.report), found.artifact.path
    console.emit(_candidates(report))
    facts = (
        ("artifact", published),
        ("method", report["best"]),
        ("test split", _test(report["test"])),
    )
    console.emit(f"\n{console.facts(facts)}")
    console.note(f"\nnext: zoo verify {published}\n      zoo predict {published} INPUT")


def _candidates(report: dict[str, Any]) -> str:
    """Return the table of the source and all candidates."""
    source = [
        "source",
        console.size(report["source_bytes"]),
        *[""] * 4,
        *[_ms(report["source_ms"], batch) for batch in ("1", "64")],
        "1.00",
        "",
    ]
    rows = [_cells(row, report) for row in report["candidates"]]
    return console.table(_COLUMNS, [source, *rows])


def _cells(row: dict[str, Any], report: dict[str, Any]) -> list[str]:
    found = row["comparison"] or {}
    agreement = found.get("agreement")
    if row["method"] == report["best"]:
        result = "published"
    else:
        result = "accepted" if row["accepted"] else f"rejected: {row['reason']}"
    return [
        row["method"],
        console.size(row["bytes"]) if row["bytes"] is not None else "",
        f"{row['size_ratio']:.2f}" if row["size_ratio"] is not None else "",
        _loss(found) if found else "",
        f"{agreement:.2%}" if agreement is not None else "",
        f"{max(found['max_difference'].values(), default=0.0):.1e}" if found else "",
        _ratio(row["latency_ratio"], "1"),
        _ratio(row["latency_ratio"], "64"),
        f"{row['cost']:.2f}" if row["cost"] is not None else "",
        result,
    ]


def _loss(found: dict[str, Any]) -> str:
    interval = f" ({found['low']:.2f} to {found['high']:.2f})" if found["low"] is not None else ""
    return f"{found['loss']:.2f} {found['unit']}{interval}"


def _test(found: dict[str, Any]) -> str:
    return (
        f"{found['metric']} {found['variant']:.4g}, of the source {found['source']:.4g}, on "
        f"{found['examples']} examples"
    )


def _ratio(ratios: dict[str, float], batch: str) -> str:
    return f"x {ratios[batch]:.2f}" if batch in ratios else ""


def _ms(times: dict[str, float], batch: str) -> str:
    return f"{times[batch]:.3g} ms" if batch in times else ""
