"""Pictures as a frozen backbone sees them: computed once for a view, and learned from many times.

Importing this module imports keras.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

import zoo
from zoo import Arrays, DataSpec, Split, TensorSpec, TrainLoop
from zoo.files import sha256_json
from zoo.spec import Dataset, SplitName
from zoo_vgg16_damage import cache
from zoo_vgg16_damage.backbones import LAYER
from zoo_vgg16_damage.config import VGG16DamageConfig
from zoo_vgg16_damage.head import FEATURES

if TYPE_CHECKING:
    from zoo_vgg16_damage.config import HeadConfig

NAME = "features"

_BATCH = 32
_VERSION = 1
_MEMORY = 1 << 30
"""Bytes of features above which they are read from the disk as they are used."""


class FeatureSplit:
    """The features of a split's examples in one or more views, one view behind the other.

    Args:
        views: Features of each view, and the classes.
        target: The name of the classes.
        kept: Whether ``arrays`` may bring everything into memory.
    """

    def __init__(
        self,
        views: Sequence[tuple[NDArray[Any], NDArray[Any]]],
        target: str,
        *,
        kept: bool = True,
    ) -> None:
        self._views, self._target, self._kept = list(views), target, kept
        self._count = len(views[0][1])

    def __len__(self) -> int:
        return self._count * len(self._views)

    def take(self, indices: NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the features and the classes at these positions."""
        places = np.arange(len(self))[np.asarray(indices)]
        view, row = places // self._count, places % self._count
        shape = self._views[0][0].shape[1:]
        found = np.empty((len(places), *shape), "float32")
        for number in np.unique(view):
            mine = view == number
            found[mine] = self._views[number][0][row[mine]]
        return {NAME: found}, {self._target: self._views[0][1][row]}

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once, or ``None`` above a gigabyte."""
        size = sum(features.nbytes for features, _ in self._views)
        if not self._kept or size > _MEMORY:
            return None
        return self.take(np.arange(len(self)))


def featured(model: keras.Model, dataset: Dataset, loop: TrainLoop) -> zoo.DatasetView:
    """Return a dataset as the frozen backbone of a model sees it.

    Of the training split there is the plain view, and with augmentation further ones, each
    changed by its own seed; of the validation split the plain one.

    Args:
        model: A whole model.
        dataset: Pictures.
        loop: Whose plan has the seed, and who is told how far it is.

    Raises:
        ConfigError: If the features need more room on disk than is allowed.
        StorageError: If they cannot be written.
    """
    config: VGG16DamageConfig = model.blueprint.config
    views = config.views if _is_augmented(config) else 1
    plain = _seer(model, config.head)
    shape = tuple(int(size) for size in plain.output.shape[1:])
    counts: dict[SplitName, int] = {"train": views, "validation": 1}
    splits = {name: dataset.split(name) for name in counts}
    value = 4 * math.prod(shape)
    cache.check_room(sum(value * len(splits[name]) * counts[name] for name in counts))
    content = _content_of(model, config)
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
    made: dict[SplitName, FeatureSplit] = {}
    for name, split in splits.items():
        found = []
        for view in range(counts[name]):
            fill = _filler(model, plain, split, dataset.spec, view, loop.plan.seed, advance)
            key = keys[name, view]
            entry = cache.find_or_make(key, (len(split), *shape), fill, in_use=keys.values())
            found.append(entry)
        made[name] = FeatureSplit(found, target.name)
    spec = DataSpec(
        id=dataset.spec.id,
        task=dataset.spec.task,
        inputs=(TensorSpec(name=NAME, shape=shape),),
        targets=dataset.spec.targets,
    )
    return zoo.DatasetView(dataset, lambda name, _: made[name], spec)


def _seer(model: keras.Model, head: HeadConfig) -> keras.Model:
    """Return what makes features of raw pixels: a map, or its mean where that is all they are for.

    The head begins with that mean, and the mean of one place is itself.
    """
    features = model.get_layer(FEATURES).output
    if head.pooling == "average":
        features = keras.ops.mean(features, axis=(1, 2), keepdims=True)
    return keras.Model(model.inputs[0], features)


def _filler(
    model: keras.Model,
    plain: keras.Model,
    split: Split,
    data: DataSpec,
    view: int,
    seed: int,
    advance: Callable[[int], None],
) -> cache.Fill:
    """Return what computes one view of a split."""
    name, target = data.inputs[0].name, _target(data).name

    def fill(features: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        change = _changer(model, view, seed) if view else None
        for start in range(0, len(split), _BATCH):
            # One size for all batches: a graph is traced anew for every other.
            rows = np.minimum(np.arange(start, start + _BATCH), len(split) - 1)
            inputs, targets = split.take(rows)
            pixels = inputs[name]
            if change is not None:
                pixels = change(pixels)
            end = min(start + _BATCH, len(split))
            features[start:end] = plain.predict_on_batch(pixels)[: end - start]
            labels[start:end] = np.asarray(targets[target]).reshape(-1)[: end - start]
            advance(1)

    return fill


def _changer(model: keras.Model, view: int, seed: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return what changes pictures at random, by its own seed and by nothing that came before."""
    from zoo.layers import augment

    config, spec = model.blueprint.config, model.blueprint.data.inputs[0]
    image = keras.Input(spec.shape, dtype="float32")
    changer = keras.Model(image, augment(image, config.augmentation))
    for number, layer in enumerate(changer.layers):
        generator = getattr(layer, "generator", None)
        if isinstance(generator, keras.random.SeedGenerator):
            own = np.random.SeedSequence([seed, view, number]).generate_state(2, "uint32")
            generator.state.assign(own)
    low, high = spec.range or (0.0, 255.0)

    def change(pixels: NDArray[Any]) -> NDArray[Any]:
        changed = keras.ops.convert_to_numpy(changer(pixels.astype("float32"), training=True))
        kept = np.clip(changed, low, high)
        # Whole numbers again: a view is a picture like any other.
        whole: NDArray[Any] = np.rint(kept) if spec.dtype == "uint8" else kept
        return whole.astype(spec.dtype)

    return change


def _content_of(model: keras.Model, config: VGG16DamageConfig) -> dict[str, Any]:
    """Return what features depend on besides the pictures."""
    import hashlib

    digest = hashlib.sha256()
    for array in model.get_layer(LAYER).get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return {
        "version": _VERSION,
        "backbone": config.backbone,
        "weights": digest.hexdigest(),
        "side": config.side,
        "pooling": config.head.pooling,
        "keras": keras.__version__,
    }


def _is_augmented(config: VGG16DamageConfig) -> bool:
    return any(config.augmentation.model_dump().values())


def _target(data: DataSpec) -> TensorSpec:
    return next(tensor for tensor in data.targets if tensor.labels is not None)


__all__ = ["NAME", "FeatureSplit", "featured"]
