"""Objects as a notebook shows them."""

from __future__ import annotations

import html
import io
import os
import sys
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import zoo
from zoo import keras_import
from zoo.data.dataset import ArraySplit, Dataset
from zoo.errors import DatasetUnavailable
from zoo.html import Html, box, facts, folded, image, table
from zoo.metrics.classification import evaluate_classification
from zoo.spec import Column, DataSpec, TensorSpec

VOID = {"br", "img"}


class Page(HTMLParser):
    """The text, the tags and the images of a piece of HTML that is well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[str] = []
        self.parts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.images += [value for name, value in attrs if name == "src"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1] != "style":
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.parts)


def page_of(shown) -> Page:
    page = Page(shown._repr_html_())
    assert "script" not in page.tags
    assert all(source.startswith("data:image/png;base64,") for source in page.images)
    return page


class TestATable:
    def test_text_is_escaped_and_html_is_not(self):
        page = Page(table(("<i>name", "value"), [("<b>", Html("<em>2</em>"))]))
        assert "b" not in page.tags
        assert "i" not in page.tags
        assert "em" in page.tags
        assert page.parts == ["<i>name", "value", "<b>", "2"]

    def test_columns_of_numbers_are_right_aligned(self):
        text = table(("name", "count"), [("a", 1234), ("b", None)])
        assert '<th class="n">count</th>' in text
        assert '<td class="n">1,234</td>' in text
        assert "<td>a</td>" in text

    def test_what_is_empty_is_left_out(self):
        assert table(("name",), []) == folded("more", Html()) == facts([("name", "")]) == ""
        assert Page(box("title", "", facts([("a", None), ("b", 0)]))).parts == ["title", "b", "0"]

    def test_lines_of_a_cell_follow_each_other(self):
        assert "one<br>&lt;two&gt;" in facts([("lines", ["one", "<two>"])])

    def test_the_text_of_an_image_cannot_leave_its_attribute(self):
        assert Page(image("AAAA", '"><b>')).tags == ["img"]

    def test_colors_are_inherited_in_light_and_dark(self):
        text = box("title")
        assert "color-scheme:light dark" in text
        assert "color:#" not in text


class TestAnObject:
    def test_the_description_of_a_model_has_its_weights_and_fields(self):
        page = page_of(zoo.info("cnn"))
        for fact in ("cnn", "Convolutional network", "66,218", "mnist", "dropout", "Apache-2.0"):
            assert fact in page.text

    def test_one_that_is_not_installed_has_the_next_step(self):
        known = zoo.info("cnn")
        values = {**vars(known), "status": "broken", "problem": "<it>", "fix": "pip install <x>"}
        page = page_of(type(known)(**values))
        assert "broken: <it>" in page.text
        assert "pip install <x>" in page.text

    def test_an_evaluation_has_intervals_and_escaped_classes(self):
        label = TensorSpec(name="label", dtype="int64", labels=("<b>", "cat"))
        spec = DataSpec(
            id="two", task="classification", inputs=(TensorSpec(name="x"),), targets=(label,)
        )
        split = ArraySplit({"x": np.arange(3.0)}, {"label": np.array([0, 1, 0])})
        found = evaluate_classification(
            lambda inputs: {"probabilities": np.eye(2)[[0, 1, 1]] * 0.8 + 0.1}, split, spec
        )
        page = page_of(found)
        assert "accuracy" in page.text
        assert f"[{found.scores['accuracy'].low:.4g}, " in page.text
        assert "<b>" in page.text
        assert "b" not in page.tags

    def test_predictions_have_a_row_each_and_escaped_labels(self):
        spec = TensorSpec(
            name="probabilities", shape=(2,), role="probabilities", labels=("<b>", "cat")
        )
        outputs = {"probabilities": np.tile([[0.75, 0.25]], (12, 1))}
        page = page_of(zoo.Prediction(outputs, (spec,)))
        assert "12 predictions" in page.text
        assert page.tags.count("tr") == 1 + 10
        assert page.text.count("<b> 0.75, cat 0.25") == 10
        assert "<b>" in page.text
        assert "b" not in page.tags

    def test_a_comparison_has_scores_and_differences(self):
        from zoo.api.run import Comparison, Difference, ScoreRow

        score = zoo.Score(value=0.5, low=0.25, high=0.75)
        found = Comparison(
            runs=("runs/a", "runs/<b>"),
            same_data=True,
            differences={"plan": (Difference("epochs", (2, 1)),), "config": ()},
            scores=(ScoreRow("accuracy", (score, None), ("unknown",)),),
            notices=("one was not evaluated",),
        )
        page = page_of(found)
        for fact in ("runs/<b>", "0.5 [0.25, 0.75]", "plan epochs", "one was not evaluated."):
            assert fact in page.text

    def test_an_artifact_has_its_signatures(self, tmp_path):
        manifest = {
            "architecture": "cnn",
            "data": {"id": "digits"},
            "license": "Apache-2.0",
            "limits": ["<b>"],
            "files": [{"bytes": 1000}, {"bytes": 234}],
            "graphs": [
                {
                    "signature": "predict",
                    "inputs": [{"name": "image", "dtype": "uint8", "shape": [8, 8, 1]}],
                    "outputs": [{"name": "label", "dtype": "int64", "shape": []}],
                }
            ],
        }
        page = page_of(zoo.Artifact(tmp_path, manifest))
        for fact in ("cnn", "1,234", "image: uint8 (8, 8, 1)", "<b>"):
            assert fact in page.text
        page_of(zoo.Artifact(tmp_path, {}))


def dataset_of(inputs, arrays, targets=(), target_arrays=None):
    spec = DataSpec(id="mine", task="regression", inputs=inputs, targets=targets)
    split = ArraySplit(arrays, target_arrays or {})
    return Dataset(spec, lambda: {"train": split, "validation": split, "test": split})


class TestADataset:
    def test_images_are_thumbnails_beside_their_classes(self):
        page = page_of(zoo.dataset("digits"))
        assert len(page.images) == 5
        for fact in ("digits", "1,259 train", "uint8 8 × 8 × 1", "10 classes"):
            assert fact in page.text

    def test_a_view_is_shown_with_its_own_sizes(self):
        few = zoo.DatasetView(
            zoo.dataset("digits"), lambda name, split: zoo.Subset(split, np.arange(7))
        )
        page = page_of(few)
        assert len(page.images) == 5
        assert "7 train" in page.text

    def test_rows_have_names_units_and_categories(self):
        columns = (Column(name="<h>", unit="m"), Column(name="color", categories=("red", "blue")))
        rows = np.array([[1.5, 1], [2.5, 0]])
        page = page_of(
            dataset_of((TensorSpec(name="row", shape=(2,), columns=columns),), {"row": rows})
        )
        for fact in ("<h> 1.5 m", "color red", "color another"):
            assert fact in page.text

    def test_texts_are_decoded_and_escaped(self):
        page = page_of(zoo.dataset("number_lengths"))
        first = zoo.dataset("number_lengths").split("train").take(np.arange(1))[0]
        spec = zoo.dataset("number_lengths").spec.inputs[0]
        from zoo.runtime.text import decode_text

        assert decode_text(first[spec.name], spec.text)[0] in page.text

    def test_one_without_examples_says_why(self):
        def load():
            raise DatasetUnavailable("no <network>", why="offline", fix="try later")

        spec = DataSpec(id="far", task="regression", inputs=(TensorSpec(name="x"),))
        page = page_of(Dataset(spec, load))
        assert "The examples cannot be shown: no <network>." in page.text

    def test_numbers_that_are_missing_or_large_are_shown(self):
        values = np.array([[np.nan] * 9, [1e9] * 9])
        page = page_of(dataset_of((TensorSpec(name="series", shape=(9,)),), {"series": values}))
        assert "nan" in page.text
        assert "…" in page.text


class Shell:
    kernel = object()


class Notebook(ModuleType):
    """What stands in for IPython: each thing shown, with its updates."""

    def __init__(self):
        super().__init__("IPython")
        self.shown = []
        self.display = SimpleNamespace(HTML=str, display=self._show)
        self.get_ipython = Shell

    def _show(self, content, display_id):
        assert display_id
        self.shown.append([content])
        return SimpleNamespace(update=self.shown[-1].append)


class TestARun:
    def test_it_has_its_epochs_and_says_how_to_evaluate_it(self, run):
        page = page_of(run)
        for fact in ("mlp_classifier", "finished", "1,259 train, 269 validation", "val_loss"):
            assert fact in page.text
        known = "score" if run.metrics else "not evaluated yet"
        assert known in page.text


class TestProgress:
    @pytest.fixture
    def notebook(self, monkeypatch):
        notebook = Notebook()
        monkeypatch.setitem(sys.modules, "IPython", notebook)
        monkeypatch.setitem(sys.modules, "IPython.display", notebook.display)
        return notebook

    def follow(self, progress):
        progress.on_fit_begin(2, 3)
        for epoch in (1, 2):
            progress.on_steps_end(3)
            progress.on_epoch_end(epoch, {"loss": 0.5 / epoch, "<b>": 1.0})
        progress.on_train_end()

    def test_a_notebook_keeps_one_bar_with_the_last_scores(self, notebook, capsys):
        self.follow(zoo.ProgressBar())
        (states,) = notebook.shown
        assert Page(states[0]).tags == ["div", "progress", "small"]
        assert 'value="6" max="6"' in states[-1]
        assert "epoch 2/2" in states[-1]
        assert "loss 0.2500" in states[-1]
        assert capsys.readouterr() == ("", "")

    def test_a_bar_of_no_steps_is_well_formed(self, notebook):
        progress = zoo.ProgressBar()
        progress.on_preparation_begin("<features>", 0)
        progress.on_stop_requested("interrupted")
        progress.on_train_end()
        (states,) = notebook.shown
        assert html.escape("<features>") in states[0]
        assert "interrupted" in states[-1]

    def test_a_program_without_a_terminal_prints_nothing(self, capsys):
        self.follow(zoo.ProgressBar())
        assert capsys.readouterr() == ("", "")

    def test_a_terminal_shows_a_bar_and_removes_it(self, monkeypatch):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        monkeypatch.setattr(sys, "stderr", Terminal())
        monkeypatch.setenv("TERM", "xterm")
        self.follow(zoo.ProgressBar())
        assert "epoch 2/2" in sys.stderr.getvalue()


class TestTheImportOfKeras:
    """Without TensorFlow's info logs where a person would read them."""

    LINE = b"I0000 00:00:1 port.cc:153] oneDNN custom operations are on.\n"

    @pytest.fixture
    def imported(self, monkeypatch, capfd):
        """A function that returns what is seen of an import that logs."""
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")  # so that it is restored
        monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")

        def act(module):
            os.write(2, self.LINE + b"W0000 a warning\n")

        def imported():
            keras_import._quietly(act, ModuleType("keras"))
            return capfd.readouterr().err

        return imported

    def test_a_notebook_shows_the_warnings_alone(self, imported, monkeypatch):
        monkeypatch.setitem(sys.modules, "IPython", Notebook())
        assert imported() == "W0000 a warning\n"
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "1"

    def test_a_program_without_a_terminal_shows_everything(self, imported):
        assert imported() == self.LINE.decode() + "W0000 a warning\n"
        assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ

    def test_who_has_chosen_the_level_sees_what_it_gives(self, imported, monkeypatch):
        monkeypatch.setitem(sys.modules, "IPython", Notebook())
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
        assert imported() == self.LINE.decode() + "W0000 a warning\n"
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
