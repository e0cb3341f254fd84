"""Plugin contract: the base class of architectures and the records that it uses.

A plugin is a class that derives from :class:`Architecture` and is registered by an entry point in
the group ``zoo.architectures``. This module imports neither keras nor numpy, and a plugin's module
should import keras inside its methods only, so that finding a model is fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
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

from zoo.config import BaseConfig, Frozen, TrainPlan
from zoo.errors import ConfigError, Finding, PluginBroken
from zoo.names import FIRST_VERSION, NAME, NAME_LENGTH, VERSION, identity, valid_name
from zoo.spec import TASK, Arrays, Dataset, DataSpec, PredictFns, Role, Split, Task, TensorSpec
from zoo.version import API_VERSION, OLDEST_API_VERSION

if TYPE_CHECKING:
    import keras

    from zoo.metrics import Evaluation


class ArchitectureInfo(Frozen):
    """Name, summary, tasks, references and limits of an architecture.

    Attributes:
        name: Lower-case letters, digits and underscores.
        version: Version of the architecture. Register the first as ``name`` and a later one beside
            it as ``name@2``, so that the older one still loads what was made with it.
        summary: One sentence for listings.
        tasks: Tasks that it can learn: names of :class:`Task`, or any other.
        tags: Words to search for.
        references: Papers and books: authors, year, title.
        limits: Limitations and unsuitable uses, a sentence each.
        license: SPDX expression.
        backends: Keras backends that it is written for; empty if it runs on every one.
        api_version: Version of the plugin contract that it is written for.

    Example:
        >>> info = ArchitectureInfo(
        ...     name="linear", version="2", summary="A linear model.", tasks=("regression",)
        ... )
        >>> info.identity, info.api_version == API_VERSION >= OLDEST_API_VERSION
        ('linear@2', True)
    """

    name: Annotated[str, AfterValidator(valid_name)] = Field(
        pattern=f"^{NAME.pattern}$", max_length=NAME_LENGTH
    )
    version: str = Field(FIRST_VERSION, pattern=f"^{VERSION.pattern}$", coerce_numbers_to_str=True)
    summary: str = Field(min_length=8, max_length=200)
    tasks: tuple[Annotated[str, Field(pattern=f"^{TASK.pattern}$")], ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = Field((), description="Papers and books: authors, year, title.")
    limits: tuple[str, ...] = Field(
        (), description="Limitations and unsuitable uses, a sentence each."
    )
    license: str = "Apache-2.0"
    backends: tuple[Literal["tensorflow", "jax", "torch"], ...] = ()
    # The first, not the newest: a plugin that does not say was written before later ones.
    api_version: int = Field(1, ge=OLDEST_API_VERSION, le=API_VERSION)

    @property
    def identity(self) -> str:
        """Name in runs and artifacts: ``cnn`` for the first version, then ``cnn@2``."""
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
            # What is wrong here may be right in the later version.
            raise PluginBroken(
                f"{data.get('name')!r} is written for version {version} of the plugin interface",
                why=f"this zoo offers version {API_VERSION}: upgrade neural-zoo",
                fix="pip install --upgrade neural-zoo",
            ) from error


ConfigT = TypeVar("ConfigT", bound=BaseConfig)
"""Type of the configuration of an architecture."""


@dataclass(frozen=True)
class Recipe(Generic[ConfigT]):
    """Configuration and training plan that suit some data.

    Example:
        >>> Recipe(zoo.ModelConfig(), zoo.TrainPlan(epochs=5)).plan.epochs
        5
    """

    config: ConfigT
    plan: TrainPlan


@dataclass(frozen=True)
class Signature:
    """Function of an exported model: one ONNX graph with named inputs and outputs.

    Attributes:
        name: ``predict``, or another function (``encode``).
        model: A functional ``keras.Model`` from raw inputs to a dictionary of outputs.
        inputs: One spec per input of the model, by name.
        outputs: One spec per output of the model, by name.
        samples: Examples of inputs that neither the data nor an earlier signature has, by name,
            along the first axis. Inputs that are drawn (``TensorSpec.draw``) need none.
        decode: Name of the signature that generates a text from the outputs of this one, token by
            token: see :mod:`zoo.runtime.decoding`.

    Raises:
        ConfigError: If a spec refers to a tensor that is not there, or does not fit it.

    Example:
        >>> model = zoo.build("mlp_classifier")
        >>> predict = Signature(
        ...     "predict", model, zoo.dataset("digits").spec.inputs,
        ...     (zoo.TensorSpec(name="probabilities", shape=(10,), role="probabilities"),),
        ... )
    """

    name: str
    model: keras.Model
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    samples: Arrays = field(default_factory=dict, repr=False)
    decode: str = ""

    def __post_init__(self) -> None:
        faults = [
            *_reference_faults(self.inputs, ()),
            *_reference_faults(self.outputs, self.inputs),
        ]
        if faults:
            raise ConfigError(f"the signature {self.name!r} is wrong", findings=faults)


def _reference_faults(
    specs: Sequence[TensorSpec], inputs: Sequence[TensorSpec]
) -> Iterator[Finding]:
    """Yield what is wrong with the references of some inputs, or of some outputs to inputs."""
    beside = {spec.name: spec for spec in specs}
    before = {spec.name: spec for spec in inputs}
    for spec in specs:
        if spec.rows:
            count = beside.get(spec.rows)
            if count is None or count.shape or "int" not in count.dtype or not spec.shape:
                wanted = "the name of a whole number per example beside it"
                yield Finding(f"{spec.name}.rows", spec.rows, wanted)
        if spec.role == "noise" and inputs:
            yield Finding(f"{spec.name}.role", spec.role, "none: an output is not drawn")
        if not spec.of:
            continue
        if spec.of in before:
            state = before[spec.of]
            if state.shape != spec.shape or state.dtype != spec.dtype:
                wanted = "an input of the same shape and type, which it replaces in the next call"
                yield Finding(f"{spec.name}.of", spec.of, wanted)
        elif spec.of not in beside:
            known = ", ".join([*beside, *before])
            yield Finding(f"{spec.name}.of", spec.of, f"the name of a tensor: {known}")
        elif spec.role == "class" and beside[spec.of].role != "probabilities":
            wanted = "the name of an output with the role probabilities"
            yield Finding(f"{spec.name}.of", spec.of, wanted)


@dataclass(frozen=True)
class Blueprint:
    """Architecture, configuration and data of a model: enough to build it again.

    ``zoo.build`` stores it on the model, and ``model.save`` in the file.

    Attributes:
        architecture: Name, with the version if it is not the first: ``cnn``, ``cnn@2``.
        config: Configuration of the model.
        data: Specification of its data.
        distribution: Distribution that provides the architecture, if known.

    Example:
        >>> blueprint: Blueprint = zoo.build("cnn").blueprint
        >>> blueprint.architecture
        'cnn'
    """

    architecture: str
    config: BaseConfig
    data: DataSpec
    distribution: str = ""


Measure = Callable[[], Mapping[str, float]]
"""Function that measures a model after an epoch: names to numbers."""


class TrainLoop(Protocol):
    """Training loop that an architecture's ``train`` receives."""

    plan: TrainPlan

    def fit(
        self,
        model: keras.Model,
        dataset: Dataset,
        *,
        measure: Measure | None = None,
        phase: str = "",
        epochs: int | None = None,
        state: Sequence[Any] = (),
        loss: str = "loss",
    ) -> None:
        """Train to the end of the plan, with checkpoints, early stopping and history.

        Training in several phases calls this once per phase, each with its own name. Every phase
        has its own checkpoints, schedule and patience; epochs are counted through. The best
        epoch so far stays the best until a later one improves on it, so the monitored value
        must mean the same in all phases. A resumed run restores finished phases from their last
        checkpoints, so each must start from what the previous one left in the model.

        Args:
            model: A compiled model.
            dataset: The data to learn from.
            measure: Called after each epoch for further columns of its line of the history, which
                the plan can monitor. It must depend on the model only and not on earlier epochs,
                or a resumed run would differ.
            phase: Name of this phase; empty if it is the only one.
            epochs: Number of epochs of this phase; those of the plan by default.
            state: What training changes besides the model's variables and ``model.optimizer``:
                further optimizers, which must be built, metrics, variables. It is in every
                checkpoint, and the schedule of each optimizer spans the phase.
            loss: Column of the history that must stay finite: the loss of the model.
        """

    def prepare(self, what: str, steps: int) -> Callable[[int], None]:
        """Announce work before the epochs, and return a function that counts its steps.

        Args:
            what: The work, in a few words: ``features``.
            steps: Number of its steps.
        """


class Architecture(ABC, Generic[ConfigT]):
    """Base class of architectures: declare ``info`` and ``Config``, and implement ``build``.

    The other methods have defaults that suit a model with one output for one target.

    Example:
        >>> class Linear(zoo.Architecture):
        ...     info = zoo.ArchitectureInfo(
        ...         name="linear", summary="A linear classifier.", tasks=("classification",)
        ...     )
        ...     Config = zoo.ModelConfig
        ...     default_dataset = "digits"
        ...
        ...     def build(self, config, data): ...
    """

    info: ClassVar[ArchitectureInfo]
    Config: ClassVar[type[BaseConfig]]
    default_dataset: ClassVar[str]
    """Name of a dataset that works offline."""

    @abstractmethod
    def build(self, config: ConfigT, data: DataSpec) -> keras.Model:
        """Return a compiled model that takes the data's raw inputs."""

    def default_config(self, data: DataSpec) -> Recipe[ConfigT]:
        """Return the default configuration and training plan for this data."""
        return Recipe(self.Config(), TrainPlan())  # type: ignore[arg-type]  # Config is type[ConfigT]

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[ConfigT]]:
        """Return configurations for the checks of :mod:`zoo.testing`, which train the first.

        The first should be as small as possible, so that it trains in a second; the others
        should differ as much as possible. Its plan monitors what that of :meth:`default_config`
        does. The default is :meth:`default_config` for 3 epochs, whatever it costs.
        """
        recipe = self.default_config(data)
        plan = recipe.plan.model_copy(update={"epochs": 3, "patience": None})
        return (Recipe(recipe.config, plan),)

    def load_pretrained(self, model: keras.Model) -> None:
        """Load pretrained weights of others into a new model.

        Called by ``zoo.build`` without weights, and before a training starts. Not called where the
        weights come from a run or a file, so that these need nothing else.
        """

    def resolve_pretrained(self, weights: str) -> tuple[ConfigT, DataSpec] | None:
        """Return configuration and data for the name of weights that others have published.

        :meth:`load_pretrained` must be able to load them from the configuration. ``None`` if the
        architecture does not know the name. ``zoo.build(NAME, weights=...)`` calls this if the name
        is neither of the zoo's own weights nor of a run or a file.
        """
        return None

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Compute statistics that the model contains (a normalization) from the training split."""

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train the model. Override if training is more than one call of ``loop.fit``."""
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
        """Evaluate a Keras model or an artifact on a split.

        Args:
            predict_fns: Functions of the model by signature; the first is ``predict``.
            split: The examples.
            data: Specification of the examples.
            config: Configuration of the model, if the metrics depend on it; ``None`` for those
                that every configuration has.
            reference: The training split, for baselines; ``None`` for the scores alone.
        """
        # Listing models needs no metrics.
        from zoo import metrics

        first = next(iter(predict_fns.values()))
        return metrics.evaluate(first, split, data, reference=reference)

    def signatures(
        self, model: keras.Model, config: ConfigT, data: DataSpec
    ) -> Sequence[Signature]:
        """Return the exported functions, one ONNX graph each; the first is ``predict``.

        By default the model itself is the only one. If it has one output, its role follows from
        the task: the probabilities of a classification, the prediction of a regression.
        """
        roles: dict[str, Role] = {
            Task.CLASSIFICATION: "probabilities",
            Task.REGRESSION: "prediction",
            Task.FORECASTING: "prediction",
        }
        role = roles.get(data.task) if len(model.outputs) == 1 else None
        outputs = tuple(
            TensorSpec(name=name, shape=tuple(tensor.shape[1:]), dtype=tensor.dtype, role=role)
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
