"""What a model answered, with the names that its outputs have for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.runtime.golden_vectors import LABEL, PROBABILITIES
from zoo.runtime.text import decode_text
from zoo.spec import TensorSpec


@dataclass(frozen=True)
class Prediction:
    """The outputs for some examples.

    Attributes:
        outputs: One array an output, examples along the first axis.
        specs: What the outputs are.
        dates: Of a forecast from a file with dates: the date of each step.
    """

    outputs: Mapping[str, np.ndarray[Any, Any]]
    specs: Sequence[TensorSpec]
    dates: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))

    @property
    def probabilities(self) -> np.ndarray[Any, Any] | None:
        """The probabilities of the classes ``[examples, classes]``, of a classifier."""
        return self.outputs.get(PROBABILITIES)

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names in the order of their indices; empty if there are none."""
        for name in (PROBABILITIES, LABEL):
            for spec in self.specs:
                if spec.name == name and spec.labels is not None:
                    return spec.labels
        return ()

    @property
    def labels(self) -> list[str]:
        """The name of the most probable class of each example; empty if there are no classes."""
        names = self.classes
        if LABEL in self.outputs:
            chosen = self.outputs[LABEL]
        elif self.probabilities is not None:
            chosen = self.probabilities.argmax(-1)
        else:
            return []
        return [names[i] if 0 <= i < len(names) else str(i) for i in chosen.ravel().tolist()]

    @property
    def texts(self) -> list[str]:
        """The text of each example, of a model that writes; empty if it does not."""
        for spec in self.specs:
            if spec.text is not None and spec.name in self.outputs:
                return decode_text(self.outputs[spec.name], spec.text)
        return []

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return one plain dictionary an example, for ``--json``."""
        labels, classes, chances = self.labels, self.classes, self.probabilities
        named = {
            spec.name: [column.name for column in spec.columns]
            for spec in self.specs
            if spec.columns and len(spec.shape) == 2
        }
        written = {
            spec.name: decode_text(self.outputs[spec.name], spec.text)
            for spec in self.specs
            if spec.text is not None and spec.name in self.outputs
        }
        rows = []
        for index in range(len(self)):
            row: dict[str, Any] = {}
            if labels:
                row["label"] = labels[index]
            if chances is not None and chances.ndim == 2:
                values = chances[index].tolist()
                row["probability"] = max(values)
                names = classes or tuple(str(i) for i in range(len(values)))
                row["probabilities"] = dict(zip(names, values, strict=True))
            for name, array in self.outputs.items():
                if name in named:
                    row[name] = self._steps(array[index], named[name])
                elif name in written:
                    row[name] = written[name][index]
                elif name not in row and not (name == LABEL and labels):
                    row[name] = array[index].tolist()
            rows.append(row)
        return rows

    def _steps(self, values: np.ndarray[Any, Any], columns: list[str]) -> list[dict[str, Any]]:
        """Return one dictionary a step of a forecast, with its date if it has one."""
        steps = [dict(zip(columns, step, strict=True)) for step in values.tolist()]
        if len(self.dates) != len(steps):
            return steps
        return [{"date": date, **step} for date, step in zip(self.dates, steps, strict=True)]


__all__ = ["Prediction"]
