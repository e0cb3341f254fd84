"""Transfer learning: a pretrained backbone, a new head, then fine-tuning of the last blocks.

Importing this module imports keras.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from zoo import TensorSpec, TrainLoop
from zoo.spec import Dataset
from zoo_vgg16_damage.backbones import BACKBONES, LAYER, letterbox, make_backbone, unfreeze
from zoo_vgg16_damage.config import VGG16DamageConfig
from zoo_vgg16_damage.feature_cache import NAME, cached_features
from zoo_vgg16_damage.network import head_layers


def backbone_features(image: Any, config: VGG16DamageConfig, spec: TensorSpec) -> Any:
    """Return the feature map of a raw image by a backbone.

    The statistics of batch normalization of a pretrained backbone stay fixed, also during
    fine-tuning; a backbone with random weights learns its own.
    """
    from zoo.layers import augment

    backbone = make_backbone(config.backbone, config.image_size)
    if not config.is_pretrained:
        unfreeze(backbone, config.backbone, config.fine_tune.blocks, batch_norm=True)
    x = augment(ops.cast(image, "float32"), config.augmentation)
    return backbone(preprocess(x, config, spec))


def preprocess(image: Any, config: VGG16DamageConfig, spec: TensorSpec) -> Any:
    """Return an image preprocessed for a backbone: color, resized, normalized and padded.

    Shapes:
        image: `(batch, height, width, 1 or 3)`, raw as floats
        Out: `(batch, image_size, image_size, 3)`
    """
    backbone = BACKBONES[config.backbone]
    low, high = spec.range or (0.0, 255.0)
    x = image
    if (low, high) != (0.0, 255.0):
        factor = 255.0 / (high - low)
        x = layers.Rescaling(factor, -low * factor, name="to_255")(x)
    if spec.shape[-1] == 1:
        x = layers.Concatenate(name="to_rgb")([x, x, x])
    box = letterbox(int(spec.shape[0]), int(spec.shape[1]), config.image_size)
    if (box.height, box.width) != tuple(spec.shape[:2]):
        x = layers.Resizing(box.height, box.width, "bilinear", name="resize")(x)
    scale = [1.0 / part for part in backbone.scale]
    offset = [-mean / part for mean, part in zip(backbone.mean, backbone.scale, strict=True)]
    x = layers.Rescaling(scale, offset, name="normalize")(x)
    if backbone.bgr:
        x = ops.flip(x, axis=-1)
    bottom = config.image_size - box.top - box.height
    right = config.image_size - box.left - box.width
    if box.top or bottom or box.left or right:
        # After normalization, where zero is the mean of the backbone's training data.
        x = layers.ZeroPadding2D(((box.top, bottom), (box.left, right)), name="pad")(x)
    return x


def train_transfer(model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
    """Train the head on cached features, then fine-tune the last blocks if configured.

    Args:
        model: A model with a pretrained backbone.
        dataset: Images.
        loop: The training loop.
    """
    from zoo.layers import compile_classifier

    config: VGG16DamageConfig = model.blueprint.config
    class_weights = getattr(model.loss, "class_weights", ())
    features = cached_features(model, dataset, loop)
    inputs = keras.Input(features.spec.inputs[0].shape, name=NAME)
    x: Any = inputs
    for layer in head_layers(model):
        x = layer(x)
    head = keras.Model(inputs, x, name="head")
    compile_classifier(head, config.optimizer, class_weights=class_weights)
    loop.fit(head, features, phase="frozen")
    if not config.fine_tune.epochs:
        return
    unfreeze(model.get_layer(LAYER), config.backbone, config.fine_tune.blocks)
    slow = config.optimizer.model_copy(update={"learning_rate": config.fine_tune.learning_rate})
    compile_classifier(model, slow, class_weights=class_weights)
    loop.fit(model, dataset, phase="fine_tune", epochs=config.fine_tune.epochs)
