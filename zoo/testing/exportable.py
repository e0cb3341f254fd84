"""The fourth level: it becomes an artifact that proves itself, and says what the model says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.api.predict_fns import keras_predict_fn
from zoo.files import sha256_file
from zoo.testing.checks import CheckGroup, Measured, expect
from zoo.testing.subject import Subject

GROUP = CheckGroup("export", "exportable")

EXAMPLES = 24
"""Examples of the test split that the artifact and the model are both asked about."""


@GROUP.check(
    why="An artifact is what is deployed: it must say what the model says, for every signature, "
    "batch size, edge value and level of optimization.",
    fix="The message names the operation, or the input for which both differ. Use operations that "
    "have an ONNX form; keep randomness and Python out of what is exported.",
)
def proof(subject: Subject) -> Measured:
    """Every signature becomes an ONNX graph that is proven equal to the model, and again later."""
    artifact = subject.artifact
    wanted = {signature.name for signature in subject.signatures(subject.run.model)}
    graphs = {graph["signature"]: graph for graph in artifact.manifest["graphs"]}
    expect(set(graphs) == wanted, f"a graph for each of {sorted(wanted)}", sorted(graphs))
    report = zoo.verify(artifact.path)
    expect(
        {signature.signature for signature in report.signatures} == wanted,
        "every graph to be verified",
        [signature.signature for signature in report.signatures],
    )
    worst = max(max(graph["parity"]["worst"].values()) for graph in graphs.values())
    expect(worst <= 1, "differences within the tolerance", f"{worst:.3g} times of it")
    return {
        "signatures": len(graphs),
        "comparisons": sum(graph["parity"]["comparisons"] for graph in graphs.values()),
    }


@GROUP.check(
    why="The proof uses examples that were held out for choosing; users ask about others.",
    fix="If `export.proof` passes and this fails, the model answers differently for data that it "
    "has not seen: look for state that is left from training.",
)
def predictions(subject: Subject) -> Measured:
    """The artifact answers as the model does, for examples of the test split."""
    artifact, model = subject.artifact, subject.run.model
    inputs = subject.inputs(EXAMPLES, "test")
    tolerances = {one["signature"]: one["tolerance"] for one in artifact.manifest["graphs"]}
    compared = 0
    for signature in subject.asked_of_data(subject.signatures(model)):
        session = artifact.load(signature=signature.name)
        names = {spec.name for spec in signature.inputs}
        given = {name: array for name, array in inputs.items() if name in names}
        found, wanted = session.run(given), keras_predict_fn(signature)(given)
        for name, original in wanted.items():
            where = f"output {name!r} of {signature.name!r}"
            expect(name in found, where, f"only {sorted(found)}")
            allowed = tolerances[signature.name].get(name)
            share = _share(found[name], original, allowed)
            expect(share <= 1, f"{where} within its tolerance", f"{share:.3g} times of it")
            compared += 1
    return {"outputs": compared, "examples": len(next(iter(inputs.values())))}


@GROUP.check(
    why="Who has the weights can make the artifact again and see that it is the one that was "
    "published.",
    fix="Give layers and operations names that do not count up from one model to the next, and "
    "iterate over nothing that has no order.",
)
def reproducible(subject: Subject) -> Measured:
    """The same weights exported twice give the same bytes in every file."""
    first, second = (
        _digests(artifact.path) for artifact in (subject.artifact, subject.artifact_again)
    )
    expect(sorted(first) == sorted(second), f"the files {sorted(first)}", sorted(second))
    apart = [name for name, digest in first.items() if second[name] != digest]
    expect(not apart, "the same bytes", f"others in {', '.join(apart)}")
    return {"files": len(first)}


def _share(found: Any, wanted: Any, allowed: Any) -> float:
    """Return the largest difference as a share of what the manifest allows."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return float("inf")
    if allowed is None:
        return 0.0 if np.array_equal(found, wanted) else float("inf")
    rows = np.abs(wanted.astype("float64")).reshape(len(wanted), -1).max(axis=1, initial=0.0)
    scale = rows.reshape(-1, *[1] * (wanted.ndim - 1))
    apart = np.abs(found.astype("float64") - wanted)
    share = apart / (allowed["absolute"] + allowed["relative"] * scale)
    return float(share.max(initial=0.0))


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
