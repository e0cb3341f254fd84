"""What an evaluation shows is drawn, whatever task it is of."""

from __future__ import annotations

import math
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from zoo.metrics.figures import (
    Bars,
    CaptionedImage,
    Graph,
    Histogram,
    ImageGallery,
    ImageGrid,
    ImageRow,
    Lines,
    Matrix,
    Scatter,
    Series,
    Table,
    dump_figures,
    encode_image,
    evenly_spaced,
    load_figures,
)
from zoo.report import write_run_report
from zoo.report.charts import draw, natural_order
from zoo.report.classifier import is_tiny

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import history, measured, record, write_run

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

RANDOM = np.random.default_rng(0)
NUMBERS = tuple(float(x) for x in RANDOM.normal(size=60))
DIGIT = encode_image(RANDOM.integers(0, 256, (8, 8, 1)).astype(np.uint8))
ALL = (
    Scatter(
        title="Predicted vs. true",
        caption="Points on the dashed line are right.",
        x=NUMBERS,
        y=tuple(x + 0.3 * y for x, y in zip(NUMBERS, reversed(NUMBERS), strict=True)),
        x_label="true",
        y_label="predicted",
        diagonal=True,
    ),
    Scatter(
        title="Codes",
        x=NUMBERS,
        y=NUMBERS[::-1],
        x_label="first",
        y_label="second",
        groups=tuple(str(i % 10) for i in range(60)),
    ),
    Lines(
        title="Forecast",
        caption="A week ahead.",
        x_label="day",
        y_label="°C",
        series=(
            Series(name="truth", x=tuple(range(90)), y=tuple(math.sin(i / 5) for i in range(90))),
            Series(
                name="forecast",
                x=tuple(range(80, 90)),
                y=tuple(math.sin(i / 5) + 0.1 for i in range(80, 90)),
                low=tuple(math.sin(i / 5) - 0.2 for i in range(80, 90)),
                high=tuple(math.sin(i / 5) + 0.4 for i in range(80, 90)),
                emphasis=True,
            ),
        ),
    ),
    Bars(
        title="Importance",
        names=("cement", "a very long name of a column that goes on and on", "age"),
        values=(3.0, 1.0, 2.0),
        lows=(2.5, 0.5, 1.5),
        highs=(3.5, 1.5, 2.5),
        label="rise of the error, MPa",
        emphasis=("cement",),
    ),
    Histogram(
        title="Scores",
        edges=(0.0, 1.0, 2.0, 3.0),
        counts=((1, 5, 2), (0, 2, 6)),
        groups=("usual", "unusual"),
        label="error",
    ),
    ImageGrid(
        title="Rebuilt",
        rows=(
            ImageRow(label="original", images=(DIGIT, DIGIT, DIGIT)),
            ImageRow(label="rebuilt", images=(DIGIT, "", DIGIT)),
        ),
        columns=("one", "two", "three"),
    ),
    Table(
        title="Translations",
        header=("English", "ours"),
        rows=(("forty-two", "cuarenta y dos"), ("<b>seven</b>", "ocho")),
        marks=("good", "bad"),
    ),
    Table(
        title="IoU by class",
        header=("class", "pixels", "IoU"),
        rows=(("sky", 1200, 0.91237), ("ground", 800, 0.5)),
    ),
    Matrix(
        title="Confused pixels",
        caption="Shares of each row.",
        rows=("sky", "ground"),
        columns=("sky", "ground"),
        values=((0.95, 0.05), (0.3, 0.7)),
        row_label="true",
        column_label="predicted",
        share=True,
    ),
    Graph(
        title="Network",
        nodes=(("image", "Input"), ("conv", "Conv2D <b>"), ("add", "Add")),
        edges=((0, 1), (0, 2), (1, 2)),
    ),
    ImageGrid(title="Gates", rows=(ImageRow(label="forget", images=(DIGIT,)),), heatmap=True),
)


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path, run=record())


@pytest.fixture
def page(folder):
    def write(figures):
        (folder / "figures.json").write_bytes(dump_figures(figures))
        return write_run_report(folder).read_text("utf-8")

    return write


def test_figures_come_back_from_their_file_as_they_were():
    assert load_figures(dump_figures(ALL)) == ALL


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """A page with every form of figure, and with the charts of every classifier."""
    evaluation, _ = measured([str(i) for i in range(10)])
    folder = tmp_path_factory.mktemp("whole")
    write_run(folder, run=record(), curves=history(), evaluation=evaluation)
    (folder / "figures.json").write_bytes(dump_figures(ALL))
    return write_run_report(folder).read_text("utf-8")


def test_every_form_is_on_the_page_in_its_order(html):
    places = [html.index(f"<h3>{figure.title}</h3>") for figure in ALL]
    assert places == sorted(places)
    for word in ("Points on the dashed line", "cuarenta y dos", "forecast", "unusual", "cement"):
        assert word in html
    assert html.count(DIGIT) == 6


def test_numbers_of_a_table_and_a_matrix_are_formatted(html):
    assert '<td class="number">0.912</td>' in html and '<td class="number">1,200</td>' in html
    assert '<td class="right on" style="--strength:100.0%">95\u202f%</td>' in html
    assert '<td class="right " style="--strength:5.3%">5\u202f%</td>' in html


def test_a_text_is_shown_and_never_run(html):
    assert "<b>seven</b>" not in html
    assert "&lt;b&gt;seven&lt;/b&gt;" in html


def test_an_image_stands_above_its_caption_and_wrong_words_are_marked(page):
    sheet = ImageGallery(
        title="Captions",
        caption="Two of them.",
        images=(
            CaptionedImage(
                image=DIGIT,
                caption=(("a", True), ("<i>long</i>", False), ("crack", True)),
                reference="a short crack",
            ),
            CaptionedImage(image=DIGIT, caption=(("a dent", True),)),
        ),
    )
    html = page((sheet,))
    assert html.count(DIGIT) == 2
    wrong = '<figcaption>a <b class="miss">&lt;i&gt;long&lt;/i&gt;</b> crack'
    assert f"{wrong}<small>a short crack</small></figcaption>" in html
    assert '<figcaption class="good">a dent</figcaption>' in html
    assert load_figures(dump_figures((sheet,))) == (sheet,)
    with pytest.raises(ValidationError):
        ImageGallery(title="t", images=())


def test_the_same_figures_give_the_same_page(page):
    assert page(ALL) == page(ALL)


def test_a_file_of_figures_that_cannot_be_read_is_said_on_the_page(folder):
    (folder / "figures.json").write_text('[{"kind": "pie"}]')
    html = write_run_report(folder).read_text("utf-8")
    assert "figures.json could not be read" in html


def test_no_color_of_a_drawing_is_left_that_the_page_does_not_know(html):
    assert not re.search(r"#[01]\dfe[01]\d", html)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Scatter(title="t", x=(1.0,), y=(), x_label="x", y_label="y"),
        lambda: Series(name="n", x=(1.0, 2.0), y=(1.0, 2.0), low=(0.0,)),
        lambda: Bars(title="t", names=("a",), values=(1.0, 2.0), label="l"),
        lambda: Histogram(title="t", edges=(0.0, 1.0), counts=((1, 2),), label="l"),
        lambda: Table(title="t", header=("a", "b"), rows=(("only one",),)),
        lambda: Matrix(title="t", rows=("a",), columns=("b", "c"), values=((1.0,),)),
        lambda: Matrix(title="t", rows=("a", "b"), columns=("b",), values=((1.0,),)),
        lambda: Scatter(title="t", x=(math.nan,), y=(0.0,), x_label="x", y_label="y"),
        lambda: Graph(title="t", nodes=(("a", ""), ("b", "")), edges=((1, 0),)),
        lambda: Graph(title="t", nodes=(("a", ""),), edges=((0, 1),)),
    ],
)
def test_a_figure_whose_parts_do_not_fit_is_refused(broken):
    with pytest.raises(ValidationError):
        broken()


def boxes(nodes, edges):
    """Return the corners of the boxes of a graph, and the number of its arrows."""
    figure = Graph(title="t", nodes=[(f"n{at}", "") for at in range(nodes)], edges=edges)
    svg = str(draw(figure, "g").svg)
    corners = re.findall(r'<rect x="(-?\d+)" y="(-?\d+)"', svg)
    return [(int(x), int(y)) for x, y in corners], svg.count("marker-end")


def test_a_node_of_a_graph_stands_below_all_that_it_comes_from():
    edges = ((0, 1), (0, 2), (1, 3), (2, 3), (0, 3))
    places, arrows = boxes(4, edges)
    assert arrows == 5 and len(set(places)) == 4
    assert all(places[a][1] < places[b][1] for a, b in edges)
    assert places[1][1] == places[2][1]


def test_a_long_chain_is_folded_and_a_short_one_is_not():
    places, arrows = boxes(20, tuple((at, at + 1) for at in range(19)))
    assert arrows == 19 and len(set(places)) == 20
    assert len({x for x, _ in places}) == 3
    assert len({x for x, _ in boxes(4, ((0, 1), (1, 2), (2, 3)))[0]}) == 1


def test_a_text_in_a_graph_is_escaped(page):
    html = page(ALL)
    assert "Conv2D &lt;b&gt;" in html and "Conv2D <b>" not in html


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=30),
    st.sampled_from(["scatter", "lines"]),
)
def test_any_finite_numbers_can_be_drawn(values, kind):
    numbers = tuple(values)
    if kind == "scatter":
        figure = Scatter(title="t", x=numbers, y=numbers, x_label="x", y_label="y", diagonal=True)
    else:
        figure = Lines(
            title="t", series=(Series(name="s", x=numbers, y=numbers),), x_label="x", y_label="y"
        )
    assert draw(figure, "f").svg.startswith("<svg")


@given(
    st.lists(
        st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 3), min_size=1, max_size=9
    )
)
def test_bars_lie_within_their_axis_and_start_at_zero(rows):
    lows, values, highs = zip(*(sorted(row) for row in rows), strict=True)
    names = tuple(map(str, range(len(rows))))
    figure = Bars(title="t", names=names, values=values, lows=lows, highs=highs, label="l")
    for bar in draw(figure, "f").bars:
        assert 0 <= bar.start <= bar.start + bar.width <= 100.02
        assert 0 <= bar.interval[0] <= bar.interval[1] <= 100
        assert bar.emphasis


def test_bars_of_both_signs_share_their_zero():
    figure = Bars(title="t", names=("a", "b"), values=(-1.0, 3.0), label="l", emphasis=("b",))
    first, second = draw(figure, "f").bars
    assert (first.start, first.width, second.start, second.width) == (0, 25, 25, 75)
    assert (first.emphasis, second.emphasis) == (False, True)


def test_ten_comes_after_nine():
    assert sorted(["10", "9", "a2", "a10", "²"], key=natural_order) == ["9", "10", "a2", "a10", "²"]


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
    figure = Histogram(title="t", edges=(0.0, 1.0), counts=((1,),), label="誤差")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "誤差" in draw(figure, "t").svg


def test_a_long_title_of_an_axis_is_cut():
    figure = Histogram(title="t", edges=(0.0, 1.0), counts=((1,),), label="a" * 60)
    assert f">{'a' * 49}…<" in draw(figure, "t").svg


def test_small_images_are_told_from_large_ones():
    assert is_tiny(DIGIT)
    assert not is_tiny(encode_image(np.zeros((65, 8, 3), np.uint8)))


def test_an_image_may_be_given_as_intensities():
    white = np.full((2, 2), 255, np.uint8)
    assert encode_image(np.ones((2, 2))) == encode_image(white)


@given(st.integers(0, 5000), st.integers(2, 100))
def test_thinning_keeps_both_ends_and_the_order(count, most):
    places = evenly_spaced(count, most)
    assert places == sorted(set(places))
    assert len(places) == min(count, most)
    if count:
        assert places[0] == 0
        assert places[-1] == count - 1


def test_what_is_counted_is_counted_in_whole_numbers():
    figure = Histogram(title="t", edges=(0.0, 1.0, 2.0), counts=((18, 7),), label="error")
    words = re.findall(r"<text[^>]*>([^<]*)</text>", draw(figure, "f").svg)
    counts = words[words.index("error") + 1 : words.index("count")]
    assert len(counts) > 2
    assert all(count.isdecimal() for count in counts)
