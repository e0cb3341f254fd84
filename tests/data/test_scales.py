"""What float32 cannot hold, and numbers and cells that are written in another way."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.errors import BadRecord
from zoo.spec import Task


def write(path: Path, columns: dict[str, list[str]], between: str = ",") -> Path:
    rows = zip(*columns.values(), strict=True)
    lines = [between.join(columns), *(between.join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


A = [f"{i * 37 % 101 / 10}" for i in range(100)]


@pytest.mark.parametrize("size", ["e25", "e-25"])
@pytest.mark.parametrize("column", ["a", "y"])
def test_a_column_whose_squares_leave_float32_is_refused(
    tmp_path: Path, column: str, size: str
) -> None:
    columns = {"a": list(A), "y": list(A)}
    columns[column] = [cell + size for cell in A]

    with pytest.raises(BadRecord, match="give them in another unit") as caught:
        zoo.dataset(write(tmp_path / "t.csv", columns))

    assert f"column '{column}'" in str(caught.value)


def test_a_target_whose_differences_float32_rounds_away_is_refused(tmp_path: Path) -> None:
    far = [f"{5_000_000_000 + i % 50}" for i in range(100)]

    with pytest.raises(BadRecord, match="subtract 5000000000 from all"):
        zoo.dataset(write(tmp_path / "t.csv", {"a": A, "y": far}))

    assert zoo.dataset(write(tmp_path / "x.csv", {"x": far, "y": A})).spec.task is Task.REGRESSION


def test_a_decimal_comma_is_known_for_one(tmp_path: Path) -> None:
    commas = [cell.replace(".", ",") for cell in A]
    path = write(tmp_path / "t.csv", {"a": A, "y": commas}, ";")

    with pytest.raises(BadRecord, match="with a decimal point"):
        zoo.dataset(path)
    with pytest.raises(BadRecord, match="with a decimal point"):
        zoo.dataset(path, task="regression")

    with pytest.raises(BadRecord, match="numbers with a decimal comma"):
        zoo.dataset(write(tmp_path / "x.csv", {"a": commas, "y": A}, ";"))


def test_a_cell_that_never_ends_is_asked_for_its_quote(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,y\n1,"2\n' + "3,4\n" * 50_000)

    with pytest.raises(BadRecord, match="a quoted cell ends with a quote"):
        zoo.dataset(path)
