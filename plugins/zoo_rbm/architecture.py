"""Restricted Boltzmann machine for density estimation of images and tables."""

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
from zoo_rbm.config import LikelihoodConfig, RBMConfig, RBMOptimizerConfig, SamplerConfig
from zoo_rbm.preprocessing import intensities, statistics, training_inputs, value_range
from zoo_rbm.signatures import RBM_LAYER, UNITS, is_gaussian, make_signatures, visible_spec

if TYPE_CHECKING:
    import keras


class RBM(zoo.Architecture[RBMConfig]):
    """Restricted Boltzmann machine with binary or Gaussian visible units."""

    info = zoo.ArchitectureInfo(
        name="rbm",
        summary="Restricted Boltzmann machine: density estimation, sampling, features, imputation.",
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
            "A log-likelihood is as accurate as log Z: the estimate has an interval, and is too "
            "optimistic where annealing mixes badly.",
            "Every hidden unit is connected to every value: not suited for large images.",
            "Numeric columns only, no categories.",
            "Training takes complete examples; a trained model imputes missing values.",
            "Samples reproduce the training data, its gaps and its bias included.",
        ),
    )
    Config = RBMConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[RBMConfig]:
        """Return a configuration for the number and kind of values."""
        spec = visible_spec(data)
        values = _values(spec)
        if not spec.is_image:
            config = RBMConfig(
                hidden=max(32, min(256, 8 * values)),
                # SGD can diverge where precisions are learned.
                optimizer=RBMOptimizerConfig(name="adam", learning_rate=1e-2),
            )
            plan = TrainPlan(
                epochs=200, batch_size=50, monitor="val_log_likelihood", restore_best_weights=False
            )
            return Recipe(config, plan)
        small = values <= 256
        config = RBMConfig(
            hidden=128 if small else 500,
            # Few AIS temperatures are enough for few values.
            likelihood=LikelihoodConfig(epoch_steps=200 if small else 500),
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
        """Return tiny RBMs, one per sampler; their states can be enumerated."""
        plan = TrainPlan(
            epochs=6, batch_size=32, monitor="val_log_likelihood", restore_best_weights=False
        )
        optimizer = RBMOptimizerConfig(learning_rate=1.0)
        return tuple(
            Recipe(
                RBMConfig(
                    hidden=12,
                    sampler=SamplerConfig(kind=kind, chains=64, temperatures=3),
                    optimizer=optimizer,
                ),
                plan,
            )
            for kind in ("pcd", "cd", "parallel_tempering")
        )

    def build(self, config: RBMConfig, data: DataSpec) -> keras.Model:
        """Build a compiled model from raw values to the means of the hidden units.

        It is trained by ``model.fit(values)``, without targets. Its layers are named ``visible``
        and ``rbm``.

        Shapes:
            In: `image` `(batch, height, width, channels)` or `numeric` `(batch, columns)`, raw;
            with classes also the class index, under its target's name, `(batch,)`.
            Out: `(batch, hidden)`, from 0 to 1.

        Raises:
            ConfigError: If the data has neither images nor numeric columns, or no classes with
                ``classes=True``.
        """
        import keras

        from zoo.layers import make_optimizer
        from zoo_rbm.layers import RBMLayer, VisibleUnits

        spec = _checked(config, data)
        gaussian, sampler = is_gaussian(config, spec), config.sampler
        low, high = value_range(spec)
        raw = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        visible = VisibleUnits(low, high, gaussian, config.binarize, name=UNITS)(raw)
        inputs, count = [raw], 0
        if config.classes:
            target, count = data.targets[0], len(data.labels)
            label = keras.Input((), dtype=target.dtype, name=target.name)
            one_hot = keras.ops.one_hot(label, count, dtype="float32")
            visible = keras.layers.Concatenate(name="joint")([visible, one_hot])
            inputs.append(label)
        features = RBMLayer(
            config.hidden,
            gaussian,
            count,
            sampler.kind,
            sampler.steps,
            sampler.chains,
            sampler.temperatures,
            config.sparsity.weight,
            config.sparsity.target,
            config.learn_precision,
            config.reference_batch_size,
            name=RBM_LAYER,
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
        """Initialize the biases from the data's means, and center on them.

        Raises:
            DataError: If a value is invalid, or a column is constant.
        """
        import numpy as np

        blueprint = model.blueprint
        spec, data = visible_spec(blueprint.data), blueprint.data
        units, rbm = model.get_layer(UNITS), model.get_layer(RBM_LAYER)
        values = inputs[spec.name]
        training_inputs(data, gaussian=units.gaussian, classes=False)(inputs, targets)
        if units.gaussian:
            units.adapt(*statistics(values, spec, data))
            rbm.center(np.zeros(_values(spec)))
            return
        # One pseudo-example of each value, so that no pixel has probability 0.
        on = intensities(values, spec).sum(axis=0, dtype="float64")
        means = (on + 1.0) / (len(values) + 2.0)
        if rbm.classes:
            counts = np.bincount(targets[data.targets[0].name].reshape(-1), minlength=rbm.classes)
            share = (counts + 1.0) / (counts.sum() + rbm.classes)
            means = np.concatenate([means, share])
        rbm.center(means)

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train, quantize the parameters, and estimate log Z.

        Raises:
            DataError: If a value is invalid.
        """
        from zoo_rbm.epoch_metrics import EpochMetrics
        from zoo_rbm.partition_function import log_partition

        config: RBMConfig = model.blueprint.config
        data = dataset.spec
        units, rbm = model.get_layer(UNITS), model.get_layer(RBM_LAYER)
        seen = zoo.MappedDataset(
            dataset, training_inputs(data, gaussian=units.gaussian, classes=config.classes)
        )
        metrics = EpochMetrics(
            units,
            rbm,
            seen.split("validation"),
            visible_spec(data).name,
            config.likelihood,
            loop.plan.seed,
        )
        loop.fit(model, seen, measure=metrics)
        rbm.quantize_parameters()
        likelihood = config.likelihood
        rbm.set_log_partition(
            log_partition(
                rbm.energy, rbm.base, likelihood, steps=likelihood.steps, seed=loop.plan.seed
            )
        )

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: RBMConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Evaluate log-likelihood, features and imputation beside baselines.

        Raises:
            ConfigError: If the model lacks the signatures of an RBM.
            DataError: If the split is empty, or a value is invalid.
            Diverged: If an output is not finite.
        """
        from zoo_rbm.evaluation import evaluate_rbm

        return evaluate_rbm(
            predict_fns, split, data, config=config or RBMConfig(), reference=reference
        )

    def signatures(
        self, model: keras.Model, config: RBMConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return the signatures of the RBM.

        Shapes:
            features: raw to `features` `(batch, hidden)`.
            reconstruct: raw to `reconstruction`, raw.
            free_energy: raw to `free_energy` and `log_likelihood`, nats, and `log_z` `(batch, 3)`.
            complete: raw with NaN for missing values to `completion`, raw.
            gibbs_step: a state and noise to the next state; see :mod:`zoo.runtime.sampling`.
            classify: with ``classes=True``, raw to `probabilities`.
        """
        return make_signatures(model, config, data)


def _values(spec: TensorSpec) -> int:
    # Dynamic sizes are refused when the model is built.
    return math.prod(size for size in spec.shape if isinstance(size, int))


def _checked(config: RBMConfig, data: DataSpec) -> TensorSpec:
    """Check that configuration and data fit together; return the visible input."""
    spec = visible_spec(data)
    numbers = spec.text is None and spec.series is None
    table = spec.columns is not None and all(c.categories is None for c in spec.columns)
    if not numbers or not (spec.is_image or table):
        raise zoo.errors.ConfigError(
            f"rbm needs images or numeric columns, and {data.id} has neither",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train rbm --data FILE.csv, or a folder with one folder of images per class",
        )
    if not all(isinstance(size, int) for size in spec.shape):
        raise zoo.errors.ConfigError(
            f"rbm needs images of one size, and those of {data.id} are {spec.shape}",
            why="there is one visible unit per value",
            fix="--data-option image_size=32 resizes the images of a folder to one size",
        )
    others = [tensor.name for tensor in data.inputs if tensor.name != spec.name]
    if "categorical" in others:
        names = ", ".join(c.name for c in data.input("categorical").columns or ())  # type: ignore[union-attr]
        raise zoo.errors.ConfigError(
            f"rbm does not support categories, and {data.id} has the columns {names}",
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
