"""What a machine publishes: one graph for each thing that it can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import DataSpec, Signature, TensorSpec
from zoo_rbm.config import RBMConfig

if TYPE_CHECKING:
    import keras

UNITS = "visible"
MACHINE = "machine"
FEATURES = "features"
COMPLETION = "completion"
NEXT = "next_"

LOGISTIC = "logistic noise"
NORMAL = "normal noise"
GUMBEL = "gumbel noise"
_WIDE = {LOGISTIC: 12.0, NORMAL: 4.0, GUMBEL: 12.0}


def source(data: DataSpec) -> TensorSpec:
    """Return the input that becomes the visible units: a picture, or the columns of a table."""
    return data.input("image") or data.input("numeric") or data.inputs[0]


def is_gaussian(config: RBMConfig, spec: TensorSpec) -> bool:
    """Return whether the visible units are Gaussian."""
    return config.visible == "gaussian" or (config.visible == "auto" and not spec.is_image)


def published(model: keras.Model, config: RBMConfig, data: DataSpec) -> list[Signature]:
    """Return the signatures of a model, ``features`` first."""
    import keras

    from zoo_rbm.likelihood import log_partition
    from zoo_rbm.questions import (
        ClassChances,
        Completion,
        Features,
        FreeEnergy,
        Reconstruction,
    )

    spec = source(data)
    units, machine = model.get_layer(UNITS), model.get_layer(MACHINE)
    if not machine.believed:
        # Plain fit teaches the parameters, and knows nothing of log Z.
        likelihood = config.likelihood
        machine.believe(
            log_partition(
                machine.arrays, machine.base_arrays, likelihood, steps=likelihood.steps, seed=0
            )
        )
    raw = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
    inside = "standardized" if units.gaussian else "scaled to 0..1"
    taken = spec.model_copy(update={"inside": inside, "missing": False})
    back = spec.model_copy(
        update={"name": "reconstruction", "dtype": "float32", "missing": False, "inside": ""}
    )

    def asked(question: Any, name: str, *outputs: TensorSpec) -> Signature:
        answer = question(raw)
        tensors = answer if isinstance(answer, list | tuple) else [answer]
        named = {spec.name: tensor for spec, tensor in zip(outputs, tensors, strict=True)}
        return Signature(name, keras.Model({spec.name: raw}, named), (taken,), outputs)

    found = [
        asked(
            Features(units, machine),
            FEATURES,
            TensorSpec(name=FEATURES, shape=(config.hidden,), range=(0.0, 1.0)),
        ),
        asked(Reconstruction(units, machine), "reconstruct", back),
        asked(
            FreeEnergy(units, machine),
            "free_energy",
            TensorSpec(name="free_energy", unit="nats"),
            TensorSpec(
                name="log_likelihood", unit="nats", inside="the free energy, negated, minus log Z"
            ),
            TensorSpec(name="log_z", shape=(3,), unit="nats", inside="value, low and high of 95 %"),
        ),
        _completion(Completion(units, machine, config.completion_steps), spec, back),
        _step(model, data),
    ]
    if machine.classes:
        chances = TensorSpec(
            name="probabilities", shape=(machine.classes,), range=(0.0, 1.0), labels=data.labels
        )
        found.append(asked(ClassChances(units, machine), "classify", chances))
    return found


def _completion(question: Any, spec: TensorSpec, back: TensorSpec) -> Signature:
    """Return the graph that takes NaN for what is missing, which raw whole numbers cannot say."""
    import keras

    taken = spec.model_copy(
        update={"dtype": "float32", "missing": True, "inside": "NaN stands for what is missing"}
    )
    raw = keras.Input(spec.shape, dtype="float32", name=spec.name)
    given = back.model_copy(update={"name": COMPLETION})
    made = keras.Model({spec.name: raw}, {COMPLETION: question(raw)})
    return Signature("complete", made, (taken,), (given,))


def step_inputs(
    data: DataSpec, hidden: int, *, gaussian: bool, classes: bool
) -> tuple[TensorSpec, ...]:
    """Return what one step of a chain takes: the state, noise of both sides, the class."""
    state = source(data).model_copy(update={"dtype": "float32", "missing": False})
    units = TensorSpec(name="hidden", shape=(hidden,))
    taken = (state, _noise(units, LOGISTIC), _noise(state, NORMAL if gaussian else LOGISTIC))
    if not classes:
        return taken
    label = TensorSpec(
        name=data.targets[0].name,
        shape=(len(data.labels),),
        range=(0.0, 1.0),
        labels=data.labels,
        outside="one-hot",
    )
    return (*taken, label, _noise(label, GUMBEL))


def _step(model: keras.Model, data: DataSpec) -> Signature:
    """Return one step of a chain: its state and noise go in, its next state comes out."""
    import keras

    from zoo_rbm.questions import GibbsStep

    units, machine = model.get_layer(UNITS), model.get_layer(MACHINE)
    taken = step_inputs(data, machine.hidden, gaussian=units.gaussian, classes=machine.classes > 0)
    inputs = [keras.Input(one.shape, dtype="float32", name=one.name) for one in taken]
    answer = GibbsStep(units, machine)(inputs)
    tensors = answer if isinstance(answer, list | tuple) else [answer]
    states = [one for one in taken if not one.outside.endswith("noise")]
    given = tuple(one.model_copy(update={"name": NEXT + one.name}) for one in states)
    made = keras.Model(
        {one.name: tensor for one, tensor in zip(taken, inputs, strict=True)},
        {one.name: tensor for one, tensor in zip(given, tensors, strict=True)},
    )
    return Signature("gibbs_step", made, taken, given)


def _noise(spec: TensorSpec, kind: str) -> TensorSpec:
    wide = _WIDE[kind]
    return TensorSpec(
        name=f"{spec.name}_noise", shape=spec.shape, range=(-wide, wide), outside=kind
    )


__all__ = [
    "COMPLETION",
    "FEATURES",
    "MACHINE",
    "UNITS",
    "is_gaussian",
    "published",
    "source",
    "step_inputs",
]
