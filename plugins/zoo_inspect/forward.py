"""Forward propagation: the layers of a model, and what each gives for one input."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.errors import ConfigError, DataError, Finding
from zoo.metrics.figures import Figure, ImageGrid, ImageRow, Table
from zoo.names import nearest
from zoo.report import Section, render_page
from zoo_inspect.opening import open_target

if TYPE_CHECKING:
    import keras

    from zoo_inspect.recording import Call

Array = np.ndarray[Any, Any]

_HEADER = (
    "layer",
    "kind",
    "output",
    "parameters",
    "multiply-adds",
    "mean",
    "deviation",
    "zeros",
    "smallest",
    "largest",
)
_CHANNELS = 16
_COLUMNS = 32
_HEADS = 8
_MOST_PICTURES = 40


@dataclass(frozen=True)
class LayerRow:
    """A layer, and what it gave for the input.

    Attributes:
        path: Its name, after those of the layers that it is part of.
        depth: How deep it is inside of others.
        kind: Its class.
        shape: Shape of its first output, without the batch.
        dtype: Type of its output.
        parameters: Number of its weights, those of its parts included.
        trainable: Number of those that training changes.
        parts: Whether it is made of the layers that follow.
        multiply_adds: Multiplications with additions for one example, its parts left out; ``None``
            where they are not counted.
        mean: Mean of the output.
        deviation: Standard deviation.
        zeros: Share of zeros.
        low: Smallest value.
        high: Largest value.
        finite: Whether every value is finite.
    """

    path: str
    depth: int
    kind: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    trainable: int
    parts: bool
    multiply_adds: int | None
    mean: float | None
    deviation: float | None
    zeros: float
    low: float | None
    high: float | None
    finite: bool


@dataclass(frozen=True)
class Inspection:
    """The layers of a model, with their outputs for one input. A notebook shows it as a page.

    Attributes:
        name: Name of the model.
        source: What the input was, in words.
        rows: The layers in the order of their calls.
        outputs: Output arrays of each layer by path, with the batch axis.
        parameters: Number of weights of all layers; shared ones count once.
        kernels: Kernels of convolutions by path, `(height, width, in, out)`.
        attention: Attention maps by path, `(batch, heads, queries, keys)`.
    """

    name: str
    source: str
    rows: tuple[LayerRow, ...]
    parameters: int
    outputs: Mapping[str, Array]
    kernels: Mapping[str, Array]
    attention: Mapping[str, Array]

    @property
    def multiply_adds(self) -> int:
        """Multiplications with additions for one example, where they are counted."""
        return sum(row.multiply_adds or 0 for row in self.rows)

    @property
    def summary(self) -> str:
        """The size of the model, and what is odd about its outputs, in words."""
        words = (
            f"{len(self.rows)} layers, {self.parameters:,} parameters, "
            f"{self.multiply_adds:,} multiply-adds per example"
        )
        skipped = sum(row.multiply_adds is None for row in self.rows)
        words += f", those of {skipped} layers not counted." if skipped else "."
        if wrong := [row.path for row in self.rows if not row.finite]:
            return f"{words} The output of {wrong[0]} is not finite."
        return words

    def figures(self) -> list[Figure]:
        """Return the table of layers."""
        return [
            Table(
                title="Layers",
                caption="Mean to largest are of the output for this input.",
                header=_HEADER,
                rows=tuple(_cells(row) for row in self.rows),
                marks=tuple("" if row.finite else "bad" for row in self.rows),
            )
        ]

    def pictures(self) -> list[Figure]:
        """Return feature maps, sequences and vectors, kernels, and attention maps."""
        found: list[Figure] = []
        for path, array in self.outputs.items():
            picture = _picture(array[0])
            if picture:
                found.append(
                    ImageGrid(
                        title=path,
                        caption=f"Output {_shape(array.shape[1:])}, from "
                        f"{_number(float(array.min()))} (black) to {_number(float(array.max()))}.",
                        rows=(ImageRow.of("", picture),),
                    )
                )
        for path, kernel in self.kernels.items():
            shown = [_scaled(kernel[..., 0, at]) for at in range(min(_CHANNELS, kernel.shape[-1]))]
            title, caption = f"{path}: kernels", f"Of the first input, {_shape(kernel.shape)}."
            found.append(ImageGrid(title=title, caption=caption, rows=(ImageRow.of("", shown),)))
        for path, maps in self.attention.items():
            heads = [_scaled(head) for head in maps[0][:_HEADS]]
            caption = f"{maps.shape[1]} heads; rows are queries, columns what they attend to."
            title = f"{path}: attention"
            found.append(ImageGrid(title=title, caption=caption, rows=(ImageRow.of("", heads),)))
        return found[:_MOST_PICTURES]

    def html(self) -> str:
        """Return the page.

        Raises:
            MissingExtra: If jinja2 or matplotlib is not installed.
        """
        sections = [
            Section("Layers", self.figures(), [f"Input: {self.source}."]),
            Section("Pictures", self.pictures()),
        ]
        return render_page(self.name, sections, lead=self.summary, eyebrow="zoo inspect")

    def as_dict(self) -> dict[str, Any]:
        """Return the table as plain data, for ``--json``."""
        return {
            "name": self.name,
            "input": self.source,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "layers": self.rows,
        }

    def _repr_html_(self) -> str:
        from zoo_inspect.page import in_notebook

        return in_notebook(self.html())


def inspect(
    target: keras.Model | zoo.Run | str | Path,
    x: Any = None,
    *,
    layers: Sequence[str] = (),
    signature: str | None = None,
) -> Inspection:
    """Look into a model: its layers, and what each gives for one input.

    The model is called once, for inference. It is neither trained nor changed.

    Args:
        target: A Keras model, functional, sequential or subclassed; a ``.keras`` file; a run or its
            folder; or the name of a model, with its published weights if it has any.
        x: The input: the position of an example in the test split, or one raw example, as
            :func:`zoo.predict` takes it; a batch of arrays for a model that is not of the zoo. By
            default the first test example; random numbers for a model that is not of the zoo.
        layers: Patterns of layers whose outputs are kept: ``conv*``; all by default.
        signature: The signature to call; the first by default.

    Returns:
        Layers, statistics and outputs. Layers that are called inside of others, such as the parts
        of an attention block, follow them.

    Raises:
        ConfigError: If there is no such layer or signature.
        DataError: If the input does not fit.
        ArtifactError: If the target is none of these.

    Example:
        >>> inspect("mlp_classifier", 0, layers=["probabilities"]).rows[-1].shape
        (10,)
    """
    model, inputs, name, source = open_target(target, x, signature)
    from zoo_inspect.recording import record_calls

    try:
        calls, _ = record_calls(model, inputs)
    except Exception as error:
        raise DataError(
            f"{name} cannot be called with this input",
            why=" ".join(str(error).split())[:300],
            fix="give inputs of the shapes and types that the model was made with",
        ) from error
    kept = _matching(calls, layers)
    return Inspection(
        name=name,
        source=source,
        rows=tuple(_row(call) for call in calls),
        parameters=_count({id(w): w for call in calls for w in call.layer.weights}.values()),
        outputs={c.path: c.outputs[0] for c in kept if c.outputs},
        kernels={
            call.path: kernel
            for call in kept
            if (kernel := _kernel(call)) is not None and kernel.ndim == 4
        },
        attention={call.path: call.attention[0] for call in kept if call.attention},
    )


def _matching(calls: Sequence[Call], patterns: Sequence[str]) -> list[Call]:
    """Return the calls whose path or name matches one of the patterns."""
    for pattern in patterns:
        if not any(_fits(call, pattern) for call in calls):
            names = [call.path for call in calls]
            near = nearest(pattern, names, count=1)
            known = f"one of {', '.join(names[:20])}{' …' if len(names) > 20 else ''}"
            raise ConfigError(
                f"the model has no layer {pattern!r}",
                findings=[Finding("layer", pattern, known, near[0] if near else None)],
            )
    return [call for call in calls if not patterns or any(_fits(call, p) for p in patterns)]


def _fits(call: Call, pattern: str) -> bool:
    names = (call.path, call.path.rpartition("/")[2])
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _row(call: Call) -> LayerRow:
    first = call.outputs[0] if call.outputs else np.zeros((1, 0), "float32")
    values = first.astype(np.float64)
    finite = np.isfinite(values)
    real = values[finite]
    layer = call.layer
    return LayerRow(
        path=call.path,
        depth=call.depth,
        kind=type(layer).__name__,
        shape=tuple(first.shape[1:]),
        dtype=str(first.dtype),
        parameters=_count(layer.weights),
        trainable=_count(layer.trainable_weights),
        parts=call.inner,
        multiply_adds=0 if call.inner else _multiply_adds(layer, first, call.steps),
        mean=float(real.mean()) if real.size else None,
        deviation=float(real.std()) if real.size else None,
        zeros=float((values == 0).mean()) if values.size else 0.0,
        low=float(real.min()) if real.size else None,
        high=float(real.max()) if real.size else None,
        finite=bool(finite.all()),
    )


def _cells(row: LayerRow) -> tuple[str | int, ...]:
    return (
        "· " * row.depth + row.path.rpartition("/")[2],
        row.kind,
        _shape(row.shape),
        row.parameters,
        "of its parts" if row.parts else "?" if row.multiply_adds is None else row.multiply_adds,
        _number(row.mean),
        _number(row.deviation),
        f"{row.zeros:.0%}",
        _number(row.low),
        _number(row.high),
    )


def _count(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _multiply_adds(layer: keras.layers.Layer, output: Array, steps: int | None) -> int | None:
    """Return the multiplications with additions of a layer that is not made of others.

    Every element of a kernel is used once per position of the output: per pixel of a convolution,
    per step of a recurrent layer, once of a dense one. Layers without a matrix count as 0: they
    work element by element. Layers of other kinds with a matrix are not counted.
    """
    import keras

    if isinstance(layer, keras.layers.Embedding) or all(len(w.shape) < 2 for w in layer.weights):
        return 0
    if isinstance(layer, keras.layers.RNN):
        return None if steps is None else steps * _matrix_sizes(layer.weights)
    kernel = _kernel_of(layer)
    if kernel is None:
        return None
    return int(math.prod(output.shape[1:-1]) * math.prod(kernel.shape))


def _matrix_sizes(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights if len(weight.shape) == 2)


def _kernel_of(layer: keras.layers.Layer) -> Any:
    import keras

    kinds = keras.layers.Dense | keras.layers.EinsumDense | keras.layers.Conv1D
    convolutions = keras.layers.Conv2D | keras.layers.Conv3D
    return layer.kernel if isinstance(layer, kinds | convolutions) else None


def _kernel(call: Call) -> Array | None:
    import keras

    kernel = _kernel_of(call.layer) if isinstance(call.layer, keras.layers.Conv2D) else None
    return None if kernel is None else np.asarray(keras.ops.convert_to_numpy(kernel))


def _picture(array: Array) -> list[Array]:
    """Return an output as images: feature maps, a sequence, or a vector; none if it is a number.

    All images of one output have one scale, from its smallest to its largest value.
    """
    if array.size < 2:
        return []
    values = _scaled(array)
    if array.ndim == 3 and min(array.shape[:2]) > 1:
        return [values[..., at] for at in range(min(_CHANNELS, array.shape[-1]))]
    if array.ndim == 2:
        return [values]
    if array.ndim == 1:
        rows = -(-array.size // _COLUMNS)
        padded = np.zeros(rows * min(_COLUMNS, array.size))
        padded[: array.size] = values
        return [padded.reshape(rows, -1)]
    return []


def _scaled(array: Array) -> Array:
    """Return numbers stretched from 0 to 1; those that are not finite become 0."""
    values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    spread = float(np.ptp(values))
    return np.asarray((values - values.min()) / (spread or 1.0))


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


__all__ = ["Inspection", "LayerRow", "inspect"]
