"""Transformer for translation and text classification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import zoo
from zoo import DataSpec, Recipe, Signature, TensorSpec, TrainPlan
from zoo_transformer.config import TransformerConfig
from zoo_transformer.network import (
    PREVIOUS,
    build_classifier,
    build_translator,
    generation_signatures,
)

if TYPE_CHECKING:
    import keras

    from zoo import Arrays, Evaluation, PredictFns, Split, TrainLoop
    from zoo.spec import Dataset

_TRANSLATION = zoo.Task.SEQUENCE_TO_SEQUENCE


class Transformer(zoo.Architecture[TransformerConfig]):
    """Encoder–decoder transformer for translation, encoder for text classification."""

    info = zoo.ArchitectureInfo(
        name="transformer",
        summary="Transformer: encoder–decoder for translation, encoder for text classification.",
        tasks=(_TRANSLATION, zoo.Task.CLASSIFICATION),
        tags=("attention", "text", "translation"),
        references=(
            "Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762",
            "Xiong et al. 2020, On layer normalization in the transformer architecture, "
            "arXiv:2002.04745",
            "Wu et al. 2016, Google's neural machine translation system, arXiv:1609.08144",
        ),
        limits=(
            "Its vocabulary is that of the training texts: other words become the unknown token, "
            "without a warning.",
            "Texts to translate that are longer than the maximum length are refused; texts to "
            "classify are truncated.",
            "It gives an output for every text, also in other languages or domains than the "
            "training data.",
        ),
    )
    Config = TransformerConfig
    default_dataset = "numbers_en_es"

    def default_config(self, data: DataSpec) -> Recipe[TransformerConfig]:
        """Return a small network, with more dropout and fewer epochs for classification.

        Translation with subwords gets a larger network.
        """
        if data.task != _TRANSLATION:
            config = TransformerConfig(
                hidden_dim=64,
                encoder_layers=1,
                intermediate_dim=128,
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
        if _has_subwords(data):
            config = TransformerConfig(hidden_dim=128, intermediate_dim=512, label_smoothing=0.1)
            return Recipe(config, TrainPlan(epochs=4, batch_size=64))
        config = TransformerConfig(hidden_dim=64, intermediate_dim=128, dropout=0.0)
        return Recipe(config, TrainPlan(epochs=8, batch_size=128))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[TransformerConfig]]:
        """Return tiny networks, one per kind of position embedding."""
        plan = TrainPlan(epochs=6, batch_size=32)
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, warmup=0.1, global_clipnorm=1.0)
        return tuple(
            Recipe(
                TransformerConfig(
                    hidden_dim=16,
                    num_heads=2,
                    encoder_layers=1,
                    decoder_layers=1,
                    intermediate_dim=32,
                    positions=positions,
                    tied_embeddings=positions != "learned",
                    optimizer=optimizer,
                ),
                plan,
            )
            for positions in ("sinusoidal", "learned", "rotary")
        )

    def build(self, config: TransformerConfig, data: DataSpec) -> keras.Model:
        """Build a compiled translator, trained with teacher forcing, or a compiled classifier.

        Shapes:
            In: `source` and `previous`, `(batch, time)`; or `tokens`, `(batch, time)`.
            Out: logits, `(batch, time, vocabulary)`; or probabilities, `(batch, classes)`.

        Raises:
            ConfigError: If the data has no text, or its vocabulary is not known.
        """
        from zoo.layers import TokenAccuracy, TokenCrossentropy, compile_classifier, make_optimizer

        _check(data)
        if data.task != _TRANSLATION:
            model = build_classifier(config, data.inputs[0], len(data.labels))
            return compile_classifier(model, config.optimizer, smoothing=config.label_smoothing)
        model = build_translator(config, data.inputs[0], data.targets[0])
        model.compile(
            optimizer=make_optimizer(config.optimizer),
            loss=TokenCrossentropy(config.label_smoothing),
            metrics=[TokenAccuracy()],
        )
        return model

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train; a translator with teacher forcing."""
        if dataset.spec.task == _TRANSLATION:
            dataset = zoo.MappedDataset(dataset, _teacher_forcing(dataset.spec))
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
        """Evaluate the classes, or greedy translations."""
        if data.task == _TRANSLATION:
            from zoo.metrics.translation import evaluate_translation

            return evaluate_translation(predict_fns, split, data, reference=reference)
        return super().evaluate(predict_fns, split, data, config=config, reference=reference)

    def signatures(
        self, model: keras.Model, config: TransformerConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``encode`` and ``decode`` of a translator, or ``predict`` of a classifier."""
        if data.task == _TRANSLATION:
            return generation_signatures(model, config, data)
        from zoo.layers import classifier_signature

        return (classifier_signature(model, data),)


def _teacher_forcing(data: DataSpec) -> Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return a function that splits targets into previous and next tokens."""
    source, target = data.inputs[0].name, data.targets[0].name

    def change(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        tokens = targets[target]
        return {source: inputs[source], PREVIOUS: tokens[:, :-1]}, {target: tokens[:, 1:]}

    return change


def _has_subwords(data: DataSpec) -> bool:
    text = data.targets[0].text
    return text is not None and text.split == "subwords"


def _check(data: DataSpec) -> None:
    """Check that the data is text with a vocabulary."""
    outputs: tuple[TensorSpec, ...] = data.targets if data.task == _TRANSLATION else ()
    if len(data.inputs) != 1 or (data.task == _TRANSLATION and len(data.targets) != 1):
        raise zoo.errors.ConfigError(
            f"transformer needs one text, and {data.id} has "
            f"{', '.join(tensor.name for tensor in (*data.inputs, *data.targets))}",
            why="it maps one sequence of tokens to another one or to a class",
            fix="zoo info transformer shows supported data",
        )
    for tensor in (*data.inputs, *outputs):
        if tensor.text is None or len(tensor.shape) != 1:
            raise zoo.errors.ConfigError(
                f"transformer needs text, and {tensor.name!r} of {data.id} is not",
                why=f"it is {tensor.dtype}{list(tensor.shape)}, not a sequence of token ids",
                fix="for images: zoo train cnn; for the rows of a table: zoo train mlp_classifier",
            )
        if len(tensor.text.vocabulary) < 5:
            raise zoo.errors.ConfigError(
                f"the vocabulary of {tensor.name!r} of {data.id} is not known",
                why="it is learned from the training split when the data is opened",
                fix=f"pass the dataset itself, not its spec: zoo.dataset({data.id!r})",
            )
