"""Files of weights that are damaged, another model's, or something else."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hostile.harness import Case, Table, case, cases, run_case
from zoo.errors import ConfigError, Incompatible

PLUGINS = Path(__file__).parents[2] / "plugins"
Make = Callable[[Path], object]


def hdf5(make: Callable[[Any], object]) -> Make:
    """Return a function that writes a file of weights in HDF5."""

    def write(folder: Path) -> None:
        h5py = pytest.importorskip("h5py")
        with h5py.File(folder / "a.weights.h5", "w") as file:
            make(file)

    return write


def keras(**members: bytes) -> Make:
    """Return a function that writes the archive of a Keras model with these members."""

    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "a.keras", "w") as archive:
            for name, data in members.items():
                archive.writestr(name.replace("_dot_", "."), data)

    return write


def own(name: str) -> bytes:
    return (PLUGINS / name).read_bytes()


def given(name: str, data: Callable[[], bytes]) -> Make:
    return lambda folder: (folder / name).write_bytes(data())


CNN = "build cnn --weights"
DIGITS = "zoo_cnn/weights/digits.weights.h5"
WEIGHTS: Table = {
    "weights of another model": case(
        f"{CNN} a.weights.h5",
        Incompatible,
        "do not fit",
        setup=given("a.weights.h5", lambda: own("zoo_rbm/weights/digits.weights.h5")),
    ),
    "weights of other sizes": case(
        f"{CNN} a.weights.h5 --set filters=[[8],[8]]",
        Incompatible,
        "do not fit",
        setup=given("a.weights.h5", lambda: own(DIGITS)),
    ),
    "weights that are half": case(
        f"{CNN} a.weights.h5",
        Incompatible,
        "a.weights.h5",
        setup=given("a.weights.h5", lambda: own(DIGITS)[:50_000]),
    ),
    "weights with noise inside": case(
        f"{CNN} a.weights.h5",
        Incompatible,
        "a.weights.h5",
        setup=given("a.weights.h5", lambda: own(DIGITS)[:2_000] + bytes(200_000)),
    ),
    "weights that are an empty archive": case(
        f"{CNN} a.weights.h5", Incompatible, "a.weights.h5", setup=hdf5(lambda _: None)
    ),
    "weights of other names": case(
        f"{CNN} a.weights.h5",
        Incompatible,
        "a.weights.h5",
        setup=hdf5(lambda file: file.create_dataset("w", data=np.zeros(3))),
    ),
    "weights that are links to a file outside": case(
        f"{CNN} a.weights.h5",
        Incompatible,
        "a.weights.h5",
        setup=hdf5(
            lambda file: file.__setitem__(
                "layers", __import__("h5py").ExternalLink("/etc/passwd", "/")
            )
        ),
    ),
    "weights that point to themselves": case(
        f"{CNN} a.weights.h5",
        Incompatible,
        "a.weights.h5",
        setup=hdf5(lambda file: file.__setitem__("layers", __import__("h5py").SoftLink("/layers"))),
    ),
    "weights that are a pickle": case(
        f"{CNN} a.weights.h5",
        Incompatible,
        "a.weights.h5",
        setup=given("a.weights.h5", lambda: b"\x80\x04cos\nsystem\n(S'touch hacked'\ntR."),
    ),
    "a model without weights": case(
        f"{CNN} a.keras", Incompatible, "a.keras", setup=keras(config_dot_json=b"{}")
    ),
    "a model of nothing": case(f"{CNN} a.keras", Incompatible, "a.keras", setup=keras()),
    "a model with a program inside": case(
        f"{CNN} a.keras",
        Incompatible,
        "a.keras",
        setup=keras(
            config_dot_json=b'{"class_name": "Lambda", "config": {"function": "os.system"}}',
            model_dot_weights_dot_h5=b"\x89HDF",
        ),
    ),
    "weights of a kind that is none": case(
        f"{CNN} a.bin", Incompatible, "a.bin", setup=given("a.bin", lambda: own(DIGITS))
    ),
    "weights of PyTorch": case(
        f"{CNN} a.pt", Incompatible, "a.pt", setup=given("a.pt", lambda: b"PK\x03\x04" + bytes(99))
    ),
    "weights of a name without end": case(f"{CNN} {'a' * 5_000}", ConfigError, "weights"),
    "a run of another model for weights": case(f"{CNN} run", Incompatible, "do not fit"),
}


@cases(WEIGHTS)
def test_weights_that_do_not_fit_are_refused(case: Case, run, tmp_path):
    run_case(case, tmp_path)
