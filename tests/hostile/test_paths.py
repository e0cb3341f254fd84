"""Every path of a command line, and everything that can be there instead of the right file."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.files import captioned, picture
from tests.hostile.harness import EXPORTS, case, run_case
from zoo.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    Incompatible,
    StorageError,
    TrainError,
    ZooError,
)


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
    "a name of 5,000 letters": nothing,
}

ANY_DATA = (DataError, ConfigError)
WEIGHTS = (ConfigError, Incompatible)

# What is typed, how the place is called, and which errors say well what is wrong with it.
READ: dict[str, tuple[str, str, tuple[type[ZooError], ...]]] = {
    "what is verified": ("bench {it}", "a", (ArtifactError,)),
    "what was before": ("diff {it} {exports}/cnn/1", "a", (ArtifactError,)),
    "what came after": ("diff {exports}/cnn/1 {it}", "a", (ArtifactError,)),
    "what is served": ("serve --port 0 {it}", "a", (ArtifactError,)),
    "what is made smaller": ("quantize {it}", "a", (ArtifactError,)),
    "its data": ("quantize {exports}/cnn/1 --data {it}", "a.npz", (DataError,)),
    "what is evaluated": ("evaluate {it}", "a", (ArtifactError,)),
    "other data": ("evaluate {exports}/cnn/1 --data {it}", "a.csv", (DataError,)),
    "what is reported": ("report {it}", "a", (TrainError,)),
    "what is exported": ("export ./{it}", "a", (TrainError,)),
    "what is resumed": ("train --resume {it}", "a", (TrainError,)),
    "weights in HDF5": ("build cnn --weights {it}", "a.weights.h5", WEIGHTS),
    "weights in a model": ("build cnn --weights {it}", "a.keras", WEIGHTS),
    "weights to ask": ("predict cnn photo.png --weights {it}", "a.weights.h5", WEIGHTS),
    "weights to export": ("export cnn --weights {it}", "a.weights.h5", WEIGHTS),
    "weights of others": (
        "build blip_captioner --set text.num_layers=1 --weights {it}",
        *("a.safetensors", WEIGHTS),
    ),
    "a table": ("train mlp_classifier --data {it}", "a.csv", (DataError,)),
    "a table with tabs": ("train mlp_classifier --data {it}", "a.tsv", (DataError,)),
    "arrays": ("train cnn --data {it}", "a.npz", (DataError,)),
    "pairs of texts": (
        "train transformer --data {it} --data-option task=sequence-to-sequence",
        *("a.txt", ANY_DATA),
    ),
    "prose": ("train lstm --data {it} --data-option text=text", "a.csv", ANY_DATA),
    "a series": ("train lstm --data {it} --data-option task=forecasting", "a.csv", ANY_DATA),
    "a folder of data": ("train cnn --data {it}", "a", (DataError,)),
    "a vocabulary": (
        "train blip_captioner --data photos --data-option vocabulary={it}",
        *("a.txt", ANY_DATA),
    ),
    "a table in folds": ("crossvalidate mlp_regressor --data {it}", "a.csv", ANY_DATA),
    "what answers": ("predict ./{it} x.png", "a", (ArtifactError,)),
    "a picture": ("predict {exports}/cnn/1 {it}", "a.png", (DataError,)),
    "a photo": ("predict {exports}/cnn/1 {it}", "a.jpg", (DataError,)),
    "an array": ("predict {exports}/cnn/1 {it}", "a.npy", (DataError,)),
    "arrays by name": ("predict {exports}/mlp_regressor/1 {it}", "a.npz", (DataError,)),
    "rows": ("predict {exports}/mlp_regressor/1 {it}", "a.csv", (DataError,)),
    "history": ("predict {exports}/lstm_daily_min_temperatures/1 {it}", "a.csv", (DataError,)),
    "texts": ("predict {exports}/transformer/1 {it}", "a.txt", (DataError,)),
    "a column of texts": ("predict {exports}/transformer/1 {it}", "a.tsv", (DataError,)),
    "what draws": ("sample {it}", "a", (ArtifactError,)),
    "what is given to draw": ("sample {exports}/rbm/1 --given {it}", "a.npy", (DataError,)),
    "a photo of damage": (
        "damage-report --classifier {exports}/vgg16_damage/1 {it}",
        *("a.png", (DataError,)),
    ),
    "what sees damage": (
        "damage-report photo.png --classifier ./{it}",
        *("a", (ArtifactError,)),
    ),
    "what describes damage": (
        "damage-report photo.png --classifier {exports}/vgg16_damage/1 --captioner ./{it}",
        *("a", (ArtifactError,)),
    ),
}

# What is written, and how its place is called.
FILES: dict[str, tuple[str, str]] = {
    "a model": ("build mlp_classifier --set units=[2] --out {it}", "a.keras"),
    "a drawn picture": ("sample {exports}/rbm/1 --count 1 --steps 1 --out {it}", "a.png"),
    "drawn arrays": ("sample {exports}/rbm/1 --count 1 --steps 1 --out {it}", "a.npz"),
    "a report": ("report {run} --out {it}", "a.html"),
}
FOLDERS: dict[str, tuple[str, str]] = {
    "a run": ("train mlp_classifier --set units=[2] --epochs 1 --run-dir {it}", "a"),
    "runs of folds": (
        "crossvalidate mlp_regressor --folds 2 --epochs 1 --set units=[2] --quiet --run-dir {it}",
        "a",
    ),
    "a report of damage": (
        "damage-report photo.png --classifier {exports}/vgg16_damage/1 --out {it}",
        "a",
    ),
    "an artifact": ("export {run} --out {it}", "a"),
    "a demonstration": ("demo --epochs 1 --out {it}", "a"),
}
IN_THE_WAY = ("a pipe", "an endless device", "a socket")
NO_FOLDER = (*IN_THE_WAY, "an empty file", "noise", "a link to itself")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("argument", READ)
def test_what_cannot_be_read_is_refused_by_its_name(argument: str, odd: str, tmp_path):
    words, name, errors = READ[argument]
    if "letters" in odd:
        name = "a" * 5_000 + Path(name).suffix
    picture(tmp_path / "photo.png")
    captioned(tmp_path)
    ODD[odd](tmp_path / name)
    run_case(case(words, errors, name), tmp_path, it=name, exports=EXPORTS)


@pytest.mark.parametrize("odd", IN_THE_WAY)
@pytest.mark.parametrize("written", FILES)
def test_what_is_no_file_is_not_replaced_by_one(written: str, odd: str, good, tmp_path):
    words, name = FILES[written]
    ODD[odd](tmp_path / name)
    before = (tmp_path / name).lstat().st_mode
    run_case(case(words, StorageError, name), tmp_path, it=name, exports=EXPORTS, run=good)
    assert (tmp_path / name).lstat().st_mode == before


@pytest.mark.parametrize("odd", NO_FOLDER)
@pytest.mark.parametrize("written", FOLDERS)
def test_what_is_no_folder_is_not_written_into(written: str, odd: str, good, tmp_path):
    words, name = FOLDERS[written]
    picture(tmp_path / "photo.png")
    ODD[odd](tmp_path / name)
    run_case(case(words, StorageError, name), tmp_path, it=name, exports=EXPORTS, run=good)
