"""The page of a run: what it shows, what it survives, and what it never does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from zoo.errors import MissingExtra, StorageError, TrainError
from zoo.metrics import Evaluation, Score
from zoo.report import write_run_report
from zoo.spec import Task

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import history, measured, record, write_run

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

DIGITS = [str(i) for i in range(10)]
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """A page, taken apart: its elements, its text, and whether every tag is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.raw = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(self.raw)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def tags(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def check_sound(page: Page) -> None:
    """Whatever a run holds, its page is whole, asks for nothing and runs nothing."""
    assert page.open == []
    identifiers = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"src", "srcset", "data", "action", "poster"}:
                assert value is not None and value.startswith("data:image/png;base64,")
            if name.endswith("href"):
                assert value is not None and value.startswith("#") and value[1:] in identifiers
    styles = "".join(re.findall(r"<style>.*?</style>", page.raw, flags=re.DOTALL))
    assert "url(" not in styles and "@import" not in styles
    policy = page.tags("meta")[1]["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def whole_run(folder: Path) -> Path:
    evaluation, images = measured(DIGITS)
    return write_run(folder, curves=history(), evaluation=evaluation, mistakes=images)


def test_a_whole_run_shows_every_section(tmp_path: Path) -> None:
    page = Page(write_run_report(whole_run(tmp_path)))
    check_sound(page)
    for words in (
        "cnn on digits",
        "The model keeps the weights of epoch 17",
        "Macro F1",
        "Calibration error",
        "Learning curves",
        "overfitting",
        "best: epoch 17",
        "Confusion matrix",
        "Most frequent confusions",
        "Scores by class",
        "Calibration",
        "Misclassified examples",
        "optimizer.learning_rate",
        "23,818",
        "tensorflow",
    ):
        assert words in page.text
    images = page.tags("img")
    assert len(images) == 17 == len([a for a in images if a.get("alt")])


def test_every_image_and_chart_has_alternative_text(tmp_path: Path) -> None:
    page = Page(write_run_report(whole_run(tmp_path)))
    told = [a for _, a in page.elements if a.get("role") == "img"]
    assert len(told) == 3
    assert all(a.get("aria-label") for a in told)


def test_the_page_takes_its_colors_from_the_reader_and_prints(tmp_path: Path) -> None:
    page = Page(write_run_report(whole_run(tmp_path)))
    assert "prefers-color-scheme: dark" in page.raw and "@media print" in page.raw
    charts = "".join(re.findall(r'<svg[^>]*class="chart".*?</svg>', page.raw, flags=re.DOTALL))
    assert "var(--accent)" in charts
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", charts)) <= {"#000000"}


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    first = write_run_report(run, tmp_path / "a.html").read_bytes()
    assert write_run_report(run, tmp_path / "b.html").read_bytes() == first
    assert b"matplotlib.org" not in first


def test_the_report_goes_into_the_run_or_where_it_is_told(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    assert write_run_report(run) == run / "report.html"
    elsewhere = tmp_path / "deep" / "page.html"
    assert write_run_report(run, elsewhere) == elsewhere
    assert elsewhere.is_file()


@pytest.mark.parametrize("pieces", range(8))
def test_any_piece_may_be_missing(tmp_path: Path, pieces: int) -> None:
    evaluation, images = measured(DIGITS)
    run = write_run(
        tmp_path,
        curves=history(3) if pieces & 1 else None,
        evaluation=evaluation if pieces & 2 else None,
        mistakes=images if pieces & 4 else None,
    )
    page = Page(write_run_report(run))
    check_sound(page)
    assert ("no curves yet" in page.text) == (not pieces & 1)
    assert ("has not been evaluated" in page.text) == (not pieces & 2)
    assert bool(page.tags("img")) == (pieces & 6 == 6)
    assert ("of the true class" in page.text) == (pieces & 6 == 2)


def test_the_barest_run_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    page = Page(write_run_report(tmp_path))
    check_sound(page)
    assert "a model" in page.text


def test_a_run_that_goes_on_says_so_and_leaves_out_its_half_written_line(tmp_path: Path) -> None:
    run = write_run(tmp_path, run=record(status="running", epochs_done=2), curves=history(2))
    with (run / "history.csv").open("a") as stream:
        stream.write("3,0.5,0.")
    page = Page(write_run_report(run))
    check_sound(page)
    assert "Training is still running" in page.text
    assert "evaluated when training has finished" in page.text
    assert "over 2 epochs" in page.raw


@pytest.mark.parametrize(
    "column",
    [
        [0.5],
        [0.0, 0.0],
        [1e-300, 1e300],
        [-5.0, 5.0, 1e308],
        [float("inf"), 1.0, float("-inf"), float("nan")],
        [float("nan")] * 3,
    ],
)
def test_curves_of_any_shape_are_drawn(tmp_path: Path, column: list[float]) -> None:
    epochs = [float(i + 1) for i in range(len(column))]
    curves = {"epoch": epochs, "loss": column, "val_loss": column, "val_accuracy": column}
    run = write_run(tmp_path, run=record(best_epoch=1), curves=curves)
    check_sound(Page(write_run_report(run)))


def test_a_run_that_failed_says_why(tmp_path: Path) -> None:
    curves = history(4)
    curves["loss"][-1] = float("nan")
    curves["val_loss"][-1] = float("inf")
    run = record(status="failed", stopped_because="the loss of epoch 4 is not a finite number")
    page = Page(write_run_report(write_run(tmp_path, run=run, curves=curves)))
    check_sound(page)
    assert "Training failed" in page.text
    assert "the loss of epoch 4 is not a finite number" in page.text
    assert "nan" not in page.text.lower().split()


def test_a_model_without_a_mistake_is_told_so(tmp_path: Path) -> None:
    evaluation, _ = measured(["a", "b"], examples=30, skill=9)
    assert evaluation.scores["accuracy"].value == 1
    page = Page(write_run_report(write_run(tmp_path, evaluation=evaluation)))
    check_sound(page)
    assert "No mistake on 30 test examples" in page.text
    assert "Misclassified examples" not in page.text


def test_of_very_many_classes_the_most_confused_are_drawn(tmp_path: Path) -> None:
    evaluation, _ = measured([f"class {i}" for i in range(150)], examples=900, skill=0.3)
    page = Page(write_run_report(write_run(tmp_path, evaluation=evaluation)))
    check_sound(page)
    assert "Shown are the 40 classes with the most mistakes; 110 others are left out" in page.text
    assert "135 more classes" in page.text


def test_another_task_shows_its_scores(tmp_path: Path) -> None:
    evaluation = Evaluation(
        task=Task.REGRESSION,
        examples=103,
        scores={"rmse_mpa": Score(value=4.123, low=3.7, high=4.6), "r2": Score(value=0.93)},
    )
    page = Page(write_run_report(write_run(tmp_path, evaluation=evaluation)))
    check_sound(page)
    assert "Rmse mpa 4.12 3.70 – 4.60" in page.text


def test_names_labels_and_paths_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    labels = [
        evil,
        "\"><img src=x onerror='alert(1)'>",
        "$\\frac{1}{",
        "{{ 7 * 7 }}",
        "\u202e&amp;",
    ]
    evaluation, images = measured(labels, skill=0.2)
    run = record(
        id=evil,
        status=evil,
        stopped_because=evil,
        architecture={"name": f'{evil}" onload="x'},
        config={evil: {evil: evil}},
        data={"source": f"/tmp/{evil}", "sizes": {evil: 3}},
        best={evil: 1.0},
    )
    curves = {**history(), evil: [1.0] * 24}
    folder = write_run(tmp_path, run=run, curves=curves, evaluation=evaluation, mistakes=images)
    page = Page(write_run_report(folder))
    check_sound(page)
    assert evil in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "$\\frac{1}{" in page.text


def test_half_a_surrogate_pair_does_not_stop_the_page(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"id": "a \\ud800 b"}')
    assert "a ? b" in Page(write_run_report(tmp_path)).text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", b"{"),
        ("metrics.json", b'{"task": "classification", "examples": 0, "scores": {}}'),
        ("metrics.json", b"\xff\xfe"),
        ("mistakes.npz", b"PK\x03\x04 not a zip"),
        ("mistakes.npz", b""),
        ("mistakes.npz", b"\x93NUMPY\x01\x00"),
        ("history.csv", b"\xff\xfe\x00"),
    ],
)
def test_a_damaged_piece_is_named_and_the_rest_is_shown(
    tmp_path: Path, name: str, content: bytes
) -> None:
    run = whole_run(tmp_path)
    (run / name).write_bytes(content)
    page = Page(write_run_report(run))
    check_sound(page)
    assert f"{name} could not be read" in page.text
    assert "optimizer.learning_rate" in page.text


def test_a_pickle_among_the_images_is_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    run = whole_run(tmp_path / "run")
    np.savez(run / "mistakes.npz", image=np.array([Trap()], dtype=object))
    page = Page(write_run_report(run))
    assert "mistakes.npz could not be read" in page.text
    assert not (tmp_path / "sprung").exists()


def test_an_array_that_holds_no_images_is_named(tmp_path: Path) -> None:
    run = whole_run(tmp_path)
    np.savez(run / "mistakes.npz", image=np.zeros((3, 4), np.uint8))
    page = Page(write_run_report(run))
    assert "image has shape (3, 4)" in page.text
    assert not page.tags("img")


@pytest.mark.parametrize("content", [None, "", "[]", "3", "{", "[" * 100_000])
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(TrainError, match="not the folder of a run") as caught:
        write_run_report(tmp_path)
    assert "zoo train" in caught.value.fix
    assert not (tmp_path / "report.html").exists()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_run_report(run, tmp_path / "file" / "report.html")


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_package_is_said_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=package) as caught:
        write_run_report(whole_run(tmp_path))
    assert caught.value.fix == 'pip install "neural-zoo[report]"'


def test_the_report_costs_nothing_until_one_is_written(tmp_path: Path) -> None:
    run = whole_run(tmp_path)
    code = (
        "import sys, pathlib, zoo.report as r\n"
        "assert not {'numpy', 'jinja2', 'matplotlib'} & set(sys.modules)\n"
        f"r.write_run_report(pathlib.Path({str(run)!r}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(sorted(record())), JSON))
def test_whatever_run_json_holds_there_is_a_sound_page(tmp_path: Path, run: dict[str, Any]) -> None:
    (tmp_path / "run.json").write_text(json.dumps(run))
    check_sound(Page(write_run_report(tmp_path)))
