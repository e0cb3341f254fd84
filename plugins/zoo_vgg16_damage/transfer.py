"""What a backbone sees, and how a head and then the last blocks learn.

Importing this module imports keras.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from zoo import TensorSpec, TrainLoop
from zoo.spec import Dataset
from zoo_vgg16_damage.backbones import BACKBONES, LAYER, make_backbone, unfreeze
from zoo_vgg16_damage.config import VGG16DamageConfig
from zoo_vgg16_damage.features import NAME, featured
from zoo_vgg16_damage.fitting import place
from zoo_vgg16_damage.head import head_of

FROZEN = "frozen"
TUNED = "tuned"


def see(image: Any, config: VGG16DamageConfig, spec: TensorSpec) -> Any:
    """Return a backbone's map of features of a raw image.

    Gray pictures become color; every picture is brought to the square, its aspect kept, and then
    to what the backbone was trained on. The statistics of batch normalization stay those that it
    was trained with, also while it learns on; only one that starts from nothing makes its own.
    """
    from zoo.layers import augment

    backbone = make_backbone(config.backbone, config.side)
    if not config.is_frozen:
        unfreeze(backbone, config.backbone, config.fine_tune.blocks, statistics=True)
    x = augment(ops.cast(image, "float32"), config.augmentation)
    return backbone(prepare(x, config, spec))


def prepare(image: Any, config: VGG16DamageConfig, spec: TensorSpec) -> Any:
    """Return a picture as a backbone wants it.

    Shapes:
        image: `(batch, height, width, 1 or 3)`, raw as floats
        Out: `(batch, side, side, 3)`
    """
    known = BACKBONES[config.backbone]
    low, high = spec.range or (0.0, 255.0)
    x = image
    if (low, high) != (0.0, 255.0):
        factor = 255.0 / (high - low)
        x = layers.Rescaling(factor, -low * factor, name="bytes")(x)
    if spec.shape[-1] == 1:
        x = layers.Concatenate(name="color")([x, x, x])
    found = place(int(spec.shape[0]), int(spec.shape[1]), config.side)
    if (found.height, found.width) != tuple(spec.shape[:2]):
        x = layers.Resizing(found.height, found.width, "bilinear", name="fit")(x)
    scale = [1.0 / part for part in known.scale]
    offset = [-mean / part for mean, part in zip(known.mean, known.scale, strict=True)]
    x = layers.Rescaling(scale, offset, name="normal")(x)
    if known.reversed:
        x = ops.flip(x, axis=-1)
    below = config.side - found.top - found.height
    beside = config.side - found.left - found.width
    if found.top or below or found.left or beside:
        # Behind the scaling, where zero is the mean of what it was trained on.
        x = layers.ZeroPadding2D(((found.top, below), (found.left, beside)), name="pad")(x)
    return x


def teach(model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
    """Let the head learn on kept features, then the last blocks, if that is wanted, on pictures.

    Args:
        model: A whole model whose backbone has learned elsewhere.
        dataset: Pictures.
        loop: The training loop.
    """
    from zoo.layers import compile_classifier

    config: VGG16DamageConfig = model.blueprint.config
    class_weights = getattr(model.loss, "class_weights", ())
    seen = featured(model, dataset, loop)
    features = keras.Input(seen.spec.inputs[0].shape, name=NAME)
    x: Any = features
    for layer in head_of(model):
        x = layer(x)
    head = keras.Model(features, x, name="head")
    compile_classifier(head, config.optimizer, class_weights=class_weights)
    loop.fit(head, seen, phase=FROZEN)
    if not config.fine_tune.epochs:
        return
    unfreeze(model.get_layer(LAYER), config.backbone, config.fine_tune.blocks)
    slow = config.optimizer.model_copy(update={"learning_rate": config.fine_tune.learning_rate})
    compile_classifier(model, slow, class_weights=class_weights)
    loop.fit(model, dataset, phase=TUNED, epochs=config.fine_tune.epochs)


__all__ = ["FROZEN", "TUNED", "prepare", "see", "teach"]
