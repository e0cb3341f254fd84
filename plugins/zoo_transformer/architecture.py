"""The plugin: which transformer fits some data, how it learns, what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import zoo
from zoo import DataSpec, Recipe, Signature, TensorSpec, TrainPlan
from zoo_transformer.config import TransformerConfig
from zoo_transformer.network import PREVIOUS, classifier, generation_signatures, translator

if TYPE_CHECKING:
    import keras

    from zoo import Arrays, Evaluation, PredictFns, Split, TrainLoop
    from zoo.spec import Dataset

_TRANSLATION = zoo.Task.SEQUENCE_TO_SEQUENCE


class Transformer(zoo.Architecture[TransformerConfig]):
    """Attention, and layers that are the same at every position, in blocks."""

    info = zoo.ArchitectureInfo(
        name="transformer",
        summary="Transformer: an encoder–decoder that translates, an encoder that classifies text.",
        tasks=(_TRANSLATION, zoo.Task.CLASSIFICATION),
        tags=("attention", "text", "translation"),
        references=(
            "Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762",
            "Xiong et al. 2020, On layer normalization in the transformer architecture, "
            "arXiv:2002.04745",
            "Wu et al. 2016, Google's neural machine translation system, arXiv:1609.08144",
        ),
        limits=(
            "It knows the pieces of its training texts alone: an unknown one is read as such, and "
            "what it meant is lost without a warning.",
            "A text to translate that is longer than what was learned is refused; of a text to "
            "classify, the beginning counts.",
            "Every text gets an answer, fluent or not, also one in another language or about "
            "something else than it has learned.",
        ),
    )
    Config = TransformerConfig
    default_dataset = "numbers_en_es"

    def default_config(self, data: DataSpec) -> Recipe[TransformerConfig]:
        """Return a small network; a shorter training with more dropout where classes are learned.

        Texts of subwords are taken for prose, which wants a larger one.
        """
        if data.task != _TRANSLATION:
            config = TransformerConfig(
                width=64,
                encoder_layers=1,
                feed_forward=128,
                dropout=0.3,
                word_dropout=0.4,
                optimizer=zoo.OptimizerConfig(
                    name="adamw",
                    learning_rate=2e-3,
                    weight_decay=0.1,
                    warmup=0.1,
                    global_clipnorm=1.0,
                ),
            )
            return Recipe(config, TrainPlan(epochs=10, batch_size=64, monitor="val_accuracy"))
        if _prose(data):
            config = TransformerConfig(width=128, feed_forward=512, label_smoothing=0.1)
            return Recipe(config, TrainPlan(epochs=4, batch_size=64))
        config = TransformerConfig(width=64, feed_forward=128, dropout=0.0)
        return Recipe(config, TrainPlan(epochs=8, batch_size=128))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[TransformerConfig]]:
        """Return tiny networks with each way of telling order."""
        plan = TrainPlan(epochs=6, batch_size=32)
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, warmup=0.1, global_clipnorm=1.0)
        return tuple(
            Recipe(
                TransformerConfig(
                    width=16,
                    heads=2,
                    encoder_layers=1,
                    decoder_layers=1,
                    feed_forward=32,
                    positions=positions,
                    tied_embeddings=positions != "learned",
                    optimizer=optimizer,
                ),
                plan,
            )
            for positions in ("sinusoidal", "learned", "rotary")
        )

    def build(self, config: TransformerConfig, data: DataSpec) -> keras.Model:
        """Return a compiled model: of a translation the one that learns, else the classifier.

        Shapes:
            In: `source` and `previous`, `(batch, time)`; or `tokens`, `(batch, time)`.
            Out: logits, `(batch, time, vocabulary)`; or probabilities, `(batch, classes)`.

        Raises:
            ConfigError: If the data has no text, or its vocabulary is not known.
        """
        from zoo.layers import TokenAccuracy, TokenCrossentropy, compile_classifier, make_optimizer

        _check(data)
        if data.task != _TRANSLATION:
            model = classifier(config, data.inputs[0], len(data.labels))
            return compile_classifier(model, config.optimizer, smoothing=config.label_smoothing)
        model = translator(config, data.inputs[0], data.targets[0])
        model.compile(
            optimizer=make_optimizer(config.optimizer),
            loss=TokenCrossentropy(config.label_smoothing),
            metrics=[TokenAccuracy()],
        )
        return model

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train; a translator by teacher forcing: it is told the true tokens before each place."""
        if dataset.spec.task == _TRANSLATION:
            dataset = zoo.MappedDataset(dataset, _taught(dataset.spec))
        loop.fit(model, dataset)

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: TransformerConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Measure the classes, or what is written for each source, with one beam."""
        if data.task == _TRANSLATION:
            from zoo.metrics.translation import evaluate_translation

            return evaluate_translation(predict_fns, split, data, reference=reference)
        return super().evaluate(predict_fns, split, data, config=config, reference=reference)

    def signatures(
        self, model: keras.Model, config: TransformerConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``encode`` and ``decode`` of a translator, ``predict`` of a classifier."""
        if data.task == _TRANSLATION:
            return generation_signatures(model, config, data)
        from zoo.layers import classifier_signature

        return (classifier_signature(model, data),)


def _taught(data: DataSpec) -> Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return the change to teacher forcing: what was said before each place, and what is next."""
    source, target = data.inputs[0].name, data.targets[0].name

    def change(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        said = targets[target]
        return {source: inputs[source], PREVIOUS: said[:, :-1]}, {target: said[:, 1:]}

    return change


def _prose(data: DataSpec) -> bool:
    text = data.targets[0].text
    return text is not None and text.split == "subwords"


def _check(data: DataSpec) -> None:
    """Refuse data that is not text with a vocabulary."""
    written: tuple[TensorSpec, ...] = data.targets if data.task == _TRANSLATION else ()
    if len(data.inputs) != 1 or (data.task == _TRANSLATION and len(data.targets) != 1):
        raise zoo.errors.ConfigError(
            f"transformer needs one text, and {data.id} has "
            f"{', '.join(tensor.name for tensor in (*data.inputs, *data.targets))}",
            why="it reads one sequence of tokens, and writes one, or a class",
            fix="zoo info transformer shows the data that it is made for",
        )
    for tensor in (*data.inputs, *written):
        if tensor.text is None or len(tensor.shape) != 1:
            raise zoo.errors.ConfigError(
                f"transformer needs text, and {tensor.name!r} of {data.id} is none",
                why=f"it is {tensor.dtype}{list(tensor.shape)}, not a sequence of token ids",
                fix="for images: zoo train cnn; for the rows of a table: zoo train mlp_classifier",
            )
        if len(tensor.text.vocabulary) < 5:
            raise zoo.errors.ConfigError(
                f"the vocabulary of {tensor.name!r} of {data.id} is not known",
                why="it is learned from the training split when the data is opened",
                fix=f"give the data itself, not its description: zoo.dataset({data.id!r})",
            )


__all__ = ["Transformer"]
