"""The images of a split as intensities, whatever their raw values are, and a model's answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, Diverged
from zoo.spec import Arrays, DataSpec, PredictFn, Split, TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OUTPUT = "reconstruction"
"""The output that is measured: raw images."""


@dataclass(frozen=True)
class Images:
    """The images of a split, as intensities from 0 to 1, with their classes.

    Attributes:
        split: Where they are.
        spec: What an image is.
        target: Their classes, or ``None``.
        batch_size: How many are looked at together.
    """

    split: Split
    spec: TensorSpec
    target: TensorSpec | None
    batch_size: int

    @classmethod
    def of(cls, split: Split, data: DataSpec, batch_size: int = 256) -> Images:
        """Return the images of a split.

        Raises:
            ConfigError: If the data has no images.
            DataError: If the split is empty.
        """
        spec = next((tensor for tensor in data.inputs if tensor.is_image), None)
        if spec is None:
            raise ConfigError(
                f"the data {data.id!r} has no images",
                why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
                fix="override Architecture.evaluate to measure another kind of reconstruction",
            )
        if len(split) == 0:
            raise DataError(
                f"the split of {data.id!r} to evaluate on is empty",
                why="a score needs at least one example",
                fix="give the split a larger share of the data",
            )
        target = next((tensor for tensor in data.targets if tensor.labels is not None), None)
        return cls(split, spec, target, batch_size)

    @property
    def limits(self) -> tuple[float, float]:
        """The raw values of black and white."""
        return self.spec.range or (0.0, 255.0)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; empty if there are none."""
        return (self.target.labels or ()) if self.target else ()

    def scaled(self, raw: np.ndarray) -> NDArray[np.float64]:
        """Return raw values as intensities from 0 to 1."""
        low, high = self.limits
        intensities: NDArray[np.float64] = (raw.astype("float64") - low) / (high - low)
        return intensities

    def blocks(self) -> Iterator[tuple[NDArray[Any], Arrays, NDArray[Any]]]:
        """Yield positions, inputs, and classes (-1 where there are none), every example once.

        Raises:
            DataError: If an image holds a value that is no number.
        """
        import numpy as np

        for start in range(0, len(self.split), self.batch_size):
            positions = np.arange(start, min(start + self.batch_size, len(self.split)))
            inputs, targets = self.split.take(positions)
            image = inputs[self.spec.name]
            if image.dtype.kind == "f" and not np.isfinite(image).all():
                row = int(np.flatnonzero(~np.isfinite(image).reshape(len(image), -1).all(1))[0])
                raise DataError(
                    f"image {positions[row]} holds a value that is no number",
                    why="NaN or infinity is no intensity, and nothing can be compared with it",
                    fix="repair the image, or leave it out",
                )
            classes = np.full(len(positions), -1)
            if self.target is not None and self.target.name in targets:
                classes = np.asarray(targets[self.target.name]).reshape(-1).astype(int)
            yield positions, inputs, classes

    def ask(self, predict_fn: PredictFn, inputs: Arrays) -> Arrays:
        """Return a model's answers, asked for batches of one size.

        A compiled graph is traced anew for every size: a short batch is filled up with its last
        example, whose further answers are dropped.
        """
        import numpy as np

        size = min(self.batch_size, len(self.split))
        count = len(next(iter(inputs.values())))
        parts = []
        for start in range(0, count, size):
            rows = np.minimum(np.arange(start, start + size), count - 1)
            answers = predict_fn({name: array[rows] for name, array in inputs.items()})
            parts.append({name: array[: count - start] for name, array in answers.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def reconstruct(self, predict_fn: PredictFn, inputs: Arrays) -> NDArray[np.float64]:
        """Return a model's reconstructions as intensities, checked.

        Raises:
            ConfigError: If the model gives none, or of another shape.
            Diverged: If a value is not a finite number.
        """
        import numpy as np

        outputs = self.ask(predict_fn, inputs)
        shape = inputs[self.spec.name].shape
        if OUTPUT not in outputs or outputs[OUTPUT].shape != shape:
            found = {name: list(array.shape) for name, array in outputs.items()}
            raise ConfigError(
                f"the model gives no {OUTPUT!r} of the images' shape",
                why=f"expected {list(shape)}. Received: {found}",
                fix=f"let a signature give {OUTPUT!r}, raw like its input",
            )
        given = outputs[OUTPUT]
        if not np.isfinite(given).all():
            raise Diverged(
                "a reconstruction is not a finite number",
                why="the weights are not, or an input is far outside its range",
                fix="train again with a lower optimizer.learning_rate",
            )
        return self.scaled(given)


__all__ = ["OUTPUT", "Images"]
