"""``zoo export``, ``verify``, ``bench`` and ``diff``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from zoo import console

DIFFERENT = 1
"""The exit code of ``zoo diff`` for artifacts that differ, as that of ``diff`` and ``cmp``."""

_SHOWN = 48


@click.command(
    "export",
    epilog=console.example(
        "zoo export runs/cnn-1", "zoo export cnn --weights mnist --as cnn_mnist"
    ),
)
@click.argument("target", metavar="RUN|NAME", help="The folder of a run, or a model.")
@click.option(
    "--weights", metavar="ID|PATH", help="With a NAME: its trained weights; see 'zoo info'."
)
@console.other_data_option
@click.option(
    "--out",
    type=console.PATH,
    metavar="FOLDER",
    default=Path("exports"),
    help="The model repository: it receives NAME/VERSION.",
)
@click.option(
    "--as", "name", metavar="NAME", help="The artifact's name. Default: that of the architecture."
)
@click.option(
    "--version",
    type=console.COUNT,
    metavar="N",
    help="The artifact's version. Default: the next free one.",
)
@click.option(
    "--keep-failed",
    type=console.PATH,
    metavar="FOLDER",
    help="Keep the files of a failed export in this folder.",
)
@console.settings_option
@console.json_option
@console.quiet_frameworks
def export(
    target: str, weights: str | None, set_: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Export a model to ONNX.

    The graph is compared with the Keras model, and published only if they agree.
    """
    import zoo

    config = console.settings(set_)
    source: Any = target
    if config:
        source, weights = zoo.build(target, weights=weights, **config), None
    artifact = zoo.export(source, weights=weights, **options)
    if as_json:
        console.emit_json(artifact)
        return
    console.emit(
        console.facts(
            (
                ("artifact", artifact.path),
                ("size", console.size(bytes_of(artifact))),
                ("opset", ", ".join(str(graph["opset"]) for graph in artifact.manifest["graphs"])),
                ("worst parity error", f"{worst_error(artifact):.1e}"),
            )
        )
    )
    console.note(f"\nnext: zoo verify {artifact.path}\n      zoo predict {artifact.path} INPUT")


def bytes_of(artifact: Any) -> int:
    """Return the size of an artifact's ONNX files."""
    files: dict[str, int] = {entry["name"]: entry["bytes"] for entry in artifact.manifest["files"]}
    return sum(files[graph["file"]] for graph in artifact.manifest["graphs"])


def worst_error(artifact: Any) -> float:
    """Return the largest difference to Keras over everything that the export compared."""
    return max(
        float(error)
        for graph in artifact.manifest["graphs"]
        for error in graph["parity"]["worst_absolute"].values()
    )


@click.command("verify", epilog=console.example("zoo verify exports/cnn/1", "zoo verify exports"))
@click.argument(
    "paths",
    type=console.PATH,
    metavar="PATH...",
    nargs=-1,
    required=True,
    help="Artifacts (exports/NAME/VERSION), models (exports/NAME), or repositories (exports).",
)
@console.json_option
def verify(paths: tuple[Path, ...], as_json: bool) -> None:
    """Verify exported artifacts.

    Checks the files against the manifest and the outputs against the golden vectors. A folder of
    models, or of the versions of one, is verified whole. Needs no Keras.
    """
    import zoo

    reports: list[dict[str, Any]] = []
    code = 0
    for result in (result for path in paths for result in zoo.verify_all(path)):
        error = result.error
        told = console.plain(result.report) if error is None else error.as_dict()
        reports.append({"path": str(result.path), "ok": error is None, **told})
        if error is not None:
            code = max(code, error.exit_code)
        if not as_json:
            mark = console.paint("FAILED", "red") if error else console.paint("ok", "green")
            console.emit(f"{mark}  {result.path}")
        if not as_json and error is not None:
            console.note(str(error))
    if as_json:
        console.emit_json(reports)
    if code:
        raise click.exceptions.Exit(code)


@click.command("bench", epilog=console.example("zoo bench exports/cnn/1 --batch 1 --batch 64"))
@click.argument(
    "paths",
    type=console.PATH,
    metavar="PATH...",
    nargs=-1,
    required=True,
    help="Artifacts: exports/NAME/VERSION.",
)
@click.option(
    "--batch", type=console.COUNT, multiple=True, metavar="N", help="Batch size; repeatable."
)
@click.option(
    "--threads", type=console.COUNT, multiple=True, metavar="N", help="Thread count; repeatable."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.01),
    metavar="S",
    default=1.0,
    help="Time to measure each combination for.",
)
@console.json_option
def bench(
    paths: tuple[Path, ...],
    batch: tuple[int, ...],
    threads: tuple[int, ...],
    seconds: float,
    as_json: bool,
) -> None:
    """Measure the latency of artifacts."""
    import zoo

    options: dict[str, Any] = {"seconds": seconds}
    if batch:
        options["batches"] = batch
    if threads:
        options["threads"] = threads
    results = [row for path in paths for row in console.plain(zoo.bench(path, **options))]
    if as_json:
        console.emit_json(results)
        return
    same = {
        name
        for name in ("path", "signature", "provider")
        if len({row[name] for row in results}) <= 1
    }
    columns = [name for name in results[0] if name not in same] if results else []
    rows = [[_rounded(row[name]) for name in columns] for row in results]
    console.emit(console.table(columns, rows))


def _rounded(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


@click.command("diff", epilog=console.example("zoo diff exports/cnn/1 exports/cnn/2"))
@click.argument("before", type=console.PATH, metavar="A", help="An artifact: exports/NAME/VERSION.")
@click.argument("after", type=console.PATH, metavar="B", help="Another artifact.")
@console.json_option
def diff(before: Path, after: Path, as_json: bool) -> None:
    """Compare two artifacts.

    Metrics, interface, configuration, data, graphs, metadata. Exits with 0 if they are the same,
    with 1 if they differ. Needs no Keras.
    """
    import zoo

    report = console.plain(zoo.diff(before, after))
    if as_json:
        console.emit_json(report)
    elif report["same"]:
        console.emit("the same")
    else:
        console.emit(_differences(report))
    if not report["same"]:
        raise click.exceptions.Exit(DIFFERENT)


def _differences(report: dict[str, Any]) -> str:
    """Return a titled table for each kind of difference."""
    metrics = [
        (
            change["name"],
            _figure(change["before"]),
            _figure(change["after"]),
            _figure(change["difference"], "+.4g"),
            change["noise"],
        )
        for change in report["metrics"]
    ]
    parts: dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {
        "metrics": (("metric", "before", "after", "difference", ""), metrics)
    }
    for name in ("interface", "config", "data", "graphs", "metadata", "files"):
        rows = [
            [console.brief(change[key], _SHOWN) for key in ("what", "before", "after")]
            for change in report[name]
        ]
        parts[name] = (("what", "before", "after"), rows)
    return console.comparison(parts)


def _figure(value: float | None, form: str = ".4g") -> str:
    return "-" if value is None else format(value, form)
