"""The table of checks, causes before consequences: a problem hides those that follow from it."""

from __future__ import annotations

from zoo_inspect.diagnostics import data_checks, model_checks
from zoo_inspect.diagnostics.evidence import Evidence
from zoo_inspect.diagnostics.problem import (
    DEAD,
    EXPLODED,
    FAINT,
    FAR_FROM_CHANCE,
    GROWN,
    LARGE_INPUT,
    LARGE_TARGET,
    LINEAR,
    OFF_GRADIENT,
    PADDING,
    SATURATED,
    SLOW,
    SLOW_RATE,
    SMALL_INPUT,
    TOO_FAST,
    VANISHED,
    Check,
    Problem,
)


def find_problems(evidence: Evidence) -> tuple[Problem, ...]:
    """Return the problems that the evidence shows, causes first."""
    found: list[Problem] = []
    hidden: set[str] = set()
    for check in CHECKS:
        if check.id in hidden:
            continue
        result = check.function(evidence)
        if result is None:
            continue
        sentence, cure, *layer = result
        found.append(Problem(check.id, check.severity, sentence, cure, *layer))
        if check.hides == "*":
            return tuple(found)
        hidden |= set(check.hides.split())
    return tuple(found)


_DYNAMICS = (
    "dead-units saturated-units vanishing-gradients exploding-gradients no-gradient "
    "learning-rate-too-high learning-rate-too-low loss-far-from-chance cannot-overfit "
    "shuffled-labels gradient-mismatch"
)
_RATES = "learning-rate-too-high learning-rate-too-low loss-far-from-chance cannot-overfit"

CHECKS: tuple[Check, ...] = (
    Check(
        "bad-values",
        data_checks.bad_values,
        "a value of an input or a target is NaN or infinite, and the data does not say that NaN "
        "stands for a missing value",
        "one such value makes all weights NaN in one step",
        hides="*",
    ),
    Check(
        "bad-weights",
        model_checks.bad_weights,
        "a weight is NaN or infinite",
        "as above",
        hides="*",
    ),
    Check(
        "labels-out-of-range",
        data_checks.labels_out_of_range,
        "a class index is negative, or not below the number of units",
        "the definition of sparse categorical crossentropy",
        hides=f"wrong-loss softmax-twice loss-from-logits {_DYNAMICS}",
    ),
    Check(
        "wrong-loss",
        data_checks.wrong_loss,
        "shape, range or kind of the targets are not those that the loss is defined for",
        "the definitions of the losses of Keras",
        hides=f"softmax-twice loss-from-logits targets-not-scaled missing-shuffle {_DYNAMICS}",
    ),
    Check(
        "frozen-layers",
        model_checks.frozen_layers,
        "no weight is trainable, or frozen weights have the spread that their initializer gives "
        "and biases of 0",
        "pretrained weights have another spread (measured: within 5 % and sampling noise)",
        hides=_DYNAMICS,
    ),
    Check(
        "zero-initialization",
        model_checks.zero_initialization,
        "all units of a hidden layer have the same weights, still after 30 steps",
        "Goodfellow, Bengio & Courville 2016, Deep learning, section 8.4: symmetry",
        hides=f"no-nonlinearity {_DYNAMICS}",
    ),
    Check(
        "leaked-target",
        data_checks.leaked_target,
        "one feature of several, alone: classes lie 33 times their own spread apart, or a straight "
        "line leaves 0.01 % of the variance",
        "Kaufman et al. 2012, Leakage in data mining; the bounds are ours",
    ),
    Check(
        "constant-features",
        data_checks.constant_features,
        "a feature of a table has one value in all examples; pixels and counts that stay at the "
        "smallest value of all do not count",
        "a constant is a second bias",
        severity="warning",
    ),
    Check(
        "missing-shuffle",
        data_checks.missing_shuffle,
        "the examples come class after class, or with targets that only rise or only fall",
        "Bengio 2012, arXiv:1206.5533, section 3.1.1: gradients of consecutive examples must be "
        "independent",
        severity="warning",
        hides="cannot-overfit",
    ),
    Check(
        "unmasked-padding",
        data_checks.unmasked_padding,
        "a fifth of the steps are trailing padding, and other values there change the output by "
        f"{PADDING:.0%} of its spread",
        "measured on the copy: with a mask the change is exactly 0",
        severity="warning",
    ),
    Check(
        "inputs-not-scaled",
        model_checks.inputs_not_scaled,
        f"root mean square of the first layer's input above {LARGE_INPUT:g} or below "
        f"{SMALL_INPUT:g}",
        "LeCun et al. 1998, Efficient backprop, section 4.3: mean 0, spread 1; ten times as much "
        "is allowed",
        hides=f"targets-not-scaled {_DYNAMICS}",
    ),
    Check(
        "targets-not-scaled",
        data_checks.targets_not_scaled,
        f"root mean square of the targets above {LARGE_TARGET:g} and ten times that of the first "
        "predictions; or a spread below 0.01 and a tenth of theirs",
        "Bishop 1995, Neural networks for pattern recognition, section 8.2; the bounds are ours",
        hides=_DYNAMICS,
    ),
    Check(
        "batch-norm-of-one",
        model_checks.batch_norm_of_one,
        "a BatchNormalization and batches of one example",
        "Ioffe & Szegedy 2015, arXiv:1502.03167: statistics are of the batch",
        hides=f"no-nonlinearity {_DYNAMICS}",
    ),
    Check(
        "softmax-twice",
        data_checks.softmax_twice,
        "probabilities enter a softmax or sigmoid: of a layer, or of a loss with from_logits=True",
        "the definitions of the losses of Keras",
        hides="learning-rate-too-low cannot-overfit",
    ),
    Check(
        "loss-from-logits",
        data_checks.loss_from_logits,
        "outputs that are no probabilities enter a crossentropy with from_logits=False",
        "the definitions of the losses of Keras",
        hides=_RATES,
    ),
    Check(
        "no-nonlinearity",
        model_checks.no_nonlinearity,
        f"two or more layers with weights, and the output is affine in the inputs to {LINEAR:g}",
        "a product of matrices is one matrix",
    ),
    Check(
        "shuffled-labels",
        data_checks.shuffled_labels,
        "nearest neighbors, ridge regression and the model itself do no better than a constant on "
        "the half that they have not seen (2.6 standard errors), and the model fits the other half",
        "Zhang et al. 2017, arXiv:1611.03530: networks fit random labels",
        hides="cannot-overfit",
    ),
    Check(
        "dead-units",
        model_checks.dead_units,
        f"more than {DEAD:.0%} of the units of a ReLU give one value for all examples",
        "half of the units at 0 for one example is normal (Glorot, Bordes & Bengio 2011); for all "
        "examples it is not",
        hides="vanishing-gradients exploding-gradients no-gradient " + _RATES,
    ),
    Check(
        "saturated-units",
        model_checks.saturated_units,
        f"more than {SATURATED:.0%} of the outputs of a hidden tanh beyond ±0.99, of a sigmoid "
        "beyond 0.01 and 0.99",
        "Glorot & Bengio 2010, section 3: there the slope is below 0.02",
        hides="vanishing-gradients exploding-gradients no-gradient " + _RATES,
    ),
    Check(
        "no-gradient",
        model_checks.no_gradient,
        "the gradient of a layer is exactly 0 before and after the trial, that of others is not",
        "nothing between it and the loss has a slope",
        hides="vanishing-gradients exploding-gradients gradient-mismatch " + _RATES,
    ),
    Check(
        "vanishing-gradients",
        model_checks.vanishing_gradients,
        f"the first layer gets less than {VANISHED:g} of the largest gradient, or the last layer "
        f"less than {FAINT:g} of the input's size",
        "Hochreiter 1991; Glorot & Bengio 2010: layers should get gradients of like size",
        hides=_RATES,
    ),
    Check(
        "exploding-gradients",
        model_checks.exploding_gradients,
        f"a layer gives numbers {GROWN:g} times the input's size, or the first layer gets "
        f"{EXPLODED:g} times the gradient of the last",
        "Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063",
        hides=_RATES,
    ),
    Check(
        "learning-rate-too-high",
        model_checks.learning_rate_too_high,
        f"the loss is not finite after the trial, or falls by less than {TOO_FAST:.0%} of what it "
        "falls by at the suggested rate, which is at most a fifth",
        "Smith 2015, arXiv:1506.01186: learning-rate range test",
        hides="loss-far-from-chance cannot-overfit",
    ),
    Check(
        "learning-rate-too-low",
        model_checks.learning_rate_too_low,
        f"the loss falls by less than {SLOW:.0%} of what it falls by at the suggested rate, which "
        f"is at least {SLOW_RATE:g} times as high",
        "as above; updates are about 1e-3 of the weights where training goes well (Bottou 2015)",
        hides="cannot-overfit",
    ),
    Check(
        "loss-far-from-chance",
        model_checks.loss_far_from_chance,
        f"a crossentropy before training above {FAR_FROM_CHANCE:g} times the entropy of the labels",
        "an untrained model should be as good as chance: log(classes)",
        severity="warning",
    ),
    Check(
        "gradient-mismatch",
        model_checks.gradient_mismatch,
        f"the gradient and central differences differ by more than {OFF_GRADIENT:.0%} for half of "
        "the weights that were tried",
        "float32 and kinks leave a few percent",
        severity="warning",
    ),
    Check(
        "cannot-overfit",
        model_checks.cannot_overfit,
        "the loss of one batch falls by less than 10 % when only it is trained on",
        "a model that learns at all can learn 16 examples by heart",
        severity="warning",
    ),
)
