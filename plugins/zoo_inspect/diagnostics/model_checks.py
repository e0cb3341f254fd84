"""Checks of the layers, their gradients, and the learning rate."""

from __future__ import annotations

import math

from zoo_inspect.diagnostics.evidence import ENTROPIES, Evidence, LayerFacts
from zoo_inspect.diagnostics.problem import (
    DEAD,
    EXPLODED,
    FAINT,
    FAR_FROM_CHANCE,
    GROWN,
    LARGE_INPUT,
    LINEAR,
    OFF_GRADIENT,
    SATURATED,
    SLOW,
    SLOW_RATE,
    SMALL_INPUT,
    TOO_FAST,
    VANISHED,
    Found,
    rough,
)


def bad_weights(e: Evidence) -> Found | None:
    """Look for weights that are not finite numbers."""
    if not e.bad_weights:
        return None
    return (
        f"{e.bad_weights} has weights that are not finite numbers",
        "build the model again, or load weights from before the training diverged",
        e.bad_weights,
    )


def frozen_layers(e: Evidence) -> Found | None:
    """Look for layers that stay random."""
    frozen = [layer for layer in e.layers if layer.frozen and layer.fresh]
    if not e.trainable:
        return (
            "no weight of the model is trainable",
            "set trainable = True on the layers that should learn, and compile again",
        )
    if not frozen:
        return None
    total = sum(layer.frozen for layer in frozen)
    return (
        f"{_names(frozen)} {_is_are(frozen)} frozen at random initial weights: {total:,} weights "
        "that training never changes",
        "set trainable = True on these layers and compile again, or load pretrained weights",
        frozen[0].path,
    )


def zero_initialization(e: Evidence) -> Found | None:
    """Look for layers whose units are all equal."""
    kernels = e.kernels
    same = [layer for layer in kernels[:-1] if layer.identical]
    if len(kernels) < 2 or not same:
        return None
    zero = all(layer.weight == 0 for layer in same)
    return (
        f"all units of {_names(same)} start with {'zeros' if zero else 'the same weights'}, and "
        "stay equal to each other in training",
        "a random initializer: kernel_initializer='he_normal' or 'glorot_uniform'",
        same[0].path,
    )


def inputs_not_scaled(e: Evidence) -> Found | None:
    """Look for inputs far from a size of 1."""
    layer = _first_kernel(e)
    if layer is None or layer.input_rms is None:
        return None
    size = layer.input_rms
    if size > LARGE_INPUT:
        words = f"inputs of {layer.path} are large: root mean square {size:.3g}"
    elif 0 < size < SMALL_INPUT and layer.input_max < 5 * SMALL_INPUT:
        words = f"inputs of {layer.path} are tiny: root mean square {size:.3g}"
    else:
        return None
    return (
        f"{words}, about 1 is expected",
        "a keras.layers.Normalization or Rescaling layer as the first one",
        layer.path,
    )


def batch_norm_of_one(e: Evidence) -> Found | None:
    """Look for batch statistics of one example."""
    layers = [layer for layer in e.layers if layer.kind == "BatchNormalization"]
    if not layers or e.batch_size > 1:
        return None
    return (
        f"{_names(layers)} normalize{'s' if len(layers) == 1 else ''} with batches of "
        f"{e.batch_size}: an example minus its own mean is 0",
        "a batch of 16 or more, or LayerNormalization",
        layers[0].path,
    )


def no_nonlinearity(e: Evidence) -> Found | None:
    """Look for several layers that are one linear map."""
    kernels = e.kernels
    if len(kernels) < 2 or e.linear is None or e.linear > LINEAR:
        return None
    return (
        f"the {len(kernels)} layers with weights are one linear map: in the middle between two "
        f"examples the output is the mean of theirs, to {rough(e.linear)}",
        "activation='relu' in the hidden layers",
        kernels[0].path,
    )


def dead_units(e: Evidence) -> Found | None:
    """Look for units that give the same for every example."""
    dead = [layer for layer in e.layers if layer.dead > DEAD]
    if not dead:
        return None
    worst = max(dead, key=lambda layer: layer.dead)
    return (
        f"{worst.dead:.0%} of the units of {worst.path} are dead: they give 0 for every example, "
        "and get no gradient",
        "bias_initializer='zeros' and kernel_initializer='he_normal', or activation='leaky_relu'",
        worst.path,
    )


def saturated_units(e: Evidence) -> Found | None:
    """Look for units where their activation is flat."""
    hidden = e.layers[:-1]
    found = [layer for layer in hidden if layer.saturated > SATURATED]
    if not found:
        return None
    worst = max(found, key=lambda layer: layer.saturated)
    return (
        f"{worst.saturated:.0%} of the outputs of {worst.path} are where {worst.activation} is "
        "flat: hardly any gradient comes through",
        "smaller initial weights: kernel_initializer='glorot_uniform', or normalization before "
        "the activation",
        worst.path,
    )


def vanishing_gradients(e: Evidence) -> Found | None:
    """Look for first layers that get hardly any gradient, or last ones hardly any signal."""
    layers = [layer for layer in e.kernels if layer.gradient is not None]
    if len(layers) < 3:
        return None
    first, last = layers[0], layers[-1]
    norm = first.gradient or 0.0
    largest = max(layers, key=lambda layer: layer.gradient or 0.0)
    top = largest.gradient or 0.0
    if 0 < norm < VANISHED * top:
        return (
            f"gradients vanish: {first.path} gets {rough(norm / top)} of the gradient of "
            f"{largest.path}",
            "activation='relu' with kernel_initializer='he_normal', normalization between the "
            "layers, or fewer layers",
            first.path,
        )
    if last.input_rms is not None and first.input_rms and last.input_rms < FAINT * first.input_rms:
        return (
            f"the signal vanishes: inputs of {first.path} are about {first.input_rms:.2g}, those "
            f"of {last.path} about {rough(last.input_rms)}",
            "kernel_initializer='he_normal', or normalization between the layers",
            first.path,
        )
    return None


def exploding_gradients(e: Evidence) -> Found | None:
    """Look for signals and gradients that grow from layer to layer."""
    cure = (
        "kernel_initializer='glorot_uniform' or 'he_normal', normalization between the layers, or "
        "global_clipnorm=1 in the optimizer"
    )
    layers = e.kernels
    if any(not layer.finite for layer in e.layers):
        wrong = next(layer for layer in e.layers if not layer.finite)
        return f"the output of {wrong.path} is not finite for the first batch", cure, wrong.path
    known = [layer for layer in layers if layer.gradient is not None]
    if not known:
        return None
    first = known[0]
    base = max(first.input_rms or 1.0, 1.0)
    grown = max(layers, key=lambda layer: math.hypot(layer.mean, layer.std))
    size = math.hypot(grown.mean, grown.std)
    if size > GROWN * base:
        return (
            f"the signal explodes: {grown.path} gives numbers of about {size:.2g} for inputs of "
            f"about {first.input_rms or 1.0:.2g}",
            cure,
            grown.path,
        )
    last = known[-1]
    if last.gradient and (first.gradient or 0) > EXPLODED * last.gradient:
        return (
            f"gradients explode: {first.path} gets {rough((first.gradient or 0) / last.gradient)} "
            f"times the gradient of {last.path}",
            cure,
            first.path,
        )
    return None


def no_gradient(e: Evidence) -> Found | None:
    """Look for layers that get no gradient at all."""
    known = [layer for layer in e.kernels if layer.gradient is not None and layer.parameters]
    silent = [layer for layer in known if layer.silent]
    if not silent or not any(layer.gradient for layer in known):
        return None
    return (
        f"no gradient reaches {_names(silent)}",
        "look for stop_gradient, a rounding or a comparison between these layers and the loss",
        silent[0].path,
    )


def learning_rate_too_high(e: Evidence) -> Found | None:
    """Look for a loss that does not fall, and does at a lower rate."""
    trial = e.trial
    if trial is None or trial.suggested is None or len(trial.losses) < 2:
        return None
    start, end, other = trial.baseline, _end(trial.losses), _end(trial.suggested_losses)
    gained, possible = start - end, start - other
    worse = not gained > TOO_FAST * possible or end > 1.2 * start
    if not worse or trial.suggested > trial.rate / 5 or possible < 0.1 * abs(start):
        return None
    shown = "not finite" if not math.isfinite(end) else f"{end:.3g}"
    return (
        f"the learning rate {trial.rate:g} is too high: after {len(trial.losses)} steps the loss "
        f"is {shown}, from {start:.3g}; at {trial.suggested:g} it is {other:.3g}",
        f"learning_rate={trial.suggested:g}",
    )


def learning_rate_too_low(e: Evidence) -> Found | None:
    """Look for a loss that hardly falls, and does at a higher rate."""
    trial = e.trial
    if trial is None or trial.suggested is None or not trial.losses:
        return None
    start, end, other = trial.baseline, _end(trial.losses), _end(trial.suggested_losses)
    gained, possible = start - end, start - other
    if trial.suggested < SLOW_RATE * trial.rate or possible < 0.1 * abs(start):
        return None
    if gained > SLOW * possible:
        return None
    ratios = [layer.update for layer in e.layers if layer.update]
    step = ""
    if ratios:
        step = f", and a step changes the weights by {rough(max(ratios))} of their size"
    return (
        f"the learning rate {trial.rate:g} is too low: after {len(trial.losses)} steps the loss "
        f"is {end:.3g}, from {start:.3g}; at {trial.suggested:g} it is {other:.3g}{step}",
        f"learning_rate={trial.suggested:g}",
    )


def loss_far_from_chance(e: Evidence) -> Found | None:
    """Look for an untrained model that is sure of wrong classes."""
    if e.trial is None or len(e.heads) != 1:
        return None
    head = e.heads[0]
    if head.chance is None or head.chance < 0.05 or head.loss not in ENTROPIES:
        return None
    if e.trial.first < FAR_FROM_CHANCE * head.chance:
        return None
    return (
        f"the loss before training is {e.trial.first:.3g}, and {head.chance:.3g} by chance: the "
        "untrained model is sure of wrong classes",
        "smaller initial weights in the last layer, or normalization before it",
    )


def gradient_mismatch(e: Evidence) -> Found | None:
    """Look for gradients that are not the slope of the loss."""
    checked = e.trial.gradient_check if e.trial is not None else {}
    off = {name: value for name, value in checked.items() if value > OFF_GRADIENT}
    if len(off) < max(1, math.ceil(len(checked) / 2)):
        return None
    name = max(off, key=lambda key: off[key])
    return (
        f"the gradient of {name} differs by {off[name]:.0%} from the differences of the loss",
        "look for a custom gradient, stop_gradient or rounding in the layers or the loss",
        name.rpartition("/")[0],
    )


def cannot_overfit(e: Evidence) -> Found | None:
    """Look for a batch that cannot be learned by heart."""
    trial = e.trial
    if trial is None or len(trial.batch_losses) < 5:
        return None
    start, end = trial.batch_losses[0], min(trial.batch_losses)
    if not math.isfinite(start) or start <= 0 or end < 0.9 * start:
        return None
    return (
        f"the model cannot learn one batch by heart: after {len(trial.batch_losses)} steps on the "
        f"same examples the loss is {end:.3g}, from {start:.3g}",
        "less regularization, more units, or another learning rate; check the loss",
    )


def _end(losses: tuple[float, ...]) -> float:
    if not losses or not math.isfinite(losses[-1]):
        return math.inf
    last = losses[-max(1, len(losses) // 4) :]
    return sum(last) / len(last)


def _first_kernel(e: Evidence) -> LayerFacts | None:
    return next((layer for layer in e.kernels if layer.input_rms is not None), None)


def _names(layers: list[LayerFacts]) -> str:
    names = [layer.path for layer in layers]
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more layers"


def _is_are(layers: list[LayerFacts]) -> str:
    return "is" if len(layers) == 1 else "are"
