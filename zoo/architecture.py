"""The contract of a plugin: what an architecture declares, and what it implements.

A plugin is a class that derives from :class:`Architecture` and is announced by an entry point in
the group ``zoo.architectures``. This module imports neither keras nor numpy, and a plugin's module
should import keras inside its methods only, so that finding a model costs next to nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Protocol,
    Self,
    TypeVar,
)

from pydantic import (
    AfterValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from zoo.config import Frozen, ModelConfig, TrainPlan
from zoo.errors import PluginBroken
from zoo.names import FIRST_VERSION, NAME, NAME_LENGTH, VERSION, identity, valid_name
from zoo.spec import Arrays, Dataset, DataSpec, PredictFns, Split, Task, TensorSpec

if TYPE_CHECKING:
    import keras

    from zoo.metrics import Evaluation

API_VERSION = 1
"""The version of this contract. A plugin that declares a newer one is listed, and not loaded."""

OLDEST_API_VERSION = 1
"""The oldest version of this contract that plugins may still be written for."""


class ArchitectureInfo(Frozen):
    """Who an architecture is.

    Attributes:
        version: Which version of the architecture it is. Announce the first as ``name``, a later
            one beside it as ``name@2``: an older one goes on loading what was made with it.
        api_version: The version of the plugin interface that it is written for.
    """

    name: Annotated[str, AfterValidator(valid_name)] = Field(
        pattern=f"^{NAME.pattern}$", max_length=NAME_LENGTH
    )
    version: str = Field(FIRST_VERSION, pattern=f"^{VERSION.pattern}$", coerce_numbers_to_str=True)
    summary: str = Field(min_length=8, max_length=200)
    tasks: tuple[Task, ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = Field((), description="Papers and books, as text.")
    limits: tuple[str, ...] = Field(
        (), description="What it cannot do, or should not be used for: a sentence each."
    )
    license: str = "Apache-2.0"
    # The first, not the newest: a plugin that does not say was not written for what came later.
    api_version: int = Field(1, ge=1)

    @property
    def identity(self) -> str:
        """What runs and artifacts call it: ``cnn`` of the first version, then ``cnn@2``."""
        return identity(self.name, self.version)

    @model_validator(mode="wrap")
    @classmethod
    def _explain_newer(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            version = data.get("api_version") if isinstance(data, Mapping) else None
            if not isinstance(version, int) or version <= API_VERSION:
                raise
            # What a later version calls right is no fault of the plugin's.
            raise PluginBroken(
                f"{data.get('name')!r} is written for version {version} of the plugin interface",
                why=f"this zoo offers version {API_VERSION}: upgrade neural-zoo",
                fix="pip install --upgrade neural-zoo",
            ) from error


ConfigT = TypeVar("ConfigT", bound=ModelConfig)


@dataclass(frozen=True)
class Recipe(Generic[ConfigT]):
    """A configuration and a plan that suit some data."""

    config: ConfigT
    plan: TrainPlan


@dataclass(frozen=True)
class Signature:
    """One thing an exported model can be asked: a name, a functional model, and its tensors.

    Attributes:
        name: ``predict``, or what this graph does (``encode``).
        model: A functional ``keras.Model`` from raw inputs to a dictionary of outputs.
        inputs: One spec an input of the model, by name.
        outputs: One spec an output of the model, by name.
    """

    name: str
    model: keras.Model
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class Blueprint:
    """Where a model came from: enough to build it again. ``zoo.build`` leaves it on the model.

    Attributes:
        architecture: The model, with its version if that is not the first: ``cnn``, ``cnn@2``.
        distribution: Which distribution's model of that name it is, if that is known.
    """

    architecture: str
    config: ModelConfig
    data: DataSpec
    distribution: str = ""


Measure = Callable[[], Mapping[str, float]]
"""Measures a model between two epochs: names to numbers."""


class TrainLoop(Protocol):
    """The zoo's training loop, as an architecture's ``train`` receives it."""

    plan: TrainPlan

    def fit(
        self,
        model: keras.Model,
        dataset: Dataset,
        *,
        measure: Measure | None = None,
        phase: str = "",
        epochs: int | None = None,
    ) -> None:
        """Train to the end of the plan, with checkpoints, early stopping and history.

        A training in several parts calls this once for each, with names of their own. Every part
        has its own checkpoints, schedule and patience; epochs are counted through, and what was
        best before a part stays the best until one of its epochs is better: what the plan watches
        must mean the same in all of them. A resumed run takes the parts that had ended from their
        last checkpoints, so each must start from what the one before left in the model.

        Args:
            model: A compiled model.
            dataset: What it learns from.
            measure: Asked after each epoch for further columns of its line of the history, which
                the plan can watch. It must depend on the model and on nothing that an epoch before
                left behind, or a resumed run would say something else.
            phase: The name of this part; nothing if there is one only.
            epochs: How many epochs this part has; those of the plan by default.
        """

    def prepare(self, what: str, steps: int) -> Callable[[int], None]:
        """Announce work before the epochs, and return what is called as its steps are done.

        Args:
            what: The work, in a few words: ``features``.
            steps: How many steps it has.
        """


class Architecture(ABC, Generic[ConfigT]):
    """One family of models. Derive, declare ``info`` and ``Config``, implement ``build``.

    The rest has defaults that suit a model with one output for one target.
    """

    info: ClassVar[ArchitectureInfo]
    Config: ClassVar[type[ModelConfig]]
    default_dataset: ClassVar[str]
    """The id of a dataset that works offline."""

    @abstractmethod
    def build(self, config: ConfigT, data: DataSpec) -> keras.Model:
        """Return a compiled model that takes the data's raw inputs."""

    def default_config(self, data: DataSpec) -> Recipe[ConfigT]:
        """Return the configuration and the plan to start from on this data."""
        return Recipe(self.Config(), TrainPlan())  # type: ignore[arg-type]  # Config is type[ConfigT]

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[ConfigT]]:
        """Return configurations that the checks of :mod:`zoo.testing` build; the first trains.

        The first should be as small as the family goes, so that it trains in a second; the others
        should be as different as configurations can be. Its plan says what "better" means, as that
        of :meth:`default_config` does. The default is that one, whatever it costs, for 3 epochs.
        """
        recipe = self.default_config(data)
        plan = recipe.plan.model_copy(update={"epochs": 3, "patience": None})
        return (Recipe(recipe.config, plan),)

    def load_pretrained(self, model: keras.Model) -> None:
        """Put what was learned elsewhere into a fresh model.

        Called where a model starts its life: by ``zoo.build`` without weights, and before a
        training. A model whose weights come from a run or a file is not asked, and so needs
        nothing besides them.
        """

    def resolve_pretrained(self, weights: str) -> tuple[ConfigT, DataSpec] | None:
        """Return what a model is made of whose weights others have published under a name.

        The configuration says enough for :meth:`load_pretrained` to load them; ``None`` where the
        name says nothing to this architecture. ``zoo.build(NAME, weights=...)`` asks for it where a
        name is neither of the zoo's own weights nor of a run or a file.
        """
        return None

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Fit statistics that live in the model (a normalization) on the training split."""

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train the model. Override where learning is more than one call of ``loop.fit``."""
        loop.fit(model, dataset)

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: ConfigT | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Measure a model on a split, the same for a Keras model and for an artifact.

        Args:
            predict_fns: What can be asked, by signature; the first is ``predict``.
            split: The examples.
            data: What they are.
            config: What the model is made of, where what is measured depends on it; ``None`` asks
                for what is measured of every one.
            reference: The training split, which baselines may learn from; ``None`` asks for the
                scores alone.
        """
        # Listing models needs none of it.
        from zoo import metrics

        first = next(iter(predict_fns.values()))
        return metrics.evaluate(first, split, data, reference=reference)

    def signatures(
        self, model: keras.Model, config: ConfigT, data: DataSpec
    ) -> Sequence[Signature]:
        """Return what is exported, one ONNX graph each; the first is what ``predict`` asks."""
        outputs = tuple(
            TensorSpec(name=name, shape=tuple(tensor.shape[1:]), dtype=tensor.dtype)
            for name, tensor in zip(model.output_names, model.outputs, strict=True)
        )
        return (Signature("predict", model, data.inputs, outputs),)


__all__ = [
    "API_VERSION",
    "OLDEST_API_VERSION",
    "Architecture",
    "ArchitectureInfo",
    "Blueprint",
    "ConfigT",
    "Measure",
    "Recipe",
    "Signature",
    "TrainLoop",
]
