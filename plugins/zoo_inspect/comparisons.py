"""Codes and free energies of an input beside those of other examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.metrics.figures import Bars, Figure, ImageGrid, ImageRow, Matrix
from zoo_inspect.pictures import stretched

if TYPE_CHECKING:
    import zoo

Array = np.ndarray[Any, Any]

_OTHERS = 5
_MOST_CODES = 16


@dataclass(frozen=True)
class Comparison:
    """What a model gives for the input, and for others.

    Attributes:
        names: ``input``, then the others.
        codes: Codes, `(examples, units)`, of a model that has an encoder.
        reconstruction: The input and its reconstruction, if it is an image.
        free_energies: Free energies in nats, of a model that has them.
    """

    names: tuple[str, ...]
    codes: Array | None = None
    reconstruction: tuple[Array, Array] | None = None
    free_energies: Array | None = None

    def figures(self) -> list[Figure]:
        """Return the pictures."""
        found: list[Figure] = []
        if self.codes is not None:
            units = min(_MOST_CODES, self.codes.shape[1])
            of = "" if units == self.codes.shape[1] else f" The first {units} units."
            found.append(
                Matrix(
                    title="Codes",
                    caption="What is left of an example between encoder and decoder; stronger is "
                    f"further from 0.{of}",
                    rows=self.names,
                    columns=tuple(map(str, range(units))),
                    values=tuple(tuple(row[:units].tolist()) for row in np.nan_to_num(self.codes)),
                    row_label="example",
                    column_label="unit",
                )
            )
        if self.reconstruction is not None:
            both = [ImageRow.of("", [stretched(image) for image in self.reconstruction])]
            found.append(
                ImageGrid(
                    title="Reconstruction",
                    caption="What the decoder makes of the code of the input.",
                    rows=tuple(both),
                    columns=("input", "decoded"),
                )
            )
        if self.free_energies is not None:
            found.append(
                Bars(
                    title="Free energy",
                    caption="The lower, the likelier: a difference of 1 nat is a factor of 2.7. "
                    "'mixed' has each value from another example, 'noise' evenly random values.",
                    names=self.names,
                    values=tuple(np.nan_to_num(self.free_energies).tolist()),
                    label="nats",
                    emphasis=("input",),
                )
            )
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data, for ``--json``."""
        found: dict[str, Any] = {}
        if self.codes is not None:
            found["codes"] = dict(zip(self.names, self.codes.tolist(), strict=True))
        if self.free_energies is not None:
            found["free_energies"] = dict(zip(self.names, self.free_energies.tolist(), strict=True))
        return found


def compare(
    predictor: zoo.Predictor, inputs: Mapping[str, Array], data: Callable[[], Any]
) -> Comparison | None:
    """Return codes or free energies of one example and of a few others.

    Args:
        predictor: A model; others than those with a signature that gives ``code`` or
            ``free_energy`` have nothing to compare.
        inputs: The example, by the names of the signature's inputs.
        data: Opens the dataset, whose test split has the others.
    """
    for name, signature in predictor.signatures.items():
        given = {spec.name for spec in signature.outputs}
        if len(signature.inputs) != 1 or signature.inputs[0].name not in inputs:
            continue
        if "free_energy" in given:
            key = signature.inputs[0].name
            names, batch = _with_noise(*_others(inputs[key], key, data()))
            found = predictor.predict_fns[name]({key: batch})["free_energy"]
            return Comparison(names, free_energies=np.asarray(found).reshape(-1))
        if "code" in given:
            key = signature.inputs[0].name
            names, batch = _others(inputs[key], key, data())
            codes = np.asarray(predictor.predict_fns[name]({key: batch})["code"])
            return Comparison(names, codes, _reconstruction(predictor, codes[:1], inputs[key]))
    return None


def _others(example: Array, key: str, dataset: Any) -> tuple[tuple[str, ...], Array]:
    """Return the example and the first of the test split, with their names."""
    split = dataset.split("test")
    found, targets = split.take(np.arange(min(_OTHERS + 1, len(split))))
    rows = [at for at, row in enumerate(found[key]) if not np.array_equal(row, example[0])]
    rows = rows[:_OTHERS]
    labels = {spec.name: spec.labels for spec in dataset.spec.targets if spec.labels}

    def name(at: int) -> str:
        words = [f"test {at}"]
        for target, known in labels.items():
            if targets[target][at].size == 1:
                words.append(f"({known[int(targets[target][at].reshape(-1)[0])]})")
        return " ".join(words)

    batch = np.concatenate([example[:1], found[key][rows]])
    return ("input", *map(name, rows)), batch


def _with_noise(names: tuple[str, ...], batch: Array) -> tuple[tuple[str, ...], Array]:
    """Add an example of values of different examples, and one of even noise."""
    random = np.random.default_rng(0)
    flat = batch.reshape(len(batch), -1)
    mixed = flat[random.integers(0, len(flat), flat.shape[1]), np.arange(flat.shape[1])]
    noise = random.uniform(flat.min(), flat.max(), flat.shape[1]).astype(flat.dtype)
    added = np.stack([mixed, noise]).reshape(2, *batch.shape[1:])
    return (*names, "mixed", "noise"), np.concatenate([batch, added])


def _reconstruction(
    predictor: zoo.Predictor, code: Array, example: Array
) -> tuple[Array, Array] | None:
    for name, signature in predictor.signatures.items():
        if [spec.name for spec in signature.inputs] == ["code"]:
            outputs = predictor.predict_fns[name]({"code": code})
            image = np.asarray(next(iter(outputs.values())))[0]
            if image.ndim == 3 and image.shape == example.shape[1:]:
                return example[0], image
    return None
