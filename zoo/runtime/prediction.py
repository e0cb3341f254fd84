"""What a model answered, with the names that its outputs have for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.runtime.tolerance import LABEL, PROBABILITIES
from zoo.spec import TensorSpec

TOKENS = "tokens"
"""The output that holds what was written, of a model that writes."""


@dataclass(frozen=True)
class Prediction:
    """The outputs for some examples.

    Attributes:
        outputs: One array an output, examples along the first axis.
        specs: What the outputs are.
    """

    outputs: Mapping[str, np.ndarray[Any, Any]]
    specs: Sequence[TensorSpec]

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
        return [names[i] if names else str(i) for i in chosen.ravel().tolist()]

    @property
    def texts(self) -> list[str]:
        """What was written for each example, of a model that writes; empty otherwise."""
        spec = next((spec for spec in self.specs if spec.name == TOKENS), None)
        if spec is None or spec.text is None:
            return []
        from zoo.runtime.text import decode_text

        return decode_text(self.outputs[TOKENS], spec.text)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return one plain dictionary an example, for ``--json``."""
        labels, classes, chances = self.labels, self.classes, self.probabilities
        texts = self.texts
        said = {name for name, there in ((LABEL, labels), (TOKENS, texts)) if there}
        rows = []
        for index in range(len(self)):
            row: dict[str, Any] = {}
            if texts:
                row["text"] = texts[index]
            if labels:
                row["label"] = labels[index]
            if chances is not None and chances.ndim == 2:
                values = chances[index].tolist()
                row["probability"] = max(values)
                names = classes or tuple(str(i) for i in range(len(values)))
                row["probabilities"] = dict(zip(names, values, strict=True))
            for name, array in self.outputs.items():
                if name not in row and name not in said:
                    row[name] = array[index].tolist()
            rows.append(row)
        return rows


__all__ = ["TOKENS", "Prediction"]
