"""Features of a frozen backbone, computed once per view of an image and cached on disk.

Each view of a split is a file ``features/<key>.npz`` below the zoo's cache, where the key is a hash
of everything that its features depend on. Importing this module imports keras.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import DataSpec, TensorSpec, TrainLoop
from zoo.data import ArraySplit
from zoo.environment import cache_dir
from zoo.errors import ConfigError
from zoo.files import atomic_write, sha256_json
from zoo.spec import Dataset, SplitName
from zoo_vgg16_damage.backbones import LAYER
from zoo_vgg16_damage.config import HeadConfig, VGG16DamageConfig
from zoo_vgg16_damage.examples import BATCH, label_name, labeled_batches
from zoo_vgg16_damage.network import FEATURES

NAME = "features"
"""Name of the features and of their folder."""

MAX_BYTES = 4_000_000_000
"""Size limit of the features of one training, which are held in memory."""

MAX_CACHE_BYTES = 8_000_000_000
"""Size limit of the cache; the least recently used files are removed first."""

_VERSION = 2


def cached_features(model: keras.Model, dataset: Dataset, loop: TrainLoop) -> zoo.DatasetView:
    """Return a dataset of the features of a frozen backbone.

    The training split has the original view and, with augmentation, further ones, each with its
    own seed; the validation split has the original view.

    Args:
        model: A model with a pretrained backbone.
        dataset: Images.
        loop: The training loop, for its seed and progress.

    Raises:
        ConfigError: If the features exceed the size limit.
        StorageError: If they cannot be written.
    """
    config: VGG16DamageConfig = model.blueprint.config
    is_augmented = any(config.augmentation.model_dump().values())
    views: dict[SplitName, int] = {"train": config.views if is_augmented else 1, "validation": 1}
    splits = {name: dataset.split(name) for name in views}
    extractor = _feature_extractor(model, config.head)
    shape = tuple(int(size) for size in extractor.output.shape[1:])
    _check_size(4 * math.prod(shape) * sum(len(splits[name]) * views[name] for name in views))
    steps = sum(math.ceil(len(splits[name]) / BATCH) * views[name] for name in views)
    advance = loop.prepare("features", steps)
    content = _key_content(model, dataset)
    cached: dict[SplitName, ArraySplit] = {}
    for name, split in splits.items():
        features = np.empty((views[name], len(split), *shape), "float32")
        labels = np.empty((views[name], len(split)), "int64")
        for view in range(views[name]):
            augmented = view and [view, loop.plan.seed, config.augmentation.model_dump()]
            key = sha256_json({**content, "split": name, "view": augmented})
            path = folder() / f"{key}.npz"
            if _load(path, features[view], labels[view]):
                continue
            augment_images = _augmenter(model, view, loop.plan.seed)
            for rows, images, classes in labeled_batches(split, dataset.spec):
                seen = extractor.predict_on_batch(augment_images(images))
                features[view, rows] = seen[: len(classes)]
                labels[view, rows] = classes
                advance(1)
            _save(path, features[view], labels[view])
        cached[name] = ArraySplit(
            {NAME: features.reshape(-1, *shape)},
            {label_name(dataset.spec): labels.reshape(-1)},
        )
    spec = DataSpec(
        id=dataset.spec.id,
        task=dataset.spec.task,
        inputs=(TensorSpec(name=NAME, shape=shape),),
        targets=dataset.spec.targets,
    )
    return zoo.DatasetView(dataset, lambda name, _: cached[name], spec)


def folder() -> Path:
    """Return the folder of the cache."""
    return cache_dir() / NAME


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ConfigError(
            f"the features of this training take {size / 1e9:.1f} GB",
            why=f"they are held in memory, at most {MAX_BYTES / 1e9:g} GB",
            fix="--set views=1, or --set head.pooling=average",
        )


def _load(path: Path, features: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Read a file into arrays; return whether it is there and intact."""
    try:
        # The archive has a checksum of each array.
        with np.load(path, allow_pickle=False) as file:
            found = file["features"], file["labels"]
        if found[0].shape != features.shape or found[1].shape != labels.shape:
            return False
        features[:], labels[:] = found
        os.utime(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return False
    return True


def _save(path: Path, features: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
    _remove_old_files(features.nbytes)
    atomic_write(path, lambda file: np.savez(file, features=features, labels=labels))


def _remove_old_files(size: int) -> None:
    """Remove the least recently used files until ``size`` more bytes fit within the limit."""
    files = []
    for path in folder().glob("*.npz"):
        with contextlib.suppress(OSError):
            status = path.stat()
            files.append((status.st_mtime, status.st_size, path))
    total = sum(taken for _, taken, _ in files) + size
    for _, taken, path in sorted(files):
        if total <= MAX_CACHE_BYTES:
            break
        path.unlink(missing_ok=True)
        total -= taken


def _feature_extractor(model: keras.Model, head: HeadConfig) -> keras.Model:
    """Return the model from raw pixels to features; averaged if the head only averages them.

    The head then averages one position, which is itself.
    """
    features = model.get_layer(FEATURES).output
    if head.pooling == "average":
        features = keras.ops.mean(features, axis=(1, 2), keepdims=True)
    return keras.Model(model.inputs[0], features)


def _augmenter(model: keras.Model, view: int, seed: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return the augmentation of a view, with a seed of its own; the first view is the original."""
    from zoo.layers import augment

    config, spec = model.blueprint.config, model.blueprint.data.inputs[0]
    if view == 0:
        return lambda images: images
    image = keras.Input(spec.shape, dtype="float32")
    augmenter = keras.Model(image, augment(image, config.augmentation))
    for number, layer in enumerate(augmenter.layers):
        generator = getattr(layer, "generator", None)
        if isinstance(generator, keras.random.SeedGenerator):
            state = np.random.SeedSequence([seed, view, number]).generate_state(2, "uint32")
            generator.state.assign(state)
    low, high = spec.range or (0.0, 255.0)

    def augment_images(images: NDArray[Any]) -> NDArray[Any]:
        augmented = augmenter(images.astype("float32"), training=True)
        clipped = np.clip(keras.ops.convert_to_numpy(augmented), low, high)
        # Rounded, so that a view has the type of an image.
        view: NDArray[Any] = np.rint(clipped) if spec.dtype == "uint8" else clipped
        return view.astype(spec.dtype)

    return augment_images


def _key_content(model: keras.Model, dataset: Dataset) -> dict[str, Any]:
    """Return everything that features depend on besides the split and the view."""
    config: VGG16DamageConfig = model.blueprint.config
    digest = hashlib.sha256()
    for array in model.get_layer(LAYER).get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "version": _VERSION,
        "backbone": config.backbone,
        "weights": digest.hexdigest(),
        "image_size": config.image_size,
        "pooling": config.head.pooling,
        "keras": keras.__version__,
        "data": dataset.fingerprint,
        "input": dataset.spec.inputs[0].model_dump(mode="json"),
    }
