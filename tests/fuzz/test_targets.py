"""Parsers on arbitrary bytes: typed errors only, in bounded time."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from tests.fuzz.targets import TARGETS
from tests.hostile.harness import measured
from zoo.metrics.figures import encode_png
from zoo.runtime.csv import read_table
from zoo.runtime.golden_vectors import Vector, pack_vectors, unpack_vectors
from zoo.runtime.images import read_image
from zoo.runtime.table_header import Layout
from zoo.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).parent / "found"
SECONDS = 5.0
"""What one input may cost, of this process's time on a processor."""

SEEDS = {name: target.seeds() for name, target in TARGETS.items()}
MARKS = st.sampled_from(
    [b"\0", b"\xff", b"\n", b'"', b"\xed\xa0\x80", b"9" * 400, b"NaN", b"1e999"]
)


@st.composite
def spoiled(draw: st.DrawFn, name: str) -> bytes:
    """Draw a good input that was cut, turned, doubled or written over in a few places."""
    data = bytearray(draw(st.sampled_from(SEEDS[name]))[:8_192])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(("cut", "flip", "insert", "drop", "double"))):
            case "cut":
                del data[place:]
            case "flip" if data:
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                data[place:place] = draw(MARKS | st.binary(max_size=8))
            case "drop":
                del data[place : place + draw(st.integers(1, 40))]
            case "double":
                data[place:place] = data[place : place + draw(st.integers(1, 40))]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=300) | st.text(max_size=100).map(_encoded) | spoiled(name))
    def read(data: bytes) -> None:
        with measured() as cost:
            TARGETS[name].read(data)
        assert cost.seconds < SECONDS

    read()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", TARGETS)
def test_the_good_inputs_are_read(name: str) -> None:
    for data in SEEDS[name]:
        # Else a search would begin, and end, at the first check.
        assert TARGETS[name].read(data)


@pytest.mark.parametrize(
    "file",
    sorted(FOUND.glob("*/*")),
    ids=lambda file: f"{file.parent.name}: {file.name.replace('-', ' ')}",
)
def test_what_was_found_once_stays_found(file: Path) -> None:
    with measured() as cost:
        TARGETS[file.parent.name].read(file.read_bytes())
    assert cost.seconds < SECONDS


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=("Cs",)),
    max_size=12,
).map(str.strip)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12))
def test_a_table_is_read_as_it_was_written(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([("one", "two"), *rows])
    # A first line without a byte-order mark of its own.
    (tmp_path / "a.csv").write_bytes(text.getvalue().encode())
    table = read_table(tmp_path / "a.csv", layout=Layout(header=True))
    assert table.header == ["one", "two"]
    wanted = list(rows)
    while any(map(any, wanted)) and not any(wanted[-1]):
        wanted.pop()  # empty rows at the end do not count
    assert list(zip(*map(table.column, table.header), strict=True)) == wanted


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from((1, 3)))
    )
)
def test_a_picture_is_read_as_it_was_written(tmp_path: Path, pixels: np.ndarray) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(pixels))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.from_regex("[a-z]{1,8}", fullmatch=True),
        arrays.arrays(
            st.sampled_from(["uint8", "int32", "int64", "float32", "bool"]),
            arrays.array_shapes(max_dims=4, max_side=4),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_golden_vectors_are_read_as_they_were_written(named: dict[str, np.ndarray]) -> None:
    (found,) = unpack_vectors(pack_vectors({"predict": [Vector(named, named)]}), "predict")
    for side in (found.inputs, found.outputs):
        assert set(side) == set(named)
        for name, array in named.items():
            assert side[name].dtype == array.dtype
            np.testing.assert_array_equal(side[name], array)


NUMBERS = st.floats(allow_nan=False, width=64)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=9))
def test_a_history_is_read_as_it_was_written(
    tmp_path: Path, rows: list[tuple[float, float]]
) -> None:
    folder = RunFolder(tmp_path)
    lines = [{"epoch": float(at), "loss": a, "val_loss": b} for at, (a, b) in enumerate(rows)]
    folder.write_history(lines)
    assert folder.read_history() == lines


@pytest.mark.fuzz
@pytest.mark.parametrize("name", TARGETS)
def test_a_guided_search_finds_nothing(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: scripts/fuzz says how")
    words = [sys.executable, "-m", "tests.fuzz", name, "--seconds", "30", "--corpus", str(tmp_path)]
    path = os.pathsep.join((str(ROOT), str(ROOT / "plugins")))
    done = subprocess.run(
        words, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3_000:]
