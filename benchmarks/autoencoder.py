"""The autoencoder beside principal components with codes of the same size, in one run.

    scripts/bench autoencoder [--mnist PATH/mnist.npz]

Compression: the published weights on the test images of digits and of MNIST; the components are
fitted on the training images. Below 0.5 the autoencoder leaves less than half the error.

Repair: trained on digits with each kind of noise, and measured on test images that were damaged in
the same way; beside it what principal components make of the same damaged images, and what a
median filter over 3 x 3 pixels does.

Unknown classes: trained on digits without one of the classes, once for each; how well the error
tells test images of that class from the others.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.errors import DatasetUnavailable
from zoo.metrics.corruptions import Corruption
from zoo.metrics.pca import fit_pca
from zoo.metrics.reconstruction import psnr

NOISE = (("gaussian", 0.3), ("salt_and_pepper", 0.3), ("masking", 0.3))
BAR = 0.5


def main() -> None:
    """Run the three comparisons and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="a local mnist.npz instead of a download")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    _compression(chosen.mnist)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        _repair(Path(folder), chosen.seed)
        _unknown(Path(folder), chosen.seed)


def _compression(mnist: Path | None) -> None:
    print(f"{'compression':14}{'code':>6}{'squared error':>16}{'PCA':>9}{'ratio (95 %)':>24}")
    for name, options in (("digits", {}), ("mnist", {"file": str(mnist)} if mnist else {})):
        try:
            data = zoo.dataset(name, **options)
            data.split("test")
        except DatasetUnavailable as error:
            print(f"{name:14} left out: {error.what}")
            continue
        model = zoo.build("autoencoder", weights=name)
        scores = zoo.evaluate(model, data).scores
        ratio = scores["mse_to_pca"]
        print(
            f"{name:14}{model.get_layer('decoder').input_shape[-1]:6}{scores['mse'].value:16.5f}"
            f"{scores['mse_pca'].value:9.5f}"
            f"{ratio.value:10.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
            f"{'' if ratio.value <= BAR else '  ABOVE THE BAR OF 0.5'}",
            flush=True,
        )


def _repair(folder: Path, seed: int) -> None:
    print(f"\n{'repair, dB':18}{'damaged':>9}{'autoencoder':>13}{'PCA':>7}{'median':>8}")
    for kind, amount in NOISE:
        run = _train(folder / kind, seed, noise={"kind": kind, "amount": amount})
        scores = zoo.evaluate(run).scores
        clean, worse = _damaged(run, Corruption(kind, amount))
        train, _ = run.dataset().split("train").arrays()
        pca = fit_pca([_scaled(train["image"])], run.config.code_size)
        back = np.clip(pca.reconstruct(worse.reshape(len(worse), -1)), 0, 1)
        print(
            f"{kind:18}{scores['psnr_corrupted'].value:9.1f}{scores['psnr_denoised'].value:13.1f}"
            f"{_psnr(clean, back):7.1f}{_psnr(clean, _median(worse)):8.1f}",
            flush=True,
        )


def _unknown(folder: Path, seed: int) -> None:
    print(f"\n{'unknown class':14}{'ROC area (95 %)':>24}{'PCA':>8}")
    found = []
    for label in zoo.dataset("digits").spec.labels:
        run = _train(folder / label, seed, held_out=[label])
        scores = zoo.evaluate(run).scores
        area = scores["held_out_auc"]
        pair = area.value, scores["held_out_auc_pca"].value
        found.append(pair)
        between = f"({area.low:.3f} to {area.high:.3f})" if area.low is not None else ""
        print(f"{label:14}{area.value:7.3f} {between:16}{pair[1]:8.3f}", flush=True)
    means = [statistics.mean(column) for column in zip(*found, strict=True)]
    print(f"{'mean':14}{means[0]:7.3f} {'':16}{means[1]:8.3f}")


def _train(folder: Path, seed: int, **config: Any) -> zoo.Run:
    return zoo.train(
        "autoencoder", data_options={"split_seed": seed}, seed=seed, run_dir=folder, **config
    )


def _damaged(run: zoo.Run, corruption: Corruption) -> tuple[np.ndarray, np.ndarray]:
    """Return the test images as intensities, and the very same damage as the evaluation's."""
    inputs, _ = run.dataset().split("test").arrays()
    image = inputs["image"]
    worse = corruption(image, np.arange(len(image)), 0.0, 255.0)
    return _scaled(image).reshape(image.shape), _scaled(worse).reshape(image.shape)


def _scaled(image: np.ndarray) -> np.ndarray:
    return image.reshape(len(image), -1) / 255.0


def _median(images: np.ndarray) -> np.ndarray:
    """Return each pixel's median over 3 x 3 pixels; the edge is repeated outwards."""
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    around = [wide[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.median(np.stack(around), axis=0)


def _psnr(clean: np.ndarray, given: np.ndarray) -> float:
    apart = (clean.reshape(len(clean), -1) - given.reshape(len(clean), -1)) ** 2
    return float(psnr(apart.mean(axis=1)).mean())


if __name__ == "__main__":
    main()
