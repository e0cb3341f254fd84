"""``zoo quantize``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import console
from zoo.errors import QuantizationRejected

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


@click.command(
    "quantize",
    epilog=console.example("zoo quantize exports/cnn/1", "zoo quantize exports/cnn/1 --max-loss 1"),
)
@click.argument("path", type=console.PATH, help="An artifact: exports/NAME/VERSION.")
@click.option(
    "--policy",
    metavar="POLICY",
    default="balanced",
    help="Prefer the smallest, the fastest, or a balanced candidate.",
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
    "--candidate",
    multiple=True,
    metavar="NAME",
    help="Candidate to try: optimized, int8_dynamic, int8_static, float16; repeatable. "
    "Default: all.",
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
    help="Time to measure each candidate for, per batch size.",
)
@click.option(
    "--keep-failed",
    type=console.PATH,
    metavar="FOLDER",
    help="Keep the files of a failed publication in this folder.",
)
@console.json_option
def quantize(
    path: Path,
    policy: str,
    max_loss: float,
    min_agreement: float,
    candidate: tuple[str, ...],
    metric: str | None,
    data: str | None,
    data_option: tuple[str, ...],
    out: Path | None,
    version: int | None,
    seconds: float,
    keep_failed: Path | None,
    as_json: bool,
) -> None:
    """Quantize an artifact.

    Several candidates are compared with the original. The best is published, if its loss of
    accuracy is small enough. Needs no Keras.
    """
    import zoo

    source: Any = data
    options = console.pairs(data_option, option="--data-option")
    if data is not None and options:
        source = zoo.dataset(data, **options)
    elif options:
        raise click.BadParameter("it needs --data", param_hint="--data-option")
    try:
        found = zoo.quantize(
            path,
            out=out,
            policy=policy,
            max_loss=max_loss,
            min_agreement=min_agreement,
            candidates=candidate or None,
            metric=metric,
            data=source,
            version=version,
            seconds=seconds,
            keep_failed=keep_failed,
        )
    except QuantizationRejected as error:
        if error.report is not None:
            _show(error.report, as_json=as_json)
        raise
    if as_json:
        console.emit_json(found)
        return
    _show(found.report, as_json=False)
    report, published = console.plain(found.report), found.artifact.path
    facts = (
        ("artifact", published),
        ("variant", report["winner"]),
        ("test split", _test(report["test"])),
    )
    console.emit(f"\n{console.facts(facts)}")
    console.note(f"\nnext: zoo verify {published}\n      zoo predict {published} INPUT")


def _show(report: Any, *, as_json: bool) -> None:
    """Print everything that was tried."""
    known = console.plain(report)
    if as_json:
        console.emit_json({"path": known["published"], "report": known})
        return
    original = [
        "original",
        console.size(known["original_bytes"]),
        *[""] * 4,
        *[_ms(known["original_ms"], batch) for batch in ("1", "64")],
        "1.00",
        "",
    ]
    console.emit(
        console.table(_COLUMNS, [original, *(_cells(row, known) for row in known["candidates"])])
    )


def _cells(row: dict[str, Any], report: dict[str, Any]) -> list[str]:
    found = row["comparison"] or {}
    agreement = found.get("agreement")
    if row["candidate"] == report["winner"]:
        verdict = console.paint("published", "green")
    else:
        verdict = "accepted" if row["accepted"] else f"refused: {row['reason']}"
    return [
        row["candidate"],
        console.size(row["bytes"]) if row["bytes"] is not None else "",
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
