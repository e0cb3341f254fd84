"""A restricted Boltzmann machine: what is likely, learned from examples alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import zoo
from zoo import (
    Arrays,
    DataSpec,
    Evaluation,
    Recipe,
    Signature,
    Split,
    TensorSpec,
    TrainLoop,
    TrainPlan,
)
from zoo.spec import Dataset, PredictFns
from zoo_rbm.config import LikelihoodConfig, RBMConfig, RBMOptimizerConfig, RuleConfig
from zoo_rbm.signatures import MACHINE, UNITS, is_gaussian, published, source
from zoo_rbm.views import learned, limits, shares, statistics

if TYPE_CHECKING:
    import keras


class RBM(zoo.Architecture[RBMConfig]):
    """Learns how likely each example is: to draw new ones, to complete them, to describe them."""

    info = zoo.ArchitectureInfo(
        name="rbm",
        summary="Restricted Boltzmann machine: features, missing values, new examples, how likely "
        "one is.",
        tasks=(zoo.Task.DENSITY,),
        tags=("generative", "image", "tabular", "unsupervised"),
        references=(
            "Smolensky 1986, Information processing in dynamical systems: foundations of harmony "
            "theory",
            "Hinton 2002, Training products of experts by minimizing contrastive divergence",
            "Tieleman 2008, Training restricted Boltzmann machines using approximations to the "
            "likelihood gradient",
            "Salakhutdinov & Murray 2008, On the quantitative analysis of deep belief networks",
            "Desjardins et al. 2010, Tempered Markov chain Monte Carlo for training of restricted "
            "Boltzmann machines",
            "Hinton 2010, A practical guide to training restricted Boltzmann machines",
            "Melchior, Fischer & Wiskott 2016, How to center deep Boltzmann machines",
        ),
        limits=(
            "A log-likelihood is as true as its log Z: an estimate has an interval, and is rather "
            "too good where annealing is hard.",
            "Every hidden unit sees every value: large pictures want another model.",
            "Of a table it takes the columns of numbers, not the categories.",
            "It learns from whole examples only; once it has learned, it completes others.",
            "Drawn examples are no new knowledge: they repeat what the training data has, its gaps "
            "and its bias included.",
        ),
    )
    Config = RBMConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[RBMConfig]:
        """Return a machine and a plan that suit the number of values and what they are."""
        spec = source(data)
        values = _values(spec)
        if not spec.is_image:
            config = RBMConfig(
                hidden=max(32, min(256, 8 * values)),
                # Where a precision is learned, steps of SGD can run away from each other.
                optimizer=RBMOptimizerConfig(name="adam", learning_rate=1e-2),
            )
            plan = TrainPlan(
                epochs=200, batch_size=50, monitor="val_log_likelihood", restore_best_weights=False
            )
            return Recipe(config, plan)
        small = values <= 256
        config = RBMConfig(
            hidden=128 if small else 500,
            # With few values to a state, an annealing run of a few temperatures is good enough.
            likelihood=LikelihoodConfig(watch=200 if small else 500),
            optimizer=RBMOptimizerConfig(learning_rate=0.1 if small else 5e-3),
        )
        plan = TrainPlan(
            epochs=100,
            batch_size=50 if small else 100,
            monitor="val_log_likelihood",
            restore_best_weights=False,
        )
        return Recipe(config, plan)

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[RBMConfig]]:
        """Return tiny machines, one for each learning rule; their states can be counted."""
        plan = TrainPlan(
            epochs=6, batch_size=32, monitor="val_log_likelihood", restore_best_weights=False
        )
        optimizer = RBMOptimizerConfig(learning_rate=1.0)
        return tuple(
            Recipe(
                RBMConfig(
                    hidden=12,
                    rule=RuleConfig(kind=kind, chains=64, temperatures=3),
                    optimizer=optimizer,
                ),
                plan,
            )
            for kind in ("persistent", "contrastive", "tempered")
        )

    def build(self, config: RBMConfig, data: DataSpec) -> keras.Model:
        """Return a compiled ``keras.Model`` from raw values to the means of the hidden units.

        It learns by ``model.fit(values)``, from examples without targets. Its first layers are
        found by their names: ``visible`` and ``machine``.

        Shapes:
            In: `image` `(batch, height, width, channels)` or `numeric` `(batch, columns)`, raw;
            with classes also the class index, under its target's name, `(batch,)`.
            Out: `(batch, hidden)`, from 0 to 1.

        Raises:
            ConfigError: If the data has neither pictures nor columns of numbers, or no classes
                where they are to be learned.
        """
        import keras

        from zoo.layers import make_optimizer
        from zoo_rbm.layer import Boltzmann
        from zoo_rbm.visible import Visible

        spec = _checked(config, data)
        gaussian, rule = is_gaussian(config, spec), config.rule
        low, high = limits(spec)
        raw = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        visible = Visible(low, high, gaussian, config.binarize, name=UNITS)(raw)
        inputs, count = [raw], 0
        if config.classes:
            target, count = data.targets[0], len(data.labels)
            label = keras.Input((), dtype=target.dtype, name=target.name)
            one_hot = keras.ops.one_hot(label, count, dtype="float32")
            visible = keras.layers.Concatenate(name="joint")([visible, one_hot])
            inputs.append(label)
        features = Boltzmann(
            config.hidden,
            gaussian,
            count,
            rule.kind,
            rule.steps,
            rule.chains,
            rule.temperatures,
            config.sparsity.weight,
            config.sparsity.target,
            config.learn_precision,
            config.rate_batch,
            name=MACHINE,
        )(visible)
        model = keras.Model(inputs if len(inputs) > 1 else raw, features, name=self.info.name)
        model.compile(
            make_optimizer(
                config.optimizer,
                momentum=config.optimizer.momentum,
                undecayed=("log_precision",),
            )
        )
        return model

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Start from units that are as often on as in the data, and center on their means.

        Raises:
            DataError: If a value fits no unit, or a column never changes.
        """
        import numpy as np

        blueprint = model.blueprint
        spec, data = source(blueprint.data), blueprint.data
        units, machine = model.get_layer(UNITS), model.get_layer(MACHINE)
        values = inputs[spec.name]
        learned(data, gaussian=units.gaussian, classes=False)(inputs, targets)
        if units.gaussian:
            units.adapt(*statistics(values, spec, data))
            machine.center(np.zeros(_values(spec)))
            return
        # One more example of each kind, so that a pixel that never changed is not impossible.
        on = shares(values, spec).sum(axis=0, dtype="float64")
        means = (on + 1.0) / (len(values) + 2.0)
        if machine.classes:
            counts = np.bincount(
                targets[data.targets[0].name].reshape(-1), minlength=machine.classes
            )
            share = (counts + 1.0) / (counts.sum() + machine.classes)
            means = np.concatenate([means, share])
        machine.center(means)

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Learn, settle the parameters, and estimate log Z once more, with care.

        Raises:
            DataError: If a value fits no unit.
        """
        from zoo_rbm.watch import Watch

        config: RBMConfig = model.blueprint.config
        data = dataset.spec
        units, machine = model.get_layer(UNITS), model.get_layer(MACHINE)
        seen = zoo.MappedDataset(
            dataset, learned(data, gaussian=units.gaussian, classes=config.classes)
        )
        watch = Watch(
            units,
            machine,
            seen.split("validation"),
            source(data).name,
            config.likelihood,
            loop.plan.seed,
        )
        loop.fit(model, seen, measure=watch)
        machine.settle()
        machine.believe(watch.partition())

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: RBMConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Measure how likely unseen examples are, and each use of the machine beside others.

        Raises:
            ConfigError: If the model does not have the signatures of a machine.
            DataError: If the split is empty, or a value fits no unit.
            Diverged: If an answer is not finite.
        """
        from zoo_rbm.evaluation import evaluate_machine

        return evaluate_machine(
            predict_fns, split, data, config=config or RBMConfig(), reference=reference
        )

    def signatures(
        self, model: keras.Model, config: RBMConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return what the machine can be asked.

        Shapes:
            features: raw to `features` `(batch, hidden)`.
            reconstruct: raw to `reconstruction`, raw.
            free_energy: raw to `free_energy` and `log_likelihood`, nats, and `log_z` `(batch, 3)`.
            complete: raw with NaN for what is missing to `completion`, raw.
            gibbs_step: a state and noise to the next state; see :mod:`zoo.runtime.gibbs`.
            classify: of a machine that knows classes: raw to `probabilities`.
        """
        return published(model, config, data)


def _values(spec: TensorSpec) -> int:
    # A size that is not fixed is refused when the model is built.
    return math.prod(size for size in spec.shape if isinstance(size, int))


def _checked(config: RBMConfig, data: DataSpec) -> TensorSpec:
    """Return the input of the visible units, or refuse what does not fit together."""
    spec = source(data)
    numbers = spec.dtype != "string" and spec.text is None and spec.series is None
    table = spec.columns is not None and all(c.categories is None for c in spec.columns)
    if not numbers or not (spec.is_image or table):
        raise zoo.errors.ConfigError(
            f"rbm needs pictures or columns of numbers, and {data.id} has neither",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train rbm --data FILE.csv, or a folder with one folder of pictures a class",
        )
    if not all(isinstance(size, int) for size in spec.shape):
        raise zoo.errors.ConfigError(
            f"rbm needs pictures of one size, and those of {data.id} are {spec.shape}",
            why="there is one visible unit a value",
            fix="--data-option image_size=32 stretches the pictures of a folder to one size",
        )
    others = [tensor.name for tensor in data.inputs if tensor.name != spec.name]
    if "categorical" in others:
        names = ", ".join(c.name for c in data.input("categorical").columns or ())  # type: ignore[union-attr]
        raise zoo.errors.ConfigError(
            f"rbm takes no categories, and {data.id} has the columns {names}",
            why="its visible units are numbers",
            fix="--data-option drop=COLUMN leaves a column out",
        )
    gaussian = is_gaussian(config, spec)
    if config.classes and (gaussian or not any(t.labels for t in data.targets)):
        raise zoo.errors.ConfigError(
            "rbm config: 1 wrong value",
            findings=[
                zoo.Finding(
                    "classes",
                    True,
                    "false, with Gaussian visible units"
                    if gaussian
                    else f"false: {data.id} has no classes",
                )
            ],
            fix="zoo info rbm",
        )
    return spec


__all__ = ["RBM", "RBMConfig"]
