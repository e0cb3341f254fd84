"""An epoch on kept features beside one through the frozen backbone, in one run.

    scripts/bench features [--backbone vgg16] [--side 224] [--examples 48]

Both train the same head from the same start, in the same order, without augmentation: on pictures,
which go through the backbone at every step, and on features, which were computed once. The
backbone has random weights: what an epoch costs does not depend on them, and neither does whether
both ways agree. Costs are processor seconds of an epoch, without what is done once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import zoo
from zoo.layers import compile_classifier
from zoo.metrics.intervals import wilson
from zoo.training.engines import choose_engine
from zoo.training.randomness import epoch_order
from zoo_vgg16_damage.backbones import make_backbone
from zoo_vgg16_damage.feature_cache import NAME, cached_features
from zoo_vgg16_damage.network import FEATURES, head_layers

BAR = 300
EPOCHS = 3
REPEATS = 40
BATCH = 16
OPTIMIZER = zoo.OptimizerConfig(learning_rate=1e-2)


class Told:
    """What the features ask of a training loop."""

    plan = zoo.TrainPlan(seed=0)

    def prepare(self, what: str, steps: int) -> Callable[[int], None]:
        """Say nothing."""
        return lambda done: None


def main() -> None:
    """Run both ways and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="vgg16")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--examples", type=int, default=48)
    chosen = parser.parse_args()
    data = zoo.dataset(
        "aircraft_damage_synthetic",
        examples=chosen.examples,
        validation_examples=2,
        test_examples=2 * chosen.examples,
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["ZOO_CACHE"] = folder
        keras.utils.set_random_seed(0)
        weights = Path(folder) / "random.weights.h5"
        _random(chosen.backbone, chosen.side).save_weights(weights)
        model = zoo.build(
            "vgg16_damage",
            data=data,
            preset="transfer",
            backbone=chosen.backbone,
            image_size=chosen.side,
            pretrained=str(weights),
            augmentation={"flip": False, "shift": 0.0},
            head={"dropout": 0.0},
        )
        _compare(model, data)


def _random(name: str, side: int) -> keras.Model:
    """Return a backbone whose random features do not fade from layer to layer (He et al. 2015)."""
    backbone = make_backbone(name, side)
    for weight in backbone.weights:
        if len(weight.shape) == 4:
            weight.assign(weight * 2**0.5)
    return backbone


def _compare(model: keras.Model, data: Any) -> None:
    started = time.process_time()
    seen = cached_features(model, data, Told())
    once = time.process_time() - started
    head = _head(model, seen.spec.inputs[0].shape)
    start = [np.array(array) for array in head.get_weights()]

    slow = _epochs(model, data, EPOCHS)
    by_pictures = [np.array(array) for array in head.get_weights()]
    head.set_weights(start)
    _epochs(head, seen, EPOCHS)
    by_features = [np.array(array) for array in head.get_weights()]
    apart = max(float(abs(a - b).max()) for a, b in zip(by_pictures, by_features, strict=True))
    fast = _epochs(head, seen, REPEATS)

    tested, true = data.split("test").take(np.arange(len(data.split("test"))))
    seer = keras.Model(model.inputs[0], model.get_layer(FEATURES).output)
    maps = np.concatenate(
        [
            seer.predict_on_batch(tested["image"][at : at + BATCH]).mean((1, 2), keepdims=True)
            for at in range(0, len(true["label"]), BATCH)
        ]
    )
    print(f"{'':22}{'CPU-seconds an epoch':>22}{'accuracy (95 %)':>28}")
    for name, cost, values in (
        ("through the backbone", slow, by_pictures),
        ("on kept features", fast, by_features),
    ):
        head.set_weights(values)
        right = int((head.predict(maps, verbose=0).argmax(1) == true["label"]).sum())
        low, high = wilson(right, len(maps))
        print(f"{name:22}{cost:22.4f}{right / len(maps):14.3f} ({low:.3f} to {high:.3f})")
    ratio = slow / fast
    note = "" if ratio >= BAR else f"  BELOW THE BAR OF {BAR}"
    print(f"\n{ratio:.0f} times cheaper{note}; computed once for {once:.1f} CPU-seconds")
    moved = max(float(abs(a - b).max()) for a, b in zip(by_features, start, strict=True))
    print(
        f"after {EPOCHS} epochs the weights differ by {apart:.1e} at most, and have moved by "
        f"{moved:.1e}"
    )


def _head(model: keras.Model, shape: Any) -> keras.Model:
    """Return the model's own head, on features."""
    features = keras.Input(shape, name=NAME)
    x: Any = features
    for layer in head_layers(model):
        x = layer(x)
    return keras.Model(features, x)


def _epochs(model: keras.Model, data: Any, count: int) -> float:
    """Train as the zoo does, and return the median cost of an epoch but the first, which traces."""
    compile_classifier(model, OPTIMIZER)
    train = data.split("train")
    plan = zoo.TrainPlan(batch_size=BATCH)
    engine = choose_engine(model, train, data.split("validation"), plan)
    costs = []
    for number in range(count):
        order = epoch_order(0, number + 1, len(train))
        started = time.process_time()
        engine.run_epoch(order, lambda steps: None)
        costs.append(time.process_time() - started)
    return float(np.median(costs[1:]))


if __name__ == "__main__":
    main()
