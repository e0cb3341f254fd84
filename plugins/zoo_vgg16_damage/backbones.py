"""Pretrained backbones: preprocessing, blocks, weight files, freezing and unfreezing.

Importing this module imports no keras.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.environment import is_offline
from zoo.errors import ChecksumMismatch, DataError, DatasetUnavailable
from zoo_vgg16_damage.config import VGG16DamageConfig

if TYPE_CHECKING:
    import keras

LAYER = "backbone"
"""Name of the backbone layer."""

_STORE = "https://storage.googleapis.com/tensorflow/keras-applications/"
_WITHOUT = "or train without a backbone: --set preset=small"
_HALF = (127.5, 127.5, 127.5)
_CAFFE = (123.68, 116.779, 103.939)
_ONE = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Backbone:
    """Network of ``keras.applications``, its preprocessing and its ImageNet weights.

    Attributes:
        factory: Its name in ``keras.applications``.
        mean: Mean of red, green and blue, 0 to 255.
        scale: Standard deviation of red, green and blue.
        bgr: Whether channels are in the order blue, green, red.
        blocks: Prefixes of layer names by block, last block first.
        url: Download URL of the weights without the top.
        md5: MD5 hash that Keras pins; ``None`` where it pins none.
    """

    factory: str
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    bgr: bool
    blocks: tuple[tuple[str, ...], ...]
    url: str
    md5: str | None

    @property
    def file_name(self) -> str:
        """File name of the weights, also in the cache of Keras."""
        return self.url.rpartition("/")[2]


BACKBONES: dict[str, Backbone] = {
    "vgg16": Backbone(
        "VGG16",
        _CAFFE,
        _ONE,
        bgr=True,
        blocks=(("block5_",), ("block4_",), ("block3_",)),
        url=f"{_STORE}vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="6d6bbae143d832006294945121d1f1fc",
    ),
    "resnet50v2": Backbone(
        "ResNet50V2",
        _HALF,
        _HALF,
        bgr=False,
        blocks=(("conv5_", "post_"), ("conv4_",), ("conv3_",)),
        url=f"{_STORE}resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="fac2f116257151a9d068a22e544a4917",
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
        url=f"{_STORE}mobilenet_v2/"
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        md5=None,
    ),
}


def make_backbone(name: str, side: int) -> keras.Model:
    """Return a frozen backbone without its top, with random weights."""
    import keras

    factory = getattr(keras.applications, BACKBONES[name].factory)
    model = factory(include_top=False, weights=None, input_shape=(side, side, 3), name=LAYER)
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
    backbone = BACKBONES[config.backbone]
    if config.pretrained != "imagenet":
        path = Path(config.pretrained).expanduser()
        if path.is_file():
            return path
        raise DatasetUnavailable(
            f"there is no weights file {path}",
            why="'pretrained' names a file of the backbone without its top, 'imagenet' or 'none'",
            fix=f"place {backbone.file_name} there; {_WITHOUT}",
        )
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    path = home / "models" / backbone.file_name
    if not path.is_file():
        _download(backbone, path)
    elif backbone.md5 is not None:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        if found != backbone.md5:
            raise ChecksumMismatch(
                f"{path} is not the file that Keras pins",
                why=f"its MD5 is {found}, expected {backbone.md5}",
                fix=f"rm {path}   (it is downloaded again); {_WITHOUT}",
            )
    return path


def _download(backbone: Backbone, path: Path) -> None:
    """Download the weights into the cache of Keras."""
    if is_offline():
        raise DatasetUnavailable(
            f"{path.name} is not in the cache, and ZOO_OFFLINE forbids the download",
            why=f"its URL is {backbone.url}",
            fix=_by_hand(path),
        )
    import keras

    from zoo.files import storage_errors

    # Keras falls back to a world-writable folder if its own is missing.
    with storage_errors(path, "downloading"):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            keras.utils.get_file(
                path.name,
                backbone.url,
                file_hash=backbone.md5,
                cache_subdir=path.parent.name,
                cache_dir=str(path.parent.parent),
            )
    except ValueError as error:
        path.unlink(missing_ok=True)
        raise ChecksumMismatch(
            f"{backbone.url} is not the file {path.name} that Keras pins",
            why=" ".join(str(error).split())[:300],
            fix=_by_hand(path),
        ) from error
    except Exception as error:  # Keras raises a bare Exception where a download fails
        path.unlink(missing_ok=True)
        raise DatasetUnavailable(
            f"{path.name} could not be downloaded",
            why=" ".join(str(error).split())[:300],
            fix=_by_hand(path),
        ) from error


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
