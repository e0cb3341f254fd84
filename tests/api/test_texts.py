"""From texts to an artifact that reads raw text: the whole line, with a reader made here."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.api.quantization import _examples
from zoo.errors import DataError

READER = """
import zoo
import numpy as np


@zoo.register
class Reader(zoo.Architecture[zoo.ModelConfig]):
    info = zoo.ArchitectureInfo(
        name="reader", summary="A mean of word vectors.", tasks=(zoo.Task.CLASSIFICATION,)
    )
    Config = zoo.ModelConfig
    default_dataset = "digits"

    def build(self, config, data):
        from keras import Input, Model, layers, ops
        from zoo.layers import compile_classifier

        spec = data.inputs[0]
        tokens = Input((None,), dtype="int32", name=spec.name)
        vectors = layers.Embedding(len(spec.text.vocabulary), 8)(tokens)
        there = layers.Rescaling(1.0)(ops.expand_dims(ops.cast(tokens != 0, "float32"), -1))
        mean = ops.sum(vectors * there, 1) / ops.maximum(ops.sum(there, 1), 1.0)
        answer = layers.Dense(len(data.labels), "softmax", name="probabilities")(mean)
        return compile_classifier(Model(tokens, answer), config.optimizer)

    def signatures(self, model, config, data):
        answer = zoo.TensorSpec(
            name="probabilities", shape=(2,), labels=data.labels, role="probabilities"
        )
        return (zoo.Signature("predict", model, data.inputs, (answer,)),)


def rows(pattern):
    texts = [(pattern.format(f"fine film number {n}"), "good") for n in range(30)]
    return texts + [(pattern.format(f"dull film number {n}"), "bad") for n in range(30)]


def write(name, pattern):
    lines = "".join(f"{text}\\t{label}\\n" for text, label in rows(pattern))
    open(name, "w").write("text\\tstars\\n" + lines)


write("mine.tsv", "a {}")
write("other.tsv", "truly a {} indeed")
data = zoo.dataset("mine.tsv", text="text")
run = zoo.train("reader", data, epochs=30, batch_size=8, optimizer={"learning_rate": 0.05})
assert zoo.evaluate(run).scores["accuracy"].value == 1
other = zoo.dataset("other.tsv", text="text")
assert other.spec.inputs[0].text != data.spec.inputs[0].text
assert zoo.evaluate(run, other).scores["accuracy"].value == 1
artifact = zoo.export(run)
assert zoo.verify(artifact.path).architecture == "reader"
assert zoo.evaluate(artifact.path, other).scores["accuracy"].value == 1
asked = ["A fine film!", "dull", "zebra"]
keras, onnx = zoo.predict(run, asked), zoo.predict(artifact.path, asked)
assert keras.labels[:2] == onnx.labels[:2] == ["good", "bad"]
assert np.abs(keras.probabilities - onnx.probabilities).max() < 1e-5
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory, forks) -> Path:
    """The folder of an artifact that reads texts."""
    folder = tmp_path_factory.mktemp("reader")
    done = forks.run("-c", READER, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_an_artifact_reads_raw_text_without_keras(reader):
    path = reader / "exports" / "reader" / "1"
    assert zoo.predict(path, "a fine film").labels == ["good"]
    lines = reader / "lines.txt"
    lines.write_text("dull film\n\nfine film\n", encoding="utf-8")
    assert zoo.predict(path, lines).labels == ["bad", "good"]
    assert zoo.predict(path, reader / "other.tsv").labels == ["good"] * 30 + ["bad"] * 30
    with pytest.raises(zoo.ZooError, match="is empty"):
        zoo.predict(path, " ")


@pytest.mark.slow
def test_the_command_line_reads_text_in_quotes(reader, forks):
    words = ["predict", "exports/reader/1", "a fine film", "dull film"]
    done = forks.run("-m", "zoo", *words, cwd=reader)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[-2:]
    assert first.split()[:4] == ["a", "fine", "film", "good"]
    assert second.split()[:3] == ["dull", "film", "bad"]


def test_data_that_was_read_by_options_is_asked_for_again_to_quantize(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pairs.tsv").write_text("".join(f"{n} a\t{n} b\n" for n in range(20)), "utf-8")
    monkeypatch.chdir(tmp_path)
    spec = zoo.dataset("pairs.tsv", task="sequence-to-sequence", tokenization="words").spec
    with pytest.raises(DataError, match="--data-option KEY=VALUE"):
        _examples(None, spec, "0" * 64)
