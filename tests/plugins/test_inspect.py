"""The inside of networks: numbers are those of Keras and of the equations, and nothing changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest

import zoo
from zoo.cli import main
from zoo.config import ActivationName
from zoo.errors import ConfigError, DataError
from zoo_inspect import ACTIVATIONS, activations, descend, inspect
from zoo_inspect.activations import propagate
from zoo_inspect.descent import METHODS, PROBLEMS, make_loss, walk


def run_zoo(capsys: Any, *words: Any) -> tuple[int, str, str]:
    """Return the exit code, the output and the complaint of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


X = np.linspace(-5.05, 5.05, 204)  # 0 is not among them: there some have no derivative


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "step"])
def test_a_function_is_that_of_keras_and_its_derivative_that_of_its_differences(name: str) -> None:
    activation = ACTIVATIONS[name]
    rows = X[:200].reshape(40, 5)
    wanted = keras.ops.convert_to_numpy(keras.activations.get(name)(rows.astype("float32")))
    np.testing.assert_allclose(activation.function(rows), wanted, atol=2e-6)

    h = 1e-6
    slope = (activation.curve(X + h) - activation.curve(X - h)) / (2 * h)
    np.testing.assert_allclose(activation.derivative(X), slope, atol=1e-6)


def test_the_gradient_of_softmax_mixes_its_inputs() -> None:
    x, gradient = np.random.default_rng(0).standard_normal((2, 1, 4))
    found = ACTIVATIONS["softmax"].backward(x, gradient)
    h = 1e-6
    for place in range(4):
        step = h * np.eye(4)[place]
        up, down = (ACTIVATIONS["softmax"].function(x + s) for s in (step, -step))
        assert found[0, place] == pytest.approx(((up - down) * gradient).sum() / (2 * h), abs=1e-7)


def test_the_signal_and_the_gradient_go_through_ten_layers_as_theory_says() -> None:
    spread, gradient = propagate(ACTIVATIONS["linear"])
    assert spread[-1] == pytest.approx(1, rel=0.15) and gradient[0] == pytest.approx(1, rel=0.15)
    # Half of the units of a ReLU are off: each layer halves the mean square of the gradient.
    _, relu = propagate(ACTIVATIONS["relu"])
    assert relu[0] == pytest.approx(2**-5, rel=0.3)
    _, sigmoid = propagate(ACTIVATIONS["sigmoid"])
    assert sigmoid[0] < 0.25**10 * 1.5
    assert propagate(ACTIVATIONS["step"])[1] == (0.0,) * 10
    assert propagate(ACTIVATIONS["selu"])[0][-1] == pytest.approx(1, rel=0.2)


def test_saturation_is_where_the_slope_is_small() -> None:
    rows = {row.name: row.saturated for row in activations().rows}

    assert rows["linear"] == rows["leaky_relu"] == ()
    assert rows["step"] == ((-6.0, 6.0),)
    ((low, high),) = rows["relu"]
    assert low == -6 and high == pytest.approx(0, abs=0.01)
    assert rows["sigmoid"][0][1] == pytest.approx(-2.89, abs=0.01)
    assert [row.name for row in activations("tanh", "elu").rows] == ["tanh", "elu"]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", ["sgd", "momentum"])
def test_descent_diverges_where_the_equation_says(problem: Any, method: Any) -> None:
    report = descend(problem, method)

    assert report.diverges_from is not None
    assert report.observed == pytest.approx(report.diverges_from, rel=0.01)
    assert [one.diverged for one in report.descents] == [False, False, True]
    good, small = report.descents[1], report.descents[0]
    assert good.steps_to_minimum is not None
    assert small.steps_to_minimum is None or small.steps_to_minimum > good.steps_to_minimum


def test_gradient_descent_shrinks_each_direction_by_its_own_factor() -> None:
    loss = make_loss("ravine")
    found = walk(loss, "sgd", 0.05, 12)
    powers = np.arange(13)[:, None]
    np.testing.assert_allclose(found.path, loss.start * (1 - 0.05 * np.array([1, 25])) ** powers)


@pytest.mark.parametrize(
    ("method", "optimizer"),
    [
        ("sgd", keras.optimizers.SGD(0.03)),
        ("momentum", keras.optimizers.SGD(0.03, momentum=0.9)),
        ("adam", keras.optimizers.Adam(0.03)),
    ],
    ids=METHODS,
)
def test_a_step_is_that_of_keras(method: Any, optimizer: Any) -> None:
    loss = make_loss("ravine")
    weights = keras.Variable(loss.start.astype("float32"))
    optimizer.build([weights])
    for point in walk(loss, method, 0.03, 10).path:
        np.testing.assert_allclose(weights.numpy(), point, rtol=1e-4, atol=1e-6)
        gradient = loss.gradient(weights.numpy().astype("float64")).astype("float32")
        optimizer.apply([keras.ops.convert_to_tensor(gradient)])


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (lambda: activations("rleu"), "name"),
        (lambda: descend("hill"), "problem"),  # type: ignore[arg-type]
        (lambda: descend(method="newton"), "method"),  # type: ignore[arg-type]
        (lambda: descend(rates=[-1]), "rates"),
        (lambda: descend(rates=[float("nan")]), "rates"),
        (lambda: descend(steps=0), "steps"),
    ],
)
def test_what_is_not_known_is_named(call: Any, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        call()
    assert caught.value.findings[0].where == place


def test_the_commands_print_json_and_write_a_page(tmp_path: Path, capsys: Any) -> None:
    page = tmp_path / "page.html"
    status, said, _ = run_zoo(capsys, "activations", "relu", "--json", "--out", page)
    assert status == 0 and json.loads(said)["rows"][0]["name"] == "relu"
    assert "Activation functions" in page.read_text("utf-8")

    status, said, _ = run_zoo(capsys, "descend", "bowl", "--rate", "0.5", "--rate", "2", "--json")
    assert status == 0
    assert [one["diverged"] for one in json.loads(said)["descents"]] == [False, True]

    page.unlink()
    status, _, complaint = run_zoo(capsys, "descend", "hill", "--out", page)
    assert status == 4 and "one of line, bowl, ravine" in complaint and not page.exists()


def test_a_notebook_shows_a_page_in_a_frame() -> None:
    shown = descend()._repr_html_()
    assert shown.startswith("<iframe srcdoc=") and "<h1>" not in shown


@pytest.mark.parametrize("activation", get_args(ActivationName))
def test_every_activation_is_a_choice_of_both_perceptrons(activation: str, tmp_path: Path) -> None:
    assert activation in ACTIVATIONS
    for name in ("mlp_classifier", "mlp_regressor"):
        model = zoo.build(name, activation=activation, units=(4,))
        model.optimizer.build(model.trainable_variables)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        inputs, _ = zoo.dataset(model.blueprint.data.id).split("test").take(np.arange(3))
        given: Any = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
        given = given if isinstance(model.input, dict) else next(iter(given.values()))
        for one, other in zip(*(keras.tree.flatten(m(given)) for m in (model, again)), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["step", "softmax"])
def test_the_odd_activations_are_trained_and_exported(activation: str, tmp_path: Path) -> None:
    run = zoo.train(
        "mlp_classifier",
        "digits",
        activation=activation,
        units=(32,),
        plan={"epochs": 2},
        run_dir=tmp_path / "run",
    )
    assert zoo.verify(zoo.export(run, tmp_path / "exports").path).signatures


class Doubler(keras.layers.Layer):
    """A layer of one's own, without weights."""

    def call(self, x: Any) -> Any:
        return 2 * x


class Subclassed(keras.Model):
    """A model that is no graph."""

    def __init__(self) -> None:
        super().__init__(name="mine")
        self.first, self.second = keras.layers.Dense(3, "relu", name="a"), Doubler(name="b")

    def call(self, x: Any) -> Any:
        return self.second(self.second(self.first(x)))


def test_two_layers_forwarded_by_hand_give_what_is_shown() -> None:
    x = np.array([[1.0, -2.0]], "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "relu", name="hidden"),
                              keras.layers.Dense(1, name="out")])  # fmt: skip
    first, second, third, fourth = (weight.numpy() for weight in model.weights)
    hidden = np.maximum(x @ first + second, 0)
    found = inspect(model, x)

    np.testing.assert_allclose(found.outputs["hidden"], hidden, rtol=1e-6)
    np.testing.assert_allclose(found.outputs["out"], hidden @ third + fourth, rtol=1e-6)
    rows = {row.path: row for row in found.rows}
    assert (rows["hidden"].parameters, rows["hidden"].multiply_adds) == (9, 6)
    assert rows["hidden"].mean == pytest.approx(float(hidden.mean()), rel=1e-6)
    assert rows["hidden"].zeros == (hidden == 0).mean()
    assert (found.parameters, found.multiply_adds) == (13, 9)


def test_a_subclassed_model_and_a_shared_layer_are_shown_call_by_call() -> None:
    x = np.ones((1, 2), "float32")
    model = Subclassed()
    with pytest.raises(DataError, match="says nothing of its inputs"):
        inspect(model)
    found = inspect(model, x)

    assert [row.path for row in found.rows] == ["a", "b", "b#2"]
    np.testing.assert_allclose(found.outputs["b#2"], 4 * found.outputs["a"])
    assert found.parameters == 9


def test_looking_changes_nothing() -> None:
    call, softmax = keras.layers.Layer.__call__, keras.ops.softmax
    model = zoo.build("cnn", weights="digits")
    before = [weight.numpy() for weight in model.weights]
    found = inspect(model, 3)
    with pytest.raises(DataError, match="cannot be called"):
        inspect(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), np.ones((1, 5)))

    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    assert keras.layers.Layer.__call__ is call and keras.ops.softmax is softmax
    wanted = zoo.predict(model, zoo.dataset("digits").split("test").take(np.array([3]))[0])
    np.testing.assert_allclose(
        found.outputs["probabilities"], wanted.outputs["probabilities"], atol=1e-5
    )
    assert "conv_1_1" in found.kernels and found.source.startswith("test example 3 of digits")


def test_attention_is_shown_where_it_is_computed_and_sums_to_one() -> None:
    found = inspect("transformer", "forty-two")
    assert found.attention
    for maps in found.attention.values():
        np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    assert any(row.depth == 2 for row in found.rows)
    words = found.words
    assert words is not None and words.text == "cuarenta y dos"
    assert words.tokens[:3] == ("cuarenta", "y", "dos") and "forty" in words.source
    for maps in words.attention.values():
        assert maps.shape[0] == len(words.tokens)
        np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)


def test_a_recurrent_layer_is_one_row_and_counts_every_step() -> None:
    model = keras.Sequential([keras.Input((5, 2)), keras.layers.LSTM(3, name="memory")])
    (row,) = inspect(model).rows
    assert row.multiply_adds == 5 * (2 * 12 + 3 * 12)


def test_values_that_are_not_finite_are_said_first() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="broken")])
    model.layers[0].kernel.assign([[np.nan]])
    found = inspect(model, np.ones((1, 1), "float32"))
    assert not found.rows[0].finite and "'broken'" not in found.summary
    assert "broken is not finite" in found.summary


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (lambda: inspect("mlp_classifier", 10**6), "input"),
        (lambda: inspect("mlp_classifier", layers=["dens_1"]), "layer"),
        (lambda: inspect("mlp_classifier", signature="encode"), "signature"),
        (lambda: inspect(3), "target"),  # type: ignore[arg-type]
    ],
)
def test_what_is_not_in_a_model_is_named(call: Any, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        call()
    assert caught.value.findings[0].where == place


def test_a_file_that_is_no_model_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "bad.keras"
    file.write_bytes(b"no archive")
    status, _, complaint = run_zoo(capsys, "inspect", file, "--out", tmp_path / "page.html")
    assert status and "is not a model that can be loaded" in complaint
    assert not (tmp_path / "page.html").exists()


def test_a_model_file_is_inspected_into_a_page_and_json(tmp_path: Path, capsys: Any) -> None:
    file, page = tmp_path / "mine.keras", tmp_path / "page.html"
    keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, name="edges"), keras.layers.Flatten()]
    ).save(file)
    status, said, _ = run_zoo(capsys, "inspect", file, "--json", "--out", page)
    rows = json.loads(said)["layers"]

    assert status == 0 and rows[0]["path"] == "edges" and rows[0]["multiply_adds"] == 16 * 18
    assert "edges: kernels" in page.read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_models())
def test_every_model_of_the_zoo_can_be_looked_into(name: str) -> None:
    found = inspect(name)
    assert found.rows and all(row.finite for row in found.rows)
    assert "<svg" in found.html() or found.pictures()
