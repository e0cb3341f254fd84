"""Every network of the held-out set has the illness that it claims, measured directly."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import pytest

from tests.plugins.diagnose.held_out import HEALTHY, SICK, Case

tf = pytest.importorskip("tensorflow")

KINDS = {
    "vanishing-gradients", "exploding-gradients", "dead-units", "saturated-units",
    "no-nonlinearity", "softmax-twice", "missing-from-logits", "wrong-loss", "rate-too-high",
    "rate-too-low", "inputs-not-scaled", "targets-not-scaled", "shuffled-labels",
    "constant-features", "nan-inputs", "frozen-layers", "batch-norm-batch-1", "unmasked-padding",
    "no-shuffle", "zero-initialization", "leaked-target",
}  # fmt: skip


def loss_of(case: Case, x: Any, y: Any) -> Any:
    """Return the loss of one training call, as a tensor of TensorFlow."""
    return case.model.compute_loss(x=x, y=y, y_pred=case.model(x, training=True))


def gradients(case: Case) -> list[Any]:
    """Return the gradient of each trainable weight, in the order of the layers."""
    with tf.GradientTape() as tape:
        loss = loss_of(case, case.x[:64], case.y[:64])
    weights = [variable.value for variable in case.model.trainable_variables]
    return [np.asarray(gradient) for gradient in tape.gradient(loss, weights)]


def size(gradient: Any) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(gradient))))


def hidden(case: Case, kind: str) -> list[Any]:
    """Return the outputs of the hidden layers with this activation, `(examples, units)`."""
    chosen = [one for one in case.model.layers[:-1] if activation(one) == kind]
    parts = [keras.Model(case.model.inputs[0], one.output) for one in chosen]
    outputs = [np.asarray(part(case.x)) for part in parts]
    return [values.reshape(-1, values.shape[-1]) for values in outputs]


def activation(layer: Any) -> str | None:
    """Return the name of a layer's activation function, if it has one."""
    return getattr(getattr(layer, "activation", None), "__name__", None)


def losses(case: Case, *, steps: int = 25, rate: float | None = None) -> list[float]:
    """Return the loss on the first examples before and after some steps of training.

    With another learning rate if one is given.
    """
    random, found = np.random.default_rng(0), []
    start = [weight.numpy() for weight in case.model.weights]
    optimizer = type(case.model.optimizer).from_config(case.model.optimizer.get_config())
    optimizer.learning_rate = rate or float(case.model.optimizer.learning_rate)
    variables = case.model.trainable_variables
    optimizer.build(variables)

    @tf.function
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            loss = loss_of(case, x, y)
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)

    found.append(float(loss_of(case, case.x[:128], case.y[:128])))
    for _ in range(steps):
        batch = random.choice(len(case.y), case.batch_size)
        step(tf.constant(case.x[batch]), tf.constant(case.y[batch]))
    found.append(float(loss_of(case, case.x[:128], case.y[:128])))
    for weight, value in zip(case.model.weights, start, strict=True):
        weight.assign(value)
    return found


def agreement(x: Any, y: Any, neighbors: int = 7) -> float:
    """Return how often the nearest others predict a class: leave-one-out accuracy."""
    distance = np.square(x[:, None] - x[None]).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    votes = y[np.argsort(distance, axis=1)[:, :neighbors]]
    counts = np.stack([(votes == label).sum(axis=1) for label in np.unique(y)], axis=1)
    return float((np.unique(y)[counts.argmax(axis=1)] == y).mean())


def vanishing(case: Case) -> bool:
    """The first kernel gets less than a thousandth of the largest gradient."""
    found = [size(gradient) for gradient in gradients(case)]
    return 0 < found[0] < 1e-3 * max(found)


def exploding(case: Case) -> bool:
    """Gradients are hundreds of times those of the same network with Keras' own weights."""
    usual = keras.models.clone_model(case.model)
    for weight in usual.weights:
        if len(weight.shape) == 2:
            square = weight.path.endswith("recurrent_kernel")
            draw = keras.initializers.Orthogonal if square else keras.initializers.GlorotUniform
            weight.assign(draw(seed=1)(weight.shape))
    usual.compile(loss=case.model.loss)
    healthy = gradients(Case("", usual, case.x, case.y))
    return max(map(size, gradients(case))) > 200 * max(map(size, healthy))


def dead(case: Case) -> bool:
    """In some ReLU layer more than half of the units are 0 for every example."""
    return any((y <= 0).all(axis=0).mean() > 0.5 for y in hidden(case, "relu"))


def saturated(case: Case) -> bool:
    """In some layer most outputs are where the slope is below a twentieth."""
    tanh = [np.abs(y) > 0.975 for y in hidden(case, "tanh")]
    sigmoid = [np.abs(y - 0.5) > 0.447 for y in hidden(case, "sigmoid")]
    return any(y.mean() > 0.6 for y in tanh + sigmoid)


def linear(case: Case) -> bool:
    """The logit of the mean of two inputs is the mean of their logits."""
    logits = keras.Model(case.model.inputs[0], case.model.layers[-2].output)
    first, second = case.x[:50], case.x[50:100]
    middle = (logits(first) + logits(second)) / 2
    return bool(np.allclose(logits((first + second) / 2), middle, atol=1e-4))


def softmax_twice(case: Case) -> bool:
    """No logits bring the loss near 0, though every probability is a softmax's."""
    out = np.asarray(case.model(case.x[:8]))
    last = case.model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return bool((out.max(axis=1) <= np.e / (np.e + 3) + 1e-6).all())
    best = float(case.model.loss(np.array([0]), np.eye(1, 4, dtype="float32")))
    return activation(last) == "softmax" and best > 0.7


def missing_from_logits(case: Case) -> bool:
    """The outputs are no probabilities, and the loss takes them for some."""
    out = np.asarray(case.model(case.x))
    loss = keras.losses.get(case.model.loss)
    config = {} if callable(loss) and not hasattr(loss, "get_config") else loss.get_config()
    return bool((out < 0).any()) and not config.get("from_logits", False)


def wrong_loss(case: Case) -> bool:
    """Binary cross-entropy on targets other than 0 and 1, so that it can fall below 0."""
    return case.model.loss == "binary_crossentropy" and not set(np.unique(case.y)) <= {0, 1}


def too_high(case: Case) -> bool:
    """The loss is not finite or hardly falls; with a hundredth of the rate it falls."""
    rate = float(case.model.optimizer.learning_rate)
    before, after = losses(case)
    start, usual = losses(case, rate=rate / 100)
    return usual < 0.93 * start and not after < usual + 0.3 * (before - usual)


def too_low(case: Case) -> bool:
    """The loss stays within a thousandth; with ten thousand times the rate it falls."""
    rate = float(case.model.optimizer.learning_rate)
    before, after = losses(case)
    return abs(after - before) < 1e-3 * before and losses(case, rate=1e4 * rate)[1] < 0.9 * before


def shuffled(case: Case) -> bool:
    """Near neighbors have other labels, though the rows fall into clusters."""
    return agreement(case.x, case.y) < 0.35


def frozen(case: Case) -> bool:
    """Most kernels have no training."""
    weights = [v for v in case.model.weights if len(v.shape) > 1]
    return sum(v.trainable for v in weights) < len(weights) / 2


def normalizes_single(case: Case) -> bool:
    """Batch normalization with one example a batch."""
    kinds = [type(layer) for layer in case.model.layers]
    return keras.layers.BatchNormalization in kinds and case.batch_size == 1


def padding_counts(case: Case) -> bool:
    """Most of the input is padding, and answers change with the length of it."""
    cut = case.x[:, :20]
    short, long = (np.asarray(case.model(x[:64])) for x in (cut, case.x))
    return (case.x == 0).mean() > 0.5 and (case.x[:, 20:] == 0).all() and not np.allclose(
        short, long, atol=1e-3
    )  # fmt: skip


def in_order(case: Case) -> bool:
    """Nearly every batch has examples of one class alone."""
    starts = range(0, len(case.y), case.batch_size)
    batches = [case.y[start : start + case.batch_size] for start in starts]
    return not case.shuffle and np.mean([len(np.unique(batch)) == 1 for batch in batches]) > 0.7


def leaked(case: Case) -> bool:
    """A threshold on one column gives every target."""
    columns = case.x.T
    return any(c[case.y > 0].min() > c[case.y == 0].max() for c in columns)


MEASURES: dict[str, Any] = {
    "vanishing-gradients": vanishing,
    "exploding-gradients": exploding,
    "dead-units": dead,
    "saturated-units": saturated,
    "no-nonlinearity": linear,
    "softmax-twice": softmax_twice,
    "missing-from-logits": missing_from_logits,
    "wrong-loss": wrong_loss,
    "rate-too-high": too_high,
    "rate-too-low": too_low,
    "inputs-not-scaled": lambda case: np.ptp(np.log10(case.x.std(axis=0))) > 3,
    "targets-not-scaled": lambda case: case.y.std() > 1e4 * np.asarray(case.model(case.x)).std(),
    "shuffled-labels": shuffled,
    "constant-features": lambda case: (np.ptp(case.x, axis=0) == 0).sum() >= 4,
    "nan-inputs": lambda case: 0.01 < np.isnan(case.x).mean() < 0.05,
    "frozen-layers": frozen,
    "batch-norm-batch-1": normalizes_single,
    "unmasked-padding": padding_counts,
    "no-shuffle": in_order,
    "zero-initialization": lambda case: (
        not any(np.any(v.numpy()) for v in case.model.trainable_variables)
    ),
    "leaked-target": leaked,
}


@functools.cache
def built(build: Any) -> Case:
    """Return a case, built once."""
    case: Case = build()
    return case


def test_every_kind_is_there() -> None:
    assert {built(build).expected for build in SICK} == KINDS == set(MEASURES)
    assert len(SICK) >= 20 and len(HEALTHY) >= 12


@pytest.mark.parametrize("build", SICK, ids=lambda build: build.__name__)
def test_a_sick_network_has_the_illness_that_it_claims(build: Any) -> None:
    case = built(build)
    assert case.expected and MEASURES[case.expected](case)
    assert case.model.compiled and case.model.count_params() < 20_000


@pytest.mark.parametrize("build", HEALTHY, ids=lambda build: build.__name__)
def test_a_healthy_network_is_built_from_finite_data(build: Any) -> None:
    case = built(build)
    assert case.expected is None and case.model.compiled
    assert all(np.isfinite(leaf).all() for leaf in keras.tree.flatten([case.x, case.y]))
    again = build()
    for one, other in zip(case.model.weights, again.model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("build", HEALTHY, ids=lambda build: build.__name__)
def test_a_healthy_network_learns(build: Any) -> None:
    case = build()
    fitted = case.model.fit(case.x, case.y, case.batch_size, 25, 0, shuffle=case.shuffle)
    assert fitted.history["loss"][-1] < 0.5 * fitted.history["loss"][0]
