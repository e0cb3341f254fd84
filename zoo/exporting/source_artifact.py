"""The artifact that variants are made of, opened and asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ConfigError, DataError, Finding, Unsupported
from zoo.exporting.parity_inputs import as_taken
from zoo.runtime import verify
from zoo.runtime.manifest import Graph, Manifest, read_manifest
from zoo.runtime.onnx_file import OnnxFile, checked_graph, data_path
from zoo.runtime.session import open_session
from zoo.spec import Arrays, PredictFn, PredictFns, Split

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Original:
    """The artifact that variants are made of, opened."""

    path: Path
    manifest: Manifest
    files: Mapping[str, OnnxFile]
    sessions: Mapping[str, Any]

    @property
    def predict_fns(self) -> PredictFns:
        """The answers of its graphs, by signature."""
        return predict_fns_of(self.sessions, self.manifest)

    @property
    def bytes(self) -> int:
        """The size of the graphs without their metadata, which a candidate has not yet."""
        import onnx

        total = 0
        for file in self.files.values():
            bare = onnx.load_from_string(file.raw)
            bare.ClearField("metadata_props")
            total += bare.ByteSize()
            total += data_path(file.path).stat().st_size if file.path is not None else 0
        return total

    def proto(self, signature: str) -> onnx.ModelProto:
        """Return a graph with all its constants inside, which may be more than one file holds."""
        import onnx

        file = self.files[signature]
        return onnx.load_from_string(file.raw) if file.path is None else onnx.load(str(file.path))


@contextlib.contextmanager
def open_original(path: Path) -> Iterator[Original]:
    """Verify an artifact and open its graphs, for the length of a block.

    Raises:
        ArtifactError: If it is not what was published.
        ConfigError: If it is a variant itself.
    """
    verify(path)
    manifest = read_manifest(path)
    if manifest.variant is not None:
        raise ConfigError(
            f"{path} is a variant already",
            findings=[Finding("artifact", manifest.name, "an artifact that zoo export made")],
            fix="quantize the original: "
            f"{manifest.name.removesuffix(f'_{manifest.variant.label}')}",
        )
    with contextlib.ExitStack() as stack:
        files = {
            graph.signature: stack.enter_context(checked_graph(path, manifest, graph))
            for graph in manifest.graphs
        }
        sessions = {name: open_session(file, str(path)) for name, file in files.items()}
        yield Original(path, manifest, files, sessions)


def take_examples(original: Original, split: Split, count: int) -> Arrays:
    """Return evenly spaced examples, and what the graphs make of them.

    One graph's output may be another's input: the codes of an encoder feed its decoder.
    """
    if not len(split):
        raise DataError("there are no examples to measure on", why="the split is empty")
    positions = np.unique(np.linspace(0, len(split) - 1, min(len(split), count)).astype(int))
    arrays = dict(split.take(positions)[0])
    for _ in original.manifest.graphs:
        for graph in original.manifest.graphs:
            if all(spec.name in arrays for spec in graph.inputs):
                found = ask(original.sessions[graph.signature], graph, arrays)
                arrays = {**found, **arrays}
    return arrays


def ask(session: Any, graph: Graph, arrays: Arrays) -> dict[str, np.ndarray[Any, Any]]:
    """Run a graph on those of some arrays that it takes."""
    names = [spec.name for spec in graph.outputs]
    taken = as_taken(graph.inputs, arrays)
    values = session.run(names, {spec.name: taken[spec.name] for spec in graph.inputs})
    return dict(zip(names, values, strict=True))


def predict_fns_of(sessions: Mapping[str, Any], manifest: Manifest) -> PredictFns:
    """Return what an evaluation asks: the graphs, each by its signature, in their order."""
    return {g.signature: _predict_fn(sessions[g.signature], g) for g in manifest.graphs}


def _predict_fn(session: Any, graph: Graph) -> PredictFn:
    def predict_fn(inputs: Arrays) -> Arrays:
        try:
            return ask(session, graph, inputs)
        except Exception as error:  # onnxruntime's own types
            raise Unsupported(
                "the graph fails on the examples", why=" ".join(str(error).split())[:300]
            ) from error

    return predict_fn


__all__ = ["Original", "ask", "open_original", "predict_fns_of", "take_examples"]
