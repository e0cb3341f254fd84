"""Tables that people bring: what is doubtful is refused with options, and the options work."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import zoo
from zoo.data import Dataset
from zoo.data.columns import FEW_CLASSES
from zoo.data.memory import whole_split
from zoo.errors import BadRecord, DataError
from zoo.runtime import arrow, csv
from zoo.runtime.csv import read_table
from zoo.runtime.inputs import encode
from zoo.runtime.table import read_frame
from zoo.runtime.table_header import Layout

pandas = pytest.importorskip("pandas")


def rows(cells: list[str], header: str = "x,y") -> str:
    lines = [f"{cell},{'hot' if i % 2 else 'cold'}" for i, cell in enumerate(cells)]
    return "\n".join([header, *lines, ""])


def quoted(cells: list[str]) -> list[str]:
    return [f'"{cell}"' if "," in cell else cell for cell in cells]


DOUBTFUL = {
    # the text, and the options that are advised at least
    "a decimal comma": (rows(quoted([f"{i % 7},{i % 10}5" for i in range(60)])), "decimal"),
    "thousands": (rows(quoted([f"{i % 7 + 1},{i % 10}00" for i in range(60)])), "thousands"),
    "a currency": (rows([f"€{i % 9}.5" for i in range(60)]), "numeric"),
    "percent": (rows([f"{i % 9} %" for i in range(60)]), "numeric"),
    "dashes": (rows(["-" if i % 4 == 1 else str(i % 31) for i in range(60)]), "missing"),
    "mostly numbers": (rows(["many" if i % 7 == 1 else str(i % 31) for i in range(70)]), "missing"),
    "dates": (rows([f"2024-{i % 12 + 1:02}-01" for i in range(60)]), "categorical"),
    "near-unique names": (
        rows([f"n{i % (FEW_CLASSES + 10)}" for i in range(200)]),
        "categorical",
    ),
    "identifiers": (rows([str(9_000 - 7 * i) for i in range(60)], "user_id,y"), "numeric"),
}


def options_in(fix: str) -> list[dict[str, Any]]:
    """Return each option that an error advises, with its value."""
    found = re.findall(
        r"\b(decimal|thousands|numeric|categorical|missing|drop)=(\[.*?\]|\".\")", fix
    )
    return [{name: ast.literal_eval(value)} for name, value in found]


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_is_doubtful_is_refused_and_every_advised_option_works(
    tmp_path: Path, case: str
) -> None:
    text, needed = DOUBTFUL[case]
    file = tmp_path / "t.csv"
    file.write_text(text)

    with pytest.raises(BadRecord) as caught:
        zoo.dataset(file)

    advised = options_in(caught.value.fix)
    assert needed in {name for option in advised for name in option}
    for option in advised:
        (name,) = option
        if name == "drop":
            continue  # the only column beside the target
        data = zoo.dataset(file, **option)
        wanted = "categorical" if name == "categorical" else "numeric"
        assert data.columns[0].kind == wanted, option


TARGETS = {
    "a decimal comma": ("x;y\n" + "".join(f"{i % 7};{i % 40},{i % 10}5\n" for i in range(90)), 2),
    "a stray word": (
        "x,y\n" + "".join(f"{i % 7},{'low' if i == 4 else i / 9}\n" for i in range(90)),
        1,
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_every_option_advised_for_a_target_is_taken(tmp_path: Path, case: str) -> None:
    text, count = TARGETS[case]
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(BadRecord) as caught:
        zoo.dataset(file)
    advised = options_in(caught.value.fix)
    if "task=classification" in caught.value.fix:
        advised.append({"task": "classification"})
    assert len(advised) == count
    for option in advised:
        try:
            zoo.dataset(file, **option)
        except DataError as error:  # so many classes are refused, but as classes
            assert option == {"task": "classification"}
            assert "different values" in str(error) or "the class" in str(error)


def test_a_decimal_comma_in_the_target_is_read_when_a_model_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(TARGETS["a decimal comma"][0])
    data = zoo.dataset(file, decimal=",")
    assert data.spec.task == "regression"
    other = tmp_path / "other.csv"
    other.write_text("y;x\n1,5;3\n2,25;4\n")
    split = whole_split(other, data.spec, {})
    assert split is not None
    assert split.take(np.arange(2))[1]["target"].tolist() == [1.5, 2.25]


@pytest.mark.parametrize(
    ("cells", "option", "advised"),
    [
        ([f"{i % 7}.5" for i in range(60)], {"decimal": ","}, 'decimal="."'),
        ([f'"€{i % 7},5"' for i in range(60)], {"decimal": ","}, "numeric=['x']"),
    ],
)
def test_a_column_that_does_not_fit_the_marks_of_the_others_is_refused(
    tmp_path: Path, cells: list[str], option: dict[str, Any], advised: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_text(rows(cells))
    with pytest.raises(BadRecord, match="written in another way") as caught:
        zoo.dataset(file, **option)
    assert advised in caught.value.fix


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("{day},good film {day},yes\n{day},bad film {day},no\n", {"text": "x1", "target": "x2"}),
        ("2024-01-{day:02},{day}.5\n", {"task": "forecasting", "horizon": 2, "window": 3}),
    ],
)
def test_texts_and_series_without_a_header_are_read_where_it_is_said(
    tmp_path: Path, line: str, options: dict[str, Any]
) -> None:
    file = tmp_path / "t.csv"
    file.write_text("".join(line.format(day=1 + at) for at in range(31)))
    with pytest.raises(BadRecord, match="looks like data"):
        zoo.dataset(file, **options)
    assert zoo.dataset(file, header=False, **options).sizes()["train"] > 5


def test_the_columns_of_a_model_are_a_header_when_it_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    cells = "".join(f"{i % 9},{i % 7},{'ab'[i % 2]}\n" for i in range(40))
    file.write_text("2019,2020,y\n" + cells)
    specs = zoo.dataset(file, header=True).spec.inputs
    asked = tmp_path / "asked.csv"
    asked.write_text("2020,2019\n3,4\n5,6\n")
    assert encode(str(asked), specs)["numeric"].tolist() == [[4, 3], [6, 5]]
    asked.write_text("3,4\n5,6\n")
    with pytest.raises(BadRecord, match="looks like data") as caught:
        encode(str(asked), specs)
    assert "2019,2020" in caught.value.fix


def test_a_decimal_comma_is_read_when_the_model_is_asked(tmp_path: Path) -> None:
    cells = [f"{i % 7},{i % 10}5" for i in range(60)]
    file = tmp_path / "t.csv"
    file.write_text(rows(cells, "x;y").replace(",hot", ";hot").replace(",cold", ";cold"))

    data = zoo.dataset(file, decimal=",")

    encoded = encode([{"x": "3,25"}, {"x": 3.25}], data.spec.inputs)
    np.testing.assert_array_equal(encoded["numeric"], [[3.25], [3.25]])


HEADERLESS = {
    "numbers and words": "1.5,red\n2.5,blue\n" * 20,
    "numbers": "1,2\n3,4\n" * 20,
    "words that recur": "red,hot\nblue,cold\n" * 20,
}


@pytest.mark.parametrize("case", HEADERLESS)
def test_a_first_row_like_the_others_is_not_taken_for_names(tmp_path: Path, case: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(HEADERLESS[case])

    with pytest.raises(BadRecord, match="looks like data"):
        zoo.dataset(file)

    made_up = zoo.dataset(file, header=False, target="x1")
    assert sum(made_up.sizes().values()) == 40
    assert any("no header" in note for note in made_up.notes)
    named = zoo.dataset(file, names=["a", "b"], target="b")
    assert [column.name for column in named.columns] == ["a", "b"]
    assert sum(zoo.dataset(file, header=True).sizes().values()) == 39


def test_years_as_names_of_columns_are_kept_where_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(
        "2019,2020,y\n" + "".join(f"{i % 9},{i % 7},{'ab'[i % 2]}\n" for i in range(40))
    )
    with pytest.raises(BadRecord, match="looks like data"):
        zoo.dataset(file)
    assert [c.name for c in zoo.dataset(file, header=True).columns] == ["2019", "2020", "y"]


FORMS = {
    "bars": "x|y\n" + "1|a\n2|b\n" * 20,
    "Excel's first line": "sep=;\nx;y\n" + "1;a\n2;b\n" * 20,
    "comments": "# made by a machine\n# units: mm\nx,y\n" + "1,a\n2,b\n" * 20,
    "a quoted line end in the header": '"x",y\n' + "1,a\n2,b\n" * 20,
}


@pytest.mark.parametrize("case", FORMS)
def test_other_forms_of_csv_are_read(tmp_path: Path, case: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(FORMS[case])
    data = zoo.dataset(file)
    assert data.spec.labels == ("a", "b") and sum(data.sizes().values()) == 40


def test_a_name_with_a_line_end_is_one_name(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('"size\n(mm)";y\n' + "1;a\n2;b\n" * 20)
    assert read_table(file).header == ["size\n(mm)", "y"]
    assert read_table(file).lines[0] == 3


def test_codes_with_leading_zeros_stay_apart_and_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("x,code\n" + "1,007\n2,7\n3,10\n" * 12)
    assert zoo.dataset(file).spec.labels == ("007", "10", "7")
    file.write_text("code,y\n" + "007,a\n7,b\n10,c\n" * 12)
    (column,) = zoo.dataset(file).spec.inputs[0].columns or ()
    assert column.categories == ("007", "10", "7")


def test_a_test_file_of_its_own_is_the_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("x,y\n" + "".join(f"{i % 13},{'ab'[i % 2]}\n" for i in range(60)))
    test.write_text("y,more,x\n" + "".join(f"{'ab'[i % 2]},z,{i % 13}\n" for i in range(11)))

    data = zoo.dataset(train, test=str(test))

    assert data.sizes()["test"] == 11
    assert data.sizes()["train"] + data.sizes()["validation"] == 60
    assert not data.drawn
    monkeypatch.chdir(tmp_path)
    assert zoo.dataset("train.csv", test="test.csv").options == {"test": str(test)}
    test.write_text("y,z\na,1\n")
    with pytest.raises(DataError, match="the column 'x' is missing"):
        zoo.dataset(train, test=str(test))
    test.write_text("y,x\na,1\nb,many\n")
    with pytest.raises(BadRecord, match=r"test\.csv, line 3, column 'x'"):
        zoo.dataset(train, test=str(test), numeric=["x"])


def test_a_summary_says_why_each_column_is_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    text = "".join(f"{i % 13},{'?' if i == 3 else 'red'},k,{'ab'[i % 2]}\n" for i in range(60))
    file.write_text("x,color,z,y\n" + text)

    summary = zoo.dataset(file, drop=["z"]).summary()

    assert [(one.name, one.kind, one.missing) for one in summary.columns] == [
        ("x", "numeric", 0),
        ("color", "categorical", 1),
        ("z", "dropped", 0),
        ("y", "class", 0),
    ]
    assert summary.columns[-1].reason == "the last column is the target"
    assert summary.columns[0].examples == ("0", "1", "2")
    assert sum((summary.classes or {}).values()) == summary.sizes["train"]


def table_of(file: Path, monkeypatch: pytest.MonkeyPatch, *, fast: bool) -> Any:
    monkeypatch.setattr(arrow, "_LEAST", 0 if fast else 1 << 60)
    return read_table(file, layout=Layout(header=True))


CELLS = st.sampled_from(
    [
        *("1", "2.5", "-3", "+4", "1e-05", "-1E+3", ".5", "7.", "", "NA", " 8 ", "007", "-01"),
        *("red", "inf", "nan", "NaN", "1_0", "0x1", "é", "0", "0.0", "1.0", "?", "none", "  "),
        *("-", "1e400"),
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_the_fast_reader_and_the_rules_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: list[tuple[str, ...]]
) -> None:
    pytest.importorskip("pyarrow")
    file = tmp_path / "t.csv"
    file.write_text("a,b,c\n" + "\n".join(",".join(row) for row in cells) + "\n")
    tables = [table_of(file, monkeypatch, fast=fast) for fast in (True, False)]
    for name in "abc":
        quick, plain = (table.columns[name] for table in tables)
        assert list(quick) == list(plain)
        assert (quick.plain is None) == (plain.plain is None)
        if quick.plain is not None and plain.plain is not None:
            np.testing.assert_array_equal(quick.plain, plain.plain)


def test_numbers_that_turn_to_text_after_many_rows_keep_their_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [str(i % 50) for i in range(3 * csv._ROWS)] + ["late"]
    file = tmp_path / "t.csv"
    file.write_text("x,y\n" + "".join(f"{cell},1\n" for cell in cells))
    table = table_of(file, monkeypatch, fast=False)
    assert table.column("x") == cells
    assert table.columns["y"].plain is not None


def column(cell: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(cell, min_size=40, max_size=40)


TEXTS = st.sampled_from(["red", "blue", "a b", "x,y", 'q"q', "007", "7", "true", "2024-01-31"])
COLUMN = st.one_of(
    column(st.floats(-1e6, 1e6, width=32)),
    column(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32))),
    column(TEXTS),
    column(st.one_of(st.none(), TEXTS)),
    column(st.sampled_from([True, False])),
    column(st.sampled_from([True, False, None])),
    column(st.integers(-50, 50)),
    column(st.integers(2**53 - 2, 2**53 + 40)),
)


def frame_of(columns: list[list[Any]]) -> Any:
    """Return a frame of columns, and a target of two classes."""
    frame = pandas.DataFrame({f"c{at}": cells for at, cells in enumerate(columns)})
    frame["y"] = ["a", "b"] * 20
    return frame


def write_frame(frame: Any, folder: Path) -> None:
    """Write a frame as CSV and as Parquet."""
    pytest.importorskip("pyarrow")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")


def inputs_of(data: Dataset) -> dict[str, np.ndarray]:
    parts = [data.split(name).arrays() for name in ("train", "validation", "test")]
    return {
        name: np.concatenate([part[0][name] for part in parts if part is not None])
        for name in (spec.name for spec in data.spec.inputs)
    }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(COLUMN, min_size=1, max_size=3))
def test_a_frame_is_the_same_from_memory_from_csv_and_from_parquet(
    tmp_path: Path, columns: list[list[Any]]
) -> None:
    frame = frame_of(columns)
    write_frame(frame, tmp_path)
    found: list[Any] = []
    for source in (frame, tmp_path / "t.csv", tmp_path / "t.parquet"):
        try:
            data = zoo.dataset(source, target="y")
        except DataError as error:
            found.append(str(error).partition("c")[2].partition("\n")[0][-40:])
            continue
        found.append(({n: a.tolist() for n, a in inputs_of(data).items()}, data.spec.inputs))
    assert str(found[0]) == str(found[1]) == str(found[2])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(COLUMN, min_size=1, max_size=3))
def test_the_same_rows_are_the_same_inputs_of_a_model_from_every_source(
    tmp_path: Path, columns: list[list[Any]]
) -> None:
    frame = frame_of(columns)
    try:
        specs = zoo.dataset(frame, target="y").spec.inputs
    except DataError:
        return
    write_frame(frame, tmp_path)
    sources = {
        "frame": frame[frame.columns[::-1]],
        "csv": tmp_path / "t.csv",
        "parquet": tmp_path / "t.parquet",
        "records": frame.to_dict("records"),
        "columns": {name: frame[name].tolist() for name in frame.columns},
        "arrays": {name: frame[name].to_numpy() for name in frame.columns},
    }
    wanted = encode(sources["frame"], specs)
    for name, source in sources.items():
        found = encode(source, specs)
        assert found.keys() == wanted.keys()
        for key, array in wanted.items():
            np.testing.assert_array_equal(found[key], array, err_msg=f"{key} from {name}")


def test_a_frame_with_two_columns_of_one_name_is_refused() -> None:
    frame = pandas.DataFrame([[1, 2, "a"]] * 4, columns=["x", "x", "y"])
    with pytest.raises(DataError, match="two columns of the frame are called 'x'"):
        read_frame(frame)
