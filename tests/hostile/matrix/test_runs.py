"""Folders of runs whose files are not what they should be, weights of all kinds, catalogs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hostile.matrix.harness import (
    MEMORY,
    SECONDS,
    Row,
    Table,
    cases,
    measured,
    row,
    run_row,
)
from tests.hostile.support import call, listing
from zoo.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    Incompatible,
    TrainError,
    UnknownModel,
    ZooError,
)

pytest.importorskip("tensorflow", reason="training needs the keras extra")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

PLUGINS = Path(__file__).parents[3] / "plugins"
Make = Callable[[Path], object]


def put(place: str, value: Any) -> Make:
    """Return what sets a field of the record, by its dotted place."""

    def change(folder: Path) -> None:
        file = folder / "run" / "run.json"
        data = json.loads(file.read_text())
        *way, last = place.split(".")
        inside = data
        for part in way:
            inside = inside[int(part) if part.isdecimal() else part]
        inside[int(last) if last.isdecimal() else last] = value
        file.write_text(json.dumps(data))

    return change


def drop(name: str) -> Make:
    """Return what takes a field out of the record."""

    def change(folder: Path) -> None:
        file = folder / "run" / "run.json"
        data = json.loads(file.read_text())
        del data[name]
        file.write_text(json.dumps(data))

    return change


def text(name: str, content: str | bytes) -> Make:
    """Return what writes a file of the run."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / "run" / name).write_bytes(raw)


def swap(name: str, make: Callable[[Path], object]) -> Make:
    """Return what puts something else in a file's place."""

    def change(folder: Path) -> None:
        (folder / "run" / name).unlink()
        make(folder / "run" / name)

    return change


ASK = "evaluate run"
RECORD: Table = {
    "a record of no bytes": row(ASK, TrainError, "run.json", setup=text("run.json", "")),
    "a record that is half": row(ASK, TrainError, "run.json", setup=text("run.json", '{"format_')),
    "a record that is a list": row(ASK, TrainError, "run format", setup=text("run.json", "[1]")),
    "a record that is a number": row(ASK, TrainError, "run format", setup=text("run.json", "7")),
    "a record in UTF-16": row(
        ASK, TrainError, "run.json", setup=text("run.json", "{}".encode("utf-16"))
    ),
    "a record without end": row(ASK, TrainError, "run.json", setup=text("run.json", "[" * 50_000)),
    "a record that is a pipe": row(
        ASK, ArtifactError, "run.json", setup=swap("run.json", os.mkfifo)
    ),
    "a record of version 2": row(ASK, TrainError, "--upgrade", setup=put("format_version", 2)),
    "a record of version one as text": row(
        ASK, TrainError, "'1'", setup=put("format_version", "1")
    ),
    "a record without a version": row(ASK, TrainError, "None", setup=drop("format_version")),
    "a record without its model": row(ASK, TrainError, "architecture", setup=drop("architecture")),
    "a record whose model is a text": row(
        ASK, TrainError, "architecture", setup=put("architecture", "cnn")
    ),
    "a record whose model is a number": row(
        ASK, TrainError, "architecture.name", setup=put("architecture.name", 7)
    ),
    "a record of a model that is gone": row(
        ASK, UnknownModel, "gone", setup=put("architecture.name", "gone")
    ),
    "a record of another model": row(
        ASK, (ConfigError, Incompatible, TrainError), "run", setup=put("architecture.name", "cnn")
    ),
    "a record without a configuration": row(ASK, TrainError, "config", setup=drop("config")),
    "a record with a configuration that is a list": row(
        ASK, (ConfigError, TrainError), "run.json", setup=put("config", [1])
    ),
    "a record with a field too many": row(
        ASK, ConfigError, "color", "run.json", setup=put("config.color", "red")
    ),
    "a record with a size without measure": row(
        ASK, ConfigError, "units", "run.json", setup=put("config.units", [10**12])
    ),
    "a record with other sizes": row(
        ASK, Incompatible, "do not fit", setup=put("config.units", [5])
    ),
    "a record without data": row(ASK, TrainError, "data", setup=drop("data")),
    "a record with data that are a text": row(ASK, TrainError, "data", setup=put("data", "digits")),
    "a record with a source that is a number": row(
        ASK, TrainError, "data.source", setup=put("data.source", 7)
    ),
    "a record of data that are gone": row(
        ASK, DataError, "gone", setup=put("data.source", "/gone/data.csv")
    ),
    "a record with options that are a list": row(
        ASK, TrainError, "data.options", setup=put("data.options", [1])
    ),
    "a record with an option that is none": row(
        ASK, ConfigError, "color", setup=put("data.options", {"color": 1})
    ),
    "a record with another fingerprint": row(
        ASK, DataError, "has changed", setup=put("data.fingerprint", "0")
    ),
    "a record with a spec that is none": row(
        ASK, ConfigError, "run.json", setup=put("data.spec", {})
    ),
    "a record with a spec of text": row(ASK, TrainError, "data.spec", setup=put("data.spec", "x")),
    "a record with a picture of negative size": row(
        ASK, ConfigError, "shape", setup=put("data.spec.inputs.0.shape", [-8, 8, 1])
    ),
    "a record with a picture without measure": row(
        ASK, ConfigError, "shape", setup=put("data.spec.inputs.0.shape", [10**9, 10**9, 1])
    ),
    "a record with one class": row(
        ASK, ZooError, "run", setup=put("data.spec.targets.0.labels", ["a"])
    ),
    "a record without a status": row("export run", TrainError, "status", setup=drop("status")),
    "a record of a status that is none": row(
        "export run", TrainError, "flying", setup=put("status", "flying")
    ),
    "a record without a plan, gone on with": row(
        "train --resume run",
        TrainError,
        "plan",
        setup=lambda folder: [put("status", "stopped")(folder), drop("plan")(folder)],
    ),
    "a record with a plan of no epochs, gone on with": row(
        "train --resume run",
        ConfigError,
        "epochs",
        setup=lambda folder: [put("status", "stopped")(folder), put("plan.epochs", 0)(folder)],
    ),
    "a record with a plan without measure, gone on with": row(
        "train --resume run",
        ConfigError,
        "epochs",
        setup=lambda folder: [put("status", "stopped")(folder), put("plan.epochs", 10**9)(folder)],
    ),
    "a record without its seconds, gone on with": row(
        "train --resume run",
        TrainError,
        "seconds",
        setup=lambda folder: [put("status", "stopped")(folder), drop("seconds")(folder)],
    ),
    "a model of no bytes": row(ASK, Incompatible, "model.keras", setup=text("model.keras", "")),
    "a model that is half": row(
        ASK,
        Incompatible,
        "model.keras",
        setup=lambda folder: os.truncate(folder / "run" / "model.keras", 5_000),
    ),
    "a model that is no model": row(
        ASK, Incompatible, "model.keras", setup=text("model.keras", bytes(range(256)) * 9)
    ),
    "a model that is a pipe": row(
        ASK, TrainError, "model.keras", setup=swap("model.keras", os.mkfifo)
    ),
    "a model that is a folder": row(
        ASK, TrainError, "model.keras", setup=swap("model.keras", Path.mkdir)
    ),
    "a model that is a link to itself": row(
        ASK,
        TrainError,
        "model.keras",
        setup=swap("model.keras", lambda place: place.symlink_to(place.name)),
    ),
    "figures of no bytes, exported": row(
        "export run", TrainError, "metrics.json", setup=text("metrics.json", "")
    ),
    "figures that are none, exported": row(
        "export run", TrainError, "metrics.json", setup=text("metrics.json", '{"scores": 7}')
    ),
    "figures that are no number, exported": row(
        "export run",
        TrainError,
        "metrics.json",
        setup=text(
            "metrics.json",
            '{"task": "classification", "examples": 1, "scores": {"a": {"value": NaN}}}',
        ),
    ),
}


@cases(RECORD)
def test_a_run_that_is_not_what_it_should_be_is_refused(row: Row, run, tmp_path, capsys):
    run_row(row, tmp_path, capsys)


HISTORY = {
    "of no bytes": b"",
    "of a header": b"epoch,loss\n",
    "of words": b"epoch,loss\none,two\n",
    "of ragged lines": b"epoch,loss\n1\n2,3,4\n",
    "of NaN and inf": b"epoch,loss\n1,nan\n2,inf\n",
    "in UTF-16": "epoch,loss\n1,2\n".encode("utf-16"),
    "of zero bytes": bytes(1_000),
    "of a quote that never ends": b'epoch,"loss\n1,2\n',
    "of a number of 5,000 digits": b"epoch,loss\n" + b"9" * 5_000 + b",1\n",
    "of one column twice": b"epoch,loss,loss\n1,2,3\n",
}


@pytest.mark.parametrize("name", ["history.csv", "metrics.json", "figures.json", "mistakes.npz"])
@pytest.mark.parametrize("content", HISTORY)
def test_a_report_is_written_of_what_can_be_read(name, content, run, tmp_path, capsys):
    text(name, HISTORY[content])(tmp_path)
    before = listing(tmp_path)
    capsys.readouterr()
    with measured() as cost:
        exit_code = call("report", "run").exit
    printed = capsys.readouterr()
    assert (exit_code, printed.out) == (0, "run/report.html\n"), printed.err
    after = listing(tmp_path)
    assert {name for name in after if name not in before} == {"run/report.html"}
    assert {name: after[name] for name in before} == before
    assert cost.seconds < SECONDS
    assert cost.memory < MEMORY


CHECKPOINTS = {
    "checkpoints of no bytes": lambda file: file.write_bytes(b""),
    "checkpoints of another run": lambda file: np.savez(file, meta=np.zeros(3)),
    "checkpoints that are folders": lambda file: (file.unlink(), file.mkdir()),
    "checkpoints that are pipes": lambda file: (file.unlink(), os.mkfifo(file)),
    "checkpoints that are links to themselves": lambda file: (
        file.unlink(),
        file.symlink_to(file.name),
    ),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints_that_are_none_are_refused(name: str, run, tmp_path, capsys):
    for file in (run / "checkpoints").glob("*.npz"):
        CHECKPOINTS[name](file)
    put("status", "stopped")(tmp_path)
    before = listing(tmp_path)
    capsys.readouterr()
    with measured() as cost:
        exit_code = call("train", "--resume", "run", "--quiet").exit
    printed = capsys.readouterr()
    assert exit_code == 6, printed.err
    assert "(ZOO-E402)" in printed.err and "  try: " in printed.err
    after = listing(tmp_path)
    # The record says that it failed, and why; nothing else is touched.
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} <= {
        "run/run.json",
        "run/.lock",
    }
    assert cost.seconds < SECONDS
    assert cost.memory < MEMORY
