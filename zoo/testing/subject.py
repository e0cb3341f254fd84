"""The architecture that is checked, with the runs and artifacts that several checks share."""

from __future__ import annotations

import functools
import inspect
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.api.catalog import registry
from zoo.api.environment import version_of
from zoo.architecture import Architecture, Recipe, Signature
from zoo.errors import ConfigError, Finding, UnknownModel
from zoo.metrics.scores import describe_score
from zoo.receipts import Identity, digest_of, files_of
from zoo.spec import Arrays, Dataset, DataSpec, Split, SplitName
from zoo.testing.checks import CheckFailed, Skipped
from zoo.testing.import_probe import ImportTrace, source_file, trace_architecture

if TYPE_CHECKING:
    import keras
    import numpy.typing as npt

STEPS = 300
"""Steps on one batch that are enough to overfit it."""


class Subject:
    """The architecture that is checked, with runs and artifacts that are made at the first use.

    No check may change them.

    Args:
        target: A name, or an architecture.
        folder: Empty folder for runs and artifacts.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self.name = known_name(target)
        self.folder = folder

    @property
    def architecture(self) -> Architecture[Any]:
        """The architecture."""
        return registry().get(self.name)

    def identity(self) -> Identity:
        """Return its identity for a receipt."""
        info = self.architecture.info
        provider = registry().resolve(self.name).provider
        files = package_files(self.architecture)
        return Identity(
            name=info.name,
            distribution=provider.distribution,
            version=provider.version,
            api_version=info.api_version,
            files=len(files),
            files_sha256=digest_of(files) if files else None,
        )

    @functools.cached_property
    def trace(self) -> ImportTrace:
        """Effects of its import on a fresh interpreter."""
        return trace_architecture(self.architecture)

    @functools.cached_property
    def data(self) -> Dataset:
        """Part of its default data."""
        return zoo.dataset(self.architecture.default_dataset, max_examples=MAX_EXAMPLES)

    @property
    def spec(self) -> DataSpec:
        """Spec of its default data."""
        return self.data.spec

    @functools.cached_property
    def recipes(self) -> tuple[Recipe[Any], ...]:
        """Its test configurations."""
        found = tuple(self.architecture.test_configs(self.spec))
        if not found:
            raise CheckFailed("expected one recipe at least. Received: none from test_configs()")
        return found

    @property
    def recipe(self) -> Recipe[Any]:
        """The test configuration that is trained."""
        return self.recipes[0]

    def build(self, recipe: Recipe[Any] | None = None, seed: int = 0) -> keras.Model:
        """Build a model as a run with that seed would."""
        import keras

        keras.utils.set_random_seed(seed)
        config = (recipe or self.recipe).config
        return zoo.build(self.name, data=self.spec, **config.model_dump())

    @functools.cached_property
    def model(self) -> keras.Model:
        """The untrained model, adapted to the data."""
        return self.adapted(self.build())

    def adapted(self, model: keras.Model, data: Dataset | None = None) -> keras.Model:
        """Adapt a model to its training data, as a run does before its first step."""
        self.architecture.adapt(model, *everything((data or self.data).split("train")))
        return model

    def signatures(self, model: keras.Model) -> tuple[Signature, ...]:
        """Return the signatures of a model."""
        blueprint = model.blueprint
        return tuple(self.architecture.signatures(model, blueprint.config, blueprint.data))

    def data_signatures(self, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        """Return the signatures whose inputs are all in the data.

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
        """Return raw inputs of examples that were not trained on."""
        import numpy as np

        part = self.data.split(split)  # type: ignore[arg-type]  # a name of SPLITS
        return part.take(np.arange(min(count, len(part))))[0]

    @functools.cached_property
    def monitored(self) -> str:
        """Monitored column of the history."""
        return str(self.recipe.plan.monitor)

    def train(
        self,
        where: str,
        data: Dataset | None = None,
        *,
        plan: Mapping[str, Any] | None = None,
        progress: Any = None,
        **config: Any,
    ) -> zoo.Run:
        """Train the test configuration.

        Args:
            where: Name of the folder of the run.
            data: Training data; by default part of the default data.
            plan: Changes to the plan.
            progress: Callbacks of the run.
            **config: Changes to the configuration.
        """
        source: Any = self.architecture.default_dataset if data is None else data
        return zoo.train(
            self.name,
            source,
            data_options={"max_examples": MAX_EXAMPLES} if data is None else None,
            run_dir=self.folder / where,
            plan={**self.recipe.plan.model_dump(), **(plan or {})},
            progress=progress,
            **{**self.recipe.config.model_dump(), **config},
        )

    @functools.cached_property
    def run(self) -> zoo.Run:
        """The run of the test configuration."""
        return self.train("run")

    @functools.cached_property
    def second_run(self) -> zoo.Run:
        """A second run with the same seed."""
        return self.train("second_run")

    @functools.cached_property
    def resumed_run(self) -> zoo.Run:
        """A run that was interrupted after its first epoch, and resumed."""
        try:
            self.train("resumed_run", progress=_Interrupter())
        except KeyboardInterrupt:
            return zoo.train(resume=self.folder / "resumed_run")
        raise CheckFailed(
            "expected a run that calls loop.fit and can be interrupted after an epoch. Received: "
            "one that ended without an epoch"
        )

    @functools.cached_property
    def overfitted(self) -> zoo.Run:
        """A long run on one batch, without weight decay."""
        config = {"optimizer.weight_decay": 0.0}
        plan = {
            "epochs": STEPS,
            "checkpoint_every": STEPS,
            "restore_best_weights": False,
            "patience": None,
        }
        return self.train("overfitted", one_batch(self.data), plan=plan, **config)

    @functools.cached_property
    def permuted_run(self) -> zoo.Run:
        """A run on permuted labels."""
        return self.train("permuted_run", permuted(self.data))

    @functools.cached_property
    def artifact(self) -> zoo.Artifact:
        """The artifact of the run."""
        return zoo.export(self.run, self.folder / "exports")

    @functools.cached_property
    def artifact_again(self) -> zoo.Artifact:
        """A second artifact of the run."""
        return zoo.export(self.run, self.folder / "exports-again")


class _Interrupter(zoo.Progress):
    """Interrupt a run after its first epoch."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Interrupt."""
        raise KeyboardInterrupt


def everything(split: Split) -> tuple[Arrays, Arrays]:
    """Return all examples of a small split."""
    import numpy as np

    return split.take(np.arange(len(split)))


def is_open(monitored: str) -> bool:
    """Return whether the best value is unknown, as of a likelihood."""
    score = describe_score(monitored)
    return score.higher_is_better and score.high is None


def gain(monitored: str, before: float, after: float) -> float:
    """Return the relative improvement: 1 is the best possible value.

    The best value of a loss or error is 0, that of a proportion 1. The gain of a likelihood, whose
    best value is unknown, is relative to its size.
    """
    score = describe_score(monitored)
    best = (score.high or 0.0) if score.higher_is_better else 0.0
    way = abs(best - before)
    gone = after - before if score.higher_is_better else before - after
    return gone / way if way else 0.0


MAX_EXAMPLES = 96
"""Examples of each split for training and evaluation."""

BATCH = 16
"""Examples of the batch to overfit."""


class PermutedSplit:
    """A split whose targets are permuted.

    Args:
        split: The split.
        seed: Seed of the permutation.
    """

    def __init__(self, split: Split, seed: int) -> None:
        self._split = split
        self._from = np.random.default_rng(seed).permutation(len(split))

    def __len__(self) -> int:
        return len(self._split)

    def take(self, indices: npt.NDArray[np.int64]) -> tuple[Arrays, Arrays]:
        """Return inputs and permuted targets."""
        chosen = np.asarray(indices)
        return self._split.take(chosen)[0], self._split.take(self._from[chosen])[1]

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return all examples."""
        return self.take(np.arange(len(self)))


def one_batch(dataset: Dataset) -> Dataset:
    """Return a dataset whose splits are all the same training batch."""
    train = dataset.split("train")
    batch = zoo.Subset(train, np.arange(min(BATCH, len(train))))

    return zoo.DatasetView(dataset, lambda *_: batch)


def permuted(dataset: Dataset) -> Dataset:
    """Return a dataset with permuted targets in all splits but the test split."""

    def view(name: SplitName, split: Split) -> Split:
        return split if name == "test" else PermutedSplit(split, seed=len(name))

    return zoo.DatasetView(dataset, view)


PACKAGES = ("neural-zoo", "keras", "tensorflow", "onnxruntime", "numpy")
"""Packages that influence numerical results."""

Target = str | type[Architecture[Any]] | Architecture[Any]


def known_name(target: Target) -> str:
    """Return the name of an architecture, registering a class if necessary.

    Args:
        target: A name (hyphens count as underscores), or an architecture.

    Raises:
        RegistryError: If there is no such model, or the name of a class is taken.
    """
    if isinstance(target, str):
        try:
            registry().get(target)
        except UnknownModel:
            other = target.replace("-", "_")
            if other == target:
                raise
            registry().get(other)
            return other
        return target
    kind = target if inspect.isclass(target) else type(target)
    if not issubclass(kind, Architecture) or not hasattr(kind, "info"):
        raise ConfigError(
            "only architectures can be checked",
            findings=[Finding("architecture", target, "a name, or a zoo.Architecture")],
            fix="zoo list shows the names",
        )
    name = kind.info.name
    try:
        same = type(registry().get(name)) is kind
    except UnknownModel:
        same = False
    if not same:
        zoo.register(kind)
    return name


def package_files(architecture: Architecture[Any]) -> dict[str, Path]:
    """Return the files of the package of an architecture by relative name.

    Without a distribution, or for a single module, this is the file that defines it. Byte code and
    the receipt are left out.
    """
    source = source_file(architecture)
    if source is None:
        return {}
    top = type(architecture).__module__.partition(".")[0]
    package = getattr(sys.modules.get(top), "__path__", None)
    (listing,) = registry().listings(architecture.info.name)
    if not package or not listing.is_installed:
        return {source.name: source}
    return files_of(Path(next(iter(package))))


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of numerical packages."""
    return {
        "python": platform.python_version(),
        **{package: version_of(package) for package in PACKAGES},
    }
