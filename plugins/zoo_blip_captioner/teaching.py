"""The graph that learns: a captioner that is told the true words, and a glance that helps it.

Importing this module imports keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from zoo.spec import SPECIAL_TOKENS
from zoo_blip_captioner.captioner import BlipCaptioner
from zoo_blip_captioner.stem import PACKAGE

if TYPE_CHECKING:
    from zoo import DataSpec
    from zoo_blip_captioner.config import BlipCaptionerConfig

GLANCE = "glance"
"""The output that says which words a caption will have, before any is written."""

_TEACHER = "teacher"


@keras.saving.register_keras_serializable(package=PACKAGE)
class Teacher(keras.layers.Layer):
    """A captioner, and what its first look alone would say.

    Which words stand in a caption is asked of the stem, from the largest and the mean value of
    each of its features. From the words in their order alone a small captioner learns nothing of
    what is hard to see for a long time: all of its caption but a word or two is right without it.
    Asked for the words directly, the stem learns to see them first (deep supervision: Lee et al.
    2015, arXiv:1409.5185).

    Pictures that are learned from are shifted a little, all of a batch alike, with what stands at
    the edge mirrored: captions stay true, and no pixel can be learned by heart.

    Args:
        captioner: What learns.
        glances: Whether the stem is asked.
        shift: Largest shift, pixels either way.
        seed: Of the shifts.

    Call arguments:
        inputs: ``images``, and ``ids``, a mapping of texts: see :class:`BlipCaptioner`.

    Returns:
        By the name of each text, logits `(batch, time, vocabulary)`; and as ``glance`` the logits
        of each word being in the caption, `(batch, vocabulary)`.
    """

    def __init__(
        self,
        captioner: BlipCaptioner,
        glances: bool = True,
        shift: int = 0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.captioner, self.glances, self.shift, self.seed = captioner, glances, shift, seed
        self.seeds = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights."""
        self.captioner.build()
        size = self.captioner.vision.image_size
        if self.glances:
            features = self.captioner.vision.look.compute_output_shape((None, size, size, 3))[-1]
            self.words = keras.layers.Dense(
                self.captioner.decoder.vocabulary, dtype=self.dtype_policy
            )
            self.words.build((None, 2 * features))

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Say what is next everywhere, and what is there at all."""
        captioner = self.captioner
        images = inputs["images"]
        if training and self.shift:
            images = self._shifted(images)
        looked = captioner.vision.look(images, training=training)
        memories = captioner.decoder.remember(captioner.vision.think(looked, training=training))
        outputs = {
            name: captioner.decoder(ids, memories, training=training)[0]
            for name, ids in inputs["ids"].items()
        }
        if self.glances:
            features = [ops.max(looked, axis=(1, 2)), ops.mean(looked, axis=(1, 2))]
            outputs[GLANCE] = self.words(ops.concatenate(features, axis=-1))
        return outputs

    def _shifted(self, images: Any) -> Any:
        edge, size = self.shift, self.captioner.vision.image_size
        wide = ops.pad(images, [[0, 0], [edge, edge], [edge, edge], [0, 0]], mode="symmetric")
        at = keras.random.randint((2,), 0, 2 * edge + 1, seed=self.seeds)
        rows = ops.take(wide, at[0] + ops.arange(size), axis=1)
        return ops.take(rows, at[1] + ops.arange(size), axis=2)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        made = keras.saving.serialize_keras_object(self.captioner)
        own = {"captioner": made, "glances": self.glances}
        return {**super().get_config(), **own, "shift": self.shift, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Teacher:
        """Make a layer of what :meth:`get_config` gave."""
        captioner = keras.saving.deserialize_keras_object(config.pop("captioner"))
        return cls(captioner, **config)


@keras.saving.register_keras_serializable(package=PACKAGE)
class WordsCrossentropy(keras.losses.Loss):
    """Cross-entropy of which words a text has: summed over the vocabulary, without its signs.

    Call arguments:
        y_true: 1 for a word that is there, 0 for another, `(batch, vocabulary)`.
        y_pred: Logits, of the same shape.
    """

    def __init__(self, name: str = "words_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss an example."""
        there = ops.cast(y_true, y_pred.dtype)
        losses = ops.maximum(y_pred, 0) - y_pred * there + ops.softplus(-ops.abs(y_pred))
        return ops.sum(losses[:, len(SPECIAL_TOKENS) :], axis=-1)


def teachable(captioner: BlipCaptioner, config: BlipCaptionerConfig, data: DataSpec) -> keras.Model:
    """Return the compiled model that learns.

    Args:
        captioner: What learns.
        config: How it learns.
        data: Pictures and their texts.
    """
    from zoo.layers import TokenAccuracy, TokenCrossentropy, make_optimizer
    from zoo_blip_captioner.learning import previous

    spec = data.inputs[0]
    image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
    ids = {
        target.name: keras.Input((None,), dtype=target.dtype, name=previous(target.name))
        for target in data.targets
    }
    glances = config.glances
    teacher = Teacher(captioner, glances, config.shift, name=_TEACHER)
    outputs = teacher({"images": image, "ids": ids})
    inputs = {spec.name: image} | {tensor.name: tensor for tensor in ids.values()}
    model = keras.Model(inputs, outputs, name="blip_captioner")
    losses = {name: TokenCrossentropy(config.label_smoothing) for name in ids}
    weights = dict.fromkeys(ids, 1.0)
    if glances:
        losses[GLANCE], weights[GLANCE] = WordsCrossentropy(), config.glance
    model.compile(
        # What words and places are is no matter of size.
        optimizer=make_optimizer(config.optimizer, undecayed=("words", "places", "whole")),
        loss=losses,
        loss_weights=weights,
        metrics={name: [TokenAccuracy()] for name in ids},
    )
    return model


def captioner_of(model: keras.Model) -> BlipCaptioner:
    """Return the captioner in a model that :func:`teachable` made."""
    return model.get_layer(_TEACHER).captioner  # type: ignore[no-any-return]


__all__ = ["GLANCE", "Teacher", "WordsCrossentropy", "captioner_of", "teachable"]
