"""The classifier of damage beside simpler methods, and where it looks beside where damage is.

    scripts/bench damage [--seed 0]

On the drawn pictures: the published weights, a small convolutional network, logistic regression
on a color histogram and on the pixels, and the most frequent class. Then the pointing game (Zhang
et al. 2016, arXiv:1608.00507): how often the middle of the evidence is inside the damage's box,
exactly and within one cell of the map; beside it how often a place at random would be.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

import zoo
from zoo.metrics.intervals import wilson
from zoo.metrics.saliency import bounding_box, centroid, heatmap

DATA = "aircraft_damage_synthetic"
BAR = 0.95


def main() -> None:
    """Run the comparison and the game, and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    data = zoo.dataset(DATA)
    model = zoo.build("vgg16_damage", weights=DATA)
    scores = zoo.evaluate(model).scores
    print(f"{'':28}{'accuracy (95 %)':>26}")
    said = ("accuracy", "histogram_accuracy", "majority_accuracy")
    for name, title in zip(said, ("vgg16_damage", "color histogram", "most frequent"), strict=True):
        _line(title, scores[name].value, scores[name].low, scores[name].high)
    if scores["accuracy"].value < BAR:
        print(f"BELOW THE BAR OF {BAR}")
    _pixels(data)
    _network(chosen.seed)
    _game(model, data)


def _pixels(data: Any) -> None:
    """Measure logistic regression on the pixels, a third of them a side."""
    known, asked = (data.split(name).arrays() for name in ("train", "test"))
    flat = [
        part[0]["image"][:, ::3, ::3].reshape(len(part[1]["label"]), -1) / 255
        for part in (known, asked)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = LogisticRegression(C=1e-2, max_iter=300).fit(flat[0], known[1]["label"])
    right = int((fitted.predict(flat[1]) == asked[1]["label"]).sum())
    _line("pixels, linear", right / len(flat[1]), *wilson(right, len(flat[1])))


def _network(seed: int) -> None:
    """Measure three convolutions and an average, trained for ten epochs."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        run = zoo.train(
            "cnn",
            DATA,
            run_dir=Path(folder) / "cnn",
            epochs=10,
            batch_size=32,
            seed=seed,
            filters=[[16], [32], [32]],
            stem_kernel_size=3,
            head="average",
            augmentation={"rotation": 0, "shift": 0.05, "zoom": 0, "shear": 0, "flip": True},
        )
        score = zoo.evaluate(run).scores["accuracy"]
        _line("small network, 10 epochs", score.value, score.low, score.high)


def _game(model: Any, data: Any) -> None:
    split = data.split("test")
    everyone = np.arange(len(split))
    inputs, _ = split.take(everyone)
    truth = split.truth(everyone)
    side = inputs["image"].shape[1]
    predicted = zoo.predict(model, inputs).probabilities.argmax(1)
    evidence = zoo.predict(model, inputs, signature="saliency").outputs["evidence"]
    cell = side / evidence.shape[1]
    exact = near = 0
    overlaps = []
    for one, index, true in zip(evidence, predicted, truth, strict=True):
        warm = heatmap(one, int(index))
        place, frame = centroid(warm), bounding_box(warm)
        if place is None or frame is None:
            overlaps.append(0.0)
            continue
        x, y = place[0] * side, place[1] * side
        left, top, right, bottom = true.box
        exact += left <= x <= right and top <= y <= bottom
        near += left - cell <= x <= right + cell and top - cell <= y <= bottom + cell
        overlaps.append(_overlap(true.box, [side * part for part in astuple(frame)]))
    areas = [(b[2] - b[0]) * (b[3] - b[1]) / side**2 for b in (true.box for true in truth)]
    print(f"\n{'pointing game':28}{'hits (95 %)':>26}")
    _line("inside the box", exact / len(truth), *wilson(exact, len(truth)))
    _line("within a cell of it", near / len(truth), *wilson(near, len(truth)))
    _line("a place at random", float(np.mean(areas)), None, None)
    print()
    _line("overlap of frame and box", float(np.mean(overlaps)), None, None)


def _overlap(one: Any, other: Any) -> float:
    """Return what two boxes share, as a part of what both cover."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0) * max(tall, 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return float(shared / (sum(areas) - shared))


def _line(title: str, value: float, low: float | None, high: float | None) -> None:
    between = "" if low is None else f" ({low:.3f} to {high:.3f})"
    print(f"{title:28}{value:8.3f}{between}", flush=True)


if __name__ == "__main__":
    main()
