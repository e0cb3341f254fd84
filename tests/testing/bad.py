"""Architectures that are wrong in one thing each. Their model is tiny, and learns."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import zoo
from zoo.metrics import Evaluation


class GoodConfig(zoo.ModelConfig):
    """What the small classifier can be told."""

    units: int = Field(32, ge=1, le=256, description="Width of its hidden layer.")
    optimizer: zoo.OptimizerConfig = Field(
        zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01), description="How it learns."
    )


class Good(zoo.Architecture[GoodConfig]):
    """One hidden layer on the pixels of an image, with nothing wrong."""

    info = zoo.ArchitectureInfo(
        name="good_one",
        summary="One hidden layer on the pixels of an image.",
        tasks=(zoo.Task.CLASSIFICATION,),
        references=("Rumelhart et al. 1986, Learning representations",),
        limits=("It knows no neighborhood of pixels.",),
    )
    Config: ClassVar[type[zoo.ModelConfig]] = GoodConfig
    default_dataset = "digits"

    def default_config(self, data: zoo.DataSpec) -> zoo.Recipe[Any]:
        """Return what is right for digits."""
        return zoo.Recipe(self.Config(), zoo.TrainPlan(epochs=4, batch_size=32))

    def test_configs(self, data: zoo.DataSpec) -> Sequence[zoo.Recipe[Any]]:
        """Return the recipe, which is small."""
        return (self.default_config(data),)

    def build(self, config: Any, data: zoo.DataSpec) -> Any:
        """Return a compiled model from pixels to probabilities."""
        from keras import Input, Model, layers

        from zoo.layers import compile_classifier, scale_image

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=self.input_name(spec.name))
        x = layers.Flatten()(scale_image(image, spec))
        x = layers.Dense(config.units, "relu", name="hidden")(self.before(x))
        x = layers.Dense(len(data.labels), "softmax", name="probabilities")(self.within(x))
        model = Model(image, self.behind(x))
        return compile_classifier(model, self.optimizer(config), smoothing=self.smoothing)

    smoothing = 0.0

    def input_name(self, name: str) -> str:
        """Return what the input is called."""
        return name

    def optimizer(self, config: Any) -> zoo.OptimizerConfig:
        """Return how it learns."""
        return config.optimizer

    def before(self, x: Any) -> Any:
        """Return what the hidden layer is given."""
        return x

    def within(self, x: Any) -> Any:
        """Return what the last layer is given."""
        return x

    def behind(self, x: Any) -> Any:
        """Return what is answered."""
        return x


def named(name: str, kind: type[Good] = Good, **more: Any) -> Any:
    """Return the ``info`` of a wrong one."""
    return kind.info.model_copy(update={"name": name, **more})


class BatchDependent(Good):
    """It answers relative to the mean of the batch."""

    info = named("batch_dependent")

    def before(self, x: Any) -> Any:
        """Take the mean over the batch away."""
        from keras import ops

        return x - ops.mean(x, axis=0, keepdims=True)


class Unregistered(Good):
    """It has a layer that Keras cannot find when it loads a file."""

    info = named("unregistered")

    def within(self, x: Any) -> Any:
        """Pass through a layer of its own."""
        from keras import layers

        class Mine(layers.Layer):
            def call(self, inputs: Any) -> Any:
                return inputs

        return Mine()(x)


class Misnamed(Good):
    """Its input is not called as the data's."""

    info = named("misnamed")

    def input_name(self, name: str) -> str:
        """Return another name."""
        return "picture"


class WrongShape(Good):
    """Its signature declares another shape than it gives."""

    info = named("wrong_shape")

    def signatures(self, model: Any, config: Any, data: zoo.DataSpec) -> Sequence[zoo.Signature]:
        """Return what is not so."""
        output = zoo.TensorSpec(name="probabilities", shape=(3,), role="probabilities")
        return (zoo.Signature("predict", model, data.inputs, (output,)),)


class NotFinite(Good):
    """Its answers are no numbers."""

    info = named("not_finite")

    def behind(self, x: Any) -> Any:
        """Divide nothing by nothing."""
        return (x - x) / (x - x)


class WithoutDefault(zoo.ModelConfig):
    """It cannot be made without being told something."""

    units: int = Field(description="Width of its hidden layer.")


class LooseConfig(GoodConfig, extra="ignore"):
    """It takes anything."""


class WithoutDefaults(Good):
    """A field of its configuration has no default."""

    info = named("without_defaults")
    Config = WithoutDefault

    def default_config(self, data: zoo.DataSpec) -> zoo.Recipe[Any]:
        """Return one that says it."""
        return zoo.Recipe(WithoutDefault(units=8), zoo.TrainPlan(epochs=4, batch_size=32))


class Loose(Good):
    """Its configuration ignores what it does not know."""

    info = named("loose")
    Config = LooseConfig


class Uncompiled(Good):
    """What it builds cannot learn."""

    info = named("uncompiled")

    def build(self, config: Any, data: zoo.DataSpec) -> Any:
        """Return a model that was never compiled."""
        import keras

        model = super().build(config, data)
        return keras.Model(model.inputs, model.outputs)


class Unseeded(Good):
    """Its first weights come from the clock."""

    info = named("unseeded")

    def adapt(self, model: Any, inputs: Any, targets: Any) -> None:
        """Draw weights that no seed decides."""
        noise = np.random.default_rng(int.from_bytes(os.urandom(8), "big"))
        kernel = model.get_layer("hidden").kernel
        kernel.assign(noise.normal(0, 0.1, kernel.shape))


class Deaf(Good):
    """Whatever its seed, it ends with the same weights."""

    info = named("deaf")

    def train(self, model: Any, dataset: Any, loop: Any) -> None:
        """Learn, and forget it."""
        loop.fit(model, dataset)
        for number, variable in enumerate(model.weights, start=1):
            variable.assign(np.full(variable.shape, 0.01 * number))


class Untrainable(Good):
    """Its steps are too small to change anything."""

    info = named("untrainable")

    def optimizer(self, config: Any) -> zoo.OptimizerConfig:
        """Return one that goes nowhere."""
        return zoo.OptimizerConfig(name="sgd", learning_rate=1e-30)


class Failing(Good):
    """It cannot be trained."""

    info = named("failing")

    def train(self, model: Any, dataset: Any, loop: Any) -> None:
        """Fail."""
        raise ValueError("the loss was mislaid")


class Smoothed(Good):
    """Its loss hardly asks for the right answer."""

    info = named("smoothed")
    smoothing = 0.95


class DeadWeight(Good):
    """One of its layers says nothing to anybody."""

    info = named("dead_weight")

    def within(self, x: Any) -> Any:
        """Multiply a layer with zero."""
        from keras import layers

        return x + 0.0 * layers.Dense(x.shape[-1], name="dead")(x)


class Leaking(Good):
    """It learns from answers that it was not given."""

    info = named("leaking")

    def train(self, model: Any, dataset: Any, loop: Any) -> None:
        """Look the answers up."""
        from zoo.layers import compile_classifier

        loop.fit(model, dataset)
        inputs, targets = zoo.dataset("digits").split("test").arrays()
        compile_classifier(model, zoo.OptimizerConfig(learning_rate=1e-2, schedule="constant"))
        model.fit(inputs["image"], targets["label"], epochs=10, verbose=0, shuffle=False)


class Forgetful(Good):
    """What it ends with depends on how many epochs this process has seen."""

    info = named("forgetful")

    def train(self, model: Any, dataset: Any, loop: Any) -> None:
        """Count epochs where no checkpoint sees it."""
        seen: list[int] = []

        def measure() -> dict[str, float]:
            seen.append(1)
            return {}

        loop.fit(model, dataset, measure=measure)
        bias = model.get_layer("probabilities").bias
        bias.assign(bias + 0.01 * len(seen))


class NotExportable(Good):
    """An operation of it has no ONNX form."""

    info = named("not_exportable")

    def within(self, x: Any) -> Any:
        """Use the inverse error function."""
        from keras import ops

        return ops.erfinv(ops.tanh(x) * 0.5)


class Noisy(Good):
    """It adds noise to its answers."""

    info = named("noisy")

    def within(self, x: Any) -> Any:
        """Add noise although nothing is trained."""
        import keras

        class Noise(keras.layers.Layer):
            def __init__(self) -> None:
                super().__init__()
                self.seed = keras.random.SeedGenerator()

            def call(self, inputs: Any) -> Any:
                return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.seed)

        return Noise()(x)


_TOLD = itertools.count()


class Counting(Good):
    """No two artifacts of it are the same."""

    info = named("counting")

    def signatures(self, model: Any, config: Any, data: zoo.DataSpec) -> Sequence[zoo.Signature]:
        """Return signatures that are numbered."""
        output = zoo.TensorSpec(
            name="probabilities", shape=(10,), inside=f"try {next(_TOLD)}", role="probabilities"
        )
        return (zoo.Signature("predict", model, data.inputs, (output,)),)


class Undescribed(zoo.ModelConfig):
    """A configuration of which nobody knows what a field means."""

    units: int = 32


class Silent(Good):
    info = named("silent")


class Unexplained(Good):
    """Its field is not described."""

    info = named("unexplained")
    Config = Undescribed


class Unsourced(Good):
    """It comes from nowhere."""

    info = named("unsourced", references=())


class Boastful(Good):
    """It has no limits, or none that is a sentence."""

    info = named("boastful", limits=("none",))


class Unsure(Good):
    """Its scores have no intervals."""

    info = named("unsure")

    def evaluate(self, *asked: Any, **options: Any) -> Evaluation:
        """Measure, and leave the intervals out."""
        evaluation = super().evaluate(*asked, **options)
        scores = {
            name: score.model_copy(update={"low": None, "high": None})
            for name, score in evaluation.scores.items()
        }
        return evaluation.model_copy(update={"scores": scores})


WRONG: dict[str, tuple[type[Good], str]] = {
    "build.test_configs": (Uncompiled, "build.test_configs"),
    "build.config_round_trip": (WithoutDefaults, "build.*"),
    "build.config_strict": (Loose, "build.*"),
    "build.serialization": (Unregistered, "build.*"),
    "build.batch_invariance": (BatchDependent, "build.*"),
    "build.names": (Misnamed, "build.names"),
    "build.outputs": (WrongShape, "build.*"),
    "train.determinism": (Unseeded, "train.*"),
    "train.seed_matters": (Deaf, "train.*"),
    "train.overfits_one_batch": (Smoothed, "train.*"),
    "train.every_weight_learns": (DeadWeight, "train.*"),
    "train.permuted_labels": (Leaking, "train.*"),
    "train.resume": (Forgetful, "train.*"),
    "export.parity": (NotExportable, "export.parity"),
    "export.reproducible": (Counting, "export.*"),
    "document.docstrings": (Silent, "document.[dfrl]*"),
    "document.fields": (Unexplained, "document.[dfrl]*"),
    "document.references": (Unsourced, "document.[dfrl]*"),
    "document.limits": (Boastful, "document.[dfrl]*"),
    "gold.intervals": (Unsure, "gold.*"),
}
"""By check: what fails it, and among which checks it fails no other."""
