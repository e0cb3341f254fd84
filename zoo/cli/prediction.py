"""``zoo predict`` and ``zoo sample``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from zoo import console
from zoo.errors import DataError
from zoo.files import exists

_CLASSIFIED = ("label", "probability", "probabilities")
_SHORT = 8
"""The longest list that is printed whole."""

_WIDE = 60
"""Columns of a terminal for an input that is a text."""


class _Shard(click.ParamType[tuple[int, int]]):
    """A shard: ``2/8`` for the second of eight."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(value))
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            self.fail(f"{value!r} is not I/N with I from 1 to N", param, ctx)
        return int(match[1]), int(match[2])


@click.command(
    "predict",
    epilog=console.example(
        "zoo predict exports/cnn/1 seven.png",
        "zoo predict exports/cnn/1 photos --out answers.csv",
        "cat rows.csv | zoo predict runs/mlp_regressor-1 - --out answers.parquet --id name",
    ),
)
@click.argument(
    "target", metavar="RUN|ARTIFACT|NAME", help="The folder of a run or an artifact, or a model."
)
@click.argument(
    "inputs",
    metavar="INPUT...",
    nargs=-1,
    required=True,
    help="Texts in quotes, images, or a .txt, .csv, .npy or .npz file. With --out: folders and "
    "files of any size, or - for standard input.",
)
@click.option(
    "--top", type=console.COUNT, metavar="N", default=3, help="Classes to show per input."
)
@click.option(
    "--signature", metavar="NAME", help="The signature to run. Default: the model's first."
)
@click.option(
    "--beams", type=console.COUNT, metavar="N", default=1, help="Beam width of text generation."
)
@click.option(
    "--prompt",
    metavar="NAME|TEXT",
    default="",
    show_default=False,
    help="Prompt of text generation: its name, or a text.",
)
@click.option(
    "--weights",
    metavar="ID|PATH",
    help="With a NAME: its trained weights. Default: those for its default data; see 'zoo info'.",
)
@click.option(
    "--out",
    type=console.PATH,
    metavar="FILE",
    help="Write the outputs, row by row, to a .csv, .jsonl or .parquet file.",
)
@click.option("--id", "id_column", metavar="COLUMN", help="With --out: a column to copy.")
@click.option(
    "--input-format",
    type=click.Choice(["csv", "jsonl", "lines"]),
    help="With -: the format of standard input. Default: what the model takes.",
)
@click.option(
    "--batch-size",
    type=console.COUNT,
    metavar="N",
    help="With --out: rows of a block. Default: 256",
)
@click.option("--shard", type=_Shard(), metavar="I/N", help="With --out: only every N-th block.")
@click.option(
    "--skip-errors",
    is_flag=True,
    help="With --out: write what is wrong with a row in its place, and exit with 1 at the end, "
    "instead of stopping there.",
)
@click.option("--resume", is_flag=True, help="With --out: continue what was interrupted.")
@console.json_option
@console.quiet_frameworks
def predict(
    target: str,
    inputs: tuple[str, ...],
    top: int,
    as_json: bool,
    out: Path | None,
    resume: bool,
    id_column: str | None,
    input_format: str | None,
    batch_size: int | None,
    shard: tuple[int, int] | None,
    skip_errors: bool,
    **options: Any,
) -> None:
    """Predict with a trained model.

    An artifact needs no Keras. A model's NAME stands for the model with its published weights.
    """
    import zoo

    chosen = {
        "id_column": id_column,
        "input_format": input_format,
        "batch_size": batch_size,
        "shard": shard,
        "skip_errors": skip_errors,
    }
    chosen = {name: value for name, value in chosen.items() if value}
    if out is not None:
        _write(target, inputs, out, as_json=as_json, resume=resume, **options, **chosen)
        return
    if chosen or resume or "-" in inputs:
        raise click.UsageError("standard input and the options of rows need --out FILE")
    given: Any = list(inputs) if len(inputs) > 1 else inputs[0]
    prediction = zoo.predict(target, given, **options)
    _note_limits(target, options["weights"])
    records = console.plain(prediction)
    if as_json:
        console.emit_json(records)
        return
    _note_unknown([record.pop("unknown", {}) for record in records])
    names = _names(inputs, len(records))
    if all(isinstance(record.get("probabilities"), dict) for record in records):
        others = [key for key in records[0] if key not in _CLASSIFIED]
        header: tuple[str, ...] = ("input", "class", "probability", "then", *others)
        rows: list[tuple[str, ...]] = [
            (name, *_ranked(record, top), *(_value(record[key]) for key in others))
            for name, record in zip(names, records, strict=True)
        ]
    elif steps := [step for record in records for step in _forecast(record)]:
        header = tuple(steps[0])
        rows = [tuple(_value(value) for value in step.values()) for step in steps]
    else:
        header = ("input", *records[0])
        rows = [
            (name, *map(_value, record.values()))
            for name, record in zip(names, records, strict=True)
        ]
    console.emit(console.table(header, rows))


def _note_limits(target: str, weights: str | None) -> None:
    """Tell which weights the name of a model stands for, and what they cannot do."""
    import zoo
    from zoo.api.model_factory import default_weights
    from zoo.api.prediction import is_name

    if is_name(target):
        known = weights or default_weights(target)
        which = f" with the weights {known!r}" if known else ""
        console.note(f"{target}{which} has limits. {' '.join(zoo.info(target).limits[:2])}")


def _write(
    target: str, inputs: tuple[str, ...], out: Path, *, as_json: bool, **options: Any
) -> None:
    """Write the outputs for an input of any size; exit with 1 if a row has an error."""
    from zoo.api.batch_prediction import partial_file, write_predictions
    from zoo.cli.progress import row_counter

    if "-" in inputs and len(inputs) > 1:
        raise click.UsageError("- is the only input, if it is one")
    source = sys.stdin.buffer if inputs == ("-",) else list(inputs)
    try:
        with row_counter("predicting") as count:
            done, wrong = write_predictions(target, source, out, on_rows=count, **options)
    except (DataError, KeyboardInterrupt):
        if exists(partial_file(out)):
            console.note("what is finished is kept: the same command with --resume continues")
        raise
    _note_limits(target, options["weights"])
    if as_json:
        console.emit_json({"path": out, "rows": done, "errors": wrong})
    else:
        console.note(f"{done:,} rows{f', {wrong:,} with an error' if wrong else ''}")
        console.emit(str(out))
    if wrong:
        sys.exit(1)


def _note_unknown(found: list[dict[str, str]]) -> None:
    """Tell how many rows hold values that the model has not learned, and which."""
    rows = sum(map(bool, found))
    if not rows:
        return
    values: dict[str, dict[str, None]] = {}
    for record in found:
        for column, value in record.items():
            values.setdefault(column, {})[value] = None
    some = [f"{column} ({', '.join(list(known)[:3])})" for column, known in values.items()]
    console.note(
        f"{rows:,} of {len(found):,} rows hold values that were not learned, which count as "
        f"missing: {console.printable(', '.join(some))}"
    )


def _names(inputs: tuple[str, ...], count: int) -> list[str]:
    """Return a short name for each input: a path, or the beginning of a text."""
    if len(inputs) != count:
        return [str(at) for at in range(count)]
    return [
        console.shortened(
            console.printable(name), _WIDE if any(map(str.isspace, name)) else 4 * _WIDE
        )
        for name in inputs
    ]


def _ranked(record: dict[str, Any], top: int) -> tuple[str, str, str]:
    """Return the most probable class, its probability, and the runners-up."""
    ranked = sorted(record["probabilities"].items(), key=lambda pair: pair[1], reverse=True)[:top]
    (label, probability), *others = ranked
    return str(label), f"{probability:.4f}", ", ".join(f"{name} {p:.4f}" for name, p in others)


def _forecast(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a forecast with the names of its series, if the record is one."""
    steps = [value for value in record.values() if isinstance(value, list)]
    if len(steps) != 1 or not steps[0] or not isinstance(steps[0][0], dict):
        return []
    names = {key: value for key, value in record.items() if value is not steps[0]}
    return [{**names, **step} for step in steps[0]]


def _value(value: Any) -> str:
    """Format an output: a number, a class, a short list, or the shape of a long one."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        chance = f" {value['probability']:.4f}" if "probability" in value else ""
        return f"{value['label']}{chance}"
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


@click.command(
    "sample",
    epilog=console.example(
        "zoo sample exports/rbm/1 --count 25 --out digits.png",
        "zoo sample runs/rbm-2 --given people.csv --out filled.csv",
    ),
)
@click.argument("target", metavar="RUN|ARTIFACT", help="The folder of a run or an artifact.")
@click.option(
    "--count",
    type=console.COUNT,
    metavar="N",
    default=16,
    help="Number of samples; with --given, per example.",
)
@click.option("--steps", type=console.COUNT, metavar="N", help="Steps of each chain. Default: 1000")
@click.option(
    "--given",
    metavar="FILE",
    help="Examples whose missing values are sampled: a .csv, .npy or .npz file.",
)
@click.option(
    "--label", metavar="CLASS", help="The class to sample, if the model was trained with classes."
)
@console.seed_option
@click.option(
    "--out",
    type=console.PATH,
    metavar="FILE",
    help="A .png, .npz or .csv file. Default: samples.png or samples.csv",
)
@console.json_option
@console.quiet_frameworks
def sample(target: str, seed: int | None, out: Path | None, as_json: bool, **options: Any) -> None:
    """Sample from a generative model.

    Unconditionally, given a part of an example, or of a class. An artifact needs no Keras.
    """
    import zoo
    from zoo.api.sampling import write_samples

    samples = zoo.sample(target, seed=seed or 0, **options)
    spec = samples.specs[0]
    path = write_samples(samples, out or f"samples{'.png' if spec.is_image else '.csv'}")
    if as_json:
        console.emit_json({"path": path, "examples": len(samples), "shape": spec.shape})
        return
    console.emit(str(path))
