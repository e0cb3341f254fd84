"""Features of a frozen backbone, computed once per view and cached on disk.

An entry is a folder ``features/<key>`` below the zoo's cache with the features, the labels, and the
SHA-256 of both. It appears whole or not at all. The total size of the entries is limited by
``ZOO_FEATURES_GB`` (8); the least recently used are removed first. Importing this module imports
keras.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, Split, TensorSpec, TrainLoop
from zoo.environment import cache_dir
from zoo.errors import ConfigError, StorageError
from zoo.files import sha256_file, sha256_json, staged_folder, write_json
from zoo.spec import Dataset, SplitName
from zoo_vgg16_damage.backbones import LAYER
from zoo_vgg16_damage.config import VGG16DamageConfig
from zoo_vgg16_damage.network import FEATURES

if TYPE_CHECKING:
    from zoo_vgg16_damage.config import HeadConfig

NAME = "features"

_BATCH = 32
_VERSION = 1
_MEMORY = 1 << 30
"""Bytes of features above which they are read from disk as they are used."""

SIZE_LIMIT = "ZOO_FEATURES_GB"
"""Environment variable with the size limit of all entries, gigabytes."""

_DEFAULT_LIMIT = 8.0
_FEATURES = "features.npy"
_LABELS = "labels.npy"
_DIGESTS = "sha256.json"
_STALE = 24 * 3600.0

Fill = Callable[[NDArray[np.float32], NDArray[np.int64]], None]
"""Function that writes features and labels into given arrays."""


def folder() -> Path:
    """Return the folder of the entries."""
    return cache_dir() / "features"


def size_limit() -> int:
    """Return the size limit of all entries, bytes.

    Raises:
        ConfigError: If the variable is not a number above 0.
    """
    text = os.environ.get(SIZE_LIMIT, "").strip() or str(_DEFAULT_LIMIT)
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = math.nan
    if not 0 < gigabytes < math.inf:
        raise ConfigError(
            f"{SIZE_LIMIT} is invalid",
            findings=[zoo.Finding(SIZE_LIMIT, text, "gigabytes, a number above 0")],
            fix=f"unset {SIZE_LIMIT}",
        )
    return int(gigabytes * 1e9)


def check_size(size: int) -> None:
    """Check that features fit within the limit, before they are computed.

    Args:
        size: Size of all features of a training run, bytes.

    Raises:
        ConfigError: If it exceeds the limit.
    """
    if size > size_limit():
        raise ConfigError(
            f"the features of this training take {size / 1e9:.1f} GB",
            why=f"the cache is limited to {size_limit() / 1e9:g} GB",
            fix="--set views=1, --set head.pooling=average, or "
            f"{SIZE_LIMIT}={math.ceil(size / 1e9)}",
        )


def find_or_make(
    key: str, shape: tuple[int, ...], fill: Fill, *, in_use: Collection[str] = ()
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return cached features, computed if they are missing or damaged.

    Args:
        key: SHA-256 of everything that they depend on.
        shape: Shape of the features, examples first.
        fill: Function that computes them.
        in_use: Keys that must not be removed.

    Returns:
        Features, memory-mapped, and labels.

    Raises:
        StorageError: If they cannot be written.
    """
    path = folder() / key
    entry = _open_entry(path, shape)
    if entry is not None:
        return entry
    _evict(4 * math.prod(shape), keep={key, *in_use})
    # If another process made the same entry meanwhile, its is used.
    with contextlib.suppress(_EntryExists), _stage(path) as stage:
        features: Any = np.lib.format.open_memmap(
            stage / _FEATURES, mode="w+", dtype="float32", shape=shape
        )
        labels = np.zeros(shape[0], "int64")
        fill(features, labels)
        features.flush()
        del features
        np.save(stage / _LABELS, labels)
        names = (_FEATURES, _LABELS)
        write_json(stage / _DIGESTS, {name: sha256_file(stage / name) for name in names})
    entry = _open_entry(path, shape)
    if entry is None:
        raise StorageError(
            f"{path} is not what was written",
            why="its hash does not match",
            fix=f"rm -r {path}",
        )
    return entry


class _EntryExists(Exception):
    """Another process has made the entry."""


@contextlib.contextmanager
def _stage(path: Path) -> Any:
    if path.exists():
        shutil.rmtree(path)
    try:
        with staged_folder(path) as stage:
            yield stage
    except OSError as error:
        # Renaming a folder onto an existing one fails.
        if path.exists():
            raise _EntryExists from error
        raise


def _open_entry(
    path: Path, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """Return an intact entry, and update its time of use."""
    try:
        digests = json.loads((path / _DIGESTS).read_text("utf-8"))
        if any(sha256_file(path / name) != digests[name] for name in (_FEATURES, _LABELS)):
            return None
        features = np.load(path / _FEATURES, mmap_mode="r", allow_pickle=False)
        labels = np.load(path / _LABELS, allow_pickle=False)
        if features.shape != shape or len(labels) != shape[0]:
            return None
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return features, labels


def _evict(size: int, *, keep: Collection[str]) -> None:
    """Remove the least recently used entries until ``size`` more bytes fit within the limit."""
    entries = []
    for path in folder().glob("*") if folder().is_dir() else ():
        with contextlib.suppress(OSError):
            if path.name.startswith("."):
                if time.time() - path.stat().st_mtime > _STALE:
                    shutil.rmtree(path, ignore_errors=True)
                continue
            taken = sum(file.stat().st_size for file in path.iterdir())
            entries.append((path.stat().st_mtime, taken, path))
    total = sum(taken for _, taken, _ in entries) + size
    for _, taken, path in sorted(entries):
        if total <= size_limit():
            break
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
            total -= taken


class FeatureSplit:
    """Features of a split's examples in one or more views, one view after the other.

    Args:
        views: Features and labels of each view.
        target: Name of the target.
    """

    def __init__(self, views: Sequence[tuple[NDArray[Any], NDArray[Any]]], target: str) -> None:
        self._views, self._target = list(views), target
        self._count = len(views[0][1])

    def __len__(self) -> int:
        return self._count * len(self._views)

    def take(self, indices: NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the features and labels at these positions."""
        positions = np.arange(len(self))[np.asarray(indices)]
        view, row = positions // self._count, positions % self._count
        shape = self._views[0][0].shape[1:]
        features = np.empty((len(positions), *shape), "float32")
        for number in np.unique(view):
            rows = view == number
            features[rows] = self._views[number][0][row[rows]]
        return {NAME: features}, {self._target: self._views[0][1][row]}

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once; ``None`` above a gigabyte."""
        size = sum(features.nbytes for features, _ in self._views)
        if size > _MEMORY:
            return None
        return self.take(np.arange(len(self)))


def cached_features(model: keras.Model, dataset: Dataset, loop: TrainLoop) -> zoo.DatasetView:
    """Return a dataset of the features of a frozen backbone.

    The training split has the original view and, with augmentation, further ones, each with its
    own seed; the validation split has the original view.

    Args:
        model: A model with a pretrained backbone.
        dataset: Images.
        loop: The training loop, for its seed and progress.

    Raises:
        ConfigError: If the features exceed the size limit of the cache.
        StorageError: If they cannot be written.
    """
    config: VGG16DamageConfig = model.blueprint.config
    views = config.views if _is_augmented(config) else 1
    extractor = _feature_extractor(model, config.head)
    shape = tuple(int(size) for size in extractor.output.shape[1:])
    counts: dict[SplitName, int] = {"train": views, "validation": 1}
    splits = {name: dataset.split(name) for name in counts}
    value = 4 * math.prod(shape)
    check_size(sum(value * len(splits[name]) * counts[name] for name in counts))
    content = _key_content(model, config)
    keys: dict[tuple[SplitName, int], str] = {
        (name, view): sha256_json(
            {
                **content,
                "data": dataset.fingerprint,
                "input": dataset.spec.inputs[0].model_dump(mode="json"),
                "split": name,
                "view": view and [view, loop.plan.seed, config.augmentation.model_dump()],
            }
        )
        for name, count in counts.items()
        for view in range(count)
    }
    steps = sum(math.ceil(len(splits[name]) / _BATCH) * counts[name] for name in counts)
    advance = loop.prepare("features", steps)
    target = _target(dataset.spec)
    feature_splits: dict[SplitName, FeatureSplit] = {}
    for name, split in splits.items():
        entries = []
        for view in range(counts[name]):
            fill = _fill_view(model, extractor, split, dataset.spec, view, loop.plan.seed, advance)
            key = keys[name, view]
            entry = find_or_make(key, (len(split), *shape), fill, in_use=keys.values())
            entries.append(entry)
        feature_splits[name] = FeatureSplit(entries, target.name)
    spec = DataSpec(
        id=dataset.spec.id,
        task=dataset.spec.task,
        inputs=(TensorSpec(name=NAME, shape=shape),),
        targets=dataset.spec.targets,
    )
    return zoo.DatasetView(dataset, lambda name, _: feature_splits[name], spec)


def _feature_extractor(model: keras.Model, head: HeadConfig) -> keras.Model:
    """Return the model from raw pixels to features; averaged if the head only averages them.

    The head then averages one position, which is itself.
    """
    features = model.get_layer(FEATURES).output
    if head.pooling == "average":
        features = keras.ops.mean(features, axis=(1, 2), keepdims=True)
    return keras.Model(model.inputs[0], features)


def _fill_view(
    model: keras.Model,
    extractor: keras.Model,
    split: Split,
    data: DataSpec,
    view: int,
    seed: int,
    advance: Callable[[int], None],
) -> Fill:
    """Return the function that computes one view of a split."""
    name, target = data.inputs[0].name, _target(data).name

    def fill(features: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        augment_images = _augmenter(model, view, seed) if view else None
        for start in range(0, len(split), _BATCH):
            # Batches of one size: Keras traces a graph for every other.
            rows = np.minimum(np.arange(start, start + _BATCH), len(split) - 1)
            inputs, targets = split.take(rows)
            pixels = inputs[name]
            if augment_images is not None:
                pixels = augment_images(pixels)
            end = min(start + _BATCH, len(split))
            features[start:end] = extractor.predict_on_batch(pixels)[: end - start]
            labels[start:end] = np.asarray(targets[target]).reshape(-1)[: end - start]
            advance(1)

    return fill


def _augmenter(model: keras.Model, view: int, seed: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return a random augmentation function with a seed of its own."""
    from zoo.layers import augment

    config, spec = model.blueprint.config, model.blueprint.data.inputs[0]
    image = keras.Input(spec.shape, dtype="float32")
    augmenter = keras.Model(image, augment(image, config.augmentation))
    for number, layer in enumerate(augmenter.layers):
        generator = getattr(layer, "generator", None)
        if isinstance(generator, keras.random.SeedGenerator):
            state = np.random.SeedSequence([seed, view, number]).generate_state(2, "uint32")
            generator.state.assign(state)
    low, high = spec.range or (0.0, 255.0)

    def augment_images(pixels: NDArray[Any]) -> NDArray[Any]:
        augmented = augmenter(pixels.astype("float32"), training=True)
        clipped = np.clip(keras.ops.convert_to_numpy(augmented), low, high)
        # Rounded, so that a view has the type of an image.
        view: NDArray[Any] = np.rint(clipped) if spec.dtype == "uint8" else clipped
        return view.astype(spec.dtype)

    return augment_images


def _key_content(model: keras.Model, config: VGG16DamageConfig) -> dict[str, Any]:
    """Return everything that features depend on besides the images."""
    import hashlib

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
    }


def _is_augmented(config: VGG16DamageConfig) -> bool:
    return any(config.augmentation.model_dump().values())


def _target(data: DataSpec) -> TensorSpec:
    return next(tensor for tensor in data.targets if tensor.labels is not None)
