"""What a variant says about where it came from, and why it was thought good enough.

Nothing here was timed: the same weights must give the same bytes on a busy machine too.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo.config import Frozen

_SHA256 = r"^[0-9a-f]{64}$"


class Comparison(Frozen):
    """How a variant's answers differ from the original's on the same examples.

    Attributes:
        split: Which examples.
        examples: How many.
        metric: The name of the main metric.
        unit: ``points`` are hundredths of the metric's full range; ``percent`` is relative to the
            original's value.
        original: The metric of the original.
        value: The metric of the variant.
        loss: By how much the variant is worse, in ``unit``; below zero it is better.
        low: Lower end of the 95 % interval of ``loss``, paired; ``None`` if there are too few
            examples for one.
        high: Upper end.
        agreement: The share of examples that get the same class, of a classifier.
        max_difference: By output, the largest difference of any element.
        mean_difference: By output, the mean difference of all elements.
        neighbors: The largest difference of an example's answer alone and among others in one
            call: dynamic ranges are those of the whole call.
    """

    split: Literal["validation", "test"]
    examples: int = Field(ge=1)
    metric: str
    unit: Literal["points", "percent"]
    original: float
    value: float
    loss: float
    low: float | None = None
    high: float | None = None
    agreement: float | None = None
    max_difference: dict[str, float]
    mean_difference: dict[str, float]
    neighbors: float


class Verdict(Frozen):
    """What became of one candidate, its speed left out.

    Attributes:
        bytes: Size of its graphs without their metadata; ``None`` if they could not be made.
        comparison: On the validation split; ``None`` if it could not be made or run.
        faithful: Whether it was made, is standard ONNX, and loses no more than the bounds.
        reason: Why not.
    """

    candidate: str
    method: str
    bytes: int | None = None
    comparison: Comparison | None = None
    faithful: bool
    reason: str = ""


class Calibration(Frozen):
    """The examples from which the ranges of the activations were taken.

    Attributes:
        sha256: Over the examples themselves.
        data_fingerprint: Of the dataset that they are from.
    """

    method: str
    split: Literal["train"] = "train"
    examples: int = Field(ge=1)
    sha256: str = Field(pattern=_SHA256)
    data_fingerprint: str


class Variant(Frozen):
    """Where a variant came from, and the verdict on every candidate beside it.

    Attributes:
        kind: Which candidate this is.
        label: What the original's name is extended by.
        of_weights_sha256: Of the original's first graph.
        of_manifest_sha256: Of the original's ``manifest.json``.
        policy: What was preferred among the faithful candidates.
        max_loss: The bound of the loss.
        min_agreement: The bound of the agreement.
        calibration: Of a variant with static ranges.
        verdicts: One a candidate, this one included.
        test: On examples that decided nothing.
    """

    kind: str
    label: str = Field(pattern=r"^[a-z0-9]+$")
    of_weights_sha256: str = Field(pattern=_SHA256)
    of_manifest_sha256: str = Field(pattern=_SHA256)
    policy: str
    max_loss: float
    min_agreement: float
    calibration: Calibration | None = None
    verdicts: tuple[Verdict, ...] = Field(min_length=1)
    test: Comparison


__all__ = ["Calibration", "Comparison", "Variant", "Verdict"]
