"""Every place that a command line can name, and everything odd that can be there."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.matrix.harness import Row, run_row
from tests.hostile.support import picture
from zoo.errors import (
    ArtifactError,
    BadRecord,
    ConfigError,
    DataError,
    Incompatible,
    StorageError,
    Tampered,
    TrainError,
    UnknownDataset,
    UnknownModel,
    ZooError,
)

EXPORTS = Path(__file__).parents[3] / "exports"


def nothing(place: Path) -> None:
    """Leave the place empty."""


def folder(place: Path) -> None:
    place.mkdir()


def empty(place: Path) -> None:
    place.touch()


def noise(place: Path) -> None:
    place.write_bytes(bytes(range(256)) * 64)


def pipe(place: Path) -> None:
    os.mkfifo(place)


def endless(place: Path) -> None:
    place.symlink_to("/dev/zero")


def loop(place: Path) -> None:
    place.symlink_to(place.name)


def nowhere(place: Path) -> None:
    place.symlink_to(place.parent / "gone" / "away")


def gate(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))


ODD: dict[str, Callable[[Path], None]] = {
    "nothing": nothing,
    "a folder": folder,
    "an empty file": empty,
    "noise": noise,
    "a pipe": pipe,
    "an endless device": endless,
    "a link to itself": loop,
    "a link to nowhere": nowhere,
    "a socket": gate,
}

# What is typed, how the place is called, and which errors say well what is wrong with it.
READ: dict[str, tuple[str, str, tuple[type[ZooError], ...]]] = {
    "verify": ("bench {it}", "a", (ArtifactError,)),
    "diff before": ("diff {it} {exports}/cnn/1", "a", (ArtifactError,)),
    "diff after": ("diff {exports}/cnn/1 {it}", "a", (ArtifactError,)),
    "serve": ("serve --port 0 {it}", "a", (ArtifactError,)),
    "quantise": ("quantise {it}", "a", (ArtifactError,)),
    "quantise's data": (
        "quantise {exports}/cnn/1 --data {it}",
        "a.npz",
        (DataError,),
    ),
    "evaluate": ("evaluate {it}", "a", (ArtifactError,)),
    "evaluate's data": ("evaluate {exports}/cnn/1 --data {it}", "a.csv", (DataError, ConfigError)),
    "report": ("report {it}", "a", (TrainError,)),
    "export": ("export ./{it}", "a", (TrainError,)),
    "resume": ("train --resume {it}", "a", (TrainError,)),
    "weights to build": ("build cnn --weights {it}", "a.weights.h5", (ConfigError, Incompatible)),
    "weights of keras": ("build cnn --weights {it}", "a.keras", (ConfigError, Incompatible)),
    "weights to predict": (
        "predict cnn {exports}/cnn/1 --weights {it}",
        "a.weights.h5",
        (ConfigError, Incompatible),
    ),
    "published weights of a captioner": (
        "build blip_captioner --weights {it}",
        "a.safetensors",
        (ConfigError, Incompatible, DataError),
    ),
    "data, a table": ("train mlp_classifier --data {it}", "a.csv", (DataError,)),
    "data, tabs": ("train mlp_classifier --data {it}", "a.tsv", (DataError,)),
    "data, arrays": ("train cnn --data {it}", "a.npz", (DataError,)),
    "data, a text": (
        "train transformer --data {it} --data-option task=sequence-to-sequence",
        "a.txt",
        (DataError,),
    ),
    "data, prose in a table": (
        "train lstm --data {it} --data-option text=text",
        "a.csv",
        (DataError,),
    ),
    "data, a series": (
        "train lstm --data {it} --data-option task=forecasting",
        "a.csv",
        (DataError,),
    ),
    "data, a folder": ("train cnn --data {it}", "a", (DataError,)),
    "data of folds": ("crossvalidate mlp_regressor --data {it}", "a.csv", (DataError,)),
    "a model": ("predict ./{it} x.png", "a", (ArtifactError,)),
    "an input, a picture": ("predict {exports}/cnn/1 {it}", "a.png", (DataError,)),
    "an input, a photo": ("predict {exports}/cnn/1 {it}", "a.jpg", (DataError,)),
    "an input, an array": ("predict {exports}/cnn/1 {it}", "a.npy", (DataError,)),
    "an input, arrays": ("predict {exports}/mlp_regressor/1 {it}", "a.npz", (DataError,)),
    "an input, a table": ("predict {exports}/mlp_regressor/1 {it}", "a.csv", (DataError,)),
    "an input, a series": (
        "predict {exports}/lstm_daily_min_temperatures/1 {it}",
        "a.csv",
        (DataError,),
    ),
    "an input, texts": ("predict {exports}/transformer/1 {it}", "a.txt", (DataError,)),
    "an input, a column of texts": ("predict {exports}/transformer/1 {it}", "a.tsv", (DataError,)),
    "what draws": ("sample {it}", "a", (ArtifactError,)),
    "what is given to draw": ("sample {exports}/rbm/1 --given {it}", "a.npy", (DataError,)),
    "a damaged photo": (
        "damage-report --classifier {exports}/vgg16_damage/1 {it}",
        "a.png",
        (DataError,),
    ),
    "what classifies damage": (
        "damage-report photo.png --classifier ./{it}",
        "a",
        (ArtifactError,),
    ),
    "what describes damage": (
        "damage-report photo.png --classifier {exports}/vgg16_damage/1 --captioner ./{it}",
        "a",
        (ArtifactError,),
    ),
}


@pytest.fixture(autouse=True)
def _workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("argument", READ)
def test_what_cannot_be_read_is_refused(argument: str, odd: str, tmp_path, capsys):
    words, name, errors = READ[argument]
    ODD[odd](tmp_path / name)
    picture(tmp_path / "photo.png")
    last: AssertionError | None = None
    run_any(words, name, errors, tmp_path, capsys)


def run_any(words, name, errors, folder, capsys):
    """Run a row that may be refused by any error of some kinds; the name stands in its message."""
    import shlex

    from tests.hostile.matrix.harness import measured
    from tests.hostile.support import Case, Outcome, call, check, listing
    import zoo.errors

    before = listing(folder)
    capsys.readouterr()
    with measured() as cost:
        code = call(*shlex.split(words.format(it=name, exports=EXPORTS))).exit
    printed = capsys.readouterr()
    if os.environ.get("ZOO_SHOW"):
        with capsys.disabled():
            print(f"\n$ zoo {words.format(it=name, exports='exports')}\n{cost}\n{printed.err}{printed.out}")
    kinds = {k.code: k for e in errors for k in vars(zoo.errors).values() if isinstance(k, type) and issubclass(k, e)}
    said = next((c for c in kinds if f"({c})" in printed.err), None)
    assert said, printed.err
    check(Case("", "", kinds[said].exit_code, said, (name,)), Outcome(code, printed.out, printed.err))
    assert listing(folder) == before
    assert cost.seconds < 5
    assert cost.memory < 2**30
