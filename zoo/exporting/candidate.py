"""One candidate: made, compared with the original, and proven against itself."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import Unsupported, ZooError
from zoo.exporting.candidates import Candidate, Made, Source
from zoo.exporting.external_data import Stored, store
from zoo.exporting.fidelity import Yardstick
from zoo.exporting.normalize import canonical
from zoo.exporting.parity import calibrate, make_cases, prove
from zoo.exporting.parity_inputs import as_taken
from zoo.exporting.policy import Policy
from zoo.exporting.publishing import Proven, count_nodes, count_operators, golden
from zoo.exporting.source_artifact import Original, ask, predict_fns_of
from zoo.exporting.structure import check_structure
from zoo.files import storage_errors
from zoo.runtime.golden_vectors import Vector
from zoo.runtime.manifest import Graph, Manifest, Verdict
from zoo.runtime.session import check_interface, open_session
from zoo.spec import Arrays, PredictFns

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Trial:
    """One candidate, made and measured; what failed on the way is its verdict's reason."""

    candidate: Candidate
    verdict: Verdict
    stored: tuple[Stored, ...] = ()
    proven: tuple[Proven, ...] = ()

    def predict_fns(self, manifest: Manifest) -> PredictFns:
        """Open its graphs, those of the manifest in their order."""
        sessions = {
            graph.signature: open_session(form.file, self.candidate.name)
            for graph, form in zip(manifest.graphs, self.stored, strict=True)
        }
        return predict_fns_of(sessions, manifest)


def try_candidate(
    candidate: Candidate,
    original: Original,
    calibration: Arrays,
    samples: Arrays,
    yardstick: Yardstick,
    policy: Policy,
    folder: Path,
) -> Trial:
    """Make a candidate and measure it; a failure is a verdict, and ends nothing.

    Its files are written into a folder of its own inside of the given one.
    """
    verdict = Verdict(candidate=candidate.name, method=candidate.method, faithful=False)
    manifest = original.manifest
    trial = Trial(candidate, verdict)
    try:
        own = folder / candidate.name
        with storage_errors(own, "making"):
            own.mkdir()
        forms = []
        for graph in manifest.graphs:
            made = _form(candidate, original, graph, calibration)
            forms.append(_Form.of(made, graph.file, own))
            check_structure(forms[-1].stored, graph.file)
        stored = tuple(form.stored for form in forms)
        verdict = verdict.model_copy(update={"bytes": sum(form.bytes for form in stored)})
        trial = replace(trial, stored=stored, verdict=verdict)
        comparison, _ = yardstick.compare(trial.predict_fns(manifest))
        verdict = verdict.model_copy(update={"comparison": comparison})
        if reason := policy.refusal(comparison):
            return replace(trial, verdict=verdict.model_copy(update={"reason": reason}))
        proven = tuple(
            _prove(form, graph, samples) for form, graph in zip(forms, manifest.graphs, strict=True)
        )
    except ZooError as error:
        reason = f"{error.what}: {error.why}" if error.why else error.what
        return replace(trial, verdict=verdict.model_copy(update={"reason": reason}))
    verdict = verdict.model_copy(update={"faithful": True})
    return replace(trial, verdict=verdict, proven=proven)


@dataclass(frozen=True)
class _Form:
    """A candidate's graph as its files hold it.

    Attributes:
        measured: What its float noise is measured on.
    """

    stored: Stored
    measured: Stored

    @classmethod
    def of(cls, made: Made, file: str, folder: Path) -> _Form:
        """Write the files."""
        stored = store(made.proto, file, folder)
        if made.exact is None:
            return cls(stored, stored)
        return cls(stored, store(made.exact, f"exact_{file}", folder))


def _form(candidate: Candidate, original: Original, graph: Graph, calibration: Arrays) -> Made:
    """Make one graph of a candidate, in canonical form."""
    inputs = [spec.name for spec in graph.inputs]
    known = all(name in calibration for name in inputs)
    taken = as_taken(graph.inputs, calibration)
    examples = {name: taken[name] for name in inputs} if known else None
    made = candidate.make(Source(original.proto(graph.signature), examples))
    foreign = sorted({n.op_type for n in made.proto.graph.node if n.domain not in ("", "ai.onnx")})
    if foreign:
        raise Unsupported(
            f"it needs operators outside standard ONNX ({', '.join(foreign)})",
            why="only one runtime has them, and an artifact is for all",
        )
    name = f"{original.manifest.architecture}_{candidate.label}.{graph.signature}"
    order = [spec.name for spec in graph.outputs]

    def normal(proto: onnx.ModelProto) -> onnx.ModelProto:
        by_name = {spec.name: spec for spec in graph.outputs}
        outputs = [by_name[value.name] for value in proto.graph.output]
        return canonical(proto, name, graph.inputs, outputs, order)

    return Made(normal(made.proto), normal(made.exact) if made.exact is not None else None)


def _prove(form: _Form, graph: Graph, samples: Arrays) -> Proven:
    """Compare a graph with itself over every batch size and optimization level."""
    stored = form.stored
    native = open_session(stored.file, graph.file)
    check_interface(native, graph, graph.file)
    taken = as_taken(graph.inputs, samples)
    given = {spec.name: taken[spec.name] for spec in graph.inputs if spec.name in taken}
    weights = sum(4 * math.prod(tensor.dims) for tensor in stored.proto.graph.initializer)
    cases = make_cases(
        graph.inputs, lambda inputs: ask(native, graph, inputs), given, weights=weights
    )
    tolerance = calibrate(form.measured, cases, graph.file)
    parity = prove(stored.file, cases, tolerance, graph.file)
    own = graph.model_copy(
        update={
            "nodes": count_nodes(stored.proto.graph),
            "operators": count_operators(stored.proto.graph),
            "weights_sha256": _weights_hash(stored),
            "tolerance": tolerance,
            "parity": parity,
            "vectors": tuple(case.probe.batch for case in golden(cases)),
        }
    )
    vectors = [Vector(case.probe.inputs, case.reference) for case in golden(cases)]
    return Proven(stored, own, vectors)


def _weights_hash(stored: Stored) -> str:
    digest = hashlib.sha256()
    for _, given in stored.constants():
        array = np.ascontiguousarray(given)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


__all__ = ["Trial", "try_candidate"]
