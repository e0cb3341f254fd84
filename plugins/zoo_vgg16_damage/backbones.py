"""Pretrained backbones: preprocessing, blocks, weight files, freezing and unfreezing.

Importing this module imports no keras.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.config import Frozen
from zoo.environment import is_offline
from zoo.errors import ChecksumMismatch, DataError, DatasetUnavailable
from zoo_vgg16_damage.config import VGG16DamageConfig

if TYPE_CHECKING:
    import keras

LAYER = "backbone"
"""Name of the backbone layer."""

_STORE = "https://storage.googleapis.com/tensorflow/"
_WITHOUT = "or train without a backbone: --set preset=small"
_HALF = (127.5, 127.5, 127.5)
_CAFFE = (123.68, 116.779, 103.939)
_TORCH = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_ONE = (1.0, 1.0, 1.0)


class WeightsFile(Frozen):
    """File of ImageNet weights without the top, as ``keras.applications`` pins it.

    Attributes:
        name: File name, also in the cache of Keras.
        url: Download URL.
        md5: MD5 hash; ``None`` where Keras pins none.
    """

    name: str
    url: str
    md5: str | None


@dataclass(frozen=True)
class Backbone:
    """Network of ``keras.applications`` and its preprocessing.

    Attributes:
        factory: Its name in ``keras.applications``.
        mean: Mean of red, green and blue, 0 to 255.
        scale: Standard deviation of red, green and blue.
        bgr: Whether channels are in the order blue, green, red.
        blocks: Prefixes of layer names by block, last block first.
        file: Its weights.
    """

    factory: str
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    bgr: bool
    blocks: tuple[tuple[str, ...], ...]
    file: WeightsFile


def _file(name: str, url: str, md5: str | None) -> WeightsFile:
    return WeightsFile(name=name, url=f"{_STORE}{url}{name}", md5=md5)


BACKBONES: dict[str, Backbone] = {
    "vgg16": Backbone(
        "VGG16",
        _CAFFE,
        _ONE,
        bgr=True,
        blocks=(("block5_",), ("block4_",), ("block3_",)),
        file=_file(
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "keras-applications/vgg16/",
            "6d6bbae143d832006294945121d1f1fc",
        ),
    ),
    "resnet50v2": Backbone(
        "ResNet50V2",
        _HALF,
        _HALF,
        bgr=False,
        blocks=(("conv5_", "post_"), ("conv4_",), ("conv3_",)),
        file=_file(
            "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "keras-applications/resnet/",
            "fac2f116257151a9d068a22e544a4917",
        ),
    ),
    "mobilenetv2": Backbone(
        "MobileNetV2",
        _HALF,
        _HALF,
        bgr=False,
        blocks=(
            ("Conv_1", "block_16_", "block_15_", "block_14_"),
            ("block_13_", "block_12_", "block_11_"),
            ("block_10_", "block_9_", "block_8_", "block_7_"),
        ),
        file=_file(
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            "keras-applications/mobilenet_v2/",
            None,
        ),
    ),
    "efficientnetv2b0": Backbone(
        "EfficientNetV2B0",
        *_TORCH,
        bgr=False,
        blocks=(("block6", "top_"), ("block5",), ("block4",)),
        file=_file(
            "efficientnetv2-b0_notop.h5",
            "keras-applications/efficientnet_v2/",
            "893217f2bb855e2983157299931e43ff",
        ),
    ),
    "densenet121": Backbone(
        "DenseNet121",
        *_TORCH,
        bgr=False,
        blocks=(("conv5_", "bn"), ("conv4_", "pool4_"), ("conv3_", "pool3_")),
        file=_file(
            "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "keras-applications/densenet/",
            "30ee3e1110167f948a6b9946edeeb738",
        ),
    ),
}


def make_backbone(name: str, side: int) -> keras.Model:
    """Return a frozen backbone without its top, with random weights."""
    import keras

    backbone = BACKBONES[name]
    options = {"include_preprocessing": False} if name.startswith("efficientnet") else {}
    model = getattr(keras.applications, backbone.factory)(
        include_top=False, weights=None, input_shape=(side, side, 3), name=LAYER, **options
    )
    model.trainable = False
    return model


def unfreeze(
    backbone: keras.Model, name: str, blocks: int | str, *, batch_norm: bool = False
) -> None:
    """Make the last blocks of a backbone trainable.

    Args:
        backbone: The backbone.
        name: Its name.
        blocks: Number of blocks, from the last one, or ``all``.
        batch_norm: Whether batch normalization is trainable, too. Its pretrained statistics should
            not be replaced by those of a few hundred images.
    """
    import keras

    backbone.trainable = True
    prefixes: tuple[str, ...] = ("",)
    if blocks != "all":
        prefixes = tuple(p for block in BACKBONES[name].blocks[: int(blocks)] for p in block)
    for layer in backbone.layers:
        # A trainable batch normalization uses the statistics of its batch whenever the whole model
        # is called with training=True.
        frozen = isinstance(layer, keras.layers.BatchNormalization) and not batch_norm
        layer.trainable = layer.name.startswith(prefixes) and not frozen


def load_pretrained(model: keras.Model, config: VGG16DamageConfig) -> None:
    """Load the pretrained weights of a configuration into the backbone of a model.

    Raises:
        DatasetUnavailable: If the file is missing and cannot be downloaded.
        ChecksumMismatch: If the download is another file.
        DataError: If the file does not fit.
    """
    file = weights_file(config)
    try:
        model.get_layer(LAYER).load_weights(file)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise DataError(
            f"{file} does not hold weights of {config.backbone}",
            why=" ".join(str(error).split())[:300],
            fix=f"use the file of {BACKBONES[config.backbone].factory} without its top; {_WITHOUT}",
        ) from error


def weights_file(config: VGG16DamageConfig) -> Path:
    """Return the weights file of a configuration, downloaded if necessary.

    Raises:
        DatasetUnavailable: If the file is missing and cannot be downloaded.
        ChecksumMismatch: If the download is another file.
    """
    wanted = BACKBONES[config.backbone].file
    if config.pretrained != "imagenet":
        path = Path(config.pretrained).expanduser()
        if path.is_file():
            return path
        raise DatasetUnavailable(
            f"there is no weights file {path}",
            why="'pretrained' names a file of the backbone without its top, 'imagenet' or 'none'",
            fix=f"place {wanted.name} there; {_WITHOUT}",
        )
    folder = keras_home() / "models"
    path = folder / wanted.name
    if not path.is_file() and is_offline():
        raise DatasetUnavailable(
            f"{wanted.name} is not in the cache, and ZOO_OFFLINE forbids the download",
            why=f"its URL is {wanted.url}",
            fix=_by_hand(path),
        )
    return _fetch(wanted, path)


def keras_home() -> Path:
    """Return the download folder of Keras."""
    chosen = os.environ.get("KERAS_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".keras"


def _fetch(wanted: WeightsFile, path: Path) -> Path:
    """Return the file in Keras's cache, downloaded by Keras if it is missing."""
    import keras

    from zoo.files import storage_errors

    if path.is_file():
        _check(wanted, path)
        return path
    # Keras falls back to a world-writable folder if its own is missing.
    with storage_errors(path, "downloading"):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = keras.utils.get_file(
                wanted.name,
                wanted.url,
                file_hash=wanted.md5,
                cache_subdir="models",
                cache_dir=str(path.parent.parent),
            )
    except ValueError as error:
        path.unlink(missing_ok=True)
        raise ChecksumMismatch(
            f"{wanted.url} is not the file {wanted.name} that Keras pins",
            why=" ".join(str(error).split())[:300],
            fix=_by_hand(path),
        ) from error
    except Exception as error:  # Keras raises a bare Exception where a download fails
        path.unlink(missing_ok=True)
        raise DatasetUnavailable(
            f"{wanted.name} could not be downloaded",
            why=" ".join(str(error).split())[:300],
            fix=_by_hand(path),
        ) from error
    return Path(found)


def _check(wanted: WeightsFile, path: Path) -> None:
    import hashlib

    if wanted.md5 is None:
        return
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "md5").hexdigest()
    if found != wanted.md5:
        raise ChecksumMismatch(
            f"{path} is not the file that Keras pins",
            why=f"its MD5 is {found}, expected {wanted.md5}",
            fix=f"rm {path}   (it is downloaded again); {_WITHOUT}",
        )


def _by_hand(path: Path) -> str:
    return f"place the file at {path}, or use another: --set pretrained=FILE; {_WITHOUT}"


@dataclass(frozen=True)
class Letterbox:
    """Position of an image inside a padded square, pixels."""

    top: int
    left: int
    height: int
    width: int


def letterbox(height: int, width: int, side: int) -> Letterbox:
    """Fit an image into a square, aspect ratio kept, centered.

    Example:
        >>> letterbox(50, 100, 224)
        Letterbox(top=56, left=0, height=112, width=224)
    """
    longer = max(height, width)
    resized_height = max(1, round(height * side / longer))
    resized_width = max(1, round(width * side / longer))
    top, left = (side - resized_height) // 2, (side - resized_width) // 2
    return Letterbox(top, left, resized_height, resized_width)
