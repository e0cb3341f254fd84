"""Quantization candidates: each is quantized, compared with the source, and checked for parity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import Unsupported, ZooError
from zoo.exporting.external_data import StoredGraph, store
from zoo.exporting.graph_checks import check_graph
from zoo.exporting.parity import make_cases
from zoo.exporting.parity_inputs import cast_inputs
from zoo.exporting.publishing import VerifiedGraph, compare_graph, weights_sha256
from zoo.exporting.quantization.comparison import Comparer
from zoo.exporting.quantization.methods import Method, QuantizedGraph
from zoo.exporting.quantization.selection import Criteria
from zoo.exporting.rewrites import normalize
from zoo.files import storage_errors
from zoo.runtime.manifest import CandidateResult, Graph, Manifest
from zoo.runtime.onnx_file import OnnxFile, data_path
from zoo.runtime.session import check_interface, open_session
from zoo.spec import Arrays, PredictFn, PredictFns

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class SourceArtifact:
    """An opened artifact from which variants are made."""

    path: Path
    manifest: Manifest
    files: Mapping[str, OnnxFile]
    sessions: Mapping[str, Any]

    @property
    def predict_fns(self) -> PredictFns:
        """The graphs as predict functions, by signature."""
        return predict_fns_of(self.sessions, self.manifest)

    @property
    def bytes(self) -> int:
        """Size of the graphs without their metadata, which candidates do not have."""
        import onnx

        total = 0
        for file in self.files.values():
            bare = onnx.load_from_string(file.raw)
            bare.ClearField("metadata_props")
            total += bare.ByteSize()
            total += data_path(file.path).stat().st_size if file.path is not None else 0
        return total

    def proto(self, signature: str) -> onnx.ModelProto:
        """Return a graph with its external data loaded, which may be more than 2 GiB."""
        import onnx

        file = self.files[signature]
        return onnx.load_from_string(file.raw) if file.path is None else onnx.load(str(file.path))


@dataclass(frozen=True)
class Candidate:
    """A candidate and its measurements."""

    method: Method
    result: CandidateResult
    stored: tuple[StoredGraph, ...] = ()
    verified: tuple[VerifiedGraph, ...] = ()

    def predict_fns(self, manifest: Manifest) -> PredictFns:
        """Open its graphs as predict functions, by signature."""
        sessions = {
            graph.signature: open_session(stored.file, self.method.name)
            for graph, stored in zip(manifest.graphs, self.stored, strict=True)
        }
        return predict_fns_of(sessions, manifest)


def try_candidate(
    method: Method,
    source: SourceArtifact,
    calibration: Arrays,
    samples: Arrays,
    comparer: Comparer,
    criteria: Criteria,
    folder: Path,
) -> Candidate:
    """Quantize an artifact by one method and measure the result.

    A failure is the reason in the result, and does not end the other candidates. The files are
    written to a subfolder of the given folder.
    """
    result = CandidateResult(method=method.name, description=method.description, accurate=False)
    graphs = source.manifest.graphs
    candidate = Candidate(method, result)
    try:
        own = folder / method.name
        with storage_errors(own, "making"):
            own.mkdir()
        stored, exact = [], []
        for graph in graphs:
            quantized = _quantize(method, source, graph, calibration)
            stored.append(store(quantized.proto, graph.file, own))
            unrounded = quantized.exact
            exact.append(unrounded and store(unrounded, f"exact_{graph.file}", own))
            check_graph(stored[-1], graph.file)
        result = result.model_copy(update={"bytes": sum(form.bytes for form in stored)})
        candidate = replace(candidate, stored=tuple(stored), result=result)
        comparison, _ = comparer.compare(candidate.predict_fns(source.manifest))
        result = result.model_copy(update={"comparison": comparison})
        if reason := criteria.violation(comparison):
            return replace(candidate, result=result.model_copy(update={"reason": reason}))
        verified = tuple(
            _verify(*forms, samples) for forms in zip(stored, exact, graphs, strict=True)
        )
    except ZooError as error:
        reason = f"{error.what}: {error.why}" if error.why else error.what
        return replace(candidate, result=result.model_copy(update={"reason": reason}))
    result = result.model_copy(update={"accurate": True})
    return replace(candidate, result=result, verified=verified)


def run_graph(session: Any, graph: Graph, arrays: Arrays) -> dict[str, np.ndarray[Any, Any]]:
    """Run a graph on its inputs among the given arrays."""
    names = [spec.name for spec in graph.outputs]
    inputs = cast_inputs(graph.inputs, arrays)
    values = session.run(names, {spec.name: inputs[spec.name] for spec in graph.inputs})
    return dict(zip(names, values, strict=True))


def predict_fns_of(sessions: Mapping[str, Any], manifest: Manifest) -> PredictFns:
    """Return the graphs of an artifact as predict functions, by signature."""
    return {g.signature: _predict_fn(sessions[g.signature], g) for g in manifest.graphs}


def _predict_fn(session: Any, graph: Graph) -> PredictFn:
    def predict_fn(inputs: Arrays) -> Arrays:
        try:
            return run_graph(session, graph, inputs)
        except Exception as error:  # onnxruntime's own types
            raise Unsupported(
                "the graph fails on the examples", why=" ".join(str(error).split())[:300]
            ) from error

    return predict_fn


def _quantize(
    method: Method, source: SourceArtifact, graph: Graph, calibration: Arrays
) -> QuantizedGraph:
    """Quantize one graph and normalize the result."""
    names = [spec.name for spec in graph.inputs]
    arrays = cast_inputs(graph.inputs, calibration)
    complete = all(name in arrays for name in names)
    examples = {name: arrays[name] for name in names} if complete else None
    quantized = method.apply(source.proto(graph.signature), examples)
    nodes = quantized.proto.graph.node
    if foreign := sorted({n.op_type for n in nodes if n.domain not in ("", "ai.onnx")}):
        raise Unsupported(
            f"it needs operators outside standard ONNX ({', '.join(foreign)})",
            why="they exist in onnxruntime only, and an artifact is for every runtime",
        )
    name = f"{source.manifest.architecture}_{method.label}.{graph.signature}"
    specs = {spec.name: spec for spec in graph.outputs}

    def canonical(proto: onnx.ModelProto) -> onnx.ModelProto:
        outputs = [specs[value.name] for value in proto.graph.output]
        return normalize(proto, name, graph.inputs, outputs, list(specs))

    exact = canonical(quantized.exact) if quantized.exact is not None else None
    return QuantizedGraph(canonical(quantized.proto), exact)


def _verify(
    stored: StoredGraph, exact: StoredGraph | None, graph: Graph, samples: Arrays
) -> VerifiedGraph:
    """Compare a graph with itself at every batch size and optimization level."""
    session = open_session(stored.file, graph.file)
    check_interface(session, graph, graph.file)
    arrays = cast_inputs(graph.inputs, samples)
    given = {spec.name: arrays[spec.name] for spec in graph.inputs if spec.name in arrays}
    weights = sum(4 * math.prod(tensor.dims) for tensor in stored.proto.graph.initializer)
    cases = make_cases(
        graph.inputs, lambda inputs: run_graph(session, graph, inputs), given, weights=weights
    )
    fields, vectors = compare_graph(stored, cases, graph.file, graph.outputs, exact=exact)
    fields["weights_sha256"] = weights_sha256(array for _, array in stored.constants())
    return VerifiedGraph(stored, graph.model_copy(update=fields), vectors)
