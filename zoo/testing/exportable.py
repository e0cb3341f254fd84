"""Checks of the level exportable: parity, predictions, reproducible bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.api.predict_fns import keras_predict_fn
from zoo.files import sha256_file
from zoo.testing.checks import CheckGroup, Measured, expect
from zoo.testing.subject import ModelSubject

GROUP = CheckGroup("export", "exportable")

EXAMPLES = 24
"""Examples of the test split on which artifact and model are compared."""


@GROUP.check(
    why="The deployed artifact must predict as the model does, for every signature, batch size, "
    "edge value and optimization level.",
    fix="The message names the operation, or the input for which both differ. Use operations that "
    "ONNX has, and no randomness or Python in exported signatures.",
)
def parity(subject: ModelSubject) -> Measured:
    """Every signature becomes an ONNX graph that has parity with the model and can be verified."""
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
    why="Parity is proven on validation examples; users have others.",
    fix="If `export.parity` passes and this fails, look for state that is left from training.",
)
def predictions(subject: ModelSubject) -> Measured:
    """Artifact and model predict the same on examples of the test split."""
    artifact, model = subject.artifact, subject.run.model
    tolerances = {one["signature"]: one["tolerance"] for one in artifact.manifest["graphs"]}
    compared = examples = 0
    for signature, given in subject.calls(model, EXAMPLES, "test"):
        examples = len(next(iter(given.values())))
        session = artifact.load(signature=signature.name)
        found, wanted = session.run(given), keras_predict_fn(signature)(given)
        for name, original in wanted.items():
            where = f"output {name!r} of {signature.name!r}"
            expect(name in found, where, f"only {sorted(found)}")
            allowed = tolerances[signature.name].get(name)
            share = _share(found[name], original, allowed)
            expect(share <= 1, f"{where} within its tolerance", f"{share:.3g} times of it")
            compared += 1
    return {"outputs": compared, "examples": examples}


@GROUP.check(
    why="Users can export the weights again and compare the artifact with the published one.",
    fix="Name layers and operations without a counter that increases from one model to the next, "
    "and do not iterate over sets.",
)
def reproducible(subject: ModelSubject) -> Measured:
    """Two exports of the same weights have the same bytes in every file."""
    first, second = (
        _digests(artifact.path)
        for artifact in (subject.artifact, zoo.export(subject.run, subject.folder / "again"))
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
