"""Checks of the level buildable: configurations, models, signatures."""

from __future__ import annotations

import ast
import json
from typing import Any

import numpy as np
from pydantic import ValidationError

from zoo.api.predict_fns import keras_predict_fn
from zoo.spec import Arrays, TensorSpec
from zoo.testing.checks import CheckGroup, Measured, Skipped, expect
from zoo.testing.subject import ModelSubject

GROUP = CheckGroup("build", "buildable")

BACKENDS = frozenset({"jax", "tensorflow", "torch"})
"""Backends of Keras, which no model may import."""

NOISE = 2e-5
"""Relative tolerance for sums in another order, of the largest value."""

EXAMPLES = 7
"""Number of examples in a batch: odd, and more than one."""


@GROUP.check(
    why="The checks build and train these configurations.",
    fix="Return recipes from `test_configs()` whose configurations fit the given data.",
)
def test_configs(subject: ModelSubject) -> Measured:
    """Every test configuration becomes a compiled model that predicts on the data."""
    largest = 0
    for number, recipe in enumerate(subject.recipes):
        model = subject.adapted(subject.build(recipe))
        expect(model.compiled, f"test configuration {number} to be compiled", "one that is not")
        signature, inputs = subject.calls(model, 2)[0]
        keras_predict_fn(signature)(inputs)
        largest = max(largest, model.count_params())
    return {"configurations": len(subject.recipes), "largest_parameters": largest}


@GROUP.check(
    why="Every run and every artifact stores the configuration as JSON.",
    fix="Use field types that survive a round trip through JSON with pydantic: tuples, numbers, "
    "text, nested models. Give every field a default.",
)
def config_round_trip(subject: ModelSubject) -> Measured:
    """Its configuration has a default for every field, a JSON schema, and survives a round trip."""
    kind = subject.architecture.Config
    schema = json.loads(json.dumps(kind.model_json_schema()))
    without = [name for name, field in kind.model_fields.items() if field.is_required()]
    expect(not without, "a default for every field", f"none for {', '.join(without)}")
    expect(
        set(schema["properties"]) == set(kind.model_fields),
        "a schema of the fields that there are",
        ", ".join(sorted(schema["properties"])),
    )
    for config in (kind(), *(recipe.config for recipe in subject.recipes)):
        again = kind.model_validate_json(config.model_dump_json())
        expect(again == config, f"the same configuration from JSON, {config!r}", repr(again))
    return {"fields": len(kind.model_fields)}


@GROUP.check(
    why="A misspelled field that is ignored trains another model than the intended one.",
    fix="Derive the configuration, and what is nested in it, from `zoo.ModelConfig` or "
    "`zoo.config.Frozen`, and leave their `extra` and `frozen` as they are.",
)
def config_strict(subject: ModelSubject) -> Measured:
    """Its configuration rejects unknown fields and is frozen."""
    kind = subject.architecture.Config
    try:
        kind.model_validate({"no_such_field_exists": 1})
    except ValidationError:
        pass
    else:
        expect(holds=False, expectation="an unknown field to be rejected", received="accepted")
    expect(kind.model_config.get("frozen"), "a frozen configuration", "one that can be changed")
    return {"strict": True}


@GROUP.check(
    why="Runs store models as `.keras` files.",
    fix="Register every class of your own with `keras.saving.register_keras_serializable`, and "
    "return every argument of its constructor from `get_config`.",
)
def serialization(subject: ModelSubject) -> Measured:
    """A model that is saved and loaded as a `.keras` file predicts the same bits."""
    import keras

    file = subject.folder / "model.keras"
    model = subject.adapted(subject.build())
    # A model that has taken a step has these; Keras warns of a file without them.
    if model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)
    model.save(file)
    again = keras.models.load_model(file)
    inputs = _model_inputs(subject)
    before, after = (_flat(one(inputs, training=False)) for one in (model, again))
    expect(len(before) == len(after), f"{len(before)} outputs", len(after))
    for number, (first, second) in enumerate(zip(before, after, strict=True)):
        expect(
            np.array_equal(first, second, equal_nan=first.dtype.kind == "f"),
            f"output {number} to be the same after loading",
            f"one that differs by {_apart(first, second):.3g}",
        )
    return {"outputs": len(before)}


@GROUP.check(
    why="A server batches the requests of several clients: a prediction may not depend on the "
    "others.",
    fix="Compute no statistics over the batch outside of training (batch normalization uses "
    "moving averages), draw no random numbers, and never mix the batch axis with others.",
)
def batch_invariance(subject: ModelSubject) -> Measured:
    """The prediction for an example is the same alone, in a batch, and in another order."""
    compared = 0
    for signature, inputs in subject.calls(subject.model, EXAMPLES):
        predict_fn = keras_predict_fn(signature)
        count = len(next(iter(inputs.values())))
        together = predict_fn(inputs)
        alone = [predict_fn(_rows(inputs, slice(at, at + 1))) for at in range(count)]
        turned = predict_fn(_rows(inputs, np.arange(count)[::-1]))
        for name, answer in together.items():
            single = np.concatenate([one[name] for one in alone])
            compared += 1
            for other, how in ((single, "alone"), (turned[name][::-1], "in another order")):
                expect(
                    _close(answer, other),
                    f"output {name!r} of {signature.name!r} to be the same {how}",
                    f"predictions that differ by {_apart(answer, other):.3g}",
                )
    return {"outputs": compared, "examples": EXAMPLES}


@GROUP.check(
    why="Names become the inputs of the ONNX file and the keys of a server's protocol.",
    fix="Name `keras.Input` after the data's tensors (`name=spec.name`, `dtype=spec.dtype`), and "
    "let each `Signature` say its model's own inputs and outputs.",
)
def names(subject: ModelSubject) -> Measured:
    """Inputs match the data and each signature in name, shape and type; names are unique."""
    signatures = subject.signatures(subject.model)
    graphs = [signature.name for signature in signatures]
    expect(len(set(graphs)) == len(graphs), "another name for each signature", graphs)
    for signature in signatures:
        where = f"signature {signature.name!r}"
        taken = {tensor.name: tensor for tensor in signature.model.inputs}
        declared = [spec.name for spec in signature.inputs]
        expect(
            sorted(taken) == sorted(declared), f"{where} to take {sorted(declared)}", sorted(taken)
        )
        for spec in signature.inputs:
            _expect_tensor(taken[spec.name], spec, f"input {spec.name!r} of {where}")
            known = subject.spec.input(spec.name)
            if known is not None:
                # A state that only looks like an example, and one with gaps, are floats.
                later = signature is not signatures[0] and spec.dtype == "float32"
                same = spec.dtype == known.dtype or later
                expect(
                    spec.shape == known.shape and same,
                    f"input {spec.name!r} of {where} as the data has it, "
                    f"{known.dtype}{list(known.shape)}",
                    f"{spec.dtype}{list(spec.shape)}",
                )
        given = [spec.name for spec in signature.outputs]
        expect(len(set(given)) == len(given), f"another name for each output of {where}", given)
        if isinstance(signature.model.output, dict):
            expect(
                sorted(signature.model.output) == sorted(given),
                f"{where} to give {sorted(given)}",
                sorted(signature.model.output),
            )
        else:
            expect(
                len(signature.model.outputs) == len(given),
                f"{where} to give {len(given)} outputs",
                len(signature.model.outputs),
            )
    return {"signatures": len(signatures)}


@GROUP.check(
    why="Clients rely on the declared type and shape; a double where a float is declared takes "
    "twice the memory, and NaN is not a prediction.",
    fix="Declare the actual outputs of the model in each `Signature`; cast where an operation "
    "widens them, and keep logarithms and divisions away from zero.",
)
def outputs(subject: ModelSubject) -> Measured:
    """Outputs have the declared type and shape, and are finite."""
    checked = 0
    for signature, inputs in subject.calls(subject.model, EXAMPLES):
        answers = keras_predict_fn(signature)(inputs)
        for spec in signature.outputs:
            where = f"output {spec.name!r} of {signature.name!r}"
            answer = answers[spec.name]
            expect(str(answer.dtype) == spec.dtype, f"{where} as {spec.dtype}", answer.dtype)
            shape = answer.shape[1:]
            expect(spec.fits(shape), f"{where} of shape {list(spec.shape)}", list(shape))
            if answer.dtype.kind == "f":
                expect(np.isfinite(answer).all(), f"{where} to be finite", "NaN or infinity")
            checked += 1
    return {"outputs": checked}


@GROUP.check(
    why="Keras has several backends, and a model that imports one of them runs on no other.",
    fix="Use `keras` and `keras.ops` instead of `tf.*`, `torch.*` or `jax.*` in the package.",
)
def backend(subject: ModelSubject) -> Measured:
    """Its source imports no backend of Keras."""
    if backends := subject.architecture.info.backends:
        raise Skipped(f"it says that it is written for {' and '.join(backends)}")
    looked = 0
    for name, path in subject.package_files().items():
        if path.suffix != ".py":
            continue
        looked += 1
        for module, line in _imports(path.read_text("utf-8")):
            expect(module not in BACKENDS, "no backend to be imported", f"{module}, {name}:{line}")
    expect(looked, "source to look at", "no file in which it is defined")
    return {"files": looked}


def _expect_tensor(tensor: Any, spec: TensorSpec, where: str) -> None:
    expect(tensor.dtype == spec.dtype, f"{where} as {spec.dtype}", tensor.dtype)
    wanted = tuple(size if isinstance(size, int) else None for size in spec.shape)
    expect(tuple(tensor.shape[1:]) == wanted, f"{where} of shape {wanted}", tensor.shape[1:])


def _model_inputs(subject: ModelSubject) -> Any:
    """Return inputs of the model itself: examples of the data, else small integers."""
    known = subject.inputs(EXAMPLES)
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {}
    for tensor in subject.model.inputs:
        shape = (EXAMPLES, *(size or 5 for size in tensor.shape[1:]))
        values[tensor.name] = (
            known[tensor.name] if tensor.name in known else rng.integers(0, 5, shape)
        )
    given = {t.name: np.asarray(values[t.name], t.dtype) for t in subject.model.inputs}
    model_input = subject.model.input
    if isinstance(model_input, dict):
        return given
    return list(given.values()) if isinstance(model_input, list | tuple) else given.popitem()[1]


def _flat(outputs: Any) -> list[np.ndarray[Any, Any]]:
    import keras

    return [keras.ops.convert_to_numpy(leaf) for leaf in keras.tree.flatten(outputs)]


def _rows(inputs: Arrays, rows: Any) -> Arrays:
    return {name: array[rows] for name, array in inputs.items()}


def _close(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> bool:
    if first.dtype.kind != "f":
        return bool(np.array_equal(first, second))
    allowed = NOISE * max(1.0, float(np.abs(first).max(initial=0.0)))
    return first.shape == second.shape and _apart(first, second) <= allowed


def _apart(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    return float(np.abs(first.astype("float64") - second.astype("float64")).max(initial=0.0))


def _imports(source: str) -> list[tuple[str, int]]:
    """Return the top-level modules that a source imports, with their lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name.partition(".")[0], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.module.partition(".")[0], node.lineno))
    return found
