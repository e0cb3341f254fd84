"""Quantization methods: int8 dynamic, int8 static, float16 weights, optimized float32.

Int8 weights use 7 bits: on processors with AVX2 and without VNNI, onnxruntime adds two products of
8 bits in 16 and saturates (see ``reduce_range`` in its documentation), so the same file would have
other outputs there.
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
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import MissingExtra, Unsupported, ZooError
from zoo.exporting.external_data import MAX_FILE_BYTES, store, too_large
from zoo.spec import Arrays

if TYPE_CHECKING:
    import onnx

_BATCH = 16
_MIN_ELEMENTS = 64
_WITH_WEIGHTS = ["Conv", "ConvTranspose", "Gemm", "MatMul"]
_PASS_THROUGH = ["AveragePool", "MaxPool", "Relu"]
"""Operators without weights that static quantization keeps in integers."""


@dataclass(frozen=True)
class QuantizedGraph:
    """A graph of a candidate.

    Attributes:
        proto: The graph.
        exact: For float16 weights: the same function with float32 weights, from which its float
            noise is measured.
    """

    proto: onnx.ModelProto
    exact: onnx.ModelProto | None = None


@dataclass(frozen=True)
class Method:
    """A quantization method.

    Attributes:
        name: Its name, as in ``--method``.
        label: Suffix of the variant's name.
        description: Description in a sentence.
        apply: Quantizes a graph, given calibration examples by input name (or ``None``).
        calibrated: Whether it needs calibration examples.
    """

    name: str
    label: str
    description: str
    apply: Callable[[onnx.ModelProto, Arrays | None], QuantizedGraph]
    calibrated: bool = False


def require() -> None:
    """Check that the packages for quantization are installed.

    Raises:
        MissingExtra: If one is missing.
    """
    import importlib.util

    if importlib.util.find_spec("onnx") is None:
        raise MissingExtra("quantizing", "keras", "onnx")


def _optimized(proto: onnx.ModelProto, _: Arrays | None) -> QuantizedGraph:
    return QuantizedGraph(_optimize(proto, "extended"))


def _dynamic(proto: onnx.ModelProto, _: Arrays | None) -> QuantizedGraph:
    from onnxruntime.quantization import quantize_dynamic

    folded = _optimize(proto, "basic")
    return _int8(
        folded,
        quantize_dynamic,
        op_types_to_quantize=["Conv", "MatMul"],
        nodes_to_exclude=_batched_products(folded),
        extra_options={"DefaultTensorType": 1},
    )


def _static(proto: onnx.ModelProto, calibration: Arrays | None) -> QuantizedGraph:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    if calibration is None:
        raise Unsupported(
            "the data has no examples for the inputs of this graph",
            why="static quantization calibrates on real examples",
        )

    class Reader(CalibrationDataReader):
        def __init__(self, batches: Iterator[Mapping[str, np.ndarray[Any, Any]]]) -> None:
            self.batches = batches

        def get_next(self) -> Mapping[str, np.ndarray[Any, Any]] | None:
            return next(self.batches, None)

    return _int8(
        _optimize(proto, "basic"),
        quantize_static,
        calibration_data_reader=Reader(_batches(calibration)),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=[*_WITH_WEIGHTS, *_PASS_THROUGH],
        activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


def _float16_weights(proto: onnx.ModelProto, _: Arrays | None) -> QuantizedGraph:
    """Store matrices and kernels as float16; a Cast restores them before they are used."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    stored, exact = onnx.ModelProto(), onnx.ModelProto()
    stored.CopyFrom(proto)
    exact.CopyFrom(proto)
    casts = []
    for narrow, wide in zip(stored.graph.initializer, exact.graph.initializer, strict=True):
        array = numpy_helper.to_array(narrow)
        if array.dtype != np.float32 or array.ndim < 2 or array.size < _MIN_ELEMENTS:
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
            "the graph has no weights to store as float16",
            why=f"it has no float32 matrix or kernel of {_MIN_ELEMENTS} elements",
        )
    nodes = [*casts, *stored.graph.node]
    del stored.graph.node[:]
    stored.graph.node.extend(nodes)
    return QuantizedGraph(stored, exact)


METHODS = {
    method.name: method
    for method in (
        Method(
            "optimized",
            "optimized",
            "float32, optimized by onnxruntime at the extended level",
            _optimized,
        ),
        Method(
            "int8_dynamic",
            "int8",
            "int8 weights per channel, activations quantized dynamically at each call",
            _dynamic,
        ),
        Method(
            "int8_static",
            "int8",
            "int8 weights per channel, uint8 activations with calibrated ranges (QDQ)",
            _static,
            calibrated=True,
        ),
        Method(
            "float16",
            "float16",
            "weights stored as float16, computed in float32",
            _float16_weights,
        ),
    )
}
"""The methods by name, in the order in which they are tried."""


def _batches(arrays: Arrays) -> Iterator[Mapping[str, np.ndarray[Any, Any]]]:
    count = len(next(iter(arrays.values())))
    for start in range(0, count, _BATCH):
        yield {name: array[start : start + _BATCH] for name, array in arrays.items()}


def _batched_products(proto: onnx.ModelProto) -> list[str]:
    """Return the products with a stack of matrices, which onnxruntime quantizes and cannot run."""
    flat = {tensor.name for tensor in proto.graph.initializer if len(tensor.dims) == 2}
    known = {tensor.name for tensor in proto.graph.initializer}
    names = []
    for number, node in enumerate(proto.graph.node):
        if node.op_type == "MatMul" and node.input[1] in known - flat:
            node.name = node.name or f"stacked_{number}"
            names.append(node.name)
    return names


def _int8(folded: onnx.ModelProto, quantize: Callable[..., None], **options: Any) -> QuantizedGraph:
    """Quantize an optimized graph to int8 weights, and check that it has some."""
    import onnx
    from onnx import helper
    from onnxruntime.quantization import QuantType

    # Otherwise onnxruntime logs the advice to optimize first.
    helper.set_model_props(folded, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "quantized.onnx"
        with _boundary("onnxruntime cannot quantize this graph"):
            quantize(
                folded,
                target,
                use_external_data_format=too_large(folded),
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
                **options,
            )
            made: onnx.ModelProto = onnx.load(target)
    integers = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    if not any(t.data_type in integers and len(t.dims) > 1 for t in made.graph.initializer):
        raise Unsupported(
            "the graph has no weights to quantize",
            why="it has no convolution or matrix product with constant weights",
        )
    return QuantizedGraph(made)


def _optimize(
    proto: onnx.ModelProto, level: str, *, largest: int = MAX_FILE_BYTES
) -> onnx.ModelProto:
    """Return the graph after the optimizations of onnxruntime."""
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
        target = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(target)
        given = store(proto, "source.onnx", Path(folder), largest=largest).file
        if given.path is not None:
            prefix = "session.optimized_model_external_initializers"
            options.add_session_config_entry(f"{prefix}_file_name", f"{target.name}.data")
            options.add_session_config_entry(f"{prefix}_min_size_in_bytes", "1024")
        with _boundary("onnxruntime cannot optimize this graph"):
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
    """Map exceptions of onnxruntime's tools to ours, and silence its logs and warnings."""
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
        message = re.sub(re.escape(tempfile.gettempdir()) + r"\S*", "a file", str(error))
        raise Unsupported(
            what, why=f"{type(error).__name__}: {' '.join(message.split())[:300]}"
        ) from error
    finally:
        root.setLevel(level)
