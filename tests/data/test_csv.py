"""CSV files for a classifier: what the columns become, and what is refused, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import zoo
from zoo.data import Dataset
from zoo.data.sources import open_path
from zoo.errors import BadRecord, ConfigError, DataError, ZooError
from zoo.runtime.csv import read_table, stream_rows
from zoo.runtime.table_header import Layout


def lines(count: int = 40) -> list[str]:
    rows = [
        f"{i * 0.5},{'red' if i % 3 else 'blue'},{i % 4},{'yes' if i % 2 else 'no'}"
        for i in range(count)
    ]
    return ["size,color,wheels,sold", *rows]


def write(path: Path, content: list[str] | str | bytes) -> Path:
    file = path / "cars.csv"
    if isinstance(content, list):
        content = "\n".join(content)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def whole(data: Dataset) -> tuple[dict[str, np.ndarray], np.ndarray]:
    parts = [data.split(name).arrays() for name in ("train", "validation", "test")]
    names = parts[0][0]
    inputs = {name: np.concatenate([part[0][name] for part in parts]) for name in names}
    return inputs, np.concatenate([part[1]["label"] for part in parts])


def test_numbers_and_words_become_two_inputs(tmp_path: Path) -> None:
    data = open_path(write(tmp_path, lines()))
    numeric, categorical = data.spec.inputs
    assert (numeric.name, numeric.shape, numeric.dtype) == ("numeric", (2,), "float32")
    assert [column.name for column in numeric.columns or ()] == ["size", "wheels"]
    assert (categorical.name, categorical.shape, categorical.dtype) == (
        "categorical",
        (1,),
        "int32",
    )
    assert [c.categories for c in categorical.columns or ()] == [("blue", "red")]
    assert data.spec.labels == ("no", "yes")
    assert data.spec.id == "cars.csv"
    assert not numeric.missing
    assert sum(data.sizes().values()) == 40
    inputs, label = whole(data)
    assert inputs["numeric"].dtype == np.float32 and inputs["categorical"].dtype == np.int32
    order = np.argsort(inputs["numeric"][:, 0])
    assert inputs["numeric"][order, 0].tolist() == [i * 0.5 for i in range(40)]
    assert inputs["categorical"][order, 0].tolist() == [2 if i % 3 else 1 for i in range(40)]
    assert label[order].tolist() == [i % 2 for i in range(40)]


def test_an_input_without_columns_is_left_out(tmp_path: Path) -> None:
    only = open_path(write(tmp_path, lines()), {"drop": ["color"]})
    assert [tensor.name for tensor in only.spec.inputs] == ["numeric"]
    only = open_path(write(tmp_path, lines()), {"drop": ["size", "wheels"]})
    assert [tensor.name for tensor in only.spec.inputs] == ["categorical"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_ends_and_blanks_do_not_matter(tmp_path: Path, delimiter: str, end: str) -> None:
    expected = open_path(write(tmp_path, lines())).fingerprint
    text = end.join(line.replace(",", f" {delimiter} ") for line in lines()) + end * 2
    assert open_path(write(tmp_path, b"\xef\xbb\xbf" + text.encode())).fingerprint == expected


def test_missing_values_are_nan_and_code_zero(tmp_path: Path) -> None:
    content = lines()
    for row, cell in enumerate(["", "NA", "n/a", "NaN", "NULL", "?"]):
        content[row + 1] = f"{cell},{cell},{row % 4},{'yes' if row % 2 else 'no'}"
    data = open_path(write(tmp_path, content))
    inputs, _ = whole(data)
    assert data.spec.inputs[0].missing
    assert np.isnan(inputs["numeric"]).sum() == 6
    assert (inputs["categorical"] == 0).sum() == 6
    assert (data.spec.inputs[1].columns or ())[0].categories == ("blue", "red")


def test_categories_come_from_the_training_split_only(tmp_path: Path) -> None:
    plain = open_path(write(tmp_path, lines()))
    test = plain.split("test").arrays()[0]["numeric"][:, 0]
    row = int(test[0] * 2)
    content = lines()
    content[row + 1] = content[row + 1].replace("red", "green").replace("blue", "green")
    data = open_path(write(tmp_path, content))
    assert (data.spec.inputs[1].columns or ())[0].categories == ("blue", "red")
    assert data.split("test").arrays()[0]["categorical"][0, 0] == 0


def test_a_column_can_be_forced(tmp_path: Path) -> None:
    data = open_path(write(tmp_path, lines()), {"categorical": "wheels"})
    wheels = (data.spec.inputs[1].columns or ())[1]
    assert (wheels.name, wheels.categories) == ("wheels", ("0", "1", "2", "3"))
    with pytest.raises(BadRecord, match="line 2, column 'color': 'blue' is not a number"):
        open_path(write(tmp_path, lines()), {"numeric": ["color"]})


def test_the_target_may_be_any_column_and_integers_sort_as_numbers(tmp_path: Path) -> None:
    content = ["kind,x", *[f"{i % 3 * 5},{i}" for i in range(30)]]
    data = open_path(write(tmp_path, content), {"target": "kind"})
    assert data.spec.labels == ("0", "5", "10")
    content = ["kind,x", *[f"{i % 3 * 5}.0,{i}" for i in range(30)]]
    again = open_path(write(tmp_path, content), {"target": "kind"})
    assert again.fingerprint == data.fingerprint


def test_another_seed_makes_other_splits(tmp_path: Path) -> None:
    file = write(tmp_path, lines())
    assert open_path(file).fingerprint == open_path(file).fingerprint
    assert open_path(file).fingerprint != open_path(file, {"split_seed": 1}).fingerprint


def changed(row: int, text: str) -> list[str]:
    content = lines()
    content[row] = text
    return content


BAD: dict[str, tuple[Any, str]] = {
    "empty file": (b"", "the file is empty"),
    "blank file": (b" \n\n", "the file is empty"),
    "only a header": ("a,b,c\n", "a header and no rows"),
    "a short row": (changed(7, "1,red,2"), "line 8: the row has 3 cells, the header has 4"),
    "a long row": (changed(7, "1,red,2,yes,no"), "line 8: the row has 5 cells"),
    "two equal names": (["size,size,sold", "1,2,yes"], "line 1, column 'size': two columns"),
    "no header": (["1,2,3", "4,5,6"], "line 1: the first line looks like data"),
    "a word in numbers": (changed(9, "big,red,2,yes"), "line 10, column 'size': 'big'"),
    "an infinite number": (changed(9, "1e99,red,2,yes"), "line 10, column 'size': '1e99'"),
    "inf": (changed(9, "inf,red,2,yes"), "line 10, column 'size': 'inf'"),
    "a program's number": (changed(9, "1_000,red,2,yes"), "line 10, column 'size': '1_000'"),
    "an empty target": (changed(5, "1,red,2,"), "line 6, column 'sold': the target is empty"),
    "a missing target": (changed(5, "1,red,2,NA"), "line 6, column 'sold': the target is 'NA'"),
    "latin-1": ("\n".join(changed(4, "1,grün,2,yes")).encode("latin-1"), "line 5: the byte 0xfc"),
    "a zero byte": ("\n".join(changed(4, "1,r\0d,2,yes")), "line 5: the line holds a zero byte"),
    "an open quote": (changed(4, '1,"red,2,yes'), "line 5"),
    "a stray quote": (changed(4, '1,"red"x,2,yes'), "line 5"),
    "names": (["name,x,sold", *[f"p{i},{i},{'ab'[i % 2]}" for i in range(30)]], "column 'name'"),
    "an empty column": (["e,x,sold", *[f",{i},{'ab'[i % 2]}" for i in range(30)]], "column 'e'"),
    "a stray word in measurements": (
        ["x,y", *[f"{i},{'high' if i == 4 else i / 7}" for i in range(30)]],
        "line 6, column 'y': 'high' is not a number",
    ),
    "a stray word in counts": (
        ["x,y", *[f"{i},{'many' if i == 29 else i * 3}" for i in range(30)]],
        "line 31, column 'y': 'many' is not a number",
    ),
    "a missing measurement": (
        ["x,y", *[f"{i},{'?' if i == 4 else i / 7}" for i in range(30)]],
        "line 6, column 'y': the target is '?'",
    ),
    "an infinite measurement": (
        ["x,y", *[f"{i},{'1e39' if i == 4 else i / 7}" for i in range(30)]],
        "line 6, column 'y': '1e39' is not a finite number",
    ),
    "a constant": (["x,y", *[f"{i},0.5" for i in range(30)]], "the target is 0.5 in every row"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    with pytest.raises(BadRecord) as caught:
        open_path(write(tmp_path, content))
    assert message in str(caught.value)
    assert "cars.csv" in str(caught.value)
    assert caught.value.fix or caught.value.why or case == "only a header"


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    content = changed(3, '1,"re\nd",2,yes')
    content[10] = "1,red,2"
    content.insert(5, "")
    with pytest.raises(BadRecord) as caught:
        open_path(write(tmp_path, content))
    assert caught.value.row == 13


def test_the_remedy_names_the_likely_encoding(tmp_path: Path) -> None:
    for word, encoding in (("grün", "latin-1"), ("“new”", "cp1252")):
        file = write(tmp_path, "\n".join(changed(4, f"1,{word},2,yes")).encode(encoding))
        with pytest.raises(BadRecord, match="not UTF-8") as caught:
            open_path(file)
        assert f"encoding={encoding}" in caught.value.fix
        assert word in str(open_path(file, {"encoding": encoding}).spec)


def test_a_byte_order_mark_says_that_a_file_is_utf_16(tmp_path: Path) -> None:
    file = write(tmp_path, "\n".join(changed(4, "1,grün,2,yes")).encode("utf-16"))
    assert "grün" in str(open_path(file).spec)


def test_many_texts_are_refused_with_the_remedy(tmp_path: Path) -> None:
    content = ["name,x,sold", *[f"p{i},{i},{'ab'[i % 2]}" for i in range(30)]]
    file = write(tmp_path, content)
    with pytest.raises(BadRecord, match="30 different texts in 30 rows") as caught:
        open_path(file)
    assert "drop=['name']" in caught.value.fix
    assert open_path(file, {"drop": ["name"]}).sizes()
    assert open_path(file, {"categorical": ["name"]}).sizes()
    content = ["name,x,sold", *[f"p{i % 1001},{i},{'ab'[i % 2]}" for i in range(2500)]]
    with pytest.raises(BadRecord, match="1,001 different texts"):
        open_path(write(tmp_path, content))


def test_many_words_among_numbers_are_pointed_at(tmp_path: Path) -> None:
    content = [
        "x,sold",
        *[f"{'unknown' if i % 6 == 3 else i / 2},{'ab'[i % 2]}" for i in range(60)],
    ]
    with pytest.raises(BadRecord, match="line 5, column 'x': 'unknown' is not a number"):
        open_path(write(tmp_path, content))


def test_one_class_and_small_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only one class: 'yes'"):
        open_path(write(tmp_path, ["x,y", *[f"{i},yes" for i in range(9)]]))
    content = ["x,y", *[f"{i},{'rare' if i < 2 else 'yes'}" for i in range(19)]]
    with pytest.raises(DataError, match="the class 'rare' has 2 examples"):
        open_path(write(tmp_path, content))


@pytest.mark.parametrize(
    ("options", "near"),
    [
        ({"target": "sould"}, "sold"),
        ({"drop": ["colour"]}, "color"),
        ({"numeric": ["wheel"]}, "wheels"),
        ({"tarqet": "sold"}, "target"),
    ],
)
def test_a_wrong_option_gets_the_near_name(tmp_path: Path, options: Any, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_path(write(tmp_path, lines()), options)
    assert caught.value.findings[0].did_you_mean == near


@pytest.mark.parametrize(
    "options",
    [
        {"drop": ["sold"]},
        {"numeric": ["size"], "categorical": ["size"]},
        {"drop": ["size", "color", "wheels"]},
    ],
)
def test_options_that_contradict_are_refused(tmp_path: Path, options: Any) -> None:
    with pytest.raises(ConfigError):
        open_path(write(tmp_path, lines()), options)


def task(path: Path, cells: list[object], **options: object) -> str:
    content = ["x,y", *[f"{i},{cell}" for i, cell in enumerate(cells)]]
    return open_path(write(path, content), options).spec.task


def test_the_cells_of_the_target_decide_between_classes_and_measurements(tmp_path: Path) -> None:
    assert task(tmp_path, [i % 3 + 0.5 for i in range(30)]) == "regression"
    assert task(tmp_path, [i % 21 for i in range(200)]) == "regression"
    assert task(tmp_path, [i % 20 for i in range(200)]) == "classification"
    assert task(tmp_path, [f"{i % 20}.0" for i in range(200)]) == "classification"
    assert task(tmp_path, list(range(15))) == "regression"
    assert task(tmp_path, ["ab"[i % 2] for i in range(30)]) == "classification"
    assert task(tmp_path, [i % 2 for i in range(30)]) == "classification"


def test_an_option_overrules_the_cells(tmp_path: Path) -> None:
    assert task(tmp_path, [i % 2 for i in range(30)], task="regression") == "regression"
    assert task(tmp_path, [i % 30 for i in range(300)], task="classification") == "classification"
    with pytest.raises(BadRecord, match="holds measurements, not classes") as caught:
        task(tmp_path, [i / 7 for i in range(30)], task="classification")
    assert "task=regression" in caught.value.fix
    with pytest.raises(BadRecord, match="30 different values in 30 rows"):
        task(tmp_path, list(range(30)), task="classification")
    with pytest.raises(BadRecord, match="line 2, column 'y': 'a' is not a number"):
        task(tmp_path, ["ab"[i % 2] for i in range(30)], task="regression")


def test_measurements_are_read_beside_categories_and_missing_values(tmp_path: Path) -> None:
    content = ["size,color,price", *[f"{i} ,{'red' if i % 3 else ''}, {i / 4} " for i in range(40)]]
    content[5] = ",red,0.75"
    file = write(tmp_path, "\n".join(content))  # no end of line after the last row
    data = open_path(file)
    assert data.spec.targets[0].name == "target"
    assert [c.name for c in data.spec.targets[0].columns or ()] == ["price"]
    parts = [data.split(name).arrays() for name in ("train", "validation", "test")]
    targets = np.concatenate([part[1]["target"] for part in parts])
    numeric = np.concatenate([part[0]["numeric"] for part in parts])
    assert targets.dtype == np.float32
    assert sorted(targets.tolist()) == sorted([*(i / 4 for i in range(40) if i != 4), 0.75])
    assert np.isnan(numeric).sum() == 1 and data.spec.inputs[0].missing
    assert data.sizes() == {"train": 28, "validation": 6, "test": 6}


def test_rows_that_agree_in_the_group_columns_stay_together(tmp_path: Path) -> None:
    content = ["house,room,x,y", *[f"h{i % 9}.0,{i % 2},{i},{i / 7}" for i in range(90)]]
    file = write(tmp_path, content)
    for options in (
        {"group_by": "house", "drop": "house"},
        {"group_by": ["house", "room"]},
        {"group_by": "house, room", "folds": 3, "fold": 2},
    ):
        data = open_path(file, options)
        owner = {}
        for name in ("train", "validation", "test"):
            for x in data.split(name).arrays()[0]["numeric"][:, -1].astype(int):
                key = (x % 9, x % 2) if "room" in str(options) else x % 9
                assert owner.setdefault(key, name) == name
        assert sum(data.sizes().values()) == 90 and min(data.sizes().values()) > 0


def test_groups_keep_together_what_is_written_differently(tmp_path: Path) -> None:
    content = ["g,x,y", *[f"{i % 5}{'.0' if i % 2 else ''},{i},{i / 7}" for i in range(60)]]
    data = open_path(write(tmp_path, content), {"group_by": "g", "drop": "g"})
    parts = [data.split(name).arrays()[0]["numeric"][:, 0] for name in ("train", "test")]
    assert not set(parts[0] % 5) & set(parts[1] % 5)


def test_wrong_groups_and_folds_are_refused(tmp_path: Path) -> None:
    content = ["house,x,y", *[f"h{i % 2},{i},{i / 7}" for i in range(40)]]
    file = write(tmp_path, content)
    with pytest.raises(DataError, match="the rows make 2 groups"):
        open_path(file, {"group_by": "house"})
    with pytest.raises(ConfigError) as caught:
        open_path(file, {"group_by": "hause"})
    assert caught.value.findings[0].did_you_mean == "house"
    for options in ({"folds": 5, "fold": 5}, {"fold": 1}, {"folds": 1}):
        with pytest.raises(ConfigError):
            open_path(file, options)
    with pytest.raises(DataError, match="there are 40 examples"):
        open_path(file, {"folds": 41})


def test_a_real_file_of_measurements_is_told_from_classes(shared_data: Path) -> None:
    file = shared_data / "concrete" / "concrete_data.csv"
    data = open_path(file)
    assert data.spec.task == "regression"
    assert data.sizes() == {"train": 720, "validation": 155, "test": 155}
    assert [c.name for c in data.spec.targets[0].columns or ()] == ["Strength"]
    with pytest.raises(DataError, match="the class '1' has 2 examples"):
        open_path(file, {"target": "Age", "drop": ["Strength"]})


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.one_of(st.binary(max_size=200), st.text(alphabet='ab1,;\t\n\r"? .é', max_size=200))
)
def test_whatever_the_bytes_are_the_error_is_typed(tmp_path: Path, content: bytes | str) -> None:
    try:
        open_path(write(tmp_path, content))
    except ZooError as error:
        assert error.what


def test_a_file_of_quoted_blanks_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    path.write_text('""\r""')

    with pytest.raises(BadRecord, match="the file is empty"):
        open_path(path)


def write_columns(path: Path, columns: dict[str, list[str]], between: str = ",") -> Path:
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
        zoo.dataset(write_columns(tmp_path / "t.csv", columns))

    assert f"column '{column}'" in str(caught.value)


def test_a_target_whose_differences_float32_rounds_away_is_refused(tmp_path: Path) -> None:
    far = [f"{5_000_000_000 + i % 50}" for i in range(100)]

    with pytest.raises(BadRecord, match="subtract 5000000000 from all"):
        zoo.dataset(write_columns(tmp_path / "t.csv", {"a": A, "y": far}))

    with pytest.raises(BadRecord, match="subtract 5000000000 from all"):
        zoo.dataset(write_columns(tmp_path / "x.csv", {"x": far, "y": A}))


def test_a_decimal_comma_is_known_for_one(tmp_path: Path) -> None:
    commas = [cell.replace(".", ",") for cell in A]
    path = write_columns(tmp_path / "t.csv", {"a": A, "y": commas}, ";")

    for options in ({}, {"task": "regression"}):
        with pytest.raises(BadRecord, match="written in another way") as caught:
            zoo.dataset(path, **options)
        assert 'decimal=","' in caught.value.fix
    values = zoo.dataset(
        write_columns(tmp_path / "y.csv", {"a": commas, "y": commas}, ";"), decimal=","
    )
    assert values.split("train").take(np.array([0]))[1]["target"][0] == np.float32(A[0])


def test_a_cell_that_never_ends_is_asked_for_its_quote(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,y\n1,"2\n' + "3,4\n" * 50_000)

    with pytest.raises(BadRecord, match="a quoted cell ends with a quote"):
        zoo.dataset(path)


def test_a_last_row_of_marks_for_missing_values_is_a_row(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("x,y\n1,2\nNA,NA\n,\n,\n")
    table = read_table(file)
    assert table.column("x") == ["1", "NA"]
    assert "2 empty rows" in table.notes[0]


def test_a_long_row_of_a_stream_costs_no_other_row() -> None:
    lines = iter(["a,b\n", "1,2\n", "3,4,5\n", "6,7\n", ",\n", "8,9\n", ",\n"])
    rows = list(stream_rows(lines, "t.csv"))
    assert [row for _, row in rows if not isinstance(row, BadRecord)] == [
        ["a", "b"],
        ["1", "2"],
        ["6", "7"],
        ["", ""],
        ["8", "9"],
    ]
    assert sum(isinstance(row, BadRecord) for _, row in rows) == 1


def test_empty_rows_at_the_end_make_no_class(tmp_path: Path) -> None:
    file = write(tmp_path, [*changed(4, "1,red,2,yes"), ",,,", ",,,"])
    data = open_path(file)
    assert "" not in (data.spec.targets[0].labels or ())
    assert "" not in (data.spec.input("categorical").columns[0].categories or ())


def test_rows_above_a_second_header_of_the_same_width_are_not_left_out(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("A,B\n1,2\n3,4\na,b\n5,6\n")
    assert read_table(file, known=["a", "b"]).header == ["A", "B"]
    file.write_text("Made on Monday\n\na,b\n5,6\n")
    assert read_table(file, known=["a", "b"]).column("b") == ["6"]


def test_no_option_is_advised_where_a_model_asks_for_the_columns(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("Made on Monday\n\nb,c\n5,6\n7,8\n")
    with pytest.raises(BadRecord) as caught:
        read_table(file)
    assert "skip=2" in caught.value.fix
    with pytest.raises(BadRecord) as caught:
        read_table(file, known=["a", "b"])
    assert "option" not in caught.value.fix


def test_a_stream_finds_the_columns_of_a_model_below_other_lines() -> None:
    text = "Made on Monday\n\nb,a\n5,6\n7,8\n"
    lines = iter(text.splitlines(keepends=True))
    assert list(stream_rows(lines, "t.csv", ["a", "b"])) == [
        (3, ["b", "a"]),
        (4, ["5", "6"]),
        (5, ["7", "8"]),
    ]
    rows = list(stream_rows(iter(["c,d\n", "1,2\n", "a,b\n", "3,4\n"]), "t.csv", ["a", "b"]))
    assert [row for _, row in rows] == [["c", "d"], ["1", "2"], ["a", "b"], ["3", "4"]]


def test_a_title_without_the_mark_of_the_table_below_is_told(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    table = "a;b;y\n" + "".join(f"{i % 7};{i % 5};{'uv'[i % 2]}\n" for i in range(60))
    file.write_text("Measured by hand\n\n" + table)
    with pytest.raises(BadRecord, match="the first line has one cell") as caught:
        open_path(file)
    assert "skip=2" in caught.value.fix
    assert [column.name for column in open_path(file, {"skip": 2}).columns] == ["a", "b", "y"]
    file.write_text("text\n" + "".join(f"so it goes; and again {i}\n" for i in range(9)))
    with pytest.raises(BadRecord, match="one cell"):
        read_table(file)
    assert read_table(file, layout=Layout(header=True)).header == ["text"]
