"""Parity of a graph with the Keras model, within the model's own float noise."""

from __future__ import annotations

import contextlib
import copy
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo.errors import ExportError, ParityFailed, Unsupported
from zoo.exporting import tf2onnx
from zoo.exporting.external_data import StoredGraph, store
from zoo.exporting.parity_inputs import (
    KINDS,
    SEEDS,
    axis_lengths,
    batch_sizes,
    dynamic_axes,
    make_inputs,
)
from zoo.files import storage_errors
from zoo.runtime.golden_vectors import compare, compare_all, row_scale
from zoo.runtime.manifest import Parity, Tolerance
from zoo.runtime.onnx_file import OnnxFile, private_folder
from zoo.runtime.session import OPTIMIZATION, open_session
from zoo.spec import Arrays, PredictFn, TensorSpec

FACTOR = 8.0
"""Tolerance as a multiple of the noise, since other libraries sum in another order."""

FLOOR = 2.0**-20
"""Smallest relative tolerance: eight units in the last place of float32."""

CAP = 1e-4
"""Largest relative tolerance, whatever the noise."""

HALF_CAP = 5e-3
"""Largest relative tolerance of a model with float16 weights."""

QUANTIZED_CAP = 5e-2
"""Largest relative tolerance of a graph with int8 weights, where one rounding is a whole step."""

_MAIN_BATCH = 7
_CHUNK = 2**24
"""Elements of a weight that are perturbed at once."""

_ULP = 2.0**-23
_QUANTIZED_ULPS = 2**7
"""Perturbation of a quantized graph, in units in the last place.

One unit changes a rounding in one of hundreds of examples, so the few golden vectors would seem
to have no noise. The change of an output does not grow with the units: a rounding is one step.
"""
_EXACT = {"Resize", "Range", "Pad", "Clip", "OneHot", "Cast", "Equal", "Less", "Greater", "Floor"}
"""Operators whose constants are shapes or thresholds, which are not perturbed."""


@dataclass(frozen=True)
class Case:
    """One call: parity inputs and the reference outputs.

    Attributes:
        inputs: The inputs, by name.
        reference: The outputs of the model, by name.
        lengths: The size of every dynamic axis except the batch.
    """

    inputs: Arrays
    reference: Arrays
    lengths: Mapping[str, int] = field(default_factory=dict)

    @property
    def batch(self) -> int:
        """Number of examples."""
        return len(next(iter(self.inputs.values())))

    @property
    def bytes(self) -> int:
        """Size of the inputs and outputs."""
        arrays = (*self.inputs.values(), *self.reference.values())
        return sum(array.nbytes for array in arrays)


def make_cases(
    inputs: Sequence[TensorSpec], predict_fn: PredictFn, samples: Arrays, *, weights: int = 0
) -> list[Case]:
    """Run the model on parity inputs of several batch sizes and lengths of dynamic axes.

    Args:
        inputs: Its inputs.
        predict_fn: The model: the reference of every comparison.
        samples: Real examples, by input name.
        weights: Size of the model's weights in bytes. Large models and examples have smaller
            batches.

    Raises:
        ExportError: If an output of the model is not finite.
        Unsupported: If an axis that is declared dynamic works with one length only.
    """

    def case(batch: int, seed: int, lengths: Mapping[str, int]) -> Case:
        given = make_inputs(inputs, samples, batch, seed, lengths)
        reference = predict_fn(given)
        _check_finite(reference)
        return Case(given, reference, dict(lengths))

    axes = dynamic_axes(inputs, samples)
    first = case(1, SEEDS[0], axes)
    batches = batch_sizes(first.bytes, weights)
    main = max(batch for batch in batches if batch <= _MAIN_BATCH)
    cases = [first, *(case(batch, SEEDS[0], axes) for batch in batches[1:])]
    cases += [case(main, seed, axes) for seed in SEEDS[1:]]
    for axis, own in axes.items():
        supported = 1
        for length in axis_lengths(axis, inputs, samples):
            if length == own:
                continue
            try:
                cases.append(case(min(main, 2), SEEDS[0], {**axes, axis: length}))
            except ExportError:
                raise
            except Exception:  # noqa: BLE001, S112 - Keras has no common type for a refused length
                continue
            supported += 1
        if supported < 2:
            raise Unsupported(
                f"the model supports one size only of the axis {axis!r}",
                why="it is declared dynamic by its name",
                fix="declare the size as a number",
            )
    return cases


def _check_finite(reference: Arrays) -> None:
    for name, array in reference.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ExportError(
                f"the output {name!r} of the model is not finite",
                why="the inputs were in their declared range",
                fix="check the preprocessing, or declare a smaller range",
            )


def calibrate(stored: StoredGraph, cases: Sequence[Case], name: str) -> dict[str, Tolerance]:
    """Calibrate the tolerance of each output from the model's own float noise.

    Any evaluation in floating point is the exact one for slightly perturbed weights (Higham 2002,
    "Accuracy and Stability of Numerical Algorithms", section 1.5). So every weight is perturbed by
    one unit in the last place, up or down, and the change of the outputs is the noise. In a graph
    with int8 weights it is the change by one rounding, which is not multiplied.
    """
    from onnx import TensorProto

    if all(array.dtype.kind != "f" for array in cases[0].reference.values()):
        return {}  # integers must be equal
    kinds = {tensor.data_type for tensor in stored.proto.graph.initializer if tensor.dims}
    quantized = TensorProto.INT8 in kinds
    factor, ulps = (1.0, _QUANTIZED_ULPS) if quantized else (FACTOR, 1)
    half = TensorProto.FLOAT16 in kinds
    cap = QUANTIZED_CAP if quantized else HALF_CAP if half else CAP
    base = open_session(stored.file, name, optimization="basic")
    before = [_run(base, case, "basic") for case in cases]
    noise: dict[str, float] = {}
    scales = {
        output: _scale([case.reference[output] for case in cases])
        for output, array in cases[0].reference.items()
        if array.dtype.kind == "f"
    }
    del base  # each session holds all weights, so there is one at a time
    perturbed: Any = None
    for seed in SEEDS:
        del perturbed
        with _perturbed(stored, seed, ulps) as file:
            perturbed = open_session(file, name, optimization="basic")
        for case, old in zip(cases, before, strict=True):
            new = _run(perturbed, case, "basic")
            for output, scale in scales.items():
                difference = np.abs(new[output].astype(np.float64) - old[output])
                change = float(
                    (difference / np.maximum(row_scale(old[output]), scale)).max(initial=0)
                )
                # max would lose a NaN that comes second.
                noise[output] = float(np.maximum(noise.get(output, 0.0), change))
    found = {}
    for output, scale in scales.items():
        if not math.isfinite(noise[output]):
            raise ExportError(
                f"{name}: the output {output!r} is not finite in onnxruntime",
                why="the Keras model's is, for the same inputs",
                fix="report the model's configuration",
            )
        relative = round_up(min(max(factor * noise[output], FLOOR), cap))
        found[output] = Tolerance(
            absolute=round_up(relative * scale),
            relative=relative,
            noise=round_up(noise[output]),
            cap=cap,
        )
    return found


def check_parity(
    file: OnnxFile,
    cases: Sequence[Case],
    tolerances: Mapping[str, Tolerance],
    name: str,
    outputs: Sequence[TensorSpec],
) -> Parity:
    """Compare a graph with the reference at every optimization level of onnxruntime.

    Raises:
        ParityFailed: At the first difference beyond the tolerance.
    """
    worst: dict[str, float] = {}
    absolute: dict[str, float] = {}
    session: Any = None
    for level in OPTIMIZATION:
        del session
        session = open_session(file, name, optimization=level)
        for case in cases:
            actual = _run(session, case, level)
            for output, found in compare_all(actual, case.reference, tolerances, outputs).items():
                if not found.share <= 1:
                    number = f"differs by {found.absolute:.3g}, {found.share:.3g} x the tolerance"
                    raise ParityFailed(
                        f"{name}: the output {output!r} differs from the Keras model: "
                        f"{_where(case, level)}",
                        why=f"element {list(found.where)}: {found.why or number}",
                        fix="report the model's configuration; nothing was published",
                    )
                worst[output] = max(worst.get(output, 0.0), found.share)
                absolute[output] = max(absolute.get(output, 0.0), found.absolute)
    lengths: dict[str, set[int]] = {}
    for case in cases:
        for axis, length in case.lengths.items():
            lengths.setdefault(axis, set()).add(length)
    return Parity(
        batches=tuple(sorted({case.batch for case in cases})),
        lengths={axis: tuple(sorted(found)) for axis, found in sorted(lengths.items())},
        seeds=SEEDS,
        input_kinds=KINDS,
        optimization=OPTIMIZATION,
        comparisons=len(cases) * len(OPTIMIZATION),
        worst={output: round_up(value) for output, value in worst.items()},
        worst_absolute={output: round_up(value) for output, value in absolute.items()},
    )


def _where(case: Case, level: str) -> str:
    lengths = "".join(f", {axis} {length}" for axis, length in case.lengths.items())
    return f"batch {case.batch}{lengths}, optimization {level}"


def _run(session: Any, case: Case, level: str) -> dict[str, np.ndarray[Any, Any]]:
    names = [output.name for output in session.get_outputs()]
    try:
        values = session.run(names, dict(case.inputs))
    except Exception as error:  # onnxruntime's own types
        raise ParityFailed(
            f"the graph fails on inputs that the model accepts: {_where(case, level)}",
            why=" ".join(str(error).split())[:300],
            fix="report the model's configuration; nothing was published",
        ) from error
    found = dict(zip(names, values, strict=True))
    for output, wanted in case.reference.items():
        if found[output].shape != wanted.shape:
            raise ParityFailed(
                f"the output {output!r} has another shape: {_where(case, level)}",
                why=f"it has {list(found[output].shape)}, the model's {list(wanted.shape)}",
                fix="report the model's configuration; nothing was published",
            )
    return found


def _scale(references: Sequence[np.ndarray[Any, Any]]) -> float:
    """Return the typical magnitude of an output: the median of the largest one per example."""
    rows = np.concatenate([row_scale(reference).ravel() for reference in references])
    return float(np.median(rows)) or float(rows.max()) or 1.0


@contextlib.contextmanager
def _perturbed(stored: StoredGraph, seed: int, ulps: int) -> Iterator[OnnxFile]:
    """Yield the graph with every weight perturbed by some units in the last place."""
    import onnx
    from onnx import numpy_helper

    proto = onnx.ModelProto()
    proto.CopyFrom(stored.proto)
    random = np.random.default_rng(seed)
    exact = {v for node in proto.graph.node if node.op_type in _EXACT for v in node.input}
    with contextlib.ExitStack() as stack:
        data = None if stored.data is None else stack.enter_context(_copied_data(stored))
        for tensor, (_, array) in zip(proto.graph.initializer, stored.constants(), strict=True):
            if array.dtype not in (np.float32, np.float16) or tensor.name in exact:
                continue
            if tensor.name in stored.slices and data is not None:
                data.seek(stored.slices[tensor.name].offset)
                for chunk in _perturb(array, random, ulps):
                    data.write(chunk.tobytes())
                continue
            chunks = [*_perturb(array, random, ulps)]
            value = chunks[0] if len(chunks) == 1 else np.concatenate(chunks).reshape(array.shape)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        raw = proto.SerializeToString()
        if data is None:
            yield OnnxFile(raw)
            return
        data.flush()
        path = Path(data.name).with_name("perturbed.onnx")
        with storage_errors(path, "writing"):
            path.write_bytes(raw)
        yield OnnxFile(raw, path)


@contextlib.contextmanager
def _copied_data(stored: StoredGraph) -> Iterator[BinaryIO]:
    """Yield a copy of the data file of a graph in a temporary folder."""
    if stored.data is None or stored.file.path is None:
        raise ValueError("the graph has no data file")
    with private_folder(stored.data.bytes) as folder:
        path = folder / stored.data.name
        with storage_errors(path, "copying"):
            shutil.copyfile(stored.file.path.with_name(stored.data.name), path)
            with path.open("r+b") as stream:
                yield stream


def _perturb(
    array: np.ndarray[Any, Any], random: np.random.Generator, ulps: int
) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the perturbed elements of a weight in chunks, since float64 takes twice the memory."""
    ulp = _ULP if array.dtype == np.float32 else 2.0**-10
    whole = array.size <= _CHUNK
    flat = array if whole else array.reshape(-1)
    for part in [flat] if whole else np.array_split(flat, math.ceil(flat.size / _CHUNK)):
        signs = random.choice([-1.0, 1.0], size=part.shape)
        yield np.asarray(part.astype(np.float64) * (1 + ulps * ulp * signs)).astype(array.dtype)


def round_up(value: float) -> float:
    """Round up to two significant digits, since further digits differ between machines."""
    if value <= 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.1e}")


def first_differing_layer(model: tf2onnx.TracedModel, cases: Sequence[Case]) -> str:
    """Find the first layer with a wrong output, and name it in a sentence.

    The model is converted once more with the outputs of all layers exposed. This never fails: if
    the layer cannot be found, the sentence says so.

    Args:
        model: The model.
        cases: The calls that were compared; the one with the largest batch is used.
    """
    import keras

    names: list[str] = []
    tensors: list[Any] = []
    for layer in model.model.layers:
        try:
            outputs = keras.tree.flatten(layer.output)
        except (AttributeError, ValueError):  # a shared layer has several outputs
            continue
        if not isinstance(layer, keras.layers.InputLayer):
            names += [f"{layer.name} ({type(layer).__name__})"] * len(outputs)
            tensors += outputs
    inputs = max(cases, key=lambda case: case.batch).inputs
    exposed = copy.copy(model)
    try:
        exposed.model = keras.Model(model.model.inputs, tensors)
        converted = tf2onnx.convert(exposed)
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            stored = store(converted.proto, "layers.onnx", Path(folder), weights=converted.weights)
            session = open_session(stored.file, "layers", optimization="basic")
        actual = session.run(None, dict(inputs))
        values = exposed.model([inputs[spec.name] for spec in model.inputs], training=False)
    except Exception as error:  # noqa: BLE001 - whatever the converter or onnxruntime raise
        return f"the first layer that differs was not found ({type(error).__name__})"
    values = values if isinstance(values, list | tuple) else [values]
    for name, got, value in zip(names, actual, values, strict=False):
        reference = np.asarray(value)
        scale = float(row_scale(reference).max(initial=0)) if reference.ndim else 1.0
        tolerance = Tolerance(absolute=CAP * (scale or 1.0), relative=CAP, noise=0, cap=CAP)
        if not compare(got, reference, tolerance).share <= 1:
            return f"the first layer that differs is {name}"
    return "no single layer differs: the fault is after the last one, or in the names of outputs"
