"""A small dataset and a small model, for tests of the training room."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from zoo.architecture import Measure
from zoo.config import OptimizerConfig, TrainPlan
from zoo.layers import RandomAffine, compile_classifier
from zoo.spec import Arrays, DataSpec, Task, TensorSpec
from zoo.training.loop import Loop
from zoo.training.progress import Progress
from zoo.training.randomness import seeded
from zoo.training.run_folder import RunFolder

SPEC = DataSpec(
    id="squares",
    task=Task.CLASSIFICATION,
    inputs=(
        TensorSpec(name="image", shape=(8, 8, 1), dtype="uint8", range=(0, 255), role="image"),
    ),
    targets=(TensorSpec(name="label", dtype="int64", labels=("left", "right", "both")),),
)


class Part:
    """Some examples; ``in_memory=False`` makes them read on demand."""

    def __init__(self, inputs: Arrays, targets: Arrays, *, in_memory: bool = True) -> None:
        self.inputs, self.targets, self.in_memory = inputs, targets, in_memory

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, indices: np.ndarray) -> tuple[Arrays, Arrays]:
        return (
            {name: array[indices] for name, array in self.inputs.items()},
            {name: array[indices] for name, array in self.targets.items()},
        )

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        return (self.inputs, self.targets) if self.in_memory else None


class Squares:
    """Noise with a bright square on the left, on the right, or on both sides."""

    spec = SPEC
    fingerprint = "0" * 64

    def __init__(self, *, train: int = 203, in_memory: bool = True) -> None:
        self.sizes = {"train": train, "validation": 57, "test": 41}
        self.in_memory = in_memory
        self.asked: list[str] = []

    def split(self, name: Literal["train", "validation", "test"]) -> Part:
        self.asked.append(name)
        size = self.sizes[name]
        rng = np.random.default_rng([size, 7])
        labels = rng.integers(0, 3, size)
        images = rng.integers(0, 120, (size, 8, 8, 1))
        images[labels != 1, 2:5, 1:3] += 120
        images[labels != 0, 2:5, 5:7] += 120
        return Part({"image": images.astype("uint8")}, {"label": labels}, in_memory=self.in_memory)


def small_model(*, optimizer: str = "adamw", rate: float = 1e-2) -> keras.Model:
    """Return a model with everything that has state: augmentation, batch norm, dropout."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255)(image)
    x = RandomAffine(rotation=5, shift=0.05)(x)
    x = layers.Conv2D(6, 3, use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    return compile_classifier(model, OptimizerConfig(name=optimizer, learning_rate=rate))


def dense_model(*, optimizer: str = "adamw", rate: float = 1e-2) -> keras.Model:
    """Return a model that is soon traced, with dropout: where the claim is about the loop."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), dtype="uint8", name="image")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    x = layers.Dropout(0.2)(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    return compile_classifier(model, OptimizerConfig(name=optimizer, learning_rate=rate))


def run_loop(
    path: Path,
    plan: TrainPlan,
    *,
    data: Any = None,
    resume: bool = False,
    stop_after: int | None = None,
    model: keras.Model | None = None,
    make: Callable[[], keras.Model] = small_model,
    progress: Progress | None = None,
    stops: tuple[type[BaseException], ...] = (),
    measure: Measure | None = None,
) -> tuple[list[np.ndarray], Loop]:
    """Train from the plan's seed; return every variable's value, and the loop.

    ``progress`` watches; ``stops`` are how the training may end before its time.
    """

    def notify(moment: str, **arguments: Any) -> None:
        if moment == "zoo_after_epoch" and arguments["epoch"] == stop_after:
            raise KeyboardInterrupt

    path.mkdir(exist_ok=True)
    watcher = progress or Progress()
    loop = Loop(RunFolder(path), plan, progress=watcher, call_hook=notify, resume=resume)
    with seeded(plan.seed):
        model = model or make()
        try:
            loop.fit(model, data or Squares(), measure=measure)
        except stops:
            pass
        except KeyboardInterrupt:
            if stop_after is None:
                raise
    everything = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable).copy() for variable in everything], loop


@functools.cache
def whole_run(
    plan: TrainPlan, make: Callable[[], keras.Model] = small_model
) -> tuple[list[np.ndarray], Loop]:
    """Train once per plan and model without interruption; return as :func:`run_loop` does."""
    with tempfile.TemporaryDirectory() as folder:
        return run_loop(Path(folder), plan, make=make)


def same(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    """Return whether two states are equal in every bit."""
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def lines_of(loop: Loop) -> list[dict[str, float]]:
    """Return the history without the time it took."""
    return [{k: v for k, v in line.items() if k != "seconds"} for line in loop.state.history]
