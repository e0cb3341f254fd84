"""Roles of tensors: what they change in an artifact, and that a name alone changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.exporting.networks import ROW, Tiny, blueprint, randomize, samples
from zoo import runtime
from zoo.architecture import Signature
from zoo.errors import ConfigError, DataError, Incompatible
from zoo.exporting.export import export_artifact
from zoo.exporting.rewrites import class_output
from zoo.runtime import read_manifest
from zoo.spec import DataSpec, TensorSpec

KINDS = ("sky", "wing", "crack")
NOISE = TensorSpec(name="noise", shape=(3,), role="noise", draw="normal")
FIELD = TensorSpec(name="x", shape=(4, 5, 2), range=(-1, 1))


def export(out: Path, *signatures: Signature, **given: Any) -> Path:
    return export_artifact(
        blueprint(ROW), Tiny(), list(signatures), out=out, samples={**samples("x"), **given}
    )


def per_pixel(axis: int, output: TensorSpec) -> Signature:
    """A probability per class and pixel, with the classes along an axis."""
    x = keras.Input(FIELD.shape, name="x")
    y = layers.Dense(3, "softmax")(x)
    if axis == -3:
        y = ops.transpose(y, (0, 3, 1, 2))
    return Signature("predict", randomize(keras.Model(x, {output.name: y})), (FIELD,), (output,))


@pytest.mark.parametrize(("axis", "shape"), [(-1, (4, 5, 3)), (-3, (3, 4, 5))])
def test_a_class_per_pixel_is_taken_over_the_class_axis(
    tmp_path: Path, axis: int, shape: tuple[int, ...]
) -> None:
    output = TensorSpec(
        name="kinds", shape=shape, role="probabilities", class_axis=axis, labels=KINDS
    )
    fields = np.random.default_rng(1).uniform(-1, 1, (9, 4, 5, 2)).astype("float32")
    signature = per_pixel(axis, output)
    path = export(tmp_path, signature, x=fields)
    found = runtime.load(path).predict(fields)

    assert runtime.verify(path).signatures[0].examples >= 8
    label = read_manifest(path).graphs[0].outputs[1]
    assert (label.name, label.role, label.of, label.shape) == ("label", "class", "kinds", (4, 5))
    assert label.labels == found.classes == KINDS
    wanted = signature.model.predict_on_batch(fields)["kinds"].argmax(axis)
    assert (found.outputs["label"] == wanted).mean() > 0.99
    assert found.probabilities is not None and found.probabilities.shape == (9, *shape)
    assert found.labels == []  # there is not one class per example


def test_a_tie_of_two_classes_is_settled_over_the_class_axis() -> None:
    from zoo.runtime.golden_vectors import compare_all
    from zoo.runtime.manifest import Tolerance

    chances = TensorSpec(name="p", shape=(2, 3), role="probabilities", class_axis=-2)
    chosen = TensorSpec(name="c", shape=(3,), dtype="int64", role="class", of="p")
    allowed = {"p": Tolerance(absolute=1e-3, relative=0, noise=0, cap=1)}
    reference = {"p": np.array([[[0.5, 0.9, 0.2], [0.5, 0.1, 0.8]]]), "c": np.array([[1, 0, 1]])}
    tied = {"p": reference["p"], "c": np.array([[0, 0, 1]])}
    wrong = {"p": reference["p"], "c": np.array([[1, 1, 1]])}

    assert compare_all(tied, reference, allowed, [chances, chosen])["c"].share == 0
    assert compare_all(wrong, reference, allowed, [chances, chosen])["c"].share > 1
    plain = chosen.model_copy(update={"role": None, "of": ""})
    assert compare_all(tied, reference, allowed, [chances, plain])["c"].share > 1


def test_an_output_that_is_called_probabilities_gains_nothing_by_its_name(tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    model = randomize(keras.Model(x, {"probabilities": layers.Dense(5)(x)}))
    output = TensorSpec(name="probabilities", shape=(5,))
    path = export(tmp_path, Signature("predict", model, (ROW,), (output,)))
    found = runtime.load(path).predict(samples("x")["x"])

    assert [spec.name for spec in read_manifest(path).graphs[0].outputs] == ["probabilities"]
    assert found.probabilities is None and found.labels == [] and found.classes == ()
    assert list(found.as_dicts()[0]) == ["probabilities"]


def test_several_classifiers_in_one_model_each_have_their_class(tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    outputs = {"kind": layers.Dense(3, "softmax")(x), "side": layers.Dense(2, "softmax")(x)}
    specs = (
        TensorSpec(name="kind", shape=(3,), role="probabilities", labels=KINDS),
        TensorSpec(name="side", shape=(2,), role="probabilities", labels=("left", "right")),
    )
    path = export(tmp_path, Signature("predict", keras.Model(x, outputs), (ROW,), specs))
    row = runtime.load(path).predict(samples("x")["x"]).as_dicts()[0]

    names = [spec.name for spec in read_manifest(path).graphs[0].outputs]
    assert names == ["kind", "side", "kind_label", "side_label"]
    assert set(row) == {"kind", "side"}
    for head, labels in (("kind", KINDS), ("side", ("left", "right"))):
        assert tuple(row[head]["probabilities"]) == labels
        assert row[head]["label"] == max(labels, key=row[head]["probabilities"].get)


def test_the_class_output_needs_a_free_name(tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    outputs = {"kind": layers.Dense(3, "softmax")(x), "label": layers.Dense(1)(x)}
    kind = TensorSpec(name="kind", shape=(3,), role="probabilities")
    other = TensorSpec(name="label", shape=(1,))
    with pytest.raises(ConfigError, match="'label' is taken"):
        export(tmp_path, Signature("predict", keras.Model(x, outputs), (ROW,), (kind, other)))
    assert not list(tmp_path.iterdir())


def generator(spec: TensorSpec = NOISE, **options: Any) -> Signature:
    noise = keras.Input(spec.shape, name=spec.name, dtype=spec.dtype)
    image = layers.Dense(4, "sigmoid", name="image")(ops.cast(noise, "float32"))
    output = TensorSpec(name="image", shape=(4,), range=(0, 1))
    return Signature(
        "generate", keras.Model(noise, {"image": image}), (spec,), (output,), **options
    )


def test_what_is_drawn_needs_no_examples_and_the_artifact_draws_the_same(tmp_path: Path) -> None:
    signature = generator()
    path = export(tmp_path, signature)
    found = runtime.load_sampler(path).run(5, seed=3)["image"]

    noise = runtime.draw_input(NOISE, 5, np.random.default_rng(3))
    np.testing.assert_allclose(found, signature.model.predict_on_batch(noise)["image"], atol=1e-6)
    vectors = runtime.verify(path).signatures[0]
    assert vectors.examples >= 8


def test_samples_of_a_signature_stand_for_what_the_data_has_no_examples_of(tmp_path: Path) -> None:
    plain = TensorSpec(name="code", shape=(3,))
    with pytest.raises(DataError, match="'code'") as caught:
        export(tmp_path, generator(plain))
    assert "draw=" in caught.value.fix and "samples=" in caught.value.fix

    codes = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    path = export(tmp_path, generator(plain, samples={"code": codes}))
    assert runtime.verify(path).signatures[0].examples >= 8


def out(**fields: Any) -> TensorSpec:
    return TensorSpec(**{"name": "y", "shape": (3,), **fields})


@pytest.mark.parametrize(
    ("outputs", "place"),
    [
        ([out(of="nobody")], "y.of"),
        ([out(rows="count")], "y.rows"),
        ([out(rows="count"), TensorSpec(name="count")], "y.rows"),
        ([out(rows="count"), TensorSpec(name="count", shape=(1,), dtype="int32")], "y.rows"),
        ([out(role="noise", draw="normal")], "y.role"),
        ([out(of="x")], "y.of"),
        ([out(role="class", of="z"), TensorSpec(name="z", shape=(3,))], "y.of"),
    ],
    ids=["nobody", "no count", "a float", "not one number", "noise", "another shape", "no chances"],
)
def test_a_reference_that_does_not_fit_is_refused(outputs: list[TensorSpec], place: str) -> None:
    with pytest.raises(ConfigError, match="'predict' is wrong") as caught:
        Signature("predict", None, (ROW,), tuple(outputs))  # type: ignore[arg-type]
    assert [finding.where for finding in caught.value.findings] == [place]


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": (4, 4), "role": "image"},
        {"shape": (10, 5), "role": "boxes"},
        {"shape": (3,), "role": "noise"},
        {"shape": (), "role": "probabilities"},
        {"shape": (3,), "role": "probabilities", "class_axis": 0},
        {"shape": (3, 2), "role": "probabilities", "labels": KINDS},
        {"shape": (), "draw": "one-hot"},
    ],
)
def test_a_role_that_does_not_fit_the_shape_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Received: y"):
        TensorSpec(name="y", **fields)


def test_padding_is_left_out_of_what_is_shown() -> None:
    specs = (
        TensorSpec(name="boxes", shape=(3, 4), role="boxes", rows="count"),
        TensorSpec(
            name="kind", shape=(3,), dtype="int64", role="class", rows="count", labels=KINDS
        ),
        TensorSpec(name="count", dtype="int32", role="count"),
    )
    outputs = {
        "boxes": np.arange(24.0).reshape(2, 3, 4),
        "kind": np.array([[2, 0, 0], [1, 1, 0]]),
        "count": np.array([1, 0], "int32"),
    }
    rows = runtime.Prediction(outputs, specs).as_dicts()

    assert rows[0] == {"boxes": [[0.0, 1.0, 2.0, 3.0]], "kind": ["crack"], "count": 1}
    assert rows[1] == {"boxes": [], "kind": [], "count": 0}


def test_text_is_generated_by_the_signature_that_is_named_whatever_it_is_called() -> None:
    from types import SimpleNamespace

    from zoo.runtime.decoding import text_generation
    from zoo.spec import TextSpec

    words = TextSpec(split="words", vocabulary=("[pad]", "[unknown]", "a"), max_length=5)
    token = TensorSpec(name="token", dtype="int32", text=words)
    logits = TensorSpec(name="logits", shape=(3,))

    def signature(decode: str = "", *inputs: TensorSpec) -> Any:
        return SimpleNamespace(inputs=inputs, outputs=(logits,), decode=decode)

    found = text_generation({"read": signature("write"), "write": signature("", token)})
    assert found is not None and (found.encode, found.decode) == ("read", "write")
    assert text_generation({"encode": signature(), "decode": signature("", token)}) is None
    for wrong in ({"read": signature("write")}, {"read": signature("read")}):
        with pytest.raises(Incompatible, match="as its decoding step"):
            text_generation(wrong)


def test_an_image_has_as_many_channels_as_its_spec_says(tmp_path: Path) -> None:
    from zoo.api.datasets import open_dataset

    bands = np.random.default_rng(0).integers(0, 256, (40, 6, 6, 5), dtype=np.uint8)
    file = tmp_path / "bands.npz"
    np.savez(file, x=bands, y=np.arange(40) % 2)
    (spec,) = open_dataset(file).spec.inputs

    assert spec.is_image and spec.shape == (6, 6, 5)
    grid = TensorSpec(name="weather", shape=(6, 6, 3))
    assert not grid.is_image


def test_the_default_signature_takes_its_role_from_the_task() -> None:
    x = keras.Input((4,), name="x")
    one = keras.Model(x, layers.Dense(4, "softmax", name="answer")(x))
    two = keras.Model(x, {"a": layers.Dense(4)(x), "b": layers.Dense(4)(x)})
    data = blueprint(ROW).data
    segments = DataSpec(id="toy", task="segmentation", inputs=(ROW,))
    for model, spec, roles in (
        (one, data, ["probabilities"]),
        (two, data, [None, None]),
        (one, segments, [None]),
    ):
        (signature,) = Tiny().signatures(model, Tiny.Config(), spec)
        assert [output.role for output in signature.outputs] == roles


def test_the_class_of_every_token_has_as_many_valid_rows_as_its_probabilities() -> None:
    tokens = TensorSpec(name="chances", shape=("time", 3), role="probabilities", rows="length")
    assert class_output(tokens, "label").rows == "length"
    # Along the first axis are the classes here, which the class output does not have.
    classes_first = tokens.model_copy(update={"shape": (3, "time"), "class_axis": -2})
    assert class_output(classes_first, "label").rows == ""
