"""How the public API is used, as a type checker must understand it. Never run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from pydantic import Field

import zoo
import zoo.runtime
from zoo.spec import Dataset


def developer() -> None:
    assert_type(zoo.list_models("mlp*", task="classification", tags=["image"]), list[str])
    assert_type(zoo.info("cnn").weights, list[dict[str, Any]])
    assert_type(zoo.__version__, str)
    zoo.build("cnn", weights="digits", dropout=0.1, optimizer={"learning_rate": 0.01})
    zoo.build("cnn", weights=Path("run"), data="photos")
    run = zoo.train("cnn", "photos", data_options={"image_size": 32}, epochs=3, seed=1)
    assert_type(run, zoo.Run)
    assert_type(run.path, Path)
    assert_type(run.history, list[dict[str, float]])
    assert_type(run.metrics, zoo.Evaluation | None)
    assert_type(run.plan, zoo.TrainPlan)
    assert_type(run.config, zoo.BaseConfig)
    evaluation = zoo.evaluate(run, split="validation")
    assert_type(evaluation, zoo.Evaluation)
    assert_type(evaluation.scores["accuracy"], zoo.Score)
    assert_type(evaluation.scores["accuracy"].low, float | None)


def deployer(run: zoo.Run) -> None:
    artifact = zoo.export(run, out=Path("exports"), version=3)
    assert_type(artifact, zoo.Artifact)
    assert_type(artifact.manifest, Mapping[str, Any])
    session = zoo.runtime.load(artifact.path, threads=2)
    assert_type(session, zoo.Session)
    assert_type(session.predict("digit.png").labels, list[str])
    assert_type(session.inputs, tuple[zoo.TensorSpec, ...])
    assert_type(zoo.predict(artifact.path, np.zeros((1, 8, 8, 1))), zoo.Prediction)
    opened = zoo.load("exports/cnn/1")
    if isinstance(opened, zoo.Session):
        assert_type(opened.threads, int)
    elif isinstance(opened, zoo.Run):
        assert_type(opened.status, str)
    report = zoo.verify("exports/cnn/1")
    assert_type(report.seconds, float)
    assert_type([row.median_ms for row in zoo.bench("exports/cnn/1")], list[float])


def careful() -> None:
    try:
        zoo.build("nothing")
    except zoo.errors.ConfigError as error:
        assert_type(error.findings, Sequence[zoo.Finding])
    except zoo.ZooError as error:
        assert_type(error.fix, str)


def the_runs() -> None:
    entry = zoo.runs(status="finished")[0]
    assert_type(entry, zoo.RunEntry)
    assert_type(entry.value, float | None)
    found = zoo.compare("runs/a", zoo.Run("runs/b"))
    assert_type(found, zoo.Comparison)
    assert_type(found.scores[0].scores[0], zoo.Score | None)
    assert_type(zoo.why("exports/cnn/1"), zoo.Trace)
    assert_type(zoo.why("exports/cnn/1").holds, bool)


class TinyConfig(zoo.ModelConfig):
    """What it can be told."""

    units: int = Field(8, ge=1, le=64, description="Width.")


@zoo.register
class Tiny(zoo.Architecture[TinyConfig]):
    """An architecture of one's own."""

    info = zoo.ArchitectureInfo(
        name="tiny", summary="A network of one's own.", tasks=(zoo.Task.CLASSIFICATION,)
    )
    Config = TinyConfig
    default_dataset = "digits"

    def build(self, config: TinyConfig, data: zoo.DataSpec) -> Any:
        """Return a compiled model."""
        assert_type(config.units, int)
        assert_type(data.labels, tuple[str, ...])
        raise NotImplementedError

    def default_config(self, data: zoo.DataSpec) -> zoo.Recipe[TinyConfig]:
        """Return where to start from."""
        return zoo.Recipe(TinyConfig(units=4), zoo.TrainPlan(epochs=3))

    def train(self, model: Any, dataset: Dataset, loop: zoo.TrainLoop) -> None:
        """Train twice."""
        loop.fit(model, dataset)
        loop.fit(model, dataset)


class Tracker:
    """Looks on."""

    @zoo.hookimpl
    def zoo_after_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Look."""


def look_on() -> None:
    zoo.hooks().register(Tracker())


class Numbers:
    """A split of one's own."""

    def __len__(self) -> int:
        return 3

    def take(self, indices: np.ndarray) -> tuple[zoo.Arrays, zoo.Arrays]:
        return {"image": np.zeros((len(indices), 8, 8, 1), np.uint8)}, {}

    def arrays(self) -> tuple[zoo.Arrays, zoo.Arrays] | None:
        return None


def a_split() -> zoo.Split:
    return Numbers()
