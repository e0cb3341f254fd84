"""Comparison of the RBM with scikit-learn's, and of each of its uses with a simpler method.

    scripts/bench rbm [--seeds N]

Likelihood: both learn the same digits, binarized at one half, with as many hidden units, epochs and
examples per batch. scikit-learn's learning rate is the best of a few on the validation examples;
ours is that of the default configuration. log Z of both is estimated by the same code; "passed" is
the first epoch whose validation likelihood is better than that of scikit-learn's last. An epoch is
timed as CPU seconds of the whole process, without what either reports beside it, in turns. The
number of threads matters much: OMP_NUM_THREADS=1 before the command gives one to each.

Uses: default configuration, each seed with its own split; test examples. The minority class is the
digit 8: all but 20 of its training examples are left out, and an RBM with classes oversamples it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.data import ArraySplit, Dataset
from zoo.training.engines import choose_engine
from zoo_rbm.baselines import LinearClassifier
from zoo_rbm.config import LikelihoodConfig
from zoo_rbm.energy import Energy
from zoo_rbm.partition_function import log_partition
from zoo_rbm.preprocessing import training_inputs
from zoo_rbm.trained_rbm import TrainedRBM

HIDDEN, EPOCHS, BATCH = 128, 100, 50
RATES = (0.01, 0.03, 0.1, 0.3)
TIMED = ((10, 256), (50, 128), (100, 256))
MINORITY, KEPT = 8, 20
LIKELIHOOD = LikelihoodConfig(runs=200, steps=5_000)


def main() -> None:
    """Run the comparisons and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        _likelihood_score(Path(folder), chosen.seeds)
        _cost()
        _uses(Path(folder), chosen.seeds)
        _rare(Path(folder), chosen.seeds)


def _likelihood_score(folder: Path, seeds: int) -> None:
    print(
        f"{'log-likelihood, nats':22}{'rbm':>9}{'scikit-learn':>14}{'rate':>7}{'passed':>8}"
        f"{'independent':>13}"
    )
    for seed in range(seeds):
        run = zoo.train(
            "rbm",
            data_options={"split_seed": seed},
            seed=seed,
            run_dir=folder / f"likelihood-{seed}",
            binarize="threshold",
        )
        parts = {name: _binary(run.dataset(), name) for name in ("train", "validation", "test")}
        layer = run.model.get_layer("rbm")
        log_z = log_partition(layer.energy, layer.base, LIKELIHOOD, steps=LIKELIHOOD.steps, seed=0)
        ours = _mean(layer.energy.to_numpy(), log_z.value, parts["test"])
        tried = {}
        for rate in RATES:
            energy, log_z = _sklearn(parts["train"], rate, seed)
            tried[rate] = (
                _mean(energy, log_z, parts["validation"]),
                _mean(energy, log_z, parts["test"]),
            )
        rate = max(tried, key=lambda each: tried[each][0])
        on = (parts["train"].sum(axis=0) + 1.0) / (len(parts["train"]) + 2.0)
        alone = parts["test"] @ np.log(on) + (1 - parts["test"]) @ np.log1p(-on)
        known = [line["val_log_likelihood"] for line in run.history]
        passed = next(n for n, value in enumerate(known, 1) if value > tried[rate][0])
        print(
            f"{f'seed {seed}':22}{ours:9.2f}{tried[rate][1]:14.2f}{rate:7}{passed:8}"
            f"{alone.mean():13.2f}",
            flush=True,
        )


def _sklearn(train: np.ndarray, rate: float, seed: int) -> tuple[Energy, float]:
    """Train scikit-learn's RBM; return its energy, and log Z by AIS."""
    from sklearn.neural_network import BernoulliRBM

    theirs = BernoulliRBM(
        HIDDEN, learning_rate=rate, batch_size=BATCH, n_iter=EPOCHS, random_state=seed
    ).fit(train)
    energy = Energy(
        theirs.components_.T.astype("float32"),
        theirs.intercept_visible_.astype("float32"),
        theirs.intercept_hidden_.astype("float32"),
    )
    on = (train.sum(axis=0) + 1.0) / (len(train) + 2.0)
    base = energy.independent_units((np.log(on) - np.log1p(-on)).astype("float32"))
    found = log_partition(energy, base, LIKELIHOOD, steps=LIKELIHOOD.steps, seed=seed)
    return energy, found.value


def _mean(energy: Energy, log_z: float, states: np.ndarray) -> float:
    return float(-energy.free_energy(states).mean(dtype="float64")) - log_z


def _binary(data: Dataset, name: Any) -> np.ndarray:
    inputs, _ = data.split(name).arrays()
    image = inputs["image"]
    return (image.reshape(len(image), -1) >= 127.5).astype("float32")


def _cost() -> None:
    from sklearn.neural_network import BernoulliRBM

    print(f"\n{'an epoch, CPU ms':22}{'rbm':>9}{'scikit-learn':>14}{'ratio':>7}")
    data = zoo.dataset("digits")
    train = _binary(data, "train").astype("float64")
    for batch, hidden in TIMED:
        # As many chains as scikit-learn has: one per example of a batch.
        model = zoo.build("rbm", data=data.spec, hidden=hidden, **{"sampler.chains": batch})
        view = zoo.MappedDataset(data, training_inputs(data.spec, gaussian=False, classes=False))
        plan = zoo.TrainPlan(batch_size=batch)
        engine = choose_engine(model, view.split("train"), view.split("validation"), plan)
        order = np.arange(len(train), dtype="int32")
        for _ in range(8):
            engine.run_epoch(order, lambda steps: None)
        ours, theirs = [], []
        for _ in range(7):
            began = time.process_time()
            for _ in range(5):
                engine.run_epoch(order, lambda steps: None)
            ours.append((time.process_time() - began) * 200)
            began = time.process_time()
            BernoulliRBM(hidden, batch_size=batch, n_iter=5, random_state=0).fit(train)
            theirs.append((time.process_time() - began) * 200)
        ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
        print(
            f"{f'batch {batch}, {hidden} hidden':22}{statistics.median(ours):9.1f}"
            f"{statistics.median(theirs):14.1f}{statistics.median(ratios):7.2f}",
            flush=True,
        )


def _uses(folder: Path, seeds: int) -> None:
    print(
        f"\n{'uses':8}{'features':>9}{'raw':>7}{'drawn':>9}{'field':>8}{'mean':>8}{'neighbors':>12}"
    )
    for seed in range(seeds):
        run = zoo.train(
            "rbm",
            data_options={"split_seed": seed},
            seed=seed,
            run_dir=folder / f"uses-{seed}",
        )
        scores = zoo.evaluate(run).scores
        names = (
            *("accuracy_features", "accuracy_raw", "completion_rmse"),
            *("completion_rmse_mean_field", "completion_rmse_mean", "completion_rmse_neighbors"),
        )
        values = [scores[name].value for name in names]
        print(
            f"{f'seed {seed}':8}{values[0]:9.4f}{values[1]:7.4f}{values[2]:9.4f}{values[3]:8.4f}"
            f"{values[4]:8.4f}{values[5]:12.4f}",
            flush=True,
        )


def _rare(folder: Path, seeds: int) -> None:
    """Compare ways of oversampling a minority class by its F1 on the test examples."""
    from sklearn.metrics import f1_score

    print(f"\n{f'F1 of {KEPT} eights':22}{'sampled':>9}{'repeated':>10}{'as it is':>10}")
    for seed in range(seeds):
        data = _few(seed)
        run = zoo.train("rbm", data, seed=seed, run_dir=folder / f"rare-{seed}", classes=True)
        inputs, targets = data.split("train").arrays()
        test_inputs, test_targets = data.split("test").arrays()
        x, y = inputs["image"], targets["label"]
        more = _repeated(y, seed)
        drawn = TrainedRBM(run).oversample(x, y, seed=seed)
        found = []
        for images, labels in (drawn, (x[more], y[more]), (x, y)):
            classifier = LinearClassifier(_flat(images), labels, 10)
            predicted = classifier.predict(_flat(test_inputs["image"]))
            scores = f1_score(test_targets["label"], predicted, average=None, labels=range(10))
            found.append(scores[MINORITY])
        print(f"{f'seed {seed}':22}{found[0]:9.3f}{found[1]:10.3f}{found[2]:10.3f}", flush=True)


def _repeated(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return positions of examples after random oversampling of the minority classes."""
    random, counts = np.random.default_rng(seed), np.bincount(labels)
    extra = [
        random.choice(np.flatnonzero(labels == index), counts.max() - count)
        for index, count in enumerate(counts)
    ]
    return np.concatenate([np.arange(len(labels)), *extra])


def _few(seed: int) -> Dataset:
    """Return the digits with few training examples of one class."""
    whole = zoo.dataset("digits", split_seed=seed)

    def load() -> dict[str, ArraySplit]:
        parts = {name: whole.split(name).arrays() for name in ("train", "validation", "test")}
        inputs, targets = parts["train"]
        rare = np.flatnonzero(targets["label"] == MINORITY)
        kept = np.setdiff1d(np.arange(len(targets["label"])), rare[KEPT:])
        parts["train"] = (
            {name: array[kept] for name, array in inputs.items()},
            {name: array[kept] for name, array in targets.items()},
        )
        return {name: ArraySplit(*part) for name, part in parts.items()}

    return Dataset(whole.spec, load)


def _flat(image: np.ndarray) -> np.ndarray:
    return image.reshape(len(image), -1) / 255.0


if __name__ == "__main__":
    main()
