"""One candidate: made, compared with the original, and proven against itself."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import Unsupported, ZooError
from zoo.exporting.candidates import Candidate, Made, Source
from zoo.exporting.canonical import canonical
from zoo.exporting.fidelity import Yardstick
from zoo.exporting.original import Original, ask, forwards_of
from zoo.exporting.parity import calibrate, make_cases, prove
from zoo.exporting.policy import Policy
from zoo.exporting.probes import as_taken
from zoo.exporting.publishing import Proven, count_nodes, count_operators, golden
from zoo.exporting.structure import check_structure
from zoo.runtime.manifest import Graph, Manifest
from zoo.runtime.session import check_interface, open_session
from zoo.runtime.variant import Verdict
from zoo.runtime.vectors import Vector
from zoo.spec import Arrays, Forwards

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Trial:
    """One candidate, made and measured; what failed on the way is its verdict's reason."""

    candidate: Candidate
    verdict: Verdict
    raws: tuple[bytes, ...] = ()
    proven: tuple[Proven, ...] = ()

    def forwards(self, manifest: Manifest) -> Forwards:
        """Open its graphs, those of the manifest in their order."""
        sessions = {
            graph.signature: open_session(raw, self.candidate.name)
            for graph, raw in zip(manifest.graphs, self.raws, strict=True)
        }
        return forwards_of(sessions, manifest)


def try_candidate(
    candidate: Candidate,
    original: Original,
    calibration: Arrays,
    samples: Arrays,
    yardstick: Yardstick,
    policy: Policy,
) -> Trial:
    """Make a candidate and measure it; a failure is a verdict, and ends nothing."""
    verdict = Verdict(candidate=candidate.name, method=candidate.method, faithful=False)
    manifest = original.manifest
    trial = Trial(candidate, verdict)
    try:
        forms = [_form(candidate, original, graph, calibration) for graph in manifest.graphs]
        raws = [
            check_structure(form.proto, graph.file)
            for form, graph in zip(forms, manifest.graphs, strict=True)
        ]
        verdict = verdict.model_copy(update={"bytes": sum(map(len, raws))})
        trial = replace(trial, raws=tuple(raws), verdict=verdict)
        comparison, _ = yardstick.compare(trial.forwards(manifest))
        verdict = verdict.model_copy(update={"comparison": comparison})
        if reason := policy.refusal(comparison):
            return replace(trial, verdict=verdict.model_copy(update={"reason": reason}))
        proven = tuple(
            _prove(form, raw, graph, samples)
            for form, raw, graph in zip(forms, raws, manifest.graphs, strict=True)
        )
    except ZooError as error:
        reason = f"{error.what}: {error.why}" if error.why else error.what
        return replace(trial, verdict=verdict.model_copy(update={"reason": reason}))
    verdict = verdict.model_copy(update={"faithful": True})
    return replace(trial, verdict=verdict, proven=proven)


def _form(candidate: Candidate, original: Original, graph: Graph, calibration: Arrays) -> Made:
    """Make one graph of a candidate, in canonical form."""
    inputs = [spec.name for spec in graph.inputs]
    known = all(name in calibration for name in inputs)
    taken = as_taken(graph.inputs, calibration)
    examples = {name: taken[name] for name in inputs} if known else None
    made = candidate.make(Source(original.protos[graph.signature], examples))
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


def _prove(form: Made, raw: bytes, graph: Graph, samples: Arrays) -> Proven:
    """Compare a graph with itself over every batch size and optimisation level."""
    native = open_session(raw, graph.file)
    check_interface(native, graph, graph.file)
    taken = as_taken(graph.inputs, samples)
    given = {spec.name: taken[spec.name] for spec in graph.inputs if spec.name in taken}
    weights = sum(4 * math.prod(tensor.dims) for tensor in form.proto.graph.initializer)
    cases = make_cases(
        graph.inputs, lambda inputs: ask(native, graph, inputs), given, weights=weights
    )
    tolerance = calibrate(form.exact or form.proto, cases, graph.file)
    parity = prove(raw, cases, tolerance, graph.file)
    own = graph.model_copy(
        update={
            "nodes": count_nodes(form.proto.graph),
            "operators": count_operators(form.proto.graph),
            "weights_sha256": _weights_hash(form.proto),
            "tolerance": tolerance,
            "parity": parity,
            "vectors": tuple(case.probe.batch for case in golden(cases)),
        }
    )
    vectors = [Vector(case.probe.inputs, case.reference) for case in golden(cases)]
    return Proven(form.proto, own, vectors)


def _weights_hash(proto: onnx.ModelProto) -> str:
    from onnx import numpy_helper

    digest = hashlib.sha256()
    for tensor in proto.graph.initializer:
        array = np.ascontiguousarray(numpy_helper.to_array(tensor))
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


__all__ = ["Trial", "try_candidate"]
