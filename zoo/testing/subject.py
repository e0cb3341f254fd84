"""An architecture under examination, with what is trained and exported once for many checks."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zoo
from zoo.api.catalog import registry
from zoo.architecture import Architecture, Recipe, Signature
from zoo.metrics.scores import describe_score
from zoo.spec import Arrays, Dataset, DataSpec, Split
from zoo.testing.data import EXCERPT, one_batch, permuted
from zoo.testing.identity import Target, known_name
from zoo.testing.outcomes import CheckFailed, Skipped
from zoo.testing.probe import Traces, import_traces

if TYPE_CHECKING:
    import keras

STEPS = 300
"""Steps on one batch that are enough to learn it by heart."""


class Subject:
    """An architecture under examination.

    Everything here is made when a check first asks for it, and kept for those after it. No check
    may change what it is given.

    Args:
        target: A name, or an architecture.
        folder: An empty folder for runs and artifacts.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self.name = known_name(target)
        self.folder = folder

    @property
    def architecture(self) -> Architecture[Any]:
        """The architecture."""
        return registry().get(self.name)

    @functools.cached_property
    def traces(self) -> Traces:
        """What importing it in a fresh interpreter does."""
        return import_traces(self.architecture)

    @functools.cached_property
    def data(self) -> Dataset:
        """An excerpt of its default data."""
        return zoo.dataset(self.architecture.default_dataset, max_examples=EXCERPT)

    @property
    def spec(self) -> DataSpec:
        """What its default data is."""
        return self.data.spec

    @functools.cached_property
    def examples(self) -> tuple[Recipe[Any], ...]:
        """The configurations that it offers for checks."""
        found = tuple(self.architecture.test_configs(self.spec))
        if not found:
            raise CheckFailed("expected one example at least. Received: none from examples()")
        return found

    @property
    def example(self) -> Recipe[Any]:
        """The one that is trained."""
        return self.examples[0]

    def build(self, recipe: Recipe[Any] | None = None, seed: int = 0) -> keras.Model:
        """Build one, as a training with that seed would."""
        import keras

        keras.utils.set_random_seed(seed)
        config = (recipe or self.example).config
        return zoo.build(self.name, data=self.spec, **config.model_dump())

    @functools.cached_property
    def model(self) -> keras.Model:
        """The example, adapted to the data and not trained."""
        return self.adapted(self.build())

    def adapted(self, model: keras.Model, data: Dataset | None = None) -> keras.Model:
        """Let a model measure its training data, as a training does before its first step."""
        self.architecture.adapt(model, *everything((data or self.data).split("train")))
        return model

    def signatures(self, model: keras.Model) -> tuple[Signature, ...]:
        """Return what a model can be asked once it is exported."""
        blueprint = model.blueprint
        return tuple(self.architecture.signatures(model, blueprint.config, blueprint.data))

    def asked_of_data(self, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        """Return the signatures that ask for nothing but what the data has.

        Raises:
            Skipped: If there is none.
        """
        given = {(tensor.name, tensor.dtype) for tensor in self.spec.inputs}
        found = tuple(
            s for s in signatures if {(tensor.name, tensor.dtype) for tensor in s.inputs} <= given
        )
        if not found:
            raise Skipped("no signature takes the inputs of the data alone")
        return found

    def inputs(self, count: int, split: str = "validation") -> Arrays:
        """Return raw inputs of real examples, none of which was learned from."""
        import numpy as np

        part = self.data.split(split)  # type: ignore[arg-type]  # a name of SPLITS
        return part.take(np.arange(min(count, len(part))))[0]

    @functools.cached_property
    def monitored(self) -> str:
        """What its plan means by better: a column of the history."""
        return str(self.example.plan.monitor)

    def train(
        self,
        where: str,
        data: Dataset | None = None,
        *,
        plan: Mapping[str, Any] | None = None,
        progress: Any = None,
        **config: Any,
    ) -> zoo.Run:
        """Train the example into a folder of that name.

        Args:
            where: The name of the folder.
            data: What it learns from; the excerpt if left out, which a resumed run finds again.
            plan: Changes to the example's plan.
            progress: Who watches.
            **config: Changes to the example's configuration.
        """
        source: Any = self.architecture.default_dataset if data is None else data
        return zoo.train(
            self.name,
            source,
            data_options={"max_examples": EXCERPT} if data is None else None,
            run_dir=self.folder / where,
            plan={**self.example.plan.model_dump(), **(plan or {})},
            progress=progress,
            **{**self.example.config.model_dump(), **config},
        )

    @functools.cached_property
    def run(self) -> zoo.Run:
        """The example, trained as its plan says."""
        return self.train("run")

    @functools.cached_property
    def twin(self) -> zoo.Run:
        """The same once more."""
        return self.train("twin")

    @functools.cached_property
    def resumed(self) -> zoo.Run:
        """The same, interrupted after its first epoch and gone on with."""
        try:
            self.train("resumed", progress=_Interrupter())
        except KeyboardInterrupt:
            return zoo.train(resume=self.folder / "resumed")
        raise CheckFailed(
            "expected a training that goes through loop.fit, which can be interrupted after an "
            "epoch. Received: one that ended without having been told of an epoch"
        )

    @functools.cached_property
    def by_heart(self) -> zoo.Run:
        """The example, trained for long on one batch; no weight shrinks by itself."""
        config = {"optimizer.weight_decay": 0.0}
        plan = {
            "epochs": STEPS,
            "checkpoint_every": STEPS,
            "restore_best_weights": False,
            "patience": None,
        }
        return self.train("by_heart", one_batch(self.data), plan=plan, **config)

    @functools.cached_property
    def misled(self) -> zoo.Run:
        """The example, trained on answers that belong to other examples."""
        return self.train("misled", permuted(self.data))

    @functools.cached_property
    def artifact(self) -> zoo.Artifact:
        """The run, exported."""
        return zoo.export(self.run, self.folder / "exports")

    @functools.cached_property
    def artifact_again(self) -> zoo.Artifact:
        """The run, exported once more."""
        return zoo.export(self.run, self.folder / "exports-again")


class _Interrupter(zoo.Progress):
    """Presses Ctrl-C after the first epoch."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Interrupt."""
        raise KeyboardInterrupt


def everything(split: Split) -> tuple[Arrays, Arrays]:
    """Return all examples of a split that is small."""
    import numpy as np

    return split.take(np.arange(len(split)))


def is_open(monitored: str) -> bool:
    """Return whether nobody knows how good it can be: a likelihood, unlike a share or an error."""
    score = describe_score(monitored)
    return score.higher_is_better and score.high is None


def gain(monitored: str, before: float, after: float) -> float:
    """Return how much of the way to the best possible value was gone: 1 is all of it.

    Losses and errors have 0 as their best, shares 1. A likelihood has none that is known: there it
    is the share of its own size.
    """
    score = describe_score(monitored)
    best = (score.high or 0.0) if score.higher_is_better else 0.0
    way = abs(best - before)
    gone = after - before if score.higher_is_better else before - after
    return gone / way if way else 0.0


__all__ = ["STEPS", "Subject", "everything", "gain", "is_open"]
