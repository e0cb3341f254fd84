"""A tagger of words, as a plugin for the zoo."""

import re

import numpy as np

import zoo
from zoo.metrics.figures import Bars
from zoo.metrics.intervals import bootstrap_sums


class Tagger(zoo.Architecture[zoo.ModelConfig]):
    """Word embeddings, two convolutions, and a softmax for every word."""

    info = zoo.ArchitectureInfo(
        name="tagger",
        summary="Convolutional network that finds names, numbers and dates in sentences.",
        tasks=("token-classification",),
        references=("Collobert et al. 2011, Natural language processing (almost) from scratch",),
        limits=("It knows no words but those of its training data, and their neighbors.",),
    )
    Config = zoo.ModelConfig
    default_dataset = "orders"

    def default_config(self, data):
        """Return the configuration and the plan to start from."""
        config = zoo.ModelConfig(optimizer={"learning_rate": 1e-2})
        return zoo.Recipe(config, zoo.TrainPlan(epochs=8, batch_size=32))

    def build(self, config, data):
        """Return a compiled model from ids of words to the probabilities of their tags."""
        from keras import Input, Model, layers, losses, ops

        from zoo.layers import make_optimizer

        spec = data.inputs[0]
        if data.task not in self.info.tasks or spec.text is None:
            raise zoo.errors.ConfigError(f"tagger needs a tag for every word, unlike {data.id}")
        tokens = Input((None,), dtype=spec.dtype, name=spec.name)
        # Padding is zero before each convolution: no tag depends on how much of it there is.
        real = ops.expand_dims(ops.cast(tokens != spec.text.pad, "float32"), -1)
        x = layers.Embedding(len(spec.text.vocabulary), 16)(tokens)
        for _ in range(2):
            x = layers.Conv1D(32, 3, padding="same", activation="relu")(x * real)
        model = Model(tokens, layers.Dense(len(data.labels), "softmax")(x))
        loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)  # the padding has no tag
        model.compile(make_optimizer(config.optimizer), loss)
        return model

    def signatures(self, model, config, data):
        """Return ``predict``: tags of all words, and the number of words that are no padding."""
        from keras import Model, ops

        tags = {"shape": ("time", len(data.labels)), "labels": data.labels, "rows": "count"}
        words = ops.sum(ops.cast(model.input != data.inputs[0].text.pad, "int32"), axis=1)
        graph = Model(model.input, {"tags": model.output, "count": words})
        count = zoo.TensorSpec(name="count", dtype="int32", role="count")
        outputs = (zoo.TensorSpec(name="tags", role="probabilities", **tags), count)
        return (zoo.Signature("predict", graph, data.inputs, outputs),)

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Score entities and words, beside the tag that each word has most often in training."""
        inputs, targets = split.take(np.arange(len(split)))
        names, true = np.array(data.labels), targets["tags"]
        predicted = predict_fns["predict"](inputs)["tags"].argmax(axis=-1)
        scores = {"entity_f1": f1(ENTITY, names, true, predicted)}
        scores["word_f1"] = f1(WORD, names, true, predicted)
        figures = ()
        if reference is not None:
            known, noted = reference.take(np.arange(len(reference)))
            counts = np.zeros((len(data.inputs[0].text.vocabulary), len(names)))
            np.add.at(counts, (known["tokens"], noted["tags"]), 1)
            baseline = f1(ENTITY, names, true, counts.argmax(axis=1)[inputs["tokens"]])
            both = {"this model": scores["entity_f1"], "most frequent tag": baseline}
            figures = (Bars.of_scores(both, title="Entities", caption="", label="F1"),)
        return zoo.Evaluation(task=data.task, examples=len(split), scores=scores, figures=figures)


ENTITY, WORD = r"B-(\w+)( I-\1)*", r"[BI]-\w+"


def f1(pattern, names, true, predicted):
    """Return the F1 of what matches a pattern in the tags of a sentence, at its very place."""
    counts = []
    for left, right in zip(true, predicted, strict=True):
        texts = [" ".join(names[tags[left >= 0]]) for tags in (left, right)]
        a, b = (
            {(t.count(" ", 0, m.start()), m[0]) for m in re.finditer(pattern, t)} for t in texts
        )
        counts.append([2 * len(a & b), len(a) + len(b)])
    rows = np.array(counts, float)
    interval = bootstrap_sums(rows, lambda sums: sums[:, 0] / sums[:, 1])
    return zoo.Score.of(np.divide(*rows.sum(axis=0)), interval, better="higher")
