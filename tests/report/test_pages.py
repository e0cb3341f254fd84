"""Pages of figures, for the commands of packages."""

from __future__ import annotations

from zoo.metrics.figures import Lines, Matrix, Series, Table
from zoo.report import Section, render_page

FIGURES = (
    Table(title="Layers", caption="Of the model.", header=("layer", "units"), rows=(("a", 3),)),
    Lines(
        title="Loss",
        caption="Per step.",
        x_label="step",
        y_label="loss",
        series=(Series(name="training", x=(0.0, 1.0), y=(2.0, 1.0)),),
    ),
    Matrix(
        title="Attention", caption="", rows=("a",), columns=("b",), values=((0.5,),), share=True
    ),
)


def test_a_page_shows_every_figure_and_escapes_every_text() -> None:
    sections = [Section("One <b>", FIGURES[:2], ["First & last."]), Section("Two", FIGURES[2:])]
    page = render_page("My <model>", sections, lead="It learns.", eyebrow="inspection")

    assert "<h1>My &lt;model&gt;</h1>" in page and "<h2>One &lt;b&gt;</h2>" in page
    assert "First &amp; last." in page and "It learns." in page
    for figure in FIGURES:
        assert f"<h3>{figure.title}</h3>" in page
    assert page.count("<svg") == 1
    assert page == render_page("My <model>", sections, lead="It learns.", eyebrow="inspection")


def test_ids_of_several_charts_in_one_page_differ() -> None:
    import re

    page = render_page("Twice", [Section("a", FIGURES[1:2]), Section("b", FIGURES[1:2])])
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert ids and len(ids) == len(set(ids))
