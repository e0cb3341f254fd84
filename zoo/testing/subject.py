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
from zoo.api.catalog import listings, registry
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
        """An excerpt of its default data."""
        return zoo.dataset(self.architecture.default_dataset, max_examples=MAX_EXAMPLES)

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
            data: What it learns from; the excerpt if left out, which a resumed_run run finds again.
            plan: Changes to the example's plan.
            progress: Who watches.
            **config: Changes to the example's configuration.
        """
        source: Any = self.architecture.default_dataset if data is None else data
        return zoo.train(
            self.name,
            source,
            data_options={"max_examples": MAX_EXAMPLES} if data is None else None,
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
    def second_run(self) -> zoo.Run:
        """The same once more."""
        return self.train("second_run")

    @functools.cached_property
    def resumed_run(self) -> zoo.Run:
        """The same, interrupted after its first epoch and gone on with."""
        try:
            self.train("resumed_run", progress=_Interrupter())
        except KeyboardInterrupt:
            return zoo.train(resume=self.folder / "resumed_run")
        raise CheckFailed(
            "expected a training that goes through loop.fit, which can be interrupted after an "
            "epoch. Received: one that ended without having been told of an epoch"
        )

    @functools.cached_property
    def overfitted(self) -> zoo.Run:
        """The example, trained for long on one batch; no weight shrinks by itself."""
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
        """The example, trained on answers that belong to other examples."""
        return self.train("permuted_run", permuted(self.data))

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


MAX_EXAMPLES = 96
"""Examples of each split that the checks learn from and measure on."""

BATCH = 16
"""Examples of the one batch that is to be learned by heart."""


class PermutedSplit:
    """The inputs of a split with the targets of others of its examples.

    Args:
        split: The examples.
        seed: Decides whose targets each gets.
    """

    def __init__(self, split: Split, seed: int) -> None:
        self._split = split
        self._from = np.random.default_rng(seed).permutation(len(split))

    def __len__(self) -> int:
        return len(self._split)

    def take(self, indices: npt.NDArray[np.int64]) -> tuple[Arrays, Arrays]:
        """Return inputs, and the targets of other examples."""
        chosen = np.asarray(indices)
        return self._split.take(chosen)[0], self._split.take(self._from[chosen])[1]

    def arrays(self) -> tuple[Arrays, Arrays] | None:
        """Return everything at once: an excerpt is held in memory."""
        return self.take(np.arange(len(self)))


def one_batch(dataset: Dataset) -> Dataset:
    """Return a dataset whose every split is the same few training examples."""
    train = dataset.split("train")
    batch = zoo.Subset(train, np.arange(min(BATCH, len(train))))

    return zoo.DatasetView(dataset, lambda *_: batch)


def permuted(dataset: Dataset) -> Dataset:
    """Return a dataset of which what is learned from has the targets of other examples."""

    def view(name: SplitName, split: Split) -> Split:
        return split if name == "test" else PermutedSplit(split, seed=len(name))

    return zoo.DatasetView(dataset, view)


PACKAGES = ("neural-zoo", "keras", "tensorflow", "onnxruntime", "numpy")
"""What decides numbers, besides Python."""

Target = str | type[Architecture[Any]] | Architecture[Any]


def known_name(target: Target) -> str:
    """Return the name under which an architecture can be asked for, making it known if need be.

    Args:
        target: A name of ``zoo list`` (hyphens count as underscores), or an architecture that is
            defined in this process.

    Raises:
        RegistryError: If nothing is known of a name, or a class wants the name of another.
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
    """Return the files of the package that ships an architecture.

    Of one that no distribution provides, and of a package that is a single module, it is the file
    in which it is defined. Byte code and a receipt are left out; names are relative, with slashes,
    sorted.
    """
    source = source_file(architecture)
    if source is None:
        return {}
    top = type(architecture).__module__.partition(".")[0]
    package = getattr(sys.modules.get(top), "__path__", None)
    (listing,) = listings(architecture.info.name)
    if not package or not listing.is_installed:
        return {source.name: source}
    return files_of(Path(next(iter(package))))


def versions() -> dict[str, str | None]:
    """Return the versions of what decides numbers."""
    return {
        "python": platform.python_version(),
        **{package: version_of(package) for package in PACKAGES},
    }
