"""Exported signatures of restricted Boltzmann machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo import DataSpec, Signature, TensorSpec
from zoo.spec import Draw
from zoo_rbm.config import RBMConfig

if TYPE_CHECKING:
    import keras

UNITS = "visible"
RBM_LAYER = "rbm"
FEATURES = "features"
RECONSTRUCTION = "reconstruction"
COMPLETION = "completion"
GIBBS_STEP = "gibbs_step"
NEXT = "next_"


def visible_spec(data: DataSpec) -> TensorSpec:
    """Return the spec of the visible input: an image, or the columns of a table."""
    return data.input("image") or data.input("numeric") or data.inputs[0]


def is_gaussian(config: RBMConfig, spec: TensorSpec) -> bool:
    """Whether the visible units are Gaussian."""
    return config.visible == "gaussian" or (config.visible == "auto" and not spec.is_image)


def make_signatures(model: keras.Model, config: RBMConfig, data: DataSpec) -> list[Signature]:
    """Return the signatures of a model, ``features`` first."""
    from zoo_rbm import heads
    from zoo_rbm.partition_function import log_partition

    spec = visible_spec(data)
    units, rbm = model.get_layer(UNITS), model.get_layer(RBM_LAYER)
    if not rbm.has_log_partition:
        # Plain fit does not estimate log Z.
        steps = config.likelihood.steps
        rbm.set_log_partition(
            log_partition(rbm.energy, rbm.base, config.likelihood, steps=steps, seed=0)
        )
    inside = "normalized" if units.gaussian else "scaled to 0..1"
    raw = spec.model_copy(update={"inside": inside, "missing": False})
    # Floats, as NaN marks missing values.
    partial = spec.model_copy(
        update={"dtype": "float32", "missing": True, "inside": "NaN is a missing value"}
    )
    output = spec.model_copy(update={"dtype": "float32", "missing": False, "inside": ""})
    step = step_inputs(data, rbm.hidden, gaussian=units.gaussian, classes=rbm.classes > 0)
    found = [
        _signature(
            FEATURES,
            heads.Features(units, rbm),
            [raw],
            [TensorSpec(name=FEATURES, shape=(config.hidden,), range=(0.0, 1.0))],
        ),
        _signature(
            "reconstruct",
            heads.Reconstruction(units, rbm),
            [raw],
            [output.model_copy(update={"name": RECONSTRUCTION})],
        ),
        _signature(
            "free_energy",
            heads.FreeEnergy(units, rbm),
            [raw],
            [
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
            ],
        ),
        _signature(
            "complete",
            heads.Completion(units, rbm, config.mean_field_steps),
            [partial],
            [output.model_copy(update={"name": COMPLETION})],
        ),
        _signature(
            GIBBS_STEP,
            heads.GibbsStep(units, rbm),
            step,
            step_outputs(step),
        ),
    ]
    if rbm.classes:
        probabilities = TensorSpec(
            name="probabilities",
            shape=(rbm.classes,),
            range=(0.0, 1.0),
            labels=data.labels,
            role="probabilities",
        )
        found.append(
            _signature("classify", heads.ClassProbabilities(units, rbm), [raw], [probabilities])
        )
    return found


def _signature(
    name: str, head: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> Signature:
    """Return the signature that applies a head to its inputs."""
    import keras

    tensors = [keras.Input(spec.shape, dtype=spec.dtype, name=spec.name) for spec in inputs]
    answer = head(tensors if len(tensors) > 1 else tensors[0])
    answers = answer if isinstance(answer, list | tuple) else [answer]
    model = keras.Model(
        {spec.name: tensor for spec, tensor in zip(inputs, tensors, strict=True)},
        {spec.name: tensor for spec, tensor in zip(outputs, answers, strict=True)},
    )
    return Signature(name, model, tuple(inputs), tuple(outputs))


def step_inputs(
    data: DataSpec, hidden: int, *, gaussian: bool, classes: bool
) -> tuple[TensorSpec, ...]:
    """Return the inputs of a Gibbs step: the state, noise of both sides, the class."""
    visible = visible_spec(data)
    state = visible.model_copy(
        update={
            "dtype": "float32",
            "missing": False,
            "draw": "zeros" if visible.range is None else "binary",
        }
    )
    units = TensorSpec(name="hidden", shape=(hidden,))
    taken = (state, _noise(units, "logistic"), _noise(state, "normal" if gaussian else "logistic"))
    if not classes:
        return taken
    label = TensorSpec(
        name=data.targets[0].name,
        shape=(len(data.labels),),
        range=(0.0, 1.0),
        labels=data.labels,
        role="state",
        draw="one-hot",
    )
    return (*taken, label, _noise(label, "gumbel"))


def step_outputs(inputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Return the outputs of a Gibbs step: the next states."""
    return tuple(
        state.model_copy(update={"name": NEXT + state.name, "of": state.name, "draw": None})
        for state in inputs
        if state.role != "noise"
    )


def _noise(spec: TensorSpec, draw: Draw) -> TensorSpec:
    return TensorSpec(name=f"{spec.name}_noise", shape=spec.shape, role="noise", draw=draw)
