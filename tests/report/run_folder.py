"""A run's folder as training leaves it, small and real: a classifier fitted to real digits."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from zoo.metrics import Evaluation, evaluate
from zoo.spec import DataSpec, Task, TensorSpec


class Memory:
    """A split in memory."""

    def __init__(self, inputs: dict[str, np.ndarray], labels: np.ndarray) -> None:
        self.inputs, self.labels = inputs, labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        return {k: v[indices] for k, v in self.inputs.items()}, {"label": self.labels[indices]}

    def arrays(self) -> None:
        return None


def data_spec(labels: list[str], *, shape: tuple[int, ...] = (8, 8, 1)) -> DataSpec:
    name = "image" if len(shape) == 3 else "numeric"
    return DataSpec(
        id="digits",
        task=Task.CLASSIFICATION,
        inputs=(TensorSpec(name=name, shape=shape, dtype="uint8", range=(0, 255)),),
        targets=(TensorSpec(name="label", dtype="int64", labels=tuple(labels)),),
    )


def measured(
    labels: list[str], *, examples: int = 360, skill: float = 0.86, seed: int = 0
) -> tuple[Evaluation, np.ndarray]:
    """Evaluate noisy predictions for random labels, and return images of the mistakes."""
    generator = np.random.default_rng(seed)
    classes = len(labels)
    true = generator.integers(0, classes, examples)
    logits = generator.normal(0, 1.0, (examples, classes))
    logits[np.arange(examples), true] += generator.normal(1 + 7 * skill, 3.0, examples)
    near = (true + generator.choice([1, 7], examples)) % classes
    logits[np.arange(examples), near] += generator.normal(1, 1.2, examples)
    odds = np.exp(1.3 * (logits - logits.max(axis=1, keepdims=True)))
    table = odds / odds.sum(axis=1, keepdims=True)
    split = Memory({"image": np.arange(examples)}, true)
    evaluation = evaluate(
        lambda inputs: {"probabilities": table[inputs["image"]]}, split, data_spec(labels)
    )
    assert evaluation.tables is not None
    count = len(evaluation.tables.worst)
    return evaluation, generator.integers(0, 256, (count, 8, 8, 1), np.uint8)


def history(epochs: int = 24, *, overfit: bool = True) -> dict[str, list[float]]:
    """Return plausible curves."""
    generator = np.random.default_rng(5)
    t = np.arange(1, epochs + 1)
    loss = 2.2 * np.exp(-t / 3.5) + 0.02 + 0.01 * generator.random(epochs)
    rise = 0.004 * np.maximum(0, t - 16) ** 1.5 if overfit else 0.0
    checked = 2.1 * np.exp(-t / 3.8) + 0.09 + 0.02 * generator.random(epochs) + rise
    return {
        "epoch": t.tolist(),
        "loss": loss.tolist(),
        "accuracy": (1 - loss / 2.6).tolist(),
        "val_loss": checked.tolist(),
        "val_accuracy": (1 - checked / 2.6).tolist(),
        "learning_rate": (1e-3 * np.cos(t / epochs * 1.5)).tolist(),
        "seconds": [1.2] * epochs,
    }


def record(**changes: Any) -> dict[str, Any]:
    """Return a ``run.json``."""
    return {
        "format_version": 1,
        "id": "cnn-digits-20261122-2310-7f3a",
        "status": "finished",
        "architecture": {"name": "cnn", "distribution": "neural-zoo", "version": "0.1.0"},
        "config": {
            "filters": [16, 32, 64],
            "dropout": 0.2,
            "normalization": "batch",
            "activation": "relu",
            "augmentation": {"rotation": 0.04, "shift": 0.08, "zoom": 0.1},
            "optimizer": {
                "name": "adamw", "learning_rate": 0.003, "weight_decay": 0.01,
                "schedule": "cosine", "warmup": 0.05, "global_clipnorm": None,
            },
        },
        "config_hash": "9c1d" * 16,
        "plan": {
            "epochs": 24, "batch_size": 64, "seed": 0, "patience": 8, "monitor": "val_loss",
            "restore_best_weights": True, "engine": "auto", "checkpoint_every": 1,
        },
        "data": {
            "source": "digits",
            "options": {"split_seed": 0, "validation_split": 0.15, "test_split": 0.2},
            "spec": data_spec([str(i) for i in range(10)]).model_dump(mode="json"),
            "fingerprint": "4be1" * 16,
            "sizes": {"train": 1167, "validation": 270, "test": 360},
        },
        "seed": 0,
        "versions": {
            "python": "3.11.7", "keras": "3.15.1", "tensorflow": "2.21.0", "numpy": "2.4.6",
            "zoo": "0.1.0",
        },
        "host": {"cpus": 2, "platform": "Linux-6.1-x86_64"},
        "parameters": 23818,
        "started": "2026-11-22T23:10:04+00:00",
        "seconds": 71.4,
        "cpu_seconds": 128.9,
        "epochs_done": 24,
        "best_epoch": 17,
        "best": {"val_loss": 0.1207, "val_accuracy": 0.974},
        "stopped_because": None,
        **changes,
    }  # fmt: skip


def write_run(
    folder: Path,
    *,
    run: dict[str, Any] | None = None,
    curves: dict[str, list[float]] | None = None,
    evaluation: Evaluation | None = None,
    mistakes: np.ndarray | None = None,
) -> Path:
    """Write the pieces that are given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(run or record()), encoding="utf-8")
    if curves is not None:
        with (folder / "history.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(curves)
            writer.writerows(zip(*curves.values(), strict=True))
    if evaluation is not None:
        (folder / "metrics.json").write_text(evaluation.model_dump_json(), encoding="utf-8")
    if mistakes is not None:
        np.savez(folder / "mistakes.npz", image=mistakes)
    return folder
