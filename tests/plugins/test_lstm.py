"""Recurrent networks: padding counts for nothing, without a mask; forecasts are in raw units."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from keras import layers

import zoo
from zoo.api.catalog import registry
from zoo.data.dataset import ArraySplit, Dataset
from zoo.errors import BadRecord, ConfigError
from zoo.spec import Column, DataSpec, SeriesSpec, Task, TensorSpec, TextSpec

LABEL = TensorSpec(name="label", dtype="int64", labels=("bad", "good", "other"))
TEXT = TextSpec(split="words", vocabulary=tuple("abcdefghijkl"), max_length=20)
TOKENS = DataSpec(
    id="tokens",
    task=Task.CLASSIFICATION,
    inputs=(TensorSpec(name="tokens", shape=("time",), dtype="int32", text=TEXT),),
    targets=(LABEL,),
)
VECTORS = DataSpec(
    id="vectors",
    task=Task.CLASSIFICATION,
    inputs=(
        TensorSpec(name="sequence", shape=("time", 3)),
        TensorSpec(name="length", dtype="int32", range=(1, 12)),
    ),
    targets=(LABEL,),
)
CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}


def series(window: int = 12, horizon: int = 4, names: str = "x", targets: str = "x") -> DataSpec:
    columns = {name: Column(name=name, categories=None) for name in names}
    history = TensorSpec(
        name="history",
        shape=(window, len(names)),
        columns=tuple(columns.values()),
        series=SeriesSpec(date="date", unit="day", horizon=horizon),
    )
    calendar = TensorSpec(
        name="calendar",
        shape=(window + horizon, 1),
        dtype="int32",
        columns=(Column(name="weekday", categories=None),),
    )
    target = TensorSpec(
        name="forecast",
        shape=(horizon, len(targets)),
        columns=tuple(columns[name] for name in targets),
    )
    return DataSpec(id="s", task=Task.FORECASTING, inputs=(history, calendar), targets=(target,))


def ragged(count: int, time: int, seed: int = 0) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    tokens = random.integers(1, 12, (count, time)).astype("int32")
    tokens[np.arange(time) >= random.integers(1, time + 1, count)[:, None]] = 0
    return tokens


def masked(cell: str, units: tuple[int, ...], *, both: bool, embedding: int) -> keras.Model:
    """Build the network as Keras's own layers with masks would have it."""
    tokens = keras.Input((None,), dtype="int32")
    x = layers.Embedding(12, embedding, mask_zero=True)(tokens)
    for number, width in enumerate(units):
        layer: Any = CELLS[cell](width, return_sequences=number + 1 < len(units))
        x = (layers.Bidirectional(layer) if both else layer)(x)
    return keras.Model(tokens, layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize(
    ("cell", "both"),
    [
        ("lstm", True),
        ("gru", True),
        pytest.param("simple_rnn", True, marks=pytest.mark.slow),
        ("lstm", False),
        *(pytest.param(cell, False, marks=pytest.mark.slow) for cell in ("gru", "simple_rnn")),
    ],
)
def test_outputs_equal_those_of_masked_keras_layers(cell: str, *, both: bool) -> None:
    own = zoo.build(
        "lstm",
        data=TOKENS,
        cell=cell,
        units=[5, 4],
        bidirectional=both,
        head="last",
        dropout=0,
        embedding_dim=6,
    )
    theirs = masked(cell, (5, 4), both=both, embedding=6)
    by_name = {layer.name: layer for layer in own.layers if layer.weights}
    weights = [*by_name["embedding"].get_weights()]
    for number in (1, 2):
        for name in (f"{cell}_{number}", f"{cell}_{number}_backward"):
            weights += by_name[name].get_weights() if name in by_name else []
    theirs.set_weights([*weights, *by_name["probabilities"].get_weights()])
    # As many as there are steps, and as many again: neither may be taken for something else.
    for count, time in ((6, 6), (16, 5), (1, 1), (3, 8)):
        tokens = ragged(count, time, seed=count)
        np.testing.assert_allclose(
            own(tokens).numpy(), theirs(tokens).numpy(), rtol=1e-5, atol=1e-6
        )


@pytest.fixture(scope="module")
def readers() -> list[keras.Model]:
    return [
        zoo.build(
            "lstm",
            data=TOKENS,
            cell=cell,
            units=[4, 3],
            bidirectional=True,
            head=head,
            embedding_dim=4,
        )
        for cell, head in (("lstm", "last"), ("gru", "mean"), ("simple_rnn", "max"))
    ]


@given(more=st.integers(1, 7), seed=st.integers(0, 100))
@settings(max_examples=2, deadline=None)
def test_padding_never_changes_an_answer(readers: list[keras.Model], more: int, seed: int) -> None:
    tokens = ragged(5, 4, seed)
    padded = np.pad(tokens, [(0, 0), (0, more)])
    for model in readers:
        np.testing.assert_allclose(model(padded).numpy(), model(tokens).numpy(), atol=1e-6)


@pytest.mark.parametrize("head", ["last", "mean", "max"])
def test_what_stands_behind_the_length_of_vectors_counts_for_nothing(head: str) -> None:
    model = zoo.build("lstm", data=VECTORS, units=[4], bidirectional=True, head=head)
    random = np.random.default_rng(0)
    vectors = random.normal(size=(6, 8, 3)).astype("float32")
    length = np.array([1, 2, 3, 5, 7, 8], "int32")
    other = vectors.copy()
    other[np.arange(8) >= length[:, None]] = 1e3
    answers = model({"sequence": vectors, "length": length}).numpy()

    np.testing.assert_allclose(
        model({"sequence": other, "length": length}).numpy(), answers, atol=1e-6
    )
    short = model({"sequence": vectors[2:3, :3], "length": length[2:3]}).numpy()
    np.testing.assert_allclose(short, answers[2:3], atol=1e-6)
    # A length that cannot be is the nearest one that can.
    wild = model({"sequence": vectors, "length": np.array([-5, 0, 99, 8, 9, 1], "int32")}).numpy()
    assert np.isfinite(wild).all()


def test_ids_that_the_vocabulary_does_not_have_are_unknown_ones(
    readers: list[keras.Model],
) -> None:
    tokens = ragged(4, 6)
    strange, unknown = tokens.copy(), tokens.copy()
    strange[:, 0], unknown[:, 0] = [12, 4_000, -1, -99], 1
    np.testing.assert_array_equal(readers[0](strange).numpy(), readers[0](unknown).numpy())


@pytest.mark.parametrize("skip", ["last", "mean"])
@pytest.mark.parametrize("count", [1, 4, 5])
def test_a_forecast_starts_from_what_it_is_added_to(skip: str, count: int) -> None:
    # Also with a batch of as many windows as there are steps to forecast.
    model = zoo.build("lstm", data=series(names="ab", targets="b"), units=[4], skip=skip)
    change: Any = model.get_layer("output")
    change.set_weights([np.zeros_like(weight) for weight in change.get_weights()])
    random = np.random.default_rng(0)
    history = random.normal(size=(count, 12, 2)).astype("float32") * 5 + 100
    calendar = random.integers(0, 7, (count, 16, 1)).astype("int32")
    architecture = registry().get("lstm")
    architecture.adapt(model, {"history": history}, {"forecast": np.zeros((count, 4, 1))})
    forecast = model({"history": history, "calendar": calendar}).numpy()

    level = history[:, -1:, 1:] if skip == "last" else history[:, :, 1:].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(forecast, np.repeat(level, 4, axis=1), rtol=1e-5)


def test_gates_start_with_the_memory_that_is_asked_for() -> None:
    model = zoo.build("lstm", data=TOKENS, units=[200], max_dependency=100, bidirectional=False)
    bias = model.get_layer("lstm_1").get_weights()[2]
    keep = 1 / (1 + np.exp(-bias[200:400]))
    steps = 1 / (1 - keep)

    np.testing.assert_allclose(bias[:200], -bias[200:400], rtol=1e-6)
    assert 2 <= steps.min() < 10
    assert 80 < steps.max() <= 100


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            DataSpec(
                id="images",
                task=Task.CLASSIFICATION,
                inputs=(TensorSpec(name="image", shape=(8, 8, 1), dtype="uint8", role="image"),),
                targets=(LABEL,),
            ),
            "has none",
        ),
        (
            DataSpec(
                id="later",
                task=Task.CLASSIFICATION,
                inputs=(
                    TensorSpec(
                        name="tokens",
                        shape=("time",),
                        dtype="int32",
                        text=TextSpec(split="words", max_length=9),
                    ),
                ),
                targets=(LABEL,),
            ),
            "vocabulary",
        ),
        (
            DataSpec(
                id="f",
                task=Task.FORECASTING,
                inputs=(TensorSpec(name="past", shape=(9, 1)),),
                targets=(TensorSpec(name="forecast", shape=(2, 1)),),
            ),
            "'history'",
        ),
    ],
)
def test_data_that_is_no_sequence_is_refused_with_what_is(data: DataSpec, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        zoo.build("lstm", data=data)


def test_sentence_pairs_are_refused_with_what_learns_them() -> None:
    pairs = TOKENS.model_copy(update={"task": Task.SEQUENCE_TO_SEQUENCE, "targets": TOKENS.inputs})
    with pytest.raises(ConfigError, match="zoo list --task sequence-to-sequence"):
        zoo.build("lstm", data=pairs)


def test_texts_are_refused_by_the_classifier_of_tables_with_what_learns_them() -> None:
    with pytest.raises(ConfigError, match="'tokens'.*(?s:.*)zoo list --task classification"):
        zoo.build("mlp_classifier", data=TOKENS)


@pytest.mark.parametrize(
    "wrong",
    [{"units": []}, {"units": [0]}, {"cell": "lstm2"}, {"max_dependency": 1}, {"dropout": 1}],
)
def test_a_wrong_configuration_is_named_by_its_field(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        zoo.build("lstm", data=TOKENS, **wrong)
    assert caught.value.findings[0].where.split(".")[0] in wrong


def weekly(path: Path, count: int = 260) -> Path:
    random = np.random.default_rng(0)
    first = dt.date(2021, 1, 4)
    rows = [
        f"{first + dt.timedelta(days=i)},{20 + 5 * (i % 7 >= 5) + random.normal():.3f}"
        for i in range(count)
    ]
    path.write_text("\n".join(["date,x", *rows]) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    folder = tmp_path_factory.mktemp("lstm")
    data = zoo.dataset(weekly(folder / "s.csv"), window=9, horizon=3)
    optimizer = {"optimizer.learning_rate": 0.01, "optimizer.weight_decay": 0.0}
    return zoo.train(
        "lstm",
        data,
        run_dir=folder / "run",
        epochs=40,
        batch_size=16,
        units=[8],
        skip="none",
        harmonics=3,
        **optimizer,
    )


def test_it_learns_from_the_calendar_what_the_window_is_too_short_for(run: zoo.Run) -> None:
    scores = zoo.evaluate(run).scores

    assert scores["rmse"].value < 1.5
    assert scores["skill"].value > 0


def test_an_artifact_forecasts_from_the_end_of_a_file_as_keras_does(
    run: zoo.Run, tmp_path: Path
) -> None:
    artifact = zoo.export(run, tmp_path / "exports")
    file = weekly(tmp_path / "new.csv", 100)
    answer = zoo.predict(artifact.path, str(file))
    again = zoo.predict(run, str(file))

    assert answer.outputs["forecast"].shape == (1, 3, 1)
    np.testing.assert_allclose(answer.outputs["forecast"], again.outputs["forecast"], rtol=1e-4)
    # The file ends on a Tuesday; Wednesday to Friday are ordinary days.
    assert abs(answer.outputs["forecast"] - 20).max() < 2
    card = (Path(artifact.path) / "card.md").read_text("utf-8")
    assert "Recurrent layers are the ONNX operator LSTM" in card
    assert "Loop" not in card

    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*lines[:40], *lines[42:]]) + "\n", "utf-8")
    with pytest.raises(BadRecord, match="2 rows are missing"):
        zoo.predict(artifact.path, str(file))


@pytest.mark.slow
def test_a_network_that_becomes_a_loop_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = {"tokens": ragged(80, 9)}, {"label": random.integers(0, 3, 80)}
    splits = {name: ArraySplit(*arrays) for name in ("train", "validation", "test")}
    data = Dataset(TOKENS, lambda: splits)
    run = zoo.train(
        "lstm", data, run_dir=tmp_path / "r", epochs=1, cell="gru", units=[4], embedding_dim=4
    )
    evaluation = zoo.evaluate(run, data)
    model = run.model
    architecture = registry().get("lstm")
    from zoo.exporting.export import export_artifact

    path = export_artifact(
        model.blueprint,
        architecture,
        architecture.signatures(model, model.blueprint.config, TOKENS),
        out=tmp_path / "exports",
        samples=arrays[0],
    )
    session = zoo.runtime.load(path)
    tokens = ragged(5, 17, seed=3)

    assert 0 <= evaluation.scores["accuracy"].value <= 1
    np.testing.assert_allclose(
        session.run({"tokens": tokens})["probabilities"], model(tokens).numpy(), atol=1e-5
    )
    assert "The graph has a Loop" in (path / "card.md").read_text("utf-8")
    assert session.graph.operators["Loop"] == 2
    assert session.graph.parity.lengths["time"][-1] == 24


@pytest.mark.slow
def test_what_build_returns_can_be_saved_and_cloned(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for data in (TOKENS, series()):
        model = zoo.build("lstm", data=data, units=[3], max_dependency=5, dense=[4])
        if data is TOKENS:
            model.fit(ragged(8, 5), np.arange(8) % 3, verbose=0)
        else:
            history = random.normal(size=(8, 12, 1)).astype("float32")
            calendar = np.zeros((8, 16, 1), "int32")
            model.fit({"history": history, "calendar": calendar}, history[:, :4], verbose=0)
        model.save(tmp_path / "lstm.keras")
        again = keras.models.load_model(tmp_path / "lstm.keras")
        clone = keras.models.clone_model(model)
        for weight, same in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, same)
        assert clone.count_params() == model.count_params()


def test_a_table_is_told_how_to_be_read_as_a_series(tmp_path):
    path = tmp_path / "years.csv"
    path.write_text("year,sales\n" + "\n".join(f"{1900 + i},{i % 9}.5" for i in range(120)))

    with pytest.raises(ConfigError, match="task=forecasting"):
        zoo.build("lstm", data=str(path))
