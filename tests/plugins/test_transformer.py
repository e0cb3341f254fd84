"""The transformer reads what is real, writes one token after another, and refuses the rest."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.api.predict_fns import signatures
from zoo.api.prediction import Predictor
from zoo.data import ArraySplit, Dataset
from zoo.errors import ConfigError, DataError, Incompatible
from zoo.runtime import load_generator
from zoo.runtime.decoding import generate, likelihood, text_generation
from zoo.runtime.text import decode_text, encode_text
from zoo.spec import DataSpec, Task, TensorSpec, TextSpec

ROOT = Path(__file__).parents[2]
SPECIAL_TOKENS = ("[pad]", "[unknown]", "[start]", "[end]")
SMALL = {
    "hidden_dim": 16,
    "num_heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "intermediate_dim": 16,
}
LABEL = TensorSpec(name="label", dtype="int64", labels=("bad", "good"))


def text(*words: str, max_length: int = 12) -> TextSpec:
    return TextSpec(split="words", vocabulary=(*SPECIAL_TOKENS, *words), max_length=max_length)


def tokens(name: str, spec: TextSpec | None) -> TensorSpec:
    return TensorSpec(name=name, shape=("time",), dtype="int32", text=spec)


ENGLISH, SPANISH = text("one", "two", "three", "and"), text("uno", "dos", "tres", "y", "mil")
PAIRS = DataSpec(
    id="pairs",
    task=Task.SEQUENCE_TO_SEQUENCE,
    inputs=(tokens("source", ENGLISH),),
    targets=(tokens("target", SPANISH),),
)
REVIEWS = DataSpec(
    id="reviews", task=Task.CLASSIFICATION, inputs=(tokens("tokens", ENGLISH),), targets=(LABEL,)
)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    return zoo.build("transformer", weights="numbers_en_es")


def predict_fns(model: keras.Model) -> dict:
    """Call a model as it is: for a few steps no graph is worth its tracing."""

    def ask(graph):
        return lambda given: {k: np.asarray(v) for k, v in graph(dict(given)).items()}

    return {signature.name: ask(signature.model) for signature in signatures(model)}


@pytest.fixture(scope="module")
def translator(trained) -> Predictor:
    return zoo.open_predictor(trained)


@pytest.fixture(scope="module")
def small() -> keras.Model:
    return zoo.build("transformer", data=PAIRS, **SMALL)


def test_the_published_weights_write_numbers_they_have_never_seen(translator):
    data = zoo.dataset("numbers_en_es")
    part = data.split("test")
    inputs, targets = part.take(np.linspace(0, len(part) - 1, 200).astype(int))
    target = data.spec.targets[0].text

    found = generate(translator.predict_fns, {"source": inputs["source"]}, target)

    pairs = zip(
        decode_text(found.tokens, target), decode_text(targets["target"], target), strict=True
    )
    assert np.mean([one == other for one, other in pairs]) >= 0.99
    assert not found.cut.any()


def test_a_text_is_answered_with_a_text(translator):
    answer = translator.predict(["Forty-two  thousand and SEVEN", "zero"])
    assert answer.texts == ["cuarenta y dos mil siete", "cero"]
    assert answer.as_dicts()[0]["text"] == "cuarenta y dos mil siete"
    assert (answer.outputs["log_probability"] > -0.5).all()
    assert translator.predict("one thousand", beams=4).texts == ["mil"]


@pytest.mark.parametrize(
    ("positions", "tied"),
    [
        ("rotary", True),
        # The published weights write with these.
        pytest.param("sinusoidal", False, marks=pytest.mark.slow),
        pytest.param("learned", False, marks=pytest.mark.slow),
        pytest.param("learned", True, marks=pytest.mark.slow),
        pytest.param("rotary", False, marks=pytest.mark.slow),
        pytest.param("sinusoidal", True, marks=pytest.mark.slow),
    ],
)
def test_step_by_step_with_a_cache_it_gives_what_the_whole_gives_at_once(positions, tied):
    model = zoo.build("transformer", data=PAIRS, positions=positions, tied_embeddings=tied, **SMALL)
    source = RNG.integers(1, 8, (5, 7)).astype("int32")
    source[np.arange(7)[None] >= np.array([7, 4, 1, 5, 2])[:, None]] = 0
    said = RNG.integers(3, 9, (5, 9)).astype("int32")
    previous = np.concatenate([np.full((5, 1), 2, "int32"), said[:, :-1]], axis=1)
    logits = keras.ops.convert_to_numpy(model({"source": source, "previous": previous}))
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    found = likelihood(predict_fns(model), {"source": source}, said)

    wanted = np.take_along_axis(logp, said[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(found.log_probability, wanted, atol=1e-4)


def test_more_padding_changes_nothing(translator):
    spec = zoo.dataset("numbers_en_es").spec
    ids = encode_text(["nine hundred and one", "eight"], spec.inputs[0].text)
    wide = np.pad(ids, ((0, 0), (0, 9)))
    narrow, padded = (
        generate(translator.predict_fns, {"source": x}, spec.targets[0].text) for x in (ids, wide)
    )

    np.testing.assert_array_equal(narrow.tokens, padded.tokens)
    np.testing.assert_allclose(narrow.log_probability, padded.log_probability, atol=1e-5)


def test_a_source_of_nothing_but_padding_is_answered_with_numbers(small):
    found = generate(predict_fns(small), {"source": np.zeros((2, 4), "int32")}, SPANISH, beams=2)
    assert np.isfinite(found.score).all()


def test_both_texts_share_one_matrix_where_they_share_a_vocabulary(small):
    same = PAIRS.model_copy(update={"targets": (tokens("target", ENGLISH),)})
    shared = zoo.build("transformer", data=same, **SMALL)
    loose = zoo.build("transformer", data=same, tied_embeddings=False, **SMALL)

    assert small.count_params() - shared.count_params() == 9 * 16
    assert loose.count_params() - shared.count_params() == 8 * 16 + 16 * 8 + 8


def english_numbers(count: int) -> list[str]:
    from zoo_datasets.number_words import english

    return [english(int(n)) for n in np.random.default_rng(0).integers(0, 1_000_000, count)]


def assert_same_texts(artifact: Path, keras_model: Predictor, texts: list[str]) -> None:
    opened = load_generator(artifact)
    for beams in (1, 4):
        ours = opened.predict(texts, beams=beams)
        theirs = keras_model.predict(texts, beams=beams)
        np.testing.assert_array_equal(ours.outputs["text"], theirs.outputs["text"])
        np.testing.assert_allclose(
            ours.outputs["log_probability"], theirs.outputs["log_probability"], atol=1e-3
        )
    assert zoo.predict(artifact, texts[0]).texts == opened.predict(texts[0]).texts
    vocabulary = text_generation(keras_model.signatures).text.vocabulary
    encoded = zoo.predict(artifact, texts[:3], signature="encode").outputs
    assert encoded["logits"].shape == (3, len(vocabulary))
    assert zoo.verify(artifact).signatures
    assert "load_generator" in (artifact / "card.md").read_text()


def test_the_published_artifact_writes_the_same_tokens_as_keras_from_raw_text(translator):
    assert_same_texts(ROOT / "exports" / "transformer" / "1", translator, english_numbers(60))


@pytest.mark.slow
def test_an_artifact_of_a_new_network_writes_the_same_tokens_as_keras(tmp_path):
    keras.utils.set_random_seed(0)
    model = zoo.build("transformer", data=PAIRS, **SMALL)
    part = ArraySplit(
        {"source": encode_text(["one two", "and three"], ENGLISH)},
        {"target": encode_text(["uno dos", "y tres"], SPANISH)},
    )
    data = Dataset(PAIRS, lambda: dict.fromkeys(("train", "validation", "test"), part))
    artifact = zoo.export(model, tmp_path, data=data, name="numbers").path
    assert_same_texts(artifact, zoo.open_predictor(model), ["one", "two and one", "three three"])


@pytest.mark.slow
def test_an_artifact_of_the_published_weights_writes_the_same_tokens_as_keras(
    trained, translator, tmp_path
):
    artifact = zoo.export(trained, tmp_path, name="numbers").path
    assert_same_texts(artifact, translator, english_numbers(60))


def test_an_artifact_that_writes_nothing_says_so():
    with pytest.raises(Incompatible, match="generates no text"):
        load_generator(ROOT / "exports" / "cnn" / "1")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "empty"),
        (["one", " \t "], "text 1 is empty"),
        ("one hundred " * 9, "18 tokens"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(translator, raw, message):
    with pytest.raises(DataError, match=message):
        translator.predict(raw)


def test_an_unknown_word_is_read_as_such_and_never_written(translator):
    answer = translator.predict("seventeen elephants")
    assert answer.texts[0]
    assert "\ufffd" not in answer.texts[0]


def test_a_classifier_gives_the_same_answer_however_wide_the_padding():
    model = zoo.build("transformer", data=REVIEWS, **SMALL)
    ids = encode_text(["one and two", "three"], ENGLISH)
    chances = np.asarray(model(ids))

    assert chances.shape == (2, 2)
    wide = model(np.pad(ids, ((0, 0), (0, 6))))
    np.testing.assert_allclose(wide, chances, atol=1e-6)
    assert [signature.name for signature in signatures(model)] == ["predict"]


def test_a_classifier_learns_which_word_decides(tmp_path):
    rows = [
        f"{' '.join(RNG.permutation(['one', 'and', word]))}\t{label}"
        for word, label in (("two", "good"), ("three", "bad"))
        for _ in range(100)
    ]
    file = tmp_path / "reviews.tsv"
    file.write_text("\n".join(["text\tlabel", *rows]) + "\n")
    run = zoo.train(
        "transformer",
        file,
        data_options={"target": "label", "text": "text"},
        run_dir=tmp_path / "run",
        epochs=6,
        batch_size=16,
        word_dropout=0.0,
        encoder_layers=1,
        **{"optimizer.learning_rate": 5e-3},
    )
    assert zoo.evaluate(run).scores["accuracy"].value > 0.95


@pytest.mark.slow
def test_training_teaches_the_next_token_and_counts_no_padding(tmp_path):
    run = zoo.train(
        "transformer",
        data_options={"examples": 3000},
        run_dir=tmp_path / "run",
        epochs=1,
        batch_size=32,
        **SMALL,
    )
    line = run.history[-1]
    assert line["val_loss"] < np.log(55)
    assert 0 < line["val_token_accuracy"] < 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_dim": 10, "num_heads": 4}, "not divisible"),
        ({"hidden_dim": 12, "num_heads": 4, "positions": "rotary"}, "even"),
        ({"positions": "cosine"}, "positions"),
        ({"dropout": 1.0}, "dropout"),
        ({"encoder_layers": 0}, "encoder_layers"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        zoo.build("transformer", data=PAIRS, **config)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            DataSpec(
                id="photos",
                task=Task.CLASSIFICATION,
                inputs=(TensorSpec(name="image", shape=(8, 8, 1), dtype="uint8", role="image"),),
                targets=(LABEL,),
            ),
            "needs text",
        ),
        (REVIEWS.model_copy(update={"inputs": (tokens("tokens", text()),)}), "not known"),
        (PAIRS.model_copy(update={"targets": (*PAIRS.targets, LABEL)}), "needs one text"),
        (PAIRS.model_copy(update={"targets": (tokens("target", None),)}), "needs text"),
    ],
)
def test_data_without_a_text_or_its_vocabulary_is_refused(data, message):
    with pytest.raises(ConfigError, match=message):
        zoo.build("transformer", data=data)
