"""Scores of a classifier, checked against scikit-learn and against their definitions."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics import Evaluation, Score, evaluate, register_metrics
from zoo.metrics.classification import BINS, SMALLEST, WORST
from zoo.spec import DataSpec, Task, TensorSpec

sklearn_metrics = pytest.importorskip("sklearn.metrics")


class Rows:
    """A split whose input is the position of each example, and that counts what was asked."""

    def __init__(self, labels: Any) -> None:
        self.labels = np.asarray(labels)
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        self.asked += indices.tolist()
        return {"position": indices}, {"label": self.labels[indices]}

    def arrays(self) -> None:
        return None


def spec(classes: int, task: Task = Task.CLASSIFICATION) -> DataSpec:
    return DataSpec(
        id="rows",
        task=task,
        inputs=(TensorSpec(name="position", dtype="int64"),),
        targets=(
            TensorSpec(
                name="label", dtype="int64", labels=tuple(f"class {i}" for i in range(classes))
            ),
        ),
    )


def measure(labels: Any, probabilities: Any, batch_size: int = 256) -> Evaluation:
    table = np.asarray(probabilities)
    return evaluate(
        lambda inputs: {"probabilities": table[inputs["position"]]},
        Rows(labels),
        spec(table.shape[1]),
        batch_size=batch_size,
    )


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities, with ties and exact zeros and ones among them."""
    classes = draw(st.integers(2, 6))
    examples = draw(st.integers(1, 60))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=examples, max_size=examples))
    row = st.lists(st.sampled_from([0, 0, 1, 1, 2, 5, 40]), min_size=classes, max_size=classes)
    weights = np.array(
        draw(st.lists(row.filter(any), min_size=examples, max_size=examples)), np.float64
    )
    return np.array(labels), weights / weights.sum(axis=1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(answers(), st.integers(1, 70))
def test_every_score_equals_scikit_learn(
    case: tuple[np.ndarray, np.ndarray], batch_size: int
) -> None:
    labels, probabilities = case
    classes = list(range(probabilities.shape[1]))
    predicted = probabilities.argmax(axis=1)
    evaluation = measure(labels, probabilities, batch_size)
    value = {name: score.value for name, score in evaluation.scores.items()}
    tables = evaluation.tables
    assert tables is not None
    assert value["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(labels, predicted))
    assert value["macro_f1"] == pytest.approx(
        sklearn_metrics.f1_score(labels, predicted, average="macro", zero_division=0)
    )
    clipped = np.maximum(probabilities, SMALLEST)
    theirs = sklearn_metrics.log_loss(
        labels, clipped / clipped.sum(axis=1, keepdims=True), labels=classes
    )
    assert value["log_loss"] == pytest.approx(theirs, abs=1e-5)
    one_hot = np.eye(len(classes))[labels]
    assert value["brier"] == pytest.approx(np.square(probabilities - one_hot).sum(axis=1).mean())
    assert (
        np.array(tables.confusion)
        == sklearn_metrics.confusion_matrix(labels, predicted, labels=classes)
    ).all()
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=np.nan
    )
    for i, row in enumerate(tables.classes):
        assert row.support == support[i]
        assert (np.nan if row.precision is None else row.precision) == pytest.approx(
            precision[i], nan_ok=True
        )
        assert (np.nan if row.recall is None else row.recall) == pytest.approx(
            recall[i], nan_ok=True
        )
        assert (np.nan if row.f1 is None else row.f1) == pytest.approx(f1[i], nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(answers())
def test_calibration_error_is_the_weighted_gap_over_bins_that_hold_their_upper_end(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, probabilities = case
    evaluation = measure(labels, probabilities)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, BINS + 1)
    expected = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(confidence[inside].mean() - right[inside].mean())
            expected += inside.mean() * gap
    assert evaluation.scores["calibration_error"].value == pytest.approx(expected)
    assert evaluation.tables is not None
    assert sum(b.count for b in evaluation.tables.calibration) == len(labels)


@settings(max_examples=25, deadline=None)
@given(answers())
def test_an_evaluation_survives_json_and_its_intervals_hold_their_values(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    evaluation = measure(*case)
    text = json.dumps(evaluation.model_dump(mode="json"), allow_nan=False)
    assert Evaluation.model_validate_json(text) == evaluation
    assert Evaluation.model_validate(json.loads(json.dumps(evaluation.model_dump()))) == evaluation
    accuracy = evaluation.scores["accuracy"]
    assert accuracy.low is not None and accuracy.high is not None
    assert 0 <= accuracy.low <= accuracy.value <= accuracy.high <= 1
    assert evaluation.examples == sum(sum(row) for row in evaluation.tables.confusion)  # type: ignore[union-attr]


@pytest.mark.parametrize("batch_size", [1, 4, 7, 10, 256])
def test_every_example_is_asked_once_and_the_batch_size_changes_nothing(batch_size: int) -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), 10)
    split = Rows(generator.integers(0, 3, 10))
    evaluation = evaluate(
        lambda inputs: {"probabilities": probabilities[inputs["position"]]},
        split,
        spec(3),
        batch_size=batch_size,
    )
    assert split.asked == list(range(10))
    assert evaluation == measure(split.labels, probabilities)


def test_measuring_twice_gives_the_same_numbers() -> None:
    generator = np.random.default_rng(1)
    labels, probabilities = generator.integers(0, 4, 300), generator.dirichlet(np.ones(4), 300)
    assert measure(labels, probabilities) == measure(labels, probabilities)


def test_a_certain_wrong_answer_costs_a_finite_loss() -> None:
    evaluation = measure([0], [[0.0, 1.0]])
    assert evaluation.scores["log_loss"].value == pytest.approx(-np.log(SMALLEST))
    assert evaluation.scores["brier"].value == 2
    assert evaluation.scores["accuracy"].value == 0


def test_one_example_has_a_wide_interval_of_accuracy_and_no_bootstrap() -> None:
    evaluation = measure([1], [[0.1, 0.9]])
    assert evaluation.scores["accuracy"].low == pytest.approx(0.2065, abs=1e-4)
    assert evaluation.scores["accuracy"].high == 1
    assert evaluation.scores["log_loss"].low is None
    assert evaluation.scores["macro_f1"].high is None


def test_a_tie_goes_to_the_first_class() -> None:
    evaluation = measure([0, 1], [[0.5, 0.5], [0.5, 0.5]])
    assert evaluation.tables is not None
    assert evaluation.tables.confusion == ((1, 0), (1, 0))


def test_a_class_that_neither_occurs_nor_is_predicted_is_left_out_of_the_mean() -> None:
    evaluation = measure([0, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    assert evaluation.scores["macro_f1"].value == 1
    assert evaluation.tables is not None
    absent = evaluation.tables.classes[2]
    assert (absent.support, absent.precision, absent.recall, absent.f1) == (0, None, None, None)


def test_the_worst_mistakes_come_first_and_ties_keep_their_order() -> None:
    evaluation = measure(
        [0, 0, 0, 1],
        [[0.4, 0.6, 0.0], [0.0, 1.0, 0.0], [0.4, 0.6, 0.0], [0.1, 0.9, 0.0]],
    )
    assert evaluation.tables is not None
    assert [mistake.index for mistake in evaluation.tables.worst] == [1, 0, 2]
    first = evaluation.tables.worst[0]
    assert (first.true, first.predicted, first.probability) == ("class 0", "class 1", 1.0)
    assert first.probability_true == 0


def test_no_more_mistakes_are_kept_than_a_page_holds() -> None:
    evaluation = measure(np.zeros(200, int), np.tile([0.2, 0.8], (200, 1)))
    assert evaluation.tables is not None
    assert len(evaluation.tables.worst) == WORST


def test_labels_in_a_column_and_half_precision_outputs_are_read() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 40).astype(np.float16)
    labels = np.arange(40).reshape(-1, 1) % 5
    assert measure(labels, probabilities).examples == 40


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_probability_that_is_not_finite_names_its_example(bad: float) -> None:
    table = np.full((9, 3), 1 / 3)
    table[7, 1] = bad
    with pytest.raises(Diverged, match="example 7 of 'rows'"):
        measure(np.zeros(9, int), table, batch_size=4)


def test_logits_are_refused() -> None:
    with pytest.raises(ConfigError, match="softmax"):
        measure([0, 1], [[3.0, -2.0], [0.5, 0.5]])


def test_an_output_for_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\(2, 3\).*Received: shape=\(2, 2\)"):
        evaluate(lambda _: {"probabilities": np.full((2, 2), 0.5)}, Rows([0, 1]), spec(3))


def test_a_model_that_drops_an_example_is_refused() -> None:
    with pytest.raises(ConfigError, match="one row per example"):
        evaluate(lambda _: {"probabilities": np.full((1, 2), 0.5)}, Rows([0, 1]), spec(2))


def test_a_model_without_probabilities_is_told_which_output_is_missing() -> None:
    with pytest.raises(ConfigError, match="there are logits"):
        evaluate(lambda _: {"logits": np.zeros((2, 2))}, Rows([0, 1]), spec(2))


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_outside_the_classes_is_refused(label: int) -> None:
    with pytest.raises(DataError, match=f"example 1 of 'rows' has the class {label}"):
        measure([0, label], [[0.5, 0.5], [0.5, 0.5]])


def test_labels_that_are_not_class_indices_are_refused() -> None:
    with pytest.raises(DataError, match="one class index per example"):
        measure([0.0, 1.0], [[0.5, 0.5], [0.5, 0.5]])


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        measure(np.zeros(0, int), np.zeros((0, 2)))


@pytest.mark.parametrize("task", [Task.CAPTIONING, Task.DENSITY, "token-tagging"])
def test_a_task_without_metrics_says_what_to_override(task: str) -> None:
    with pytest.raises(ConfigError, match=r"Architecture\.evaluate"):
        evaluate(lambda _: {}, Rows([0]), spec(2, task))


def test_metrics_of_a_new_task_are_registered_once() -> None:
    def count(predict_fn: Any, split: Any, data: Any, **options: Any) -> Evaluation:
        found = float(predict_fn({})["found"])
        return Evaluation(task=data.task, examples=len(split), scores={"found": Score(value=found)})

    register_metrics("counting", count)
    register_metrics("counting", count)
    found = evaluate(lambda _: {"found": np.float64(3)}, Rows([0, 1]), spec(2, "counting"))
    assert (found.task, found.examples, found.scores["found"].value) == ("counting", 2, 3.0)
    with pytest.raises(ConfigError, match="there are metrics for the task 'counting' already"):
        register_metrics("counting", lambda *_, **__: found)
    with pytest.raises(ConfigError, match="'classification' already"):
        register_metrics(Task.CLASSIFICATION, count)


def test_a_batch_size_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch_size"):
        measure([0], [[1.0, 0.0]], batch_size=0)


def test_importing_the_metrics_imports_no_numpy() -> None:
    import subprocess
    import sys

    code = "import sys, zoo.metrics; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
