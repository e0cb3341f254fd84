"""Exported signatures of restricted Boltzmann machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import DataSpec, Signature, TensorSpec
from zoo_rbm.config import RBMConfig

if TYPE_CHECKING:
    import keras

UNITS = "visible"
RBM_LAYER = "rbm"
FEATURES = "features"
COMPLETION = "completion"
NEXT = "next_"

LOGISTIC = "logistic noise"
NORMAL = "normal noise"
GUMBEL = "gumbel noise"
_NOISE_RANGE = {LOGISTIC: 12.0, NORMAL: 4.0, GUMBEL: 12.0}


def visible_spec(data: DataSpec) -> TensorSpec:
    """Return the spec of the visible input: an image, or the columns of a table."""
    return data.input("image") or data.input("numeric") or data.inputs[0]


def is_gaussian(config: RBMConfig, spec: TensorSpec) -> bool:
    """Whether the visible units are Gaussian."""
    return config.visible == "gaussian" or (config.visible == "auto" and not spec.is_image)


def make_signatures(model: keras.Model, config: RBMConfig, data: DataSpec) -> list[Signature]:
    """Return the signatures of a model, ``features`` first."""
    import keras

    from zoo_rbm.heads import (
        ClassProbabilities,
        Completion,
        Features,
        FreeEnergy,
        Reconstruction,
    )
    from zoo_rbm.partition_function import log_partition

    spec = visible_spec(data)
    units, machine = model.get_layer(UNITS), model.get_layer(RBM_LAYER)
    if not machine.has_log_partition:
        # Plain fit does not estimate log Z.
        likelihood = config.likelihood
        machine.set_log_partition(
            log_partition(
                machine.arrays, machine.base_arrays, likelihood, steps=likelihood.steps, seed=0
            )
        )
    raw = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
    inside = "normalized" if units.gaussian else "scaled to 0..1"
    taken = spec.model_copy(update={"inside": inside, "missing": False})
    back = spec.model_copy(
        update={"name": "reconstruction", "dtype": "float32", "missing": False, "inside": ""}
    )

    def head_signature(head: Any, name: str, *outputs: TensorSpec) -> Signature:
        answer = head(raw)
        tensors = answer if isinstance(answer, list | tuple) else [answer]
        named = {spec.name: tensor for spec, tensor in zip(outputs, tensors, strict=True)}
        return Signature(name, keras.Model({spec.name: raw}, named), (taken,), outputs)

    found = [
        head_signature(
            Features(units, machine),
            FEATURES,
            TensorSpec(name=FEATURES, shape=(config.hidden,), range=(0.0, 1.0)),
        ),
        head_signature(Reconstruction(units, machine), "reconstruct", back),
        head_signature(
            FreeEnergy(units, machine),
            "free_energy",
            TensorSpec(name="free_energy", unit="nats"),
            TensorSpec(
                name="log_likelihood", unit="nats", inside="negative free energy minus log Z"
            ),
            TensorSpec(
                name="log_z",
                shape=(3,),
                unit="nats",
                inside="value and bounds of the 95 % interval",
            ),
        ),
        _completion(Completion(units, machine, config.mean_field_steps), spec, back),
        _step(model, data),
    ]
    if machine.classes:
        chances = TensorSpec(
            name="probabilities", shape=(machine.classes,), range=(0.0, 1.0), labels=data.labels
        )
        found.append(head_signature(ClassProbabilities(units, machine), "classify", chances))
    return found


def _completion(head: Any, spec: TensorSpec, back: TensorSpec) -> Signature:
    """Return ``complete``, whose input is float, as NaN marks missing values."""
    import keras

    taken = spec.model_copy(
        update={"dtype": "float32", "missing": True, "inside": "NaN is a missing value"}
    )
    raw = keras.Input(spec.shape, dtype="float32", name=spec.name)
    given = back.model_copy(update={"name": COMPLETION})
    made = keras.Model({spec.name: raw}, {COMPLETION: head(raw)})
    return Signature("complete", made, (taken,), (given,))


def step_inputs(
    data: DataSpec, hidden: int, *, gaussian: bool, classes: bool
) -> tuple[TensorSpec, ...]:
    """Return the inputs of a Gibbs step: the state, noise of both sides, the class."""
    state = visible_spec(data).model_copy(update={"dtype": "float32", "missing": False})
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
    """Return ``gibbs_step``, from a state and noise to the next state."""
    import keras

    from zoo_rbm.heads import GibbsStep

    units, machine = model.get_layer(UNITS), model.get_layer(RBM_LAYER)
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
    bound = _NOISE_RANGE[kind]
    return TensorSpec(
        name=f"{spec.name}_noise", shape=spec.shape, range=(-bound, bound), outside=kind
    )
