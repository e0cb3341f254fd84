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
from zoo.metrics.figures import Figure, Graph, Table
from zoo.names import nearest
from zoo.report import Section, render_page
from zoo_inspect import pictures
from zoo_inspect.comparisons import Comparison, compare
from zoo_inspect.opening import open_target
from zoo_inspect.words import WordAttention, word_attention

if TYPE_CHECKING:
    import keras

    from zoo_inspect.recording import Call
    from zoo_inspect.states import States

Array = np.ndarray[Any, Any]

_HEADER = (
    "layer",
    "kind",
    "output",
    "parameters",
    "multiply-adds",
    "mean ± deviation",
    "zeros",
    "range",
)
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
        multiply_adds: Multiplications with additions for one example, those of its parts left out;
            ``None`` where they are not counted.
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


@dataclass(frozen=True, repr=False)
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
        states: Gates and states over time of recurrent layers by path.
        graph: Graph of the layers; ``None`` of a model that is no graph, or a large one.
        words: Attention to the source for each word of a model that writes text.
        comparison: Codes or free energies beside those of other examples.
    """

    name: str
    source: str
    rows: tuple[LayerRow, ...]
    parameters: int
    outputs: Mapping[str, Array]
    kernels: Mapping[str, Array]
    attention: Mapping[str, Array]
    states: Mapping[str, States]
    graph: Graph | None = None
    words: WordAttention | None = None
    comparison: Comparison | None = None

    def __repr__(self) -> str:
        return f"<Inspection of {self.name}: {self.summary}>"

    @property
    def multiply_adds(self) -> int:
        """Multiplications with additions for one example, where they are counted."""
        return sum(row.multiply_adds or 0 for row in self.rows)

    @property
    def summary(self) -> str:
        """The size of the model, and what is odd about its outputs, in words."""
        words = (
            f"{_layers(len(self.rows))}, {self.parameters:,} parameters, "
            f"{self.multiply_adds:,} multiply-adds per example"
        )
        skipped = sum(row.multiply_adds is None for row in self.rows)
        words += f", those of {_layers(skipped)} not counted." if skipped else "."
        if wrong := [row.path for row in self.rows if not row.finite]:
            return f"{words} The output of {wrong[0]} is not finite."
        return words

    def figures(self) -> list[Figure]:
        """Return the table of layers."""
        return [
            Table(
                title="Layers",
                caption="The last three columns are of the output for this input. The parameters "
                "of a layer are with those of its parts, the multiply-adds without.",
                header=_HEADER,
                rows=tuple(_cells(row) for row in self.rows),
                marks=tuple("" if row.finite else "bad" for row in self.rows),
            )
        ]

    def pictures(self) -> list[Figure]:
        """Return attention maps, feature maps, sequences and vectors, and kernels."""
        found = self._attention_pictures() + pictures.output_pictures(self.outputs)
        return found + self._kernel_pictures()

    def _attention_pictures(self) -> list[Figure]:
        # The words show that of a single query already.
        shown = {
            path: maps[0]
            for path, maps in self.attention.items()
            if self.words is None or maps.shape[2] > 1
        }
        return [pictures.attention_picture(path, maps) for path, maps in shown.items()]

    def _kernel_pictures(self) -> list[Figure]:
        return [pictures.kernel_picture(*item) for item in self.kernels.items()]

    def state_pictures(self) -> list[Figure]:
        """Return gates and states of recurrent layers over time."""
        return [
            figure
            for path, states in self.states.items()
            for figure in pictures.state_pictures(path, states)
        ]

    def html(self) -> str:
        """Return the page.

        Raises:
            MissingExtra: If jinja2 or matplotlib is not installed.
        """
        drawn, note = pictures.output_pictures(self.outputs), []
        if len(drawn) > _MOST_PICTURES:
            note = [f"The first {_MOST_PICTURES} of {len(drawn)} pictures; choose with --layer."]
        sections = [Section("Layers", self.figures(), [f"Input: {self.source}."])]
        if self.words is not None:
            text = [f"It writes: {self.words.text}"]
            sections.append(Section("Word by word", self.words.figures(), text))
        if self.comparison is not None:
            sections.append(Section("Beside others", self.comparison.figures()))
        if self.states:
            sections.append(Section("Over time", self.state_pictures()))
        for title, figures in (
            ("Attention", self._attention_pictures()),
            ("Kernels", self._kernel_pictures()),
        ):
            if figures:
                sections.append(Section(title, figures[:_MOST_PICTURES]))
        if drawn:
            sections.append(Section("Outputs", drawn[:_MOST_PICTURES], note))
        if self.graph is not None:
            sections.append(Section("Graph", [self.graph]))
        return render_page(self.name, sections, lead=self.summary, eyebrow="zoo inspect")

    def as_dict(self) -> dict[str, Any]:
        """Return the table as plain data, for ``--json``."""
        found: dict[str, Any] = {
            "name": self.name,
            "input": self.source,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "layers": self.rows,
        }
        if self.words is not None:
            found["text"], found["tokens"] = self.words.text, self.words.tokens
            found["attention"] = {
                path: maps.mean(axis=1).tolist() for path, maps in self.words.attention.items()
            }
        if self.comparison is not None:
            found |= self.comparison.as_dict()
        return found

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

    The model is called for inference. It is neither trained nor changed; a subclass of
    ``keras.Model`` that was never called is built by the call. What a ``call`` computes between
    layers is part of no row. Gates are shown of LSTM, GRU and SimpleRNN, attention of the layers of
    Keras and the zoo and where ``keras.ops.softmax`` is called, and graphs of at most 60 nodes.

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
    opened = open_target(target, x, signature)
    from zoo_inspect.graph import layer_graph
    from zoo_inspect.recording import record_calls
    from zoo_inspect.states import recurrent_states

    try:
        calls, _ = record_calls(opened.model, opened.inputs)
    except Exception as error:
        raise DataError(
            f"{opened.name} cannot be called with this input",
            why=" ".join(str(error).split())[:300],
            fix="give inputs of the shapes and types that the model was made with",
        ) from error
    kept = _matching(calls, layers)
    words = comparison = None
    if opened.predictor is not None and opened.arrays is not None and opened.data is not None:
        words = word_attention(opened.predictor, opened.signature, opened.arrays)
        comparison = compare(opened.predictor, opened.arrays, opened.data)
    return Inspection(
        name=opened.name,
        source=opened.source,
        rows=tuple(_row(call) for call in calls),
        parameters=_count({id(w): w for call in calls for w in call.layer.weights}.values()),
        outputs={c.path: c.outputs[0] for c in kept if c.outputs},
        kernels={
            call.path: kernel
            for call in kept
            if (kernel := _kernel(call)) is not None and kernel.ndim == 4
        },
        attention={call.path: call.attention[0] for call in kept if call.attention},
        states={
            call.path: states for call in kept if (states := recurrent_states(call)) is not None
        },
        graph=layer_graph(opened.model),
        words=words,
        comparison=comparison,
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
    from zoo_inspect.multiply_adds import count_multiply_adds

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
        parts=bool(call.inner),
        multiply_adds=count_multiply_adds(call),
        mean=float(real.mean()) if real.size else None,
        deviation=float(real.std()) if real.size else None,
        zeros=float((values == 0).mean()) if values.size else 0.0,
        low=float(real.min()) if real.size else None,
        high=float(real.max()) if real.size else None,
        finite=bool(finite.all()),
    )


def _cells(row: LayerRow) -> tuple[str | int, ...]:
    return (
        "·\u00a0" * row.depth + row.path.rpartition("/")[2],
        row.kind,
        _shape(row.shape),
        row.parameters,
        "?" if row.multiply_adds is None else row.multiply_adds,
        "" if row.mean is None else f"{row.mean:.3g}\u00a0±\u00a0{row.deviation:.2g}",
        f"{row.zeros:.0%}",
        "" if row.low is None else f"{row.low:.3g}\u00a0to\u00a0{row.high:.3g}",
    )


def _count(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _kernel(call: Call) -> Array | None:
    import keras

    if not isinstance(call.layer, keras.layers.Conv2D):
        return None
    return np.asarray(keras.ops.convert_to_numpy(call.layer.kernel))


def _layers(count: int) -> str:
    return f"{count} layer{'' if count == 1 else 's'}"


def _shape(shape: Sequence[int]) -> str:
    return "\u00a0×\u00a0".join(map(str, shape)) or "a\u00a0number"


__all__ = ["Inspection", "LayerRow", "inspect"]
