"""Run an artifact with onnxruntime: named arrays in, named arrays out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from zoo.errors import ArtifactError, ConfigError, DataError, Finding, Incompatible, Tampered
from zoo.runtime.artifact_files import COPY_AGAIN
from zoo.runtime.manifest import Graph, Manifest, read_manifest
from zoo.runtime.onnx_file import OnnxFile, checked_graph
from zoo.runtime.prediction import Prediction
from zoo.spec import Arrays, DType, TensorSpec

MAX_THREADS = 1_024
"""Limit of threads per call; onnxruntime would try to start any number."""

DEFAULT_PROVIDERS = ("CPUExecutionProvider",)
OPTIMIZATION = ("disabled", "basic", "all")
"""onnxruntime's graph optimization levels, by the names of ``optimization``."""

_CHUNK = 256

_ONNX_NAMES = {"float32": "float", "float64": "double"}
_NUMPY_TYPES = {f"tensor({_ONNX_NAMES.get(name, name)})": name for name in get_args(DType)}


class Session:
    """One signature of an artifact, ready to run. Make one with :func:`load`.

    Attributes:
        manifest: Manifest of the artifact.
        graph: Its entry for this signature.
        inputs: Specs of the inputs, in order.
        outputs: Specs of the outputs, in order.
        providers: Execution providers, most preferred first.
        threads: Threads per call.
    """

    def __init__(
        self, manifest: Manifest, graph: Graph, native: Any, *, threads: int, source: str
    ) -> None:
        self.manifest = manifest
        self.graph = graph
        self.inputs: tuple[TensorSpec, ...] = graph.inputs
        self.outputs: tuple[TensorSpec, ...] = graph.outputs
        self.threads = threads
        self.providers: tuple[str, ...] = tuple(native.get_providers())
        self.source = source
        self.native = native
        self._names = [spec.name for spec in graph.outputs]

    def __repr__(self) -> str:
        what = f"{self.manifest.architecture}:{self.graph.signature}"
        return f"<zoo.runtime.Session {what} on {self.providers[0]}, {self.threads} thread(s)>"

    def run(self, inputs: Arrays) -> dict[str, np.ndarray[Any, Any]]:
        """Run the graph once on arrays that have the declared names, types and shapes.

        Args:
            inputs: One array per input, examples along the first axis.

        Returns:
            One array per output.

        Raises:
            DataError: If the arrays do not fit, or the graph fails on them.

        Example:
            >>> session.run({"image": images})["probabilities"]
        """
        try:
            values = self.native.run(self._names, dict(inputs))
        except Exception as error:  # onnxruntime's own types derive from Exception and ValueError
            raise self._explain(inputs, error) from error
        return dict(zip(self._names, values, strict=True))

    def predict(self, raw: Any) -> Prediction:
        """Predict for raw values: arrays, records, texts, or files.

        Args:
            raw: An array of examples or of one example; a mapping of input names to arrays; a
                frame of pandas or polars, a record (a mapping of column names to values), a list
                of records, or a mapping of column names to columns, by the names of the columns;
                a text or a list of texts (see :mod:`zoo.runtime.text_inputs`); images of Pillow,
                as bytes, open files, or uint8 arrays of any size; the path of an image, a
                ``.npy``, ``.npz``, ``.csv``, ``.parquet``, ``.xlsx`` or ``.txt`` file; or a list
                of images or paths.

        Returns:
            The outputs, with class names where the artifact has them.

        Raises:
            DataError: If the values do not fit the declared inputs.
            BadRecord: If a file or a row of it does not.
        """
        from zoo.runtime.inputs import read_inputs

        inputs = read_inputs(raw, self.inputs)
        arrays = inputs.arrays
        count = len(next(iter(arrays.values())))
        if count <= _CHUNK:
            return Prediction.of(self.run(arrays), self.outputs, inputs)
        parts = [
            self.run({name: array[start : start + _CHUNK] for name, array in arrays.items()})
            for start in range(0, count, _CHUNK)
        ]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in self._names}
        return Prediction.of(outputs, self.outputs, inputs)

    def _explain(self, inputs: Arrays, error: Exception) -> DataError:
        given: Any = inputs
        problems = []
        for spec in self.inputs:
            array = given.get(spec.name) if isinstance(given, Mapping) else None
            wanted = f"{spec.dtype}[batch{''.join(f', {size}' for size in spec.shape)}]"
            if not isinstance(array, np.ndarray):
                problems.append(f"{spec.name}: expected an array {wanted}")
            elif array.dtype.name != spec.dtype or len(array.shape) != len(spec.shape) + 1:
                problems.append(
                    f"{spec.name}: expected {wanted}. Received: {array.dtype}{list(array.shape)}"
                )
        why = "; ".join(problems) or " ".join(str(error).split())[:300]
        return DataError(
            f"{self.source} cannot run on these inputs",
            why=why,
            fix="Session.predict converts raw values; Session.inputs says what run takes",
        )


def load(
    path: str | Path,
    *,
    signature: str | None = None,
    threads: int = 1,
    providers: Sequence[str] | None = None,
) -> Session:
    """Open an artifact for prediction.

    The manifest and the ONNX file are checked; :func:`zoo.runtime.verify` checks everything.

    The file is read once, checked against its SHA-256, inspected, and given to onnxruntime from
    memory, so what was checked is what runs. External weights are checked while they are copied to
    a temporary folder of this process, from which onnxruntime maps them; the copy is gone when
    this returns. A file that refers to anything else outside itself is refused.

    Args:
        path: The artifact's folder.
        signature: Name of the signature; the first by default.
        threads: Threads per call.
        providers: onnxruntime's execution providers, most preferred first; the CPU by default.
            An unavailable one is an error, never a silent fallback.

    Raises:
        Incompatible: If it is not an artifact, of a newer format, or cannot be opened here.
        Tampered: If the ONNX file, its weights or the manifest were changed.
        ConfigError: If a provider is not available, or ``threads`` is below 1.
        StorageError: If there is no room for the copy of the weights.

    Example:
        >>> session: Session = load("exports/cnn/1")
        >>> [spec.name for spec in session.inputs]
        ['image']
        >>> found: Prediction = session.predict("seven.png")
        >>> found.labels
        ['7']
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    first = manifest.graphs[0].signature
    graph = manifest.graph(first if signature is None else signature)
    name = str(folder / graph.file)
    with checked_graph(folder, manifest, graph) as file:
        native = open_session(file, name, threads=threads, providers=providers)
    check_interface(native, graph, name)
    return Session(manifest, graph, native, threads=threads, source=str(folder))


def open_session(
    file: bytes | OnnxFile,
    name: str,
    *,
    threads: int = 1,
    providers: Sequence[str] | None = None,
    optimization: str = "all",
) -> Any:
    """Open an inspected ONNX file in onnxruntime.

    Args:
        file: Its bytes, or what :func:`checked_graph` or an export made of it.
        name: Its name in messages.
        threads: Threads per call.
        providers: onnxruntime's execution providers, most preferred first; the CPU by default.
        optimization: One of :data:`OPTIMIZATION`.

    Raises:
        ConfigError: If a provider is not available, or ``threads`` is below 1.
        Incompatible: If onnxruntime refuses the file.
    """
    ort = onnxruntime()
    wanted = list(providers or DEFAULT_PROVIDERS)
    there = ort.get_available_providers()
    findings = [
        Finding("providers", provider, f"one of {', '.join(there)}")
        for provider in wanted
        if provider not in there
    ]
    if not 1 <= threads <= MAX_THREADS:
        findings.append(Finding("threads", threads, f"from 1 to {MAX_THREADS:,}"))
    if findings:
        raise ConfigError(f"{name} cannot be opened as asked", findings=findings)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = {
        "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
        "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    }[optimization]
    try:
        native = ort.InferenceSession(
            file if isinstance(file, bytes) else file.source, options, providers=wanted
        )
    except Exception as error:  # onnxruntime raises a dozen unrelated types
        raise Incompatible(
            f"onnxruntime {ort.__version__} cannot open {name}",
            why=" ".join(str(error).split())[:300],
            fix="export the model again, or upgrade onnxruntime",
        ) from error
    if native.get_providers()[0] != wanted[0]:
        raise ArtifactError(
            f"{name} would run on {native.get_providers()[0]} instead of {wanted[0]}",
            why="onnxruntime could not start the provider that was asked for",
            fix="install what the provider needs, or ask for CPUExecutionProvider",
        )
    # It keeps the whole file for a restart on another provider, a silent fallback.
    native.disable_fallback()
    native._model_bytes = None  # noqa: SLF001 - nothing public lets go of it
    return native


def onnxruntime() -> Any:
    """Import onnxruntime with its telemetry off, unless the user has said otherwise."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort

    return ort


def check_interface(native: Any, graph: Graph, name: str) -> None:
    """Compare the names, types and shapes of an opened graph with its manifest entry.

    Raises:
        Tampered: If they differ.
    """
    for specs, values, role in (
        (graph.inputs, native.get_inputs(), "inputs"),
        (graph.outputs, native.get_outputs(), "outputs"),
    ):
        declared = [(s.name, s.dtype, ["batch", *s.shape]) for s in specs]
        found = [(v.name, _NUMPY_TYPES.get(v.type, v.type), list(v.shape)) for v in values]
        if declared != found:
            raise Tampered(
                f"the {role} of {name} are not those of its manifest",
                why=f"declared {declared}, found {found}",
                fix="export the model again",
            )
        for spec in specs:
            per_class = spec.labels if spec.role != "class" else None  # an index has no such axis
            for what, names, axis in (
                ("classes", per_class, spec.class_axis),
                ("columns", spec.columns, -1),
            ):
                size = spec.shape[axis] if spec.shape else None
                if names is not None and isinstance(size, int) and len(names) != size:
                    raise Tampered(
                        f"the {role} of {name} are not those of its manifest",
                        why=f"{spec.name} has {size} {what}, and {len(names)} are named",
                        fix=COPY_AGAIN,
                    )
