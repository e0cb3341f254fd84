"""What is recorded of any model is what Keras computes, and what models are for is shown."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import zoo
from zoo.cli import main
from zoo.errors import ConfigError, DataError
from zoo_inspect import inspect

L = keras.layers
KINDS = ("dense", "convolution", "norm", "relu", "pool", "add", "shared")


def random_model(kinds: list[str], width: int, seed: int) -> keras.Model:
    """Return a functional model of these layers, with a branch for each ``add``."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((6, 6, width))
    shared = L.Conv2D(width, 1, activation="tanh", name="shared")
    x = inputs
    for kind in kinds:
        before = x
        if kind == "dense":
            x = L.Dense(width)(x)
        elif kind == "convolution":
            x = L.Conv2D(width, 3, padding="same")(x)
        elif kind == "norm":
            x = L.BatchNormalization()(x)
        elif kind == "relu":
            x = keras.ops.relu(x)
        elif kind == "pool":
            x = L.AveragePooling2D(3, 1, padding="same")(x)
        elif kind == "add":
            x = L.Add()([x, L.Dropout(0.5)(before)])
        else:
            x = shared(x)
    return keras.Model(inputs, [x, L.GlobalMaxPooling2D()(L.Dense(2)(x))])


@given(st.lists(st.sampled_from(KINDS), max_size=6), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=12)
def test_recorded_outputs_are_those_of_parts_of_the_model(
    kinds: list[str], width: int, seed: int
) -> None:
    model = random_model(kinds, width, seed)
    x = np.random.default_rng(seed).normal(size=(2, 6, 6, width)).astype("float32")
    before = [variable.numpy() for variable in model.variables]
    found = inspect(model, x)

    tensors = {}
    for layer in model.layers[1:]:
        for at in range(sum(row.path.split("#")[0] == layer.name for row in found.rows)):
            path = layer.name if at == 0 else f"{layer.name}#{at + 1}"
            tensors[path] = layer._inbound_nodes[at].output_tensors[0]
    assert len(tensors) == len(found.rows)
    for path, wanted in keras.Model(model.input, tensors)(x).items():
        np.testing.assert_allclose(found.outputs[path], wanted, rtol=1e-5, atol=1e-6)
    assert found.graph is not None and len(found.graph.nodes) >= len(model.layers)
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)


def test_random_inputs_come_in_the_structure_that_the_model_takes() -> None:
    x, y = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    for structure in ([x, y], (x, y), {"a": x, "b": y}, [x, [y]]):
        found = inspect(keras.Model(structure, L.Concatenate()([x, y])))
        assert found.rows[0].shape == (5,)


def named_model() -> keras.Model:
    """Return a model of two inputs and two outputs by name, with a layer that both go through."""
    image, table = keras.Input((6, 6, 1), name="image"), keras.Input((3,), name="table")
    encode = L.Dense(4, name="shared")
    seen = encode(L.Dense(3)(L.Flatten()(image)))
    both = keras.ops.abs(seen - encode(table))
    outputs = {"kind": L.Dense(2, "softmax", name="kind")(both), "size": L.Dense(1)(both)}
    return keras.Model({"image": image, "table": table}, outputs)


def test_inputs_and_outputs_may_have_names_and_layers_may_be_shared() -> None:
    model = named_model()
    x = {"image": np.ones((1, 6, 6, 1), "float32"), "table": np.ones((1, 3), "float32")}
    found = inspect(model, x)
    np.testing.assert_allclose(found.outputs["kind"], model(x)["kind"], rtol=1e-6)
    assert {"shared", "shared#2"} <= {row.path for row in found.rows}
    assert inspect(model).source == "random numbers"
    with pytest.raises(DataError, match="cannot be called"):
        inspect(model, {"image": x["image"]})


def test_the_graph_has_every_call_and_every_operation_between_layers() -> None:
    graph = inspect(named_model()).graph
    assert graph is not None
    names = [name for name, _ in graph.nodes]
    arrows = [(names[a], names[b]) for a, b in graph.edges]
    assert names.count("shared") == 2 and ("table", "shared") in arrows
    first, second = (b for a, b in arrows if a == "shared")
    assert first == second and first.startswith("subtract")
    assert "any" not in dict(graph.nodes)["image"]


class Nested(keras.Model):
    """A subclass that was never called, with a list of layers and a condition."""

    def __init__(self) -> None:
        super().__init__(name="nested")
        self.steps = [L.Dense(3, name=f"step_{at}") for at in range(2)]

    def call(self, x: Any, training: bool = False) -> Any:
        for step in self.steps:
            x = step(x)
        return x if not training else 0 * x


def test_a_subclass_that_was_never_called_is_built_by_the_input() -> None:
    model = Nested()
    x = np.ones((1, 5), "float32")
    found = inspect(model, x)
    assert [row.path for row in found.rows] == ["step_0", "step_1"] and found.graph is None
    np.testing.assert_allclose(found.outputs["step_1"], model(x), rtol=1e-6)
    assert "Graph" not in found.html()


@pytest.mark.parametrize(
    ("pattern", "near"), [("shard", "shared"), ("shared#3", "shared#2"), ("Kind", "kind")]
)
def test_a_pattern_that_matches_no_layer_names_the_nearest(pattern: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        inspect(named_model(), layers=[pattern])
    assert near in str(caught.value.findings[0])


def test_a_random_number_that_a_layer_draws_is_not_used_up() -> None:
    class Noisy(L.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.generator = keras.random.SeedGenerator(0)

        def call(self, x: Any) -> Any:
            return x + keras.random.normal(keras.ops.shape(x), seed=self.generator)

    model = keras.Sequential([keras.Input((3,)), Noisy()])
    first, second = (inspect(model, np.zeros((1, 3), "float32")) for _ in range(2))
    for one, other in zip(first.outputs.values(), second.outputs.values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_codes_are_those_of_the_signature_and_beside_other_examples() -> None:
    found = inspect("autoencoder", 3)
    comparison = found.comparison
    assert comparison is not None and comparison.codes is not None
    assert comparison.names[0] == "input" and "test 3" not in " ".join(comparison.names)
    np.testing.assert_allclose(comparison.codes[0], found.outputs["code"][0], rtol=1e-4, atol=1e-5)
    assert comparison.reconstruction is not None
    decoded = found.outputs["decoder"][0]
    np.testing.assert_allclose(comparison.reconstruction[1], decoded, rtol=1e-3, atol=1e-2)
    assert "Beside others" in found.html()


def test_noise_is_less_likely_than_a_digit() -> None:
    model = zoo.build("rbm", weights="digits")
    comparison = inspect(model, 0).comparison
    assert comparison is not None and comparison.free_energies is not None
    energies = dict(zip(comparison.names, comparison.free_energies, strict=True))
    rbm = model.get_layer("rbm")
    image = zoo.dataset("digits").split("test").take(np.array([0]))[0]["image"]
    units = model.get_layer("visible")(image)
    wanted = keras.ops.convert_to_numpy(rbm.energy.free_energy(units))
    assert energies["input"] == pytest.approx(float(wanted[0]), rel=1e-4)
    assert energies["input"] < energies["mixed"] < energies["noise"]


ON_TORCH = """
import keras, numpy as np
from zoo_inspect import inspect
tokens = keras.Input((6,), dtype="int32")
x = keras.layers.Embedding(9, 8, mask_zero=True)(tokens)
x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
x = keras.layers.GRU(3, return_sequences=True, name="memory")(x)
model = keras.Model(tokens, keras.layers.Dense(1)(x))
before = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
found = inspect(model, np.array([[1, 2, 3, 4, 0, 0]]))
hidden = found.states["memory"].values["hidden state"]
np.testing.assert_allclose(hidden, found.outputs["memory"], atol=1e-6)
np.testing.assert_allclose(found.attention["attention"].sum(axis=-1), 1, atol=1e-5)
for weight, old in zip(model.weights, before, strict=True):
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), old)
assert "memory: over time" in found.html() and found.graph
print(keras.backend.backend(), found.multiply_adds)
"""


@pytest.mark.slow
def test_a_model_on_pytorch_is_looked_into_like_any_other() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed: pip install torch")
    told = [
        subprocess.run(
            [sys.executable, "-c", ON_TORCH],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for backend in ("torch", "tensorflow")
    ]
    assert [name for name, _ in told] == ["torch", "tensorflow"] and told[0][1] == told[1][1]


ALL_ON_ONE_BACKEND = """
import json
import zoo
for name in zoo.list_models():
    found = zoo.inspect(name)
    print(json.dumps([name, [[row.path, row.mean] for row in found.rows]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("other", ["torch", "jax"])
def test_every_model_of_the_zoo_gives_the_same_numbers_on_another_backend(other: str) -> None:
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed: pip install {other}")
    told = {}
    for backend in (other, "tensorflow"):
        environment = {**os.environ, "KERAS_BACKEND": backend}
        command = [sys.executable, "-c", ALL_ON_ONE_BACKEND]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        told[backend] = dict(json.loads(line) for line in done.stdout.splitlines())
    assert sorted(told[other]) == sorted(told["tensorflow"]) == sorted(zoo.list_models())
    for name, rows in told["tensorflow"].items():
        means = {path: mean for path, mean in rows if mean is not None}
        found = {path: mean for path, mean in told[other][name] if mean is not None}
        shared = [path for path in means if path in found]
        assert len(shared) >= 0.9 * len(means), name
        for path in shared:
            assert found[path] == pytest.approx(means[path], rel=1e-3, abs=1e-4), (name, path)


@pytest.mark.slow
def test_a_translation_shows_what_it_reads_for_each_word(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["inspect", "transformer", "--input", "3", "--layer", "encoder_norm", "--json"])
    told = json.loads(capsys.readouterr().out)
    model = zoo.build("transformer", weights="numbers_en_es")
    inputs = zoo.dataset("numbers_en_es").split("test").take(np.array([3]))[0]
    assert told["text"] == zoo.predict(model, inputs).texts[0]
    assert len(told["tokens"]) >= len(told["text"].split())
    for weights in told["attention"].values():
        assert len(weights) == len(told["tokens"])
        np.testing.assert_allclose(np.sum(weights, axis=1), 1, rtol=1e-4)


@pytest.mark.slow
def test_a_caption_shows_where_it_looks_for_each_word() -> None:
    found = inspect("blip_captioner", 0)
    words = found.words
    assert words is not None and words.image is not None and not words.source
    assert words.text == " ".join(words.tokens[:-1])
    (grid,) = words.figures()
    assert grid.columns == words.tokens
    (maps,) = words.attention.values()
    np.testing.assert_allclose(maps.sum(axis=-1), 1, rtol=1e-4)
    page = found.html()
    assert "Word by word" in page and all(token in page for token in words.tokens)
