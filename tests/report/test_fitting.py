"""Words and numbers of a drawing stay apart, and within its edges."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, strategies as st

pytest.importorskip("matplotlib")

from zoo.metrics.figures import Bars, Lines, Scatter, Series
from zoo.report.figures import draw
from zoo.report.text_layout import cut, natural, numbers, width


def test_large_numbers_of_an_axis_are_short():
    assert numbers([0, 200_000, 400_000]) == ["0", "200k", "400k"]
    assert numbers([-1.5e6, 0, 1.5e6]) == ["−1.5M", "0", "1.5M"]
    assert numbers([1e12, 2e12]) == ["1e12", "2e12"]


def test_small_numbers_of_an_axis_carry_their_exponent():
    assert numbers([0, 1e-7, 2e-7]) == ["0", "1e−7", "2e−7"]


def test_usual_numbers_of_an_axis_have_equally_many_decimals():
    assert numbers([1.0, 1.25, 1.5]) == ["1.00", "1.25", "1.50"]
    assert numbers([50, 100]) == ["50", "100"]
    assert numbers([]) == []


@given(st.floats(-1e9, 1e9), st.sampled_from([1, 2, 2.5, 5]), st.integers(-6, 8), st.integers(2, 9))
def test_numbers_that_differ_are_written_differently(start, step, power, count):
    apart = step * 10.0**power
    first = round(start / apart) * apart
    if abs(first) / apart > 1e5:
        first = 0.0
    written = numbers([first + i * apart for i in range(count)])
    assert len(set(written)) == count


def test_a_long_name_without_a_space_keeps_its_beginning():
    assert cut("a" * 60, 28) == "a" * 27 + "…"
    figure = Bars(
        title="bars", names=("concrete_compressive_strength_mpa",), values=(1.0,), label="x"
    )
    assert "concrete_compressive" in draw(figure, "bars").svg


def test_wide_letters_count_for_more():
    assert width("語" * 10) > width("a" * 10)
    assert width(cut("W" * 40, 28)) <= 28


def test_ten_stands_behind_nine():
    assert sorted(["10", "9", "a2", "a10", "²"], key=natural) == ["9", "10", "a2", "a10", "²"]


def test_no_color_stands_for_two_groups():
    names = [f"g{i}" for i in range(30) for _ in range(30 - i)]
    places = tuple(map(float, range(len(names))))
    figure = Scatter(title="map", x=places, y=places, x_label="a", y_label="b", groups=tuple(names))
    legend = draw(figure, "map").legend
    assert len({entry.color for entry in legend}) == len(legend) == 10
    assert [entry.name for entry in legend] == [*(f"g{i}" for i in range(9)), "21 others"]


def test_the_legend_shows_how_a_line_is_drawn():
    lines = Lines(
        title="lines",
        series=tuple(Series(name=n, x=(0.0, 1.0), y=(0.0, 1.0)) for n in "abcd"),
        x_label="x",
        y_label="y",
    )
    marks = [entry.mark for entry in draw(lines, "lines").legend]
    assert marks == ["line", "dashed", "dotted", "dash-dotted"]


def test_a_square_curve_of_many_points_takes_half_the_page():
    line = Series(name="roc", x=tuple(i / 99 for i in range(100)), y=(0.5,) * 100)
    figure = Lines(title="roc", series=(line,), x_label="x", y_label="y", square=True)
    assert not draw(figure, "roc").wide
    assert draw(figure.model_copy(update={"square": False}), "roc").wide


def test_letters_that_matplotlib_has_no_glyphs_for_are_no_warning():
    figure = Bars(title="bars", names=("日本語",), values=(1.0,), label="誤差")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = draw(figure, "bars").svg
    assert "日本語" in drawn
