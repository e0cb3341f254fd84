"""Smaller or faster forms of one ONNX graph, each still standard ONNX.

Integer weights have 7 of 8 bits: on processors with AVX2 and without VNNI, onnxruntime adds two
products of 8 bits in 16 and saturates (its documentation on ``reduce_range``), so that the same
file would answer differently there.
"""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zoo.errors import MissingExtra, Unsupported, ZooError
from zoo.exporting.external_data import LARGEST, store, too_large
from zoo.spec import Arrays

if TYPE_CHECKING:
    import onnx

_BATCH = 16
_FEWEST_ELEMENTS = 64
_WEIGHTED = ["Conv", "ConvTranspose", "Gemm", "MatMul"]
_PASSING = ["AveragePool", "MaxPool", "Relu"]
"""Operators that a static graph keeps in integers between two weighted ones."""


@dataclass(frozen=True)
class Source:
    """What a candidate is made from.

    Attributes:
        proto: The original graph.
        calibration: Real examples, by input name; ``None`` if the data has none for this graph.
    """

    proto: onnx.ModelProto
    calibration: Arrays | None


@dataclass(frozen=True)
class Made:
    """A candidate's graph.

    Attributes:
        exact: The same function with float32 constants, if that is how it computes: what its
            float noise is measured on.
    """

    proto: onnx.ModelProto
    exact: onnx.ModelProto | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to a smaller or faster graph.

    Attributes:
        name: What the user calls it.
        label: What the name of the published variant ends with.
        method: What it does, in a sentence.
        make: Does it.
        calibrated: Whether it needs examples.
    """

    name: str
    label: str
    method: str
    make: Callable[[Source], Made]
    calibrated: bool = False


def require() -> None:
    """Check that what quantization needs is installed.

    Raises:
        MissingExtra: If it is not.
    """
    import importlib.util

    if importlib.util.find_spec("onnx") is None:
        raise MissingExtra("quantizing", "keras", "onnx")


def _optimized(source: Source) -> Made:
    return Made(_rewritten(source.proto, "extended"))


def _dynamic(source: Source) -> Made:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    def quantize(proto: onnx.ModelProto, target: Path, *, large: bool) -> None:
        quantize_dynamic(
            proto,
            target,
            use_external_data_format=large,
            op_types_to_quantize=["Conv", "MatMul"],
            nodes_to_exclude=_stacked(proto),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": 1},
        )

    return Made(_quantized(source.proto, quantize))


def _static(source: Source) -> Made:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    calibration = source.calibration
    if calibration is None:
        raise Unsupported(
            "there are no examples for this graph's inputs",
            why="static ranges are measured on real examples",
        )

    class Reader(CalibrationDataReader):
        def __init__(self, batches: Iterator[Mapping[str, np.ndarray[Any, Any]]]) -> None:
            self.batches = batches

        def get_next(self) -> Mapping[str, np.ndarray[Any, Any]] | None:
            return next(self.batches, None)

    def quantize(proto: onnx.ModelProto, target: Path, *, large: bool) -> None:
        quantize_static(
            proto,
            target,
            Reader(_batches(calibration)),
            use_external_data_format=large,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[*_WEIGHTED, *_PASSING],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )

    return Made(_quantized(source.proto, quantize))


def _half(source: Source) -> Made:
    """Store matrices and kernels in half precision; a Cast restores them before they are used."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    stored, exact = onnx.ModelProto(), onnx.ModelProto()
    stored.CopyFrom(source.proto)
    exact.CopyFrom(source.proto)
    casts = []
    for narrow, wide in zip(stored.graph.initializer, exact.graph.initializer, strict=True):
        array = numpy_helper.to_array(narrow)
        if array.dtype != np.float32 or array.ndim < 2 or array.size < _FEWEST_ELEMENTS:
            continue
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not np.isfinite(half).all():
            continue
        name = narrow.name
        narrow.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        wide.CopyFrom(numpy_helper.from_array(half.astype(np.float32), name))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    if not casts:
        raise Unsupported(
            "the graph has nothing to store in half precision",
            why=f"it has no float32 matrix or kernel of {_FEWEST_ELEMENTS} elements",
        )
    nodes = [*casts, *stored.graph.node]
    del stored.graph.node[:]
    stored.graph.node.extend(nodes)
    return Made(stored, exact)


CANDIDATES = {
    candidate.name: candidate
    for candidate in (
        Candidate(
            "optimized",
            "optimized",
            "float32, rewritten by onnxruntime's extended optimization",
            _optimized,
        ),
        Candidate(
            "int8_dynamic",
            "int8",
            "int8 weights per channel; the ranges of activations are found at each call",
            _dynamic,
        ),
        Candidate(
            "int8_static",
            "int8",
            "int8 weights per channel, uint8 activations with calibrated ranges (QDQ)",
            _static,
            calibrated=True,
        ),
        Candidate(
            "float16",
            "float16",
            "weights stored in half precision, computed in float32",
            _half,
        ),
    )
}
"""What is tried, by name and in order."""


def _batches(arrays: Arrays) -> Iterator[Mapping[str, np.ndarray[Any, Any]]]:
    count = len(next(iter(arrays.values())))
    for start in range(0, count, _BATCH):
        yield {name: array[start : start + _BATCH] for name, array in arrays.items()}


def _stacked(proto: onnx.ModelProto) -> list[str]:
    """Name the products with a stack of matrices, which onnxruntime quantizes and cannot run."""
    flat = {tensor.name for tensor in proto.graph.initializer if len(tensor.dims) == 2}
    known = {tensor.name for tensor in proto.graph.initializer}
    names = []
    for number, node in enumerate(proto.graph.node):
        if node.op_type == "MatMul" and node.input[1] in known - flat:
            node.name = node.name or f"stacked_{number}"
            names.append(node.name)
    return names


class _Quantize(Protocol):
    """Quantize a graph into a file; ``large`` says that one file cannot hold the graph."""

    def __call__(self, proto: onnx.ModelProto, target: Path, *, large: bool) -> None: ...


def _quantized(proto: onnx.ModelProto, quantize: _Quantize) -> onnx.ModelProto:
    """Fold what can be folded, quantize, and require that something was."""
    import onnx
    from onnx import helper

    folded = _rewritten(proto, "basic")
    # Its own advice to do what was just done would be printed otherwise.
    helper.set_model_props(folded, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "quantized.onnx"
        with _boundary("onnxruntime cannot quantize this graph"):
            quantize(folded, target, large=too_large(folded))
            made: onnx.ModelProto = onnx.load(target)
    integers = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    if not any(t.data_type in integers and len(t.dims) > 1 for t in made.graph.initializer):
        raise Unsupported(
            "the graph has nothing to quantize",
            why="it has no convolution or matrix product with constant weights",
        )
    return made


def _rewritten(proto: onnx.ModelProto, level: str, *, largest: int = LARGEST) -> onnx.ModelProto:
    """Return the graph as onnxruntime rewrites it before it runs it."""
    import onnx
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = {
        "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    }[level]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rewritten.onnx"
        options.optimized_model_filepath = str(target)
        given = store(proto, "given.onnx", Path(folder), largest=largest).file
        if given.path is not None:
            about = "session.optimized_model_external_initializers"
            options.add_session_config_entry(f"{about}_file_name", f"{target.name}.data")
            options.add_session_config_entry(f"{about}_min_size_in_bytes", "1024")
        with _boundary("onnxruntime cannot rewrite this graph"):
            ort.InferenceSession(
                given.raw if given.path is None else str(given.path),
                options,
                providers=["CPUExecutionProvider"],
            )
            made: onnx.ModelProto = onnx.load(target)
    made.ir_version = proto.ir_version
    return made


@contextlib.contextmanager
def _boundary(what: str) -> Iterator[None]:
    """Map whatever onnxruntime's tools raise, and keep what they print to themselves."""
    root = logging.getLogger()
    level = root.level
    try:
        root.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ZooError:
        raise
    except Exception as error:  # onnxruntime's own types, and ValueErrors of its Python tools
        said = re.sub(re.escape(tempfile.gettempdir()) + r"\S*", "a file", str(error))
        raise Unsupported(
            what, why=f"{type(error).__name__}: {' '.join(said.split())[:300]}"
        ) from error
    finally:
        root.setLevel(level)


__all__ = ["CANDIDATES", "Candidate", "Made", "Source", "require"]
