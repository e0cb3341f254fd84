"""Predictions: output arrays with the names of their classes, columns and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.spec import TensorSpec

PROBABILITIES = "probabilities"
"""The output of class probabilities, by convention."""

LABEL = "label"
"""The output with the index of the largest probability, which the export adds to the graph."""


@dataclass(frozen=True)
class Prediction:
    """The outputs for some examples.

    Attributes:
        outputs: One array per output, examples along the first axis.
        specs: Specs of the outputs.
        dates: Date of each step of a forecast from a file with dates.
    """

    outputs: Mapping[str, np.ndarray[Any, Any]]
    specs: Sequence[TensorSpec]
    dates: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))

    @property
    def probabilities(self) -> np.ndarray[Any, Any] | None:
        """Class probabilities ``[examples, classes]`` of a classifier, else ``None``."""
        return self.outputs.get(PROBABILITIES)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their indices; empty if there are none."""
        for name in (PROBABILITIES, LABEL):
            for spec in self.specs:
                if spec.name == name and spec.labels is not None:
                    return spec.labels
        return ()

    @property
    def labels(self) -> list[str]:
        """Name of the most probable class of each example; empty if there are no classes."""
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
        """Generated text of each example; empty if the model generates none."""
        return next(iter(self._decoded().values()), [])

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per example, for ``--json``."""
        labels, classes, chances = self.labels, self.classes, self.probabilities
        named = {
            spec.name: [column.name for column in spec.columns]
            for spec in self.specs
            if spec.columns and len(spec.shape) == 2
        }
        texts = self._decoded()
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
                elif name in texts:
                    row[name] = texts[name][index]
                elif name not in row and not (name == LABEL and labels):
                    row[name] = array[index].tolist()
            rows.append(row)
        return rows

    def _decoded(self) -> dict[str, list[str]]:
        """Return the texts of each output of token ids, by name."""
        found = [spec for spec in self.specs if spec.text and spec.name in self.outputs]
        if not found:
            return {}
        from zoo.runtime.text import decode_text

        return {s.name: decode_text(self.outputs[s.name], s.text) for s in found if s.text}

    def _steps(self, values: np.ndarray[Any, Any], columns: list[str]) -> list[dict[str, Any]]:
        """Return one dictionary per step of a forecast, with its date if it has one."""
        steps = [dict(zip(columns, step, strict=True)) for step in values.tolist()]
        if len(self.dates) != len(steps):
            return steps
        return [{"date": date, **step} for date, step in zip(self.dates, steps, strict=True)]
