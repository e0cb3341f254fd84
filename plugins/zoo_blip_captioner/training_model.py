"""Training graph of a captioner: teacher forcing, and an auxiliary bag-of-words loss.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from zoo.spec import SPECIAL_TOKENS
from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.vision import PACKAGE

if TYPE_CHECKING:
    from zoo import DataSpec
    from zoo_blip_captioner.config import BlipCaptionerConfig

BAG_OF_WORDS = "bag_of_words"
"""Output with the logits of the words of a caption."""

_LAYER = "teacher_forcing"


@keras.saving.register_keras_serializable(package=PACKAGE)
class TeacherForcing(keras.layers.Layer):
    """Captioner with teacher forcing, random shifts, and an auxiliary bag-of-words output.

    The auxiliary output predicts which words occur in a caption from the max and mean pooled
    features of the stem. Without it a small captioner learns what is hard to see only late, as most
    words of a caption are predictable from the others (deep supervision: Lee et al. 2015,
    arXiv:1409.5185).

    In training, images are shifted at random, all of a batch alike, with mirrored borders.

    Args:
        captioner: The captioner.
        use_bag_of_words: Whether there is an auxiliary output.
        shift: Maximum shift in either direction, pixels.
        seed: Seed of the shifts.

    Call arguments:
        inputs: ``images``, and ``ids``, a mapping of texts: see :class:`BlipCaptioner`.

    Returns:
        Logits `(batch, time, vocabulary)` by the name of each text; and as ``bag_of_words`` the
        logits of each word, `(batch, vocabulary)`.
    """

    def __init__(
        self,
        captioner: BlipCaptioner,
        use_bag_of_words: bool = True,
        shift: int = 0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.captioner, self.use_bag_of_words = captioner, use_bag_of_words
        self.shift, self.seed = shift, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights."""
        self.captioner.build()
        size = self.captioner.vision.image_size
        if self.use_bag_of_words:
            stem = self.captioner.vision.conv_stem
            features = stem.compute_output_shape((None, size, size, 3))[-1]
            self.bag_of_words_dense = keras.layers.Dense(
                self.captioner.decoder.vocabulary_size, dtype=self.dtype_policy
            )
            self.bag_of_words_dense.build((None, 2 * features))

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Return next-token logits of each text, and the auxiliary logits."""
        captioner = self.captioner
        images = inputs["images"]
        if training and self.shift:
            images = self._random_shift(images)
        stem = captioner.vision.conv_stem(images, training=training)
        memories = captioner.decoder.project_memory(
            captioner.vision.encode(stem, training=training)
        )
        outputs = {
            name: captioner.decoder(ids, memories, training=training)[0]
            for name, ids in inputs["ids"].items()
        }
        if self.use_bag_of_words:
            features = [ops.max(stem, axis=(1, 2)), ops.mean(stem, axis=(1, 2))]
            outputs[BAG_OF_WORDS] = self.bag_of_words_dense(ops.concatenate(features, axis=-1))
        return outputs

    def _random_shift(self, images: Any) -> Any:
        edge, size = self.shift, self.captioner.vision.image_size
        wide = ops.pad(images, [[0, 0], [edge, edge], [edge, edge], [0, 0]], mode="symmetric")
        at = keras.random.randint((2,), 0, 2 * edge + 1, seed=self.seed_generator)
        rows = ops.take(wide, at[0] + ops.arange(size), axis=1)
        return ops.take(rows, at[1] + ops.arange(size), axis=2)

    def get_config(self) -> dict[str, Any]:
        """Return the layer's configuration."""
        return {
            **super().get_config(),
            "captioner": keras.saving.serialize_keras_object(self.captioner),
            "use_bag_of_words": self.use_bag_of_words,
            "shift": self.shift,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TeacherForcing:
        """Create a layer from its configuration."""
        captioner = keras.saving.deserialize_keras_object(config.pop("captioner"))
        return cls(captioner, **config)


@keras.saving.register_keras_serializable(package=PACKAGE)
class BagOfWordsCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of the words of a text, summed over the vocabulary.

    Special tokens are left out.

    Call arguments:
        y_true: 1 for words that occur, `(batch, vocabulary)`.
        y_pred: Logits, of the same shape.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss per example."""
        occurs = ops.cast(y_true, y_pred.dtype)
        losses = ops.binary_crossentropy(occurs, y_pred, from_logits=True)
        return ops.sum(losses[:, len(SPECIAL_TOKENS) :], axis=-1)


def build_training_model(
    captioner: BlipCaptioner, config: BlipCaptionerConfig, data: DataSpec
) -> keras.Model:
    """Build the compiled training model.

    Args:
        captioner: The captioner.
        config: Configuration of the training.
        data: Images and their texts.
    """
    from zoo.layers import TokenAccuracy, TokenCrossentropy, make_optimizer
    from zoo_blip_captioner.teacher_forcing import previous_name

    spec = data.inputs[0]
    image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
    ids = {
        target.name: keras.Input((None,), dtype=target.dtype, name=previous_name(target.name))
        for target in data.targets
    }
    use_bag_of_words = config.use_bag_of_words
    teacher_forcing = TeacherForcing(captioner, use_bag_of_words, config.shift, name=_LAYER)
    outputs = teacher_forcing({"images": image, "ids": ids})
    inputs = {spec.name: image} | {tensor.name: tensor for tensor in ids.values()}
    model = keras.Model(inputs, outputs, name="blip_captioner")
    losses = {name: TokenCrossentropy(config.label_smoothing) for name in ids}
    weights = dict.fromkeys(ids, 1.0)
    if use_bag_of_words:
        losses[BAG_OF_WORDS], weights[BAG_OF_WORDS] = (
            BagOfWordsCrossentropy(),
            config.bag_of_words_weight,
        )
    model.compile(
        # No weight decay of embeddings.
        optimizer=make_optimizer(
            config.optimizer,
            undecayed=("token_embeddings", "position_embeddings", "class_token"),
        ),
        loss=losses,
        loss_weights=weights,
        metrics={name: [TokenAccuracy()] for name in ids},
    )
    return model


def captioner_of(model: keras.Model) -> BlipCaptioner:
    """Return the captioner of a model of :func:`build_training_model`."""
    return model.get_layer(_LAYER).captioner  # type: ignore[no-any-return]
