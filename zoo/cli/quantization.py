"""``zoo quantize``: smaller or faster forms of an artifact, or the reasons why there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Data, DataOptions, Json, example, pairs
from zoo.cli.output import emit, emit_json, facts, note, paint, plain, size, table
from zoo.errors import QuantisationRejected

_COLUMNS = (
    "candidate",
    "size",
    "of original",
    "lost (95 % interval)",
    "same class",
    "largest difference",
    "batch 1",
    "batch 64",
    "cost",
    "verdict",
)


def quantize(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="An artifact: exports/NAME/VERSION.")
    ],
    policy: Annotated[
        str, typer.Option(help="What is preferred: smallest, fastest, or balanced.")
    ] = "balanced",
    max_loss: Annotated[
        float,
        typer.Option(
            min=0,
            help="The most that the main metric may lose: points (hundredths) of a share, percent "
            "of any other metric.",
        ),
    ] = 0.5,
    min_agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of examples with the same class.")
    ] = 0.99,
    candidate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What to try: optimized, int8_dynamic, int8_static, float16; repeat for more. "
            "All if left out.",
        ),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="The main metric; accuracy of a classifier if left out.")
    ] = None,
    data: Data = None,
    data_option: DataOptions = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder that receives NAME_LABEL/VERSION; the artifact's own if left out."
        ),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="The version; the next free one if left out.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, help="How long to time each at each batch size.")
    ] = 0.5,
    keep_failed: Annotated[
        Path | None, typer.Option(help="If it fails, keep what was made in this folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish a smaller or faster form of an artifact.

    Several are tried and measured beside the original; the best is published if it loses next to
    nothing. Needs no Keras.
    """
    import zoo

    source: Any = data
    options = pairs(data_option, option="--data-option")
    if data is not None and options:
        source = zoo.dataset(data, **options)
    elif options:
        raise typer.BadParameter("give the data too: --data", param_hint="--data-option")
    try:
        found = zoo.quantize(
            path,
            out=out,
            policy=policy,
            max_loss=max_loss,
            min_agreement=min_agreement,
            candidates=candidate,
            metric=metric,
            data=source,
            version=version,
            seconds=seconds,
            keep_failed=keep_failed,
        )
    except QuantisationRejected as error:
        if error.report is not None:
            _show(error.report, as_json=as_json)
        raise
    if as_json:
        emit_json(found)
        return
    _show(found.report, as_json=False)
    report = plain(found.report)
    emit()
    emit(
        facts(
            (
                ("artifact", found.artifact.path),
                ("variant", report["winner"]),
                ("test split", _test(report["test"])),
            )
        )
    )
    note(f"\nnext: zoo verify {found.artifact.path}\n      zoo predict {found.artifact.path} INPUT")


def _show(report: Any, *, as_json: bool) -> None:
    """Print everything that was tried."""
    known = plain(report)
    if as_json:
        emit_json({"path": known["published"], "report": known})
        return
    original = [
        "original",
        size(known["original_bytes"]),
        *[""] * 4,
        *[_ms(known["original_ms"], batch) for batch in ("1", "64")],
        "1.00",
        "",
    ]
    emit(table(_COLUMNS, [original, *(_cells(row, known) for row in known["candidates"])]))


def _cells(row: dict[str, Any], report: dict[str, Any]) -> list[str]:
    found = row["comparison"] or {}
    agreement = found.get("agreement")
    if row["candidate"] == report["winner"]:
        verdict = paint("published", "green")
    else:
        verdict = "accepted" if row["accepted"] else f"refused: {row['reason']}"
    return [
        row["candidate"],
        size(row["bytes"]) if row["bytes"] is not None else "",
        f"{row['size_ratio']:.2f}" if row["size_ratio"] is not None else "",
        _lost(found) if found else "",
        f"{agreement:.2%}" if agreement is not None else "",
        f"{max(found['max_difference'].values(), default=0.0):.1e}" if found else "",
        _ratio(row["latency_ratio"], "1"),
        _ratio(row["latency_ratio"], "64"),
        f"{row['cost']:.2f}" if row["cost"] is not None else "",
        verdict,
    ]


def _lost(found: dict[str, Any]) -> str:
    interval = f" ({found['low']:.2f} to {found['high']:.2f})" if found["low"] is not None else ""
    return f"{found['loss']:.2f} {found['unit']}{interval}"


def _test(found: dict[str, Any]) -> str:
    return (
        f"{found['metric']} {found['value']:.4g}, of the original {found['original']:.4g}, on "
        f"{found['examples']} examples"
    )


def _ratio(ratios: dict[str, float], batch: str) -> str:
    return f"x {ratios[batch]:.2f}" if batch in ratios else ""


def _ms(times: dict[str, float], batch: str) -> str:
    return f"{times[batch]:.3g} ms" if batch in times else ""


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command(
        "quantize",
        epilog=example("zoo quantize exports/cnn/1", "zoo quantize exports/cnn/1 --max-loss 1"),
    )(quantize)


__all__ = ["add_commands", "quantize"]
