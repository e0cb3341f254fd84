"""Whether a graph gives what the Keras model gives, to the model's own float noise."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo.errors import ExportError, ParityFailed, Unsupported
from zoo.exporting.external_data import Stored
from zoo.exporting.parity_inputs import (
    KINDS,
    SEEDS,
    Probe,
    batches_of,
    dynamic_axes,
    lengths_of,
    make_probe,
)
from zoo.files import storage_errors
from zoo.runtime.golden_vectors import compare_all, row_scale
from zoo.runtime.manifest import Parity, Tolerance
from zoo.runtime.onnx_file import OnnxFile, private_folder
from zoo.runtime.session import OPTIMIZATION, open_session
from zoo.spec import Arrays, PredictFn, TensorSpec

FACTOR = 8.0
"""How many times its own noise an output may be off: other libraries sum in another order."""

FLOOR = 2.0**-20
"""The least relative tolerance: eight units in the last place of float32."""

CAP = 1e-4
"""The largest relative tolerance, whatever the noise; of half-precision models, ``HALF_CAP``."""

HALF_CAP = 5e-3

QUANTIZED_CAP = 5e-2
"""Of graphs with integer weights: the last place can decide a whole step of an activation."""

_USUAL_BATCH = 7
_PART = 2**24
"""Elements of a weight that are moved at once."""

_ULP = 2.0**-23
_STEPS = 2**7
"""Units in the last place that provoke such decisions on a few examples already.

Moving by one unit decides one in hundreds of examples otherwise, and the few golden ones would seem
to have no noise; the change of an answer does not grow with the units, because a step is a step.
"""
_EXACT = {"Resize", "Range", "Pad", "Clip", "OneHot", "Cast", "Equal", "Less", "Greater", "Floor"}
"""Operators whose constants decide shapes or steps: these are no weights, and stay as they are."""


@dataclass(frozen=True)
class Case:
    """A probe, and what the Keras model answers."""

    probe: Probe
    reference: Arrays

    @property
    def bytes(self) -> int:
        """Of the inputs and the answers."""
        arrays = (*self.probe.inputs.values(), *self.reference.values())
        return sum(array.nbytes for array in arrays)


def make_cases(
    inputs: Sequence[TensorSpec], answer: PredictFn, samples: Arrays, *, weights: int = 0
) -> list[Case]:
    """Ask the model at every batch size, and at several lengths of every dynamic axis.

    Args:
        inputs: What it takes.
        answer: The model: the reference of every comparison.
        samples: Real examples, by input name.
        weights: Bytes of the model's weights. Of a model with many, and of large examples, fewer
            are asked for at once.

    Raises:
        ExportError: If the model itself gives a value that is not finite.
        Unsupported: If it runs at one length of an axis that is declared dynamic.
    """
    axes = dynamic_axes(inputs, samples)
    one = _case(answer, make_probe(inputs, samples, 1, SEEDS[0], axes))
    batches = batches_of(one.bytes, weights)
    usual = max(batch for batch in batches if batch <= _USUAL_BATCH)
    main = [(batch, SEEDS[0]) for batch in batches[1:]] + [(usual, seed) for seed in SEEDS[1:]]
    cases = [_case(answer, make_probe(inputs, samples, batch, seed, axes)) for batch, seed in main]
    cases.insert(0, one)
    for axis, own in axes.items():
        found = 1
        for length in lengths_of(axis, inputs, samples):
            if length == own:
                continue
            few = min(usual, 2)
            probe = make_probe(inputs, samples, few, SEEDS[0], {**axes, axis: length})
            try:
                case = _case(answer, probe)
            except ExportError:
                raise
            except Exception:  # noqa: BLE001, S112 - Keras refuses a length in its own ways
                continue
            found += 1
            cases.append(case)
        if found < 2:
            raise Unsupported(
                f"the model runs at one size of the axis {axis!r}",
                why="it is declared dynamic by its name",
                fix="declare the size as a number",
            )
    return cases


def _case(answer: PredictFn, probe: Probe) -> Case:
    reference = answer(probe.inputs)
    for name, array in reference.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ExportError(
                f"the model's own output {name!r} is not finite",
                why="it is so for values in the declared range of its inputs",
                fix="check the preprocessing, or declare the range that is meant",
            )
    return Case(probe, reference)


def calibrate(stored: Stored, cases: Sequence[Case], name: str) -> dict[str, Tolerance]:
    """Measure the model's own float noise, and derive what each output may be off.

    Any evaluation in floating point is the exact one for slightly other weights (Higham 2002,
    "Accuracy and Stability of Numerical Algorithms", section 1.5). So every weight moves by one
    unit in the last place, up or down, and the change of the outputs is the noise. Of a graph with
    integer weights it is the change from one rounding decision, which is not multiplied.
    """
    from onnx import TensorProto

    if all(array.dtype.kind != "f" for array in cases[0].reference.values()):
        return {}  # whole numbers must be equal
    kinds = {tensor.data_type for tensor in stored.proto.graph.initializer if tensor.dims}
    quantized = TensorProto.INT8 in kinds
    factor, units = (1.0, _STEPS) if quantized else (FACTOR, 1)
    half = TensorProto.FLOAT16 in kinds
    cap = QUANTIZED_CAP if quantized else HALF_CAP if half else CAP
    base = open_session(stored.file, name, optimization="basic")
    before = [_answer(base, case, "basic") for case in cases]
    noise: dict[str, float] = {}
    scales = {
        output: _scale([case.reference[output] for case in cases])
        for output, array in cases[0].reference.items()
        if array.dtype.kind == "f"
    }
    del base  # each opened graph holds all weights, and one at a time is enough
    moved: Any = None
    for seed in SEEDS:
        del moved
        with _perturbed(stored, seed, units) as file:
            moved = open_session(file, name, optimization="basic")
        for case, old in zip(cases, before, strict=True):
            new = _answer(moved, case, "basic")
            for output, scale in scales.items():
                apart = np.abs(new[output].astype(np.float64) - old[output])
                change = float((apart / np.maximum(row_scale(old[output]), scale)).max(initial=0))
                noise[output] = max(noise.get(output, 0.0), change)
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


def prove(
    file: OnnxFile, cases: Sequence[Case], tolerances: Mapping[str, Tolerance], name: str
) -> Parity:
    """Compare a graph with the Keras model, at every optimization level of onnxruntime.

    Raises:
        ParityFailed: At the first case that differs by more than the tolerance.
    """
    worst: dict[str, float] = {}
    absolute: dict[str, float] = {}
    session: Any = None
    for level in OPTIMIZATION:
        del session
        session = open_session(file, name, optimization=level)
        for case in cases:
            actual = _answer(session, case, level)
            for output, found in compare_all(actual, case.reference, tolerances).items():
                if not found.share <= 1:
                    number = f"{found.absolute:.3g} apart, {found.share:.3g} x the tolerance"
                    raise ParityFailed(
                        f"{name}: the output {output!r} is not the Keras model's: "
                        f"{_where(case, level)}",
                        why=f"element {list(found.where)}: {found.why or number}",
                        fix="report the model's configuration; nothing was published",
                    )
                worst[output] = max(worst.get(output, 0.0), found.share)
                absolute[output] = max(absolute.get(output, 0.0), found.absolute)
    lengths: dict[str, set[int]] = {}
    for case in cases:
        for axis, length in case.probe.lengths.items():
            lengths.setdefault(axis, set()).add(length)
    return Parity(
        batches=tuple(sorted({case.probe.batch for case in cases})),
        lengths={axis: tuple(sorted(found)) for axis, found in sorted(lengths.items())},
        seeds=SEEDS,
        probes=KINDS,
        optimization=OPTIMIZATION,
        comparisons=len(cases) * len(OPTIMIZATION),
        worst={output: round_up(value) for output, value in worst.items()},
        worst_absolute={output: round_up(value) for output, value in absolute.items()},
    )


def _where(case: Case, level: str) -> str:
    lengths = "".join(f", {axis} {length}" for axis, length in case.probe.lengths.items())
    return f"batch {case.probe.batch}{lengths}, optimization {level}"


def _answer(session: Any, case: Case, level: str) -> dict[str, np.ndarray[Any, Any]]:
    names = [output.name for output in session.get_outputs()]
    try:
        values = session.run(names, dict(case.probe.inputs))
    except Exception as error:  # onnxruntime's own types
        raise ParityFailed(
            f"the graph fails where the model answers: {_where(case, level)}",
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
    """Return the usual magnitude of an output: the median over examples of the largest one."""
    rows = np.concatenate([row_scale(reference).ravel() for reference in references])
    return float(np.median(rows)) or float(rows.max()) or 1.0


@contextlib.contextmanager
def _perturbed(stored: Stored, seed: int, units: int) -> Iterator[OnnxFile]:
    """Yield the graph with every weight moved by some units in the last place."""
    import onnx
    from onnx import numpy_helper

    moved = onnx.ModelProto()
    moved.CopyFrom(stored.proto)
    random = np.random.default_rng(seed)
    exact = {v for node in moved.graph.node if node.op_type in _EXACT for v in node.input}
    with contextlib.ExitStack() as stack:
        data = None if stored.data is None else stack.enter_context(_copied(stored))
        for tensor, (_, array) in zip(moved.graph.initializer, stored.constants(), strict=True):
            if array.dtype not in (np.float32, np.float16) or tensor.name in exact:
                continue
            if tensor.name in stored.places and data is not None:
                data.seek(stored.places[tensor.name].offset)
                for part in _nudged(array, random, units):
                    data.write(part.tobytes())
                continue
            parts = [*_nudged(array, random, units)]
            nudged = parts[0] if len(parts) == 1 else np.concatenate(parts).reshape(array.shape)
            tensor.CopyFrom(numpy_helper.from_array(nudged, tensor.name))
        raw = moved.SerializeToString()
        if data is None:
            yield OnnxFile(raw)
            return
        data.flush()
        path = Path(data.name).with_name("moved.onnx")
        with storage_errors(path, "writing"):
            path.write_bytes(raw)
        yield OnnxFile(raw, path)


@contextlib.contextmanager
def _copied(stored: Stored) -> Iterator[BinaryIO]:
    """Yield a copy of the data file of a graph, in a folder of its own."""
    if stored.data is None or stored.file.path is None:
        raise ValueError("the graph has no data file")
    with private_folder(stored.data.bytes) as folder:
        path = folder / stored.data.name
        with storage_errors(path, "copying"):
            shutil.copyfile(stored.file.path.with_name(stored.data.name), path)
            with path.open("r+b") as stream:
                yield stream


def _nudged(
    array: np.ndarray[Any, Any], random: np.random.Generator, units: int
) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the elements of a weight, moved, in parts: in float64 the whole may be too large."""
    ulp = _ULP if array.dtype == np.float32 else 2.0**-10
    whole = array.size <= _PART
    flat = array if whole else array.reshape(-1)
    for part in [flat] if whole else np.array_split(flat, math.ceil(flat.size / _PART)):
        signs = random.choice([-1.0, 1.0], size=part.shape)
        yield np.asarray(part.astype(np.float64) * (1 + units * ulp * signs)).astype(array.dtype)


def round_up(value: float) -> float:
    """Round up to two significant digits: a measured last digit would differ by machine."""
    if value <= 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.1e}")


__all__ = [
    "CAP",
    "FACTOR",
    "FLOOR",
    "HALF_CAP",
    "QUANTIZED_CAP",
    "Case",
    "calibrate",
    "make_cases",
    "prove",
    "round_up",
]
