"""Checks of the data, and of the loss that compares it with the outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from zoo_inspect.diagnostics.evidence import ENTROPIES, ERRORS, Evidence, HeadFacts
from zoo_inspect.diagnostics.problem import LARGE_TARGET, PADDING, Found


def bad_values(e: Evidence) -> Found | None:
    """Look for values that are not finite numbers."""
    for one in e.inputs:
        if one.bad:
            row, at = one.bad_at
            return (
                f"{one.bad:,} values of {one.name} are not finite numbers, the first in example "
                f"{row} at position {at}",
                "remove these examples, or fill the values in before training",
            )
    for head in e.heads:
        if head.bad_targets:
            return (
                f"{head.bad_targets:,} targets of {head.name} are not finite numbers",
                "remove these examples",
            )
    return None


def labels_out_of_range(e: Evidence) -> Found | None:
    """Look for class indices without a unit."""
    for head in _with_targets(e):
        if head.loss != "sparse_categorical_crossentropy" or not head.whole:
            continue
        if head.target_low < 0 or head.target_high >= head.units:
            return (
                f"the labels of {head.name} are from {head.target_low:g} to {head.target_high:g}, "
                f"and the last layer has {head.units} units: labels from 0 to {head.units - 1}",
                f"give the last layer {int(head.target_high) + 1} units, and count labels from 0",
            )
    return None


def wrong_loss(e: Evidence) -> Found | None:
    """Look for a loss that is not defined for the targets."""
    for head in _with_targets(e):
        reason = _loss_fault(head)
        if reason is not None:
            return reason
    return None


def _loss_fault(h: HeadFacts) -> Found | None:
    """Return what is wrong with a loss for these outputs and targets."""
    for fault in (_crossentropy_fault, _binary_fault, _error_fault):
        found = fault(h)
        if found is not None:
            return found
    return None


_SPARSE, _CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"
_BINARY = "binary_crossentropy"
_NUMBERS = "loss='mean_squared_error' and a last layer without activation"


def _is_single(h: HeadFacts) -> bool:
    """Whether there is one target per example."""
    return math.prod(h.target_shape[1:]) == 1


def _crossentropy_fault(h: HeadFacts) -> Found | None:
    if h.loss not in (_SPARSE, _CATEGORICAL):
        return None
    if h.units == 1:
        other = _BINARY if h.whole and h.classes <= 2 else "mean_squared_error"
        return (
            f"{h.name} has one unit, and {h.loss} compares several: its loss is the same whatever "
            "the model predicts",
            f"loss={other!r}",
        )
    if h.loss == _CATEGORICAL and _is_single(h):
        return (
            f"{h.loss} expects one-hot targets of {h.units} numbers, and the targets of {h.name} "
            "are class indices",
            f"loss={_SPARSE!r}" if h.whole else "loss='mean_squared_error' and one unit",
        )
    if h.loss == _SPARSE and h.one_hot and h.target_shape == h.shape:
        return (
            f"{h.loss} expects class indices, and the targets of {h.name} are one-hot",
            f"loss={_CATEGORICAL!r}",
        )
    outside = h.target_low < 0 or h.target_high > 1
    if not h.whole and (h.loss == _SPARSE or outside):
        return (
            f"{h.loss} is for classes, and the targets of {h.name} are numbers from "
            f"{h.target_low:.3g} to {h.target_high:.3g}",
            _NUMBERS,
        )
    return None


def _binary_fault(h: HeadFacts) -> Found | None:
    if h.loss != _BINARY:
        return None
    if h.target_low < 0 or h.target_high > 1:
        classes = f"loss={_SPARSE!r} and one unit per class"
        return (
            f"{h.loss} expects targets from 0 to 1, and those of {h.name} go from "
            f"{h.target_low:.3g} to {h.target_high:.3g}",
            (classes if h.target_low >= 0 else "targets 0 and 1") if h.whole else _NUMBERS,
        )
    if h.sums_to_one and h.units > 2 and (h.one_hot or _is_single(h)):
        return (
            f"{h.name} is a softmax over {h.units} classes, and {h.loss} treats each alone",
            f"loss={_CATEGORICAL if h.one_hot else _SPARSE!r}",
        )
    return None


def _error_fault(h: HeadFacts) -> Found | None:
    if h.loss == "poisson" and h.target_low < 0:
        return (
            f"poisson expects counts, and targets of {h.name} go down to {h.target_low:.3g}",
            "loss='mean_squared_error'",
        )
    if h.loss not in ERRORS:
        return None
    single = _is_single(h)
    if h.sums_to_one and h.units > 1 and (h.one_hot or (single and h.whole)):
        return (
            f"{h.name} gives probabilities of {h.units} classes, and {h.loss} is for numbers",
            f"loss={_CATEGORICAL if h.one_hot else _SPARSE!r}",
        )
    if single and h.units > 1 and len(h.shape) == 2:
        return (
            f"{h.name} gives {h.units} numbers per example and there is one target: {h.loss} "
            "compares it with each of them",
            f"loss={_SPARSE!r}" if h.whole and h.target_low >= 0 else "one unit in the last layer",
        )
    if single and h.whole and h.classes == 2 and h.target_low == 0 and h.target_high == 1:
        return (
            f"the targets of {h.name} are the classes 0 and 1, and {h.loss} is for numbers",
            f"loss={_BINARY!r} and activation='sigmoid' in the last layer",
        )
    return None


def softmax_twice(e: Evidence) -> Found | None:
    """Look for probabilities that enter another softmax or sigmoid."""
    last = [layer for layer in e.layers if layer.activation == "softmax"]
    for head in e.heads:
        if head.from_logits and head.sums_to_one and "categorical" in head.loss:
            return (
                f"{head.name} is already a softmax, and its loss applies another one "
                "(from_logits=True): it can never be sure of a class",
                "from_logits=False in the loss, or no activation in the last layer",
            )
        if (
            head.from_logits
            and head.loss == "binary_crossentropy"
            and e.layers
            and e.layers[-1].activation == "sigmoid"
        ):
            return (
                f"{head.name} is already a sigmoid, and its loss applies another one "
                "(from_logits=True)",
                "from_logits=False in the loss, or no activation in the last layer",
                e.layers[-1].path,
            )
    if len(last) > 1 and e.layers[-1].activation == "softmax":
        before = [layer for layer in e.layers if layer.kernel or layer.activation]
        if len(before) > 1 and before[-2].activation == "softmax" and not before[-1].kernel:
            return (
                f"{before[-1].path} applies a softmax to the softmax of {before[-2].path}: it can "
                "never be sure of a class",
                "one softmax at the end",
                before[-1].path,
            )
    return None


def loss_from_logits(e: Evidence) -> Found | None:
    """Look for logits that a loss takes for probabilities."""
    for head in e.heads:
        if head.from_logits or head.loss not in ENTROPIES:
            continue
        categorical = "categorical" in head.loss and head.units > 1 and not head.sums_to_one
        binary = head.loss == "binary_crossentropy" and (head.low < 0 or head.high > 1)
        if categorical or binary:
            return (
                f"{head.name} gives logits, from {head.low:.3g} to {head.high:.3g}, and "
                f"{head.loss} takes them for probabilities",
                "from_logits=True in the loss, or activation="
                f"{'sigmoid' if binary else 'softmax'!r} in the last layer",
            )
    return None


def leaked_target(e: Evidence) -> Found | None:
    """Look for a feature that gives the target away."""
    for one in e.inputs:
        if one.leak is not None:
            at, _ = one.leak
            return (
                f"feature {at} of {one.name} alone gives the target: it was probably computed from "
                "it, and will not be known when the model is used",
                "remove this feature",
            )
    return None


def constant_features(e: Evidence) -> Found | None:
    """Look for features that never change."""
    for one in e.inputs:
        if one.constant:
            shown = ", ".join(map(str, one.constant[:5])) + (", …" if len(one.constant) > 5 else "")
            return (
                f"{len(one.constant)} of the {one.features} features of {one.name} have one value "
                f"in all {e.examples:,} examples: {shown}",
                "remove these features, or find out why they never change",
            )
    return None


def _all_constant(e: Evidence) -> bool:
    return any(one.features and len(one.constant) == one.features for one in e.inputs)


def missing_shuffle(e: Evidence) -> Found | None:
    """Look for examples that come sorted by their target."""
    if e.shuffled:
        return None
    for head in e.heads:
        if head.ordered:
            return (
                f"the {e.examples:,} examples come sorted by the target of {head.name}: batches "
                "without shuffling have one class or range each, and so has a validation tail",
                "shuffle the examples once before they are split, and in every epoch",
            )
    return None


def shuffled_labels(e: Evidence) -> Found | None:
    """Look for targets that have nothing to do with the inputs."""
    rival = e.rivals
    if rival is None or rival.network_fit is None or rival.network_held_out is None:
        return None
    if _all_constant(e) or rival.score > rival.chance + rival.margin:
        return None
    if rival.network_held_out > rival.chance + rival.margin:
        return None
    if rival.network_fit < rival.chance + 2 * rival.margin:
        return None
    return (
        f"the inputs say nothing about the targets: nearest neighbors and ridge regression reach "
        f"{rival.score:.2f} on examples that they have not seen, a constant {rival.chance:.2f}; "
        f"the model reaches {rival.network_fit:.2f} on what it was trained on, and "
        f"{rival.network_held_out:.2f} on the others",
        "check that inputs and targets are still in the same order",
    )


def unmasked_padding(e: Evidence) -> Found | None:
    """Look for padding that changes the output."""
    padded = [one for one in e.inputs if one.padded >= 0.2]
    if not padded or e.padding_effect is None or e.padding_effect < PADDING:
        return None
    return (
        f"{padded[0].padded:.0%} of the steps of {padded[0].name} are padding, and what stands "
        f"there changes the output by {e.padding_effect:.0%} of its spread",
        "mask_zero=True in the Embedding, or a Masking layer before the first layer over steps",
    )


def targets_not_scaled(e: Evidence) -> Found | None:
    """Look for targets far from the size of the first predictions."""
    for head in _with_targets(e):
        if head.loss not in ERRORS or head.loss == "mean_squared_logarithmic_error":
            continue
        rms = math.hypot(head.target_mean, head.target_std)
        if rms > LARGE_TARGET and head.prediction_rms < 0.1 * rms:
            return (
                f"the targets of {head.name} are {head.target_mean:.3g} ± {head.target_std:.3g}, "
                f"and the untrained model gives numbers of about {head.prediction_rms:.2g}: most "
                "of the training only finds the scale",
                "subtract the mean of the targets and divide by their standard deviation",
            )
        if 0 < head.target_std < 0.01 and head.prediction_rms > 10 * head.target_std:
            return (
                f"the targets of {head.name} differ by {head.target_std:.2g} only, and the "
                f"untrained model gives numbers of about {head.prediction_rms:.2g}",
                "subtract the mean of the targets and divide by their standard deviation",
            )
    return None


def _with_targets(e: Evidence) -> Iterator[HeadFacts]:
    return (head for head in e.heads if head.target_shape and head.loss)
