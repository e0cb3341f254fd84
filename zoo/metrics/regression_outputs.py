"""What a regressor says of every example of a split, checked, beside the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics.batches import batches
from zoo.spec import Arrays, DataSpec, PredictFn, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OUTPUT = "prediction"
"""The output that is measured: one number an example, in the target's unit."""

LOW, HIGH = "low", "high"
"""The ends of its interval, if the model gives one."""


@dataclass(frozen=True)
class Answers:
    """What a regressor says of every example of a split, and the truth.

    Attributes:
        true: The targets, double precision.
        predicted: The predictions.
        low: Lower ends of the intervals, or ``None`` if the model gives none.
        high: Upper ends, ``None`` together with ``low``.
    """

    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None

    @property
    def squares(self) -> NDArray[np.float64]:
        """The squared errors."""
        return (self.predicted - self.true) ** 2


def regression_answers(
    predict_fn: PredictFn, split: Split, data: DataSpec, *, batch_size: int = 256
) -> Answers:
    """Run every example once.

    Raises:
        ConfigError: If the outputs do not fit the data.
        DataError: If the split is empty, or a target is not a finite number.
        Diverged: If an answer is not a finite number.
    """
    import numpy as np

    rows = []
    for positions, inputs, targets in batches(split, data, batch_size):
        outputs = predict_fn(inputs)
        names = [OUTPUT, *(name for name in (LOW, HIGH) if {LOW, HIGH} <= set(outputs))]
        rows.append(
            [_truth(targets, data, positions)]
            + [_numbers(outputs, name, data, positions) for name in names]
        )
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    low, high = columns[2:] if len(columns) == 4 else (None, None)
    return Answers(columns[0], columns[1], low, high)


def _truth(targets: Arrays, data: DataSpec, positions: NDArray[Any]) -> NDArray[np.float64]:
    import numpy as np

    name = data.targets[0].name if data.targets else "target"
    if name not in targets:
        raise DataError(
            f"the data {data.id!r} gives no target {name!r}",
            why=f"its description names it; given were {', '.join(targets) or 'none'}",
            fix="make the description and the arrays agree",
        )
    true = np.asarray(targets[name])
    if true.size != len(positions) or true.dtype.kind not in "iuf":
        raise DataError(
            f"the target {name!r} of {data.id!r} is not one number an example",
            why=f"for {len(positions)} examples there came shape {true.shape}, dtype {true.dtype}",
            fix="give one number an example",
        )
    true = true.reshape(-1).astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(true))
    if len(wrong):
        raise DataError(
            f"example {positions[wrong[0]]} of {data.id!r} has the target {true[wrong[0]]}",
            why="an example without a finite target cannot be measured",
            fix="fill it in, or take the example out",
        )
    return true


def _numbers(
    outputs: Arrays, name: str, data: DataSpec, positions: NDArray[Any]
) -> NDArray[np.float64]:
    """Return one output of a batch in double precision, checked."""
    import numpy as np

    if name not in outputs:
        raise ConfigError(
            f"the model has no output {name!r}",
            why=f"a regressor is measured on it; there are {', '.join(outputs) or 'none'}",
            fix=f"call the output {name!r}, or override Architecture.evaluate",
        )
    given = np.asarray(outputs[name]).astype(np.float64)
    if given.shape not in {(len(positions),), (len(positions), 1)}:
        raise ConfigError(
            f"the output {name!r} does not fit the data {data.id!r}",
            why=f"expected one number an example: {(len(positions),)}. "
            f"Received: shape={given.shape}",
            fix="evaluate on the data that the model was built for",
        )
    given = given.reshape(-1)
    wrong = np.flatnonzero(~np.isfinite(given))
    if len(wrong):
        raise Diverged(
            f"the model's answer to example {positions[wrong[0]]} of {data.id!r} "
            "is not a finite number",
            why="its weights or this input hold NaN or infinity",
            fix="train with a lower optimizer.learning_rate or with optimizer.clip_norm, "
            "and look at the input",
        )
    return given


__all__ = ["HIGH", "LOW", "OUTPUT", "Answers", "regression_answers"]
