"""Plugins that are checked; of a model, with the runs and artifacts that several checks share."""

from __future__ import annotations

import contextlib
import functools
import inspect
import platform
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import zoo
from zoo.api.catalog import registry
from zoo.api.environment import version_of
from zoo.architecture import Architecture, Recipe, Signature
from zoo.conformance import Identity, digest_of, files_of
from zoo.errors import ConfigError, Finding, RegistryError
from zoo.runtime import draw_input
from zoo.spec import Arrays, Dataset, DataSpec, SplitName
from zoo.testing.checks import CheckFailed, Kind, Skipped
from zoo.testing.import_probe import ImportTrace, source_file, trace_architecture

if TYPE_CHECKING:
    import keras

MAX_EXAMPLES = 96
"""Examples of each split for training and evaluation."""

PACKAGES = ("neural-zoo", "keras", "tensorflow", "onnxruntime", "numpy")
"""Packages that influence numerical results."""

Target = str | type[Architecture[Any]] | Architecture[Any]


class Subject:
    """A plugin that is checked.

    Args:
        name: Its name, as it was asked for.

    Attributes:
        kind: Kind of the plugin.
        group: Its group of entry points.
    """

    kind: ClassVar[Kind]
    group: ClassVar[str]

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def listing(self) -> Any:
        """What the registry knows of this very version, importing nothing."""
        return registry().listing(self.name, self.group)

    @property
    def provider(self) -> Any:
        """The distribution and the entry point that provide it."""
        return registry().resolve(self.name, self.group).provider

    @property
    def entry_point(self) -> tuple[str, str]:
        """Module and attribute of its entry point."""
        module, _, attribute = self.provider.value.partition(":")
        return module, attribute

    def identity(self) -> Identity:
        """Return its identity for a receipt."""
        return Identity(
            kind=self.kind,
            name=self.name.rpartition(":")[2],
            distribution=self.provider.distribution,
            version=self.provider.version,
        )


class ModelSubject(Subject):
    """An architecture, with runs and artifacts that are made at the first use.

    No check may change them. Their folder is removed with this object.

    Args:
        target: A name, or an architecture.

    Raises:
        RegistryError: If there is no such model, it is broken, or the name of a class is taken.
    """

    kind = "architecture"
    group = "zoo.architectures"

    def __init__(self, target: Target) -> None:
        super().__init__(model_name(target) if isinstance(target, str) else _register(target))
        self.architecture: Architecture[Any] = registry().get(self.name)
        self._runs: dict[str, zoo.Run | Exception] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="zoo-check-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def identity(self) -> Identity:
        """Return its identity for a receipt."""
        info, files = self.architecture.info, self.package_files()
        found = {
            "name": info.identity,
            "api_version": info.api_version,
            "files": len(files),
            "files_sha256": digest_of(files) if files else None,
        }
        return super().identity().model_copy(update=found)

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
        self.architecture.adapt(model, *take_all((data or self.data).split("train")))
        return model

    def signatures(self, model: keras.Model) -> tuple[Signature, ...]:
        """Return the signatures of a model."""
        blueprint = model.blueprint
        return tuple(self.architecture.signatures(model, blueprint.config, blueprint.data))

    def calls(
        self, model: keras.Model, count: int, split: SplitName = "validation"
    ) -> list[tuple[Signature, Arrays]]:
        """Return the signatures whose inputs are in the data or are drawn, each with inputs.

        Args:
            model: The model.
            count: Number of examples.
            split: Where the examples are taken from.

        Raises:
            Skipped: If there is none.
        """
        examples = self.inputs(count, split)
        rows = len(next(iter(examples.values())))
        found: list[tuple[Signature, Arrays]] = []
        for signature in self.signatures(model):
            random = np.random.default_rng(0)
            inputs: dict[str, Any] = {}
            for spec in signature.inputs:
                example = examples.get(spec.name)
                if example is not None and str(example.dtype) == spec.dtype:
                    inputs[spec.name] = example
                elif spec.draw is not None:
                    inputs[spec.name] = draw_input(spec, rows, random)
            if len(inputs) == len(signature.inputs):
                found.append((signature, inputs))
        if not found:
            raise Skipped("no signature takes the inputs of the data, or draws its own")
        return found

    def inputs(self, count: int, split: SplitName = "validation") -> Arrays:
        """Return raw inputs of examples that were not trained on."""
        part = self.data.split(split)
        return part.take(np.arange(min(count, len(part))))[0]

    def train(
        self,
        name: str,
        data: Dataset | None = None,
        *,
        plan: Mapping[str, Any] | None = None,
        progress: Any = None,
        **config: Any,
    ) -> zoo.Run:
        """Train the test configuration, or return the run of that name that was trained before.

        Args:
            name: Name of the run.
            data: Training data; by default part of the default data.
            plan: Changes to the plan.
            progress: Callbacks of the run.
            **config: Changes to the configuration.
        """
        if name not in self._runs:
            source: Any = self.architecture.default_dataset if data is None else data
            try:
                self._runs[name] = zoo.train(
                    self.name,
                    source,
                    data_options={"max_examples": MAX_EXAMPLES} if data is None else None,
                    run_dir=self.folder / name,
                    plan={**self.recipe.plan.model_dump(), **(plan or {})},
                    progress=progress,
                    **{**self.recipe.config.model_dump(), **config},
                )
            except Exception as error:
                # The checks that need this run fail for the same reason as the first of them.
                self._runs[name] = error
                raise
        found = self._runs[name]
        if isinstance(found, Exception):
            raise found
        return found

    @property
    def run(self) -> zoo.Run:
        """The run of the test configuration."""
        return self.train("run")

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

    def package_files(self) -> dict[str, Path]:
        """Return the files of its package by relative name.

        Without a distribution, or for a single module, this is the file that defines it. Byte code
        and the receipt are left out.
        """
        source = source_file(self.architecture)
        if source is None:
            return {}
        top = type(self.architecture).__module__.partition(".")[0]
        package = getattr(sys.modules.get(top), "__path__", None)
        if not package or not self.listing.is_installed:
            return {source.name: source}
        return files_of(Path(next(iter(package))))

    @functools.cached_property
    def artifact(self) -> zoo.Artifact:
        """The artifact of the run."""
        return zoo.export(self.run, self.folder / "exports")


class _Interrupter(zoo.Progress):
    """Interrupt a run after its first epoch."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Interrupt."""
        raise KeyboardInterrupt


def model_name(text: str) -> str:
    """Return the name of a model, in which hyphens count as underscores."""
    distribution, colon, name = text.rpartition(":")
    return f"{distribution}{colon}{name.replace('-', '_')}"


def _register(target: type[Architecture[Any]] | Architecture[Any]) -> str:
    """Register an architecture unless it is known, and return its name."""
    kind = target if inspect.isclass(target) else type(target)
    if not issubclass(kind, Architecture) or not hasattr(kind, "info"):
        raise ConfigError(
            "only architectures can be checked",
            findings=[Finding("architecture", target, "a name, or a zoo.Architecture")],
            fix="zoo list shows the names",
        )
    name, version = kind.info.name, kind.info.version
    for known_as in (name, f"{name}@{version}"):
        with contextlib.suppress(RegistryError):
            if type(registry().get(known_as)) is kind:
                return known_as
    zoo.register(kind)
    return name if type(registry().get(name)) is kind else f"{name}@{version}"


def take_all(split: zoo.Split) -> tuple[Arrays, Arrays]:
    """Return all examples of a small split."""
    return split.take(np.arange(len(split)))


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of numerical packages."""
    return {
        "python": platform.python_version(),
        **{package: version_of(package) for package in PACKAGES},
    }
