"""``zoo export``, ``verify``, ``predict``, ``bench``: ONNX files, and what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Json, OtherData, Out, Settings, example, settings
from zoo.cli.output import (
    emit,
    emit_json,
    facts,
    note,
    paint,
    plain,
    printable,
    shortened,
    size,
    table,
)
from zoo.files import exists

_SHORT = 8
"""Values of one output that a line of a terminal has room for."""

_WIDE = 60
"""Columns of a terminal that a text may take that was asked about: its answer is behind it."""

_Artifacts = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH", help="Artifacts (exports/NAME/VERSION), models, or repositories (exports)."
    ),
]


def export(
    target: Annotated[str, typer.Argument(metavar="RUN|NAME", help="A run's folder, or a model.")],
    weights: Annotated[
        str | None,
        typer.Option(metavar="ID|PATH", help="With a NAME: which trained weights; see 'zoo info'."),
    ] = None,
    data: OtherData = None,
    out: Out = Path("exports"),
    name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="What to call it; as its architecture if left out."
        ),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The version; the next free one if left out."),
    ] = None,
    keep_failed: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="If it fails, keep what was made in this folder."),
    ] = None,
    set_: Settings = None,
    as_json: Json = False,
) -> None:
    """Turn a model into an ONNX artifact.

    It is compared with Keras, and published only if they agree.
    """
    import zoo

    config = settings(set_)
    source: Any = target
    if config:
        source, weights = zoo.build(target, weights=weights, **config), None
    artifact = zoo.export(
        source,
        out,
        weights=weights,
        data=data,
        name=name,
        version=version,
        keep_failed=keep_failed,
    )
    if as_json:
        emit_json(artifact)
        return
    emit(artifact_facts(artifact))
    note(f"\nnext: zoo verify {artifact.path}\n      zoo predict {artifact.path} INPUT")


def verify(paths: _Artifacts, as_json: Json = False) -> None:
    """Verify artifacts: their files, and their outputs on the golden vectors.

    A folder of models, or of versions of one, is verified whole. Needs no Keras.
    """
    import zoo

    reports: list[dict[str, Any]] = []
    code = 0
    for result in (result for path in paths for result in zoo.verify_all(path)):
        error = result.error
        told = plain(result.report) if error is None else error.as_dict()
        reports.append({"path": str(result.path), "ok": error is None, **told})
        if error is not None:
            code = max(code, error.exit_code)
        if not as_json:
            emit(f"{paint('FAILED', 'red') if error else paint('ok', 'green')}  {result.path}")
        if not as_json and error is not None:
            note(str(error))
    if as_json:
        emit_json(reports)
    if code:
        raise typer.Exit(code)


def predict(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|ARTIFACT|NAME", help="What answers: a folder of either, or a model."
        ),
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Text in quotes, images, or a .txt, .csv, .npy or .npz file."
        ),
    ],
    top: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many answers to show for each.")
    ] = 3,
    signature: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What to ask; the first thing it answers if left out."),
    ] = None,
    beams: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Of a model that writes: beginnings that its search keeps."
        ),
    ] = 1,
    prompt: Annotated[
        str,
        typer.Option(
            metavar="NAME|TEXT",
            help="Of a model that writes: what its text begins with, by its name or in words.",
        ),
    ] = "",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="ID|PATH",
            help="With a NAME: which trained weights; the first of 'zoo info' if left out.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask a trained model.

    An artifact answers without Keras. A model's NAME answers with the weights that come with it.
    """
    import zoo

    given = inputs if len(inputs) > 1 else inputs[0]
    prediction = zoo.predict(
        target, given, signature=signature, beams=beams, prompt=prompt, weights=weights
    )
    if not exists(target):
        note(f"{target} has limits. {' '.join(zoo.info(target).limits[:2])}")
    records = plain(prediction)
    if as_json:
        emit_json(records)
        return
    named = [str(at) for at in range(len(records))]
    if len(inputs) == len(records):
        # Of a text its beginning says which it is; of a path the whole.
        prose = [any(sign.isspace() for sign in name) for name in inputs]
        named = [
            shortened(printable(name), _WIDE if text else 4 * _WIDE)
            for name, text in zip(inputs, prose, strict=True)
        ]
    if all("probabilities" in record for record in records):
        rows = [(name, *_answer(record, top)) for name, record in zip(named, records, strict=True)]
        emit(table(("input", "answer", "probability", "then"), rows))
        return
    if len(records) == 1 and (steps := _steps(records[0])):
        emit(table(list(steps[0]), [[_value(value) for value in step.values()] for step in steps]))
        return
    columns = [name for name in records[0] if not isinstance(records[0][name], dict)]
    answers = [[_value(record[column]) for column in columns] for record in records]
    emit(
        table(("input", *columns), [(n, *row) for n, row in zip(named, answers, strict=True)]),
    )


def bench(
    paths: _Artifacts,
    batch: Annotated[
        list[int] | None,
        typer.Option(min=1, metavar="N", help="Batch sizes; repeat for more."),
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(min=1, metavar="N", help="Threads; repeat for more.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, metavar="S", help="How long to measure each.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Measure how fast artifacts answer."""
    import zoo

    options: dict[str, Any] = {"seconds": seconds}
    if batch:
        options["batches"] = tuple(batch)
    if threads:
        options["threads"] = tuple(threads)
    results = [row for path in paths for row in plain(zoo.bench(path, **options))]
    if as_json:
        emit_json(results)
        return
    same = {
        name
        for name in ("path", "signature", "provider")
        if len({row[name] for row in results}) <= 1
    }
    columns = [name for name in results[0] if name not in same] if results else []
    emit(table(columns, [[_figure(row[name]) for name in columns] for row in results]))


def artifact_facts(artifact: Any) -> str:
    """Return what a person wants to know of an artifact."""
    return facts(
        (
            ("artifact", artifact.path),
            ("size", size(bytes_of(artifact))),
            ("opset", ", ".join(str(graph["opset"]) for graph in artifact.manifest["graphs"])),
            ("worst parity error", f"{worst_error(artifact):.1e}"),
        )
    )


def bytes_of(artifact: Any) -> int:
    """Return the size of an artifact's ONNX files."""
    files: dict[str, int] = {entry["name"]: entry["bytes"] for entry in artifact.manifest["files"]}
    return sum(files[graph["file"]] for graph in artifact.manifest["graphs"])


def worst_error(artifact: Any) -> float:
    """Return the largest difference to Keras that the export met, over everything it compared."""
    return max(
        float(error)
        for graph in artifact.manifest["graphs"]
        for error in graph["parity"]["worst_absolute"].values()
    )


def _answer(record: dict[str, Any], top: int) -> tuple[str, str, str]:
    """Return the first answer, its probability, and the runners-up."""
    ranked = sorted(record["probabilities"].items(), key=lambda pair: pair[1], reverse=True)[:top]
    (label, probability), *others = ranked
    return str(label), f"{probability:.4f}", ", ".join(f"{name} {p:.4f}" for name, p in others)


def _steps(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a forecast, if that is what a record is."""
    value = next(iter(record.values()), None)
    return value if isinstance(value, list) and value and isinstance(value[0], dict) else []


def _value(value: Any) -> str:
    """Return an output as a few signs: a number, a short list, or how large it is."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if not isinstance(value, list):
        return str(value)
    if len(value) <= _SHORT and not any(isinstance(item, list) for item in value):
        return ", ".join(map(_value, value))
    sizes: list[int] = []
    inner: Any = value
    while isinstance(inner, list):
        sizes.append(len(inner))
        inner = inner[0] if inner else None
    return f"{' x '.join(map(str, sizes))} values; --json prints them"


def _figure(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command(
        "export",
        epilog=example("zoo export runs/cnn-1", "zoo export cnn --weights mnist --as cnn_mnist"),
    )(export)
    app.command("verify", epilog=example("zoo verify exports/cnn/1"))(verify)
    app.command("predict", epilog=example("zoo predict exports/cnn/1 seven.png"))(predict)
    app.command("bench", epilog=example("zoo bench exports/cnn/1 --batch 1 --batch 64"))(bench)


__all__ = [
    "add_commands",
    "artifact_facts",
    "bench",
    "bytes_of",
    "export",
    "predict",
    "verify",
    "worst_error",
]
