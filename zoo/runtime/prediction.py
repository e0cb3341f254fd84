"""Predictions: output arrays with the names of their classes, columns and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.spec import TensorSpec

if TYPE_CHECKING:
    from zoo.runtime.table_inputs import Inputs


@dataclass(frozen=True)
class _Classifier:
    """The outputs of one classifier among all.

    Attributes:
        spec: Its probabilities, or its class if that is its only output.
        chosen: Its class, if that is an output.
    """

    spec: TensorSpec
    chosen: TensorSpec | None

    @property
    def has_probabilities(self) -> bool:
        return self.spec.role == "probabilities"

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in the order of their indices; empty if there are none."""
        return self.spec.labels or (self.chosen.labels if self.chosen else None) or ()

    def indices(self, outputs: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        """Return the index of the most probable class."""
        if self.chosen is not None:
            return outputs[self.chosen.name]
        return np.asarray(outputs[self.spec.name].argmax(self.spec.class_axis))

    def label(self, index: int) -> str:
        """Return the name of a class; its index if it has no name."""
        return self.names[index] if 0 <= index < len(self.names) else str(index)


@dataclass(frozen=True)
class Prediction:
    """The outputs for some examples.

    Attributes:
        outputs: One array per output, examples along the first axis.
        specs: Specs of the outputs.
        dates: For each example the dates of the steps of its forecast, if it has dates.
        unknown: For each example the values by column that the model has not learned, which
            count as missing; empty if there are none.
        index: Label of each row, if a frame was given.
        series: For each example the values that name its series, by column, if there are several.
    """

    outputs: Mapping[str, np.ndarray[Any, Any]]
    specs: Sequence[TensorSpec]
    dates: tuple[tuple[str, ...], ...] = ()
    unknown: tuple[Mapping[str, str], ...] = ()
    index: tuple[Any, ...] = ()
    series: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        outputs: Mapping[str, np.ndarray[Any, Any]],
        specs: Sequence[TensorSpec],
        inputs: Inputs,
    ) -> Prediction:
        """Return the outputs for some inputs."""
        return cls(outputs, specs, inputs.dates, inputs.unknown, inputs.index, inputs.series)

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))

    def _repr_html_(self) -> str:
        from zoo.html_views import prediction_html

        return prediction_html(self)

    @property
    def probabilities(self) -> np.ndarray[Any, Any] | None:
        """Class probabilities of the first classifier, else ``None``.

        Their shape is ``[examples, classes]``, or with further axes for one class per pixel or
        per token.
        """
        found = (one.spec for one in self._classifiers() if one.has_probabilities)
        return next((self.outputs[spec.name] for spec in found), None)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their indices; empty if there are none."""
        return next((found.names for found in self._classifiers() if found.names), ())

    @property
    def labels(self) -> list[str]:
        """Name of the most probable class of each example; empty if there is not one class each."""
        for found in self._classifiers(per_example=True):
            return [found.label(index) for index in found.indices(self.outputs).ravel().tolist()]
        return []

    def valid_rows(self, name: str, index: int) -> np.ndarray[Any, Any]:
        """Return an output of one example without the rows that are padding.

        Args:
            name: Name of the output.
            index: Position of the example.

        Example:
            >>> prediction.outputs["boxes"].shape, prediction.valid_rows("boxes", 0).shape
            ((1, 100, 4), (3, 4))
        """
        spec = next(spec for spec in self.specs if spec.name == name)
        values: np.ndarray[Any, Any] = self.outputs[name][index]
        return values[: int(self.outputs[spec.rows][index])] if spec.rows else values

    def _classifiers(self, *, per_example: bool = False) -> list[_Classifier]:
        """Return the classifiers, or those with one class per example."""
        specs = [spec for spec in self.specs if spec.name in self.outputs]
        chosen = {spec.of or spec.name: spec for spec in specs if spec.role == "class"}
        found = [
            _Classifier(spec, chosen.pop(spec.name, None))
            for spec in specs
            if spec.role == "probabilities"
        ]
        found += [_Classifier(spec, spec) for spec in chosen.values()]
        if per_example:
            return [one for one in found if len(one.spec.shape) == int(one.has_probabilities)]
        return found

    @property
    def texts(self) -> list[str]:
        """Generated text of each example; empty if the model generates none."""
        return next(iter(self._decoded().values()), [])

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per example, for ``--json``.

        A classifier has ``label``, ``probability`` and ``probabilities``, under its name if there
        are several. Padding is left out.
        """
        classifiers = self._classifiers(per_example=True)
        specs = (spec for one in classifiers for spec in (one.spec, one.chosen))
        shown = {spec.name for spec in specs if spec is not None}
        texts, rows = self._decoded(), []
        for index in range(len(self)):
            row: dict[str, Any] = dict(self.series[index]) if self.series else {}
            for found in classifiers:
                entry = self._classified(found, index)
                row |= entry if len(classifiers) == 1 else {found.spec.name: entry}
            for spec in self.specs:
                if spec.name in self.outputs and spec.name not in shown:
                    row[spec.name] = (
                        texts[spec.name][index] if spec.name in texts else self._plain(spec, index)
                    )
            if self.unknown and self.unknown[index]:
                row["unknown"] = dict(self.unknown[index])
            rows.append(row)
        return rows

    def _classified(self, found: _Classifier, index: int) -> dict[str, Any]:
        """Return the class of one example, and the probabilities if they are known."""
        entry: dict[str, Any] = {"label": found.label(int(found.indices(self.outputs)[index]))}
        if found.has_probabilities:
            values = self.outputs[found.spec.name][index].tolist()
            entry["probability"] = max(values)
            entry["probabilities"] = {found.label(at): value for at, value in enumerate(values)}
        return entry

    def _plain(self, spec: TensorSpec, index: int) -> Any:
        """Return an output of one example as plain numbers, steps of a forecast, or labels."""
        values = self.valid_rows(spec.name, index)
        if spec.columns and len(spec.shape) == 2:
            dates = self.dates[index] if self.dates else ()
            return _steps(values, [column.name for column in spec.columns], dates)
        if spec.role == "class" and spec.labels and len(spec.shape) == 1:
            found = _Classifier(spec, spec)
            return [found.label(at) for at in values.tolist()]
        return values.tolist()

    def _decoded(self) -> dict[str, list[str]]:
        """Return the texts of each output of token ids, by name."""
        found = [spec for spec in self.specs if spec.text and spec.name in self.outputs]
        if not found:
            return {}
        from zoo.runtime.text import decode_text

        return {s.name: decode_text(self.outputs[s.name], s.text) for s in found if s.text}


def _steps(
    values: np.ndarray[Any, Any], columns: list[str], dates: Sequence[str]
) -> list[dict[str, Any]]:
    """Return one dictionary per step of a forecast, with its date if it has one."""
    steps = [dict(zip(columns, step, strict=True)) for step in values.tolist()]
    if len(dates) != len(steps):
        return steps
    return [{"date": date, **step} for date, step in zip(dates, steps, strict=True)]
