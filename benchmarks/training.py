"""The zoo's epochs beside plain ``keras.Model.fit``: same model, same data, same batches, one run.

    scripts/bench training

``fit`` is called as everybody calls it, with arrays and its defaults. Both get the same number of
epochs; the first of each pays for tracing, the others are the steady state. CPU time of all cores.
A ratio above 1 says how many times less the zoo needs.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import zoo
from zoo.config import TrainPlan
from zoo.data.dataset import ArraySplit
from zoo.spec import DataSpec, Task, TensorSpec
from zoo.training.engines import choose_engine
from zoo.training.randomness import epoch_order, seeded

CASES = (
    # name, model, side, examples, batch size
    ("mlp on 8 x 8", "mlp_classifier", 8, 1259, 32),
    ("cnn on 8 x 8", "cnn", 8, 1259, 32),
    ("mlp on 28 x 28", "mlp_classifier", 28, 6000, 128),
    ("cnn on 28 x 28", "cnn", 28, 6000, 128),
)
HELD_OUT = 64


def main() -> None:
    """Run every case and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    epochs = parser.parse_args().epochs
    print(f"{'':16}{'fit, ms an epoch':>18}{'zoo':>8}{'ratio':>8}{'with tracing':>15}")
    worst = float("inf")
    for title, name, side, examples, size in CASES:
        fit = _fit(name, side, examples, size, epochs)
        own = _own(name, side, examples, size, epochs)
        steady = statistics.median(fit[1:]) / statistics.median(own[1:])
        whole = sum(fit) / sum(own)
        worst = min(worst, steady, whole)
        print(
            f"{title:16}{1000 * statistics.median(fit[1:]):18.0f}"
            f"{1000 * statistics.median(own[1:]):8.0f}{steady:8.1f}{whole:15.1f}",
            flush=True,
        )
    print(f"\nsmallest ratio: {worst:.2f} (never slower means at least 1, within noise)")


def _data(side: int, examples: int) -> tuple[DataSpec, np.ndarray, np.ndarray]:
    """Return images of noise: how long a step takes does not depend on what they show."""
    generator = np.random.default_rng(0)
    image = TensorSpec(
        name="image", shape=(side, side, 1), dtype="uint8", range=(0, 255), role="image"
    )
    label = TensorSpec(name="label", dtype="int64", labels=tuple("0123456789"))
    spec = DataSpec(id="noise", task=Task.CLASSIFICATION, inputs=(image,), targets=(label,))
    pixels = generator.integers(0, 256, (examples, side, side, 1)).astype("uint8")
    return spec, pixels, generator.integers(0, 10, examples)


def _fit(name: str, side: int, examples: int, size: int, epochs: int) -> list[float]:
    spec, images, labels = _data(side, examples)
    with seeded(0):
        model = zoo.build(name, data=spec)
        seconds = []
        for _ in range(epochs):
            started = time.process_time()
            model.fit(images, labels, batch_size=size, verbose=0)
            seconds.append(time.process_time() - started)
    return seconds


def _own(name: str, side: int, examples: int, size: int, epochs: int) -> list[float]:
    spec, images, labels = _data(side, examples)
    train = ArraySplit({"image": images}, {"label": labels})
    held = ArraySplit({"image": images[:HELD_OUT]}, {"label": labels[:HELD_OUT]})
    with seeded(0):
        model = zoo.build(name, data=spec)
        plan = TrainPlan(batch_size=size, engine="graph")
        seconds = []
        started = time.process_time()
        engine = choose_engine(model, train, held, plan)
        for epoch in range(1, epochs + 1):
            engine.run_epoch(epoch_order(0, epoch, examples), lambda steps: None)
            seconds.append(time.process_time() - started)
            started = time.process_time()
    return seconds


if __name__ == "__main__":
    main()
