"""Folders of runs whose files are damaged, missing or of another kind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hostile.harness import Case, Table, call, case, cases, check_refusal, harmless, run_case
from zoo.errors import (
    ArtifactError,
    CheckpointCorrupt,
    ConfigError,
    DataError,
    Incompatible,
    TrainError,
    UnknownModel,
    ZooError,
)

pytest.importorskip("tensorflow", reason="training needs the keras extra")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

Make = Callable[[Path], object]


def put(place: str, value: Any) -> Make:
    """Return a function that sets a field of the record, by its dotted place."""

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
    """Return a function that takes a field out of the record."""

    def change(folder: Path) -> None:
        file = folder / "run" / "run.json"
        data = json.loads(file.read_text())
        del data[name]
        file.write_text(json.dumps(data))

    return change


def text(name: str, content: str | bytes) -> Make:
    """Return a function that writes a file of the run."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / "run" / name).write_bytes(raw)


def swap(name: str, make: Callable[[Path], object]) -> Make:
    """Return a function that puts something else in a file's place."""

    def change(folder: Path) -> None:
        (folder / "run" / name).unlink()
        make(folder / "run" / name)

    return change


ASK = "evaluate run"
RECORD: Table = {
    "a record of no bytes": case(ASK, TrainError, "run.json", setup=text("run.json", "")),
    "a record that is half": case(ASK, TrainError, "run.json", setup=text("run.json", '{"format_')),
    "a record that is a list": case(ASK, TrainError, "run format", setup=text("run.json", "[1]")),
    "a record that is a number": case(ASK, TrainError, "run format", setup=text("run.json", "7")),
    "a record in UTF-16": case(
        ASK, TrainError, "run.json", setup=text("run.json", "{}".encode("utf-16"))
    ),
    "a record without end": case(ASK, TrainError, "run.json", setup=text("run.json", "[" * 50_000)),
    "a record that is a pipe": case(
        ASK, ArtifactError, "run.json", setup=swap("run.json", os.mkfifo)
    ),
    "a record of version 2": case(ASK, TrainError, "--upgrade", setup=put("format_version", 2)),
    "a record of version one as text": case(
        ASK, TrainError, "'1'", setup=put("format_version", "1")
    ),
    "a record without a version": case(ASK, TrainError, "None", setup=drop("format_version")),
    "a record without its model": case(ASK, TrainError, "architecture", setup=drop("architecture")),
    "a record whose model is a text": case(
        ASK, TrainError, "architecture", setup=put("architecture", "cnn")
    ),
    "a record whose model is a number": case(
        ASK, TrainError, "architecture.name", setup=put("architecture.name", 7)
    ),
    "a record of a model that is gone": case(
        ASK, UnknownModel, "gone", setup=put("architecture.name", "gone")
    ),
    "a record of another model": case(
        ASK, (ConfigError, Incompatible, TrainError), "run", setup=put("architecture.name", "cnn")
    ),
    "a record without a configuration": case(ASK, TrainError, "config", setup=drop("config")),
    "a record with a configuration that is a list": case(
        ASK, (ConfigError, TrainError), "run.json", setup=put("config", [1])
    ),
    "a record with a field too many": case(
        ASK, ConfigError, "color", "run.json", setup=put("config.color", "red")
    ),
    "a record with a size without measure": case(
        ASK, ConfigError, "units", "run.json", setup=put("config.units", [10**12])
    ),
    "a record with other sizes": case(
        ASK, Incompatible, "do not fit", setup=put("config.units", [5])
    ),
    "a record without data": case(ASK, TrainError, "data", setup=drop("data")),
    "a record with data that are a text": case(
        ASK, TrainError, "data", setup=put("data", "digits")
    ),
    "a record with a source that is a number": case(
        ASK, TrainError, "data.source", setup=put("data.source", 7)
    ),
    "a record of data that are gone": case(
        ASK, DataError, "gone", setup=put("data.source", "/gone/data.csv")
    ),
    "a record with options that are a list": case(
        ASK, TrainError, "data.options", setup=put("data.options", [1])
    ),
    "a record with an option that is none": case(
        ASK, ConfigError, "color", setup=put("data.options", {"color": 1})
    ),
    "a record with another fingerprint": case(
        ASK, DataError, "has changed", setup=put("data.fingerprint", "0")
    ),
    "a record with a spec that is none": case(
        ASK, ConfigError, "run.json", setup=put("data.spec", {})
    ),
    "a record with a spec of text": case(ASK, TrainError, "data.spec", setup=put("data.spec", "x")),
    "a record with a picture of negative size": case(
        ASK, ConfigError, "shape", setup=put("data.spec.inputs.0.shape", [-8, 8, 1])
    ),
    "a record with a picture without measure": case(
        ASK, ConfigError, "shape", setup=put("data.spec.inputs.0.shape", [10**9, 10**9, 1])
    ),
    "a record with one class": case(
        ASK, ZooError, "targets", setup=put("data.spec.targets.0.labels", ["a"])
    ),
    "a record without a status": case("export run", TrainError, "status", setup=drop("status")),
    "a record of a status that is none": case(
        "export run", TrainError, "flying", setup=put("status", "flying")
    ),
    "a record without a plan, gone on with": case(
        "train --resume run",
        TrainError,
        "plan",
        setup=lambda folder: [put("status", "stopped")(folder), drop("plan")(folder)],
    ),
    "a record with a plan of no epochs, gone on with": case(
        "train --resume run",
        ConfigError,
        "epochs",
        setup=lambda folder: [put("status", "stopped")(folder), put("plan.epochs", 0)(folder)],
    ),
    "a record with a plan without measure, gone on with": case(
        "train --resume run",
        ConfigError,
        "epochs",
        setup=lambda folder: [put("status", "stopped")(folder), put("plan.epochs", 10**9)(folder)],
    ),
    "a record without its seconds, gone on with": case(
        "train --resume run",
        TrainError,
        "seconds",
        setup=lambda folder: [put("status", "stopped")(folder), drop("seconds")(folder)],
    ),
    "a model of no bytes": case(ASK, Incompatible, "model.keras", setup=text("model.keras", "")),
    "a model that is half": case(
        ASK,
        Incompatible,
        "model.keras",
        setup=lambda folder: os.truncate(folder / "run" / "model.keras", 5_000),
    ),
    "a model that is no model": case(
        ASK, Incompatible, "model.keras", setup=text("model.keras", bytes(range(256)) * 9)
    ),
    "a model that is a pipe": case(
        ASK, TrainError, "model.keras", setup=swap("model.keras", os.mkfifo)
    ),
    "a model that is a folder": case(
        ASK, TrainError, "model.keras", setup=swap("model.keras", Path.mkdir)
    ),
    "a model that is a link to itself": case(
        ASK,
        TrainError,
        "model.keras",
        setup=swap("model.keras", lambda place: place.symlink_to(place.name)),
    ),
    "a run that is resumed with another number of epochs": case(
        "train --resume run --epochs 9", ConfigError, "epochs", "left out"
    ),
    "a run that is resumed as another model": case(
        "train cnn --resume run", ConfigError, "name", "is resumed as it was started"
    ),
    "a run that has not finished, exported": case(
        "export run", TrainError, "stopped", "--resume", setup=put("status", "stopped")
    ),
    "a model that is not there": case(
        ASK,
        TrainError,
        *("model.keras", "zoo train mlp_classifier"),
        setup=lambda folder: (folder / "run" / "model.keras").unlink(),
    ),
    "figures of no bytes, exported": case(
        "export run", TrainError, "metrics.json", setup=text("metrics.json", "")
    ),
    "figures that are none, exported": case(
        "export run", TrainError, "metrics.json", setup=text("metrics.json", '{"scores": 7}')
    ),
    "figures that are no number, exported": case(
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
def test_a_run_that_is_not_what_it_should_be_is_refused(case: Case, run, tmp_path):
    run_case(case, tmp_path)


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


READ_BY_REPORT = [
    pytest.param(name, content, marks=[] if name == "history.csv" or brief else pytest.mark.slow)
    for name in ("history.csv", "metrics.json", "figures.json", "mistakes.npz")
    for content, brief in zip(HISTORY, (True, False, True, *7 * [False]), strict=True)
]


@pytest.mark.parametrize(("name", "content"), READ_BY_REPORT)
def test_a_report_is_written_of_what_can_be_read(name, content, run, tmp_path):
    text(name, HISTORY[content])(tmp_path)
    with harmless(tmp_path, may_change=("run/report.html",)):
        outcome = call("report", "run")
    assert (outcome.exit, outcome.out) == (0, "run/report.html\n"), outcome.err


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
def test_checkpoints_that_are_none_are_refused(name: str, run, tmp_path):
    for file in (run / "checkpoints").glob("*.npz"):
        CHECKPOINTS[name](file)
    put("status", "stopped")(tmp_path)
    # The record says that the run failed, and why; nothing else is touched.
    with harmless(tmp_path, may_change=("run/run.json", "run/.lock")):
        outcome = call("train", "--resume", "run", "--quiet")
    check_refusal(outcome, CheckpointCorrupt)
