"""Output of results as tables and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from zoo.console import emit_json, facts, plain, shortened, size, table


class Color(StrEnum):
    RED = "red"


class Record(BaseModel):
    path: Path
    color: Color


@dataclass(frozen=True)
class Inner:
    values: tuple[float, ...]
    secret: str = field(default="hidden", repr=False)


def test_records_of_every_kind_become_plain_data():
    value = {
        Color.RED: Record(path=Path("a/b"), color=Color.RED),
        "inner": Inner((1.5, float("nan"))),
        "array": np.arange(3, dtype=np.int64),
        "number": np.float32(0.5),
    }
    assert plain(value) == {
        "red": {"path": "a/b", "color": "red"},
        "inner": {"values": [1.5, None]},
        "array": [0, 1, 2],
        "number": 0.5,
    }


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_JSON)
def test_printed_json_is_strict(value):
    stream = io.StringIO()
    emit_json(value, file=stream)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(stream.getvalue(), parse_constant=refuse)


@given(st.lists(st.tuples(st.text("ab ", max_size=5), st.integers()), min_size=1))
def test_columns_of_a_table_line_up(rows):
    lines = table(("name", "count"), rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert len({len(line) for line in lines}) == 1


def test_a_table_of_nothing_is_its_header():
    assert table(("name", "summary"), []) == "name  summary"


def test_a_table_is_cut_to_the_terminal_and_whole_in_a_pipe(monkeypatch):
    rows = [("cnn", "x" * 300)]
    assert len(table(("name", "summary"), rows).splitlines()[1]) == len("name  ") + 300
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    assert len(table(("name", "summary"), rows).splitlines()[1]) == 60


def test_facts_leave_out_empty_values_and_align_lines():
    assert facts([("name", "cnn"), ("weights", None), ("references", "one\ntwo")]) == (
        "name        cnn\nreferences  one\n            two"
    )


def test_sizes_have_units():
    assert [size(n) for n in (0, 999, 1000, 2_345_678, 5 * 10**9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "2.3 MB",
        "5.0 GB",
    ]


def test_columns_stay_straight_whatever_is_written_in_them():
    rows = [("caf\u00e9", "x"), ("\u65e5\u672c", "x"), ("e\u0301", "x"), ("\U0001f600", "x")]
    lines = table(("a", "b"), rows).splitlines()
    assert lines[1:] == ["caf\u00e9  x", "\u65e5\u672c  x", "e\u0301     x", "\U0001f600    x"]


def test_no_cell_breaks_its_line_or_steers_the_terminal():
    text = table(("a", "b"), [("one\ntwo\x1b[31m", "x")])
    assert text.splitlines()[1] == "one two\ufffd[31m  x"


def test_a_long_text_is_shortened_by_the_columns_that_it_takes():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdef", 4) == "abc\u2026"
    assert shortened("\u65e5" * 4, 6) == "\u65e5\u65e5\u2026"


def test_a_warning_of_the_zoo_is_a_sentence_and_the_run_goes_on(monkeypatch, capsys):
    import warnings

    from zoo.api.catalog import registry
    from zoo.cli import main
    from zoo.errors import ZooWarning

    def listed(*_, **__):
        warnings.warn("the chains have stopped mixing", ZooWarning, stacklevel=2)
        return []

    monkeypatch.setattr(registry(), "listings", listed)
    monkeypatch.setenv("NO_COLOR", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with pytest.raises(SystemExit) as caught:
            main(["list"])

    assert not caught.value.code
    assert capsys.readouterr().err.splitlines()[0] == "warning: the chains have stopped mixing"
