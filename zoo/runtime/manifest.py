"""The manifest of an artifact: what it is, what it takes and gives, and how it was proven.

``manifest.json`` lists the SHA-256 of every other file, and carries one of its own over the rest
of itself. It is written in one canonical form, so a changed byte anywhere is a finding.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from zoo.errors import Incompatible, Tampered
from zoo.files import sha256_json
from zoo.names import NAME, VERSION
from zoo.runtime.artifact_files import COPY_AGAIN, FileEntry, read_bytes
from zoo.spec import DataSpec, Task, TensorSpec
from zoo.struct import Finite, NonNegative, Struct

FORMAT_VERSION = 1
"""The version of the artifact format. A reader refuses a newer one."""

MANIFEST = "manifest.json"
VECTORS = "vectors.npz"
CARD = "card.md"
DATA_SUFFIX = ".data"
"""Suffix of the file of external data, after the name of its ONNX file."""

PREFIX = "zoo."
"""Every key of the ONNX file's own metadata begins with this."""

_LIMIT = 16 * 2**20
_SHA256 = r"^[0-9a-f]{64}\Z"
_ONNX = r"^[a-z][a-z0-9_]{0,79}\.onnx\Z"
_MODEL = rf"^{NAME.pattern}(@{VERSION.pattern})?\Z"


class Tolerance(Struct):
    """How far an output may be from the recorded one.

    An element may differ by ``absolute + relative * s``, where ``s`` is the largest magnitude in
    its example's recorded output. Integers and booleans must be equal.

    Attributes:
        noise: The largest relative change of the output when every weight moves by one unit in
            the last place (128 in a graph with integer weights, so that roundings are decided
            otherwise): the model's own float noise, from which ``relative`` was calibrated.
        cap: The largest value that ``relative`` could have taken.
    """

    absolute: NonNegative
    relative: Annotated[float, Meta(ge=0, le=0.05)]
    noise: NonNegative
    cap: Annotated[float, Meta(gt=0, le=1)]


class Parity(Struct):
    """How a graph was compared with the Keras model it was made from; a variant, with itself.

    Attributes:
        lengths: The sizes tried of every dynamic axis but the batch.
        worst: By output, the largest difference as a share of what the tolerance allows.
        worst_absolute: By output, the largest difference.
    """

    batches: tuple[int, ...]
    lengths: dict[str, tuple[int, ...]]
    seeds: tuple[int, ...]
    probes: tuple[str, ...]
    optimization: tuple[str, ...]
    comparisons: Annotated[int, Meta(ge=1)]
    worst: dict[str, Finite]
    worst_absolute: dict[str, Finite]


class Graph(Struct):
    """One ONNX file: one signature of the model.

    Attributes:
        operators: How often each operator is used.
        vectors: Batch size of each golden case in ``vectors.npz``.
    """

    signature: Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z", max_length=64)]
    file: Annotated[str, Meta(pattern=_ONNX)]
    opset: Annotated[int, Meta(ge=1)]
    nodes: Annotated[int, Meta(ge=1)]
    operators: dict[str, int] = {}
    inputs: Annotated[tuple[TensorSpec, ...], Meta(min_length=1)]
    outputs: Annotated[tuple[TensorSpec, ...], Meta(min_length=1)]
    weights_sha256: Annotated[str, Meta(pattern=_SHA256)]
    tolerance: dict[str, Tolerance]
    parity: Parity
    vectors: tuple[int, ...]


class Comparison(Struct):
    """How a variant's answers differ from the original's on the same examples.

    Attributes:
        split: Which examples.
        examples: How many.
        metric: The name of the main metric.
        unit: ``points`` are hundredths of the metric's full range; ``percent`` is relative to the
            original's value.
        original: The metric of the original.
        value: The metric of the variant.
        loss: By how much the variant is worse, in ``unit``; below zero it is better.
        low: Lower end of the 95 % interval of ``loss``, paired; ``None`` if there are too few
            examples for one.
        high: Upper end.
        agreement: The share of examples that get the same class, of a classifier.
        max_difference: By output, the largest difference of any element.
        mean_difference: By output, the mean difference of all elements.
        neighbors: The largest difference of an example's answer alone and among others in one
            call: dynamic ranges are those of the whole call.
    """

    split: Literal["validation", "test"]
    examples: Annotated[int, Meta(ge=1)]
    metric: str
    unit: Literal["points", "percent"]
    original: Finite
    value: Finite
    loss: Finite
    low: Finite | None = None
    high: Finite | None = None
    agreement: Finite | None = None
    max_difference: dict[str, Finite]
    mean_difference: dict[str, Finite]
    neighbors: Finite


class Verdict(Struct):
    """What became of one candidate, its speed left out.

    Attributes:
        bytes: Size of its graphs without their metadata; ``None`` if they could not be made.
        comparison: On the validation split; ``None`` if it could not be made or run.
        faithful: Whether it was made, is standard ONNX, and loses no more than the bounds.
        reason: Why not.
    """

    candidate: str
    method: str
    bytes: int | None = None
    comparison: Comparison | None = None
    faithful: bool
    reason: str = ""


class Calibration(Struct):
    """The examples from which the ranges of the activations were taken.

    Attributes:
        sha256: Over the examples themselves.
        data_fingerprint: Of the dataset that they are from.
    """

    method: str
    split: Literal["train"] = "train"
    examples: Annotated[int, Meta(ge=1)]
    sha256: Annotated[str, Meta(pattern=_SHA256)]
    data_fingerprint: str


class Variant(Struct):
    """Where a variant came from, and the verdict on every candidate beside it.

    Attributes:
        kind: Which candidate this is.
        label: What the original's name is extended by.
        of_weights_sha256: Of the original's first graph.
        of_manifest_sha256: Of the original's ``manifest.json``.
        policy: What was preferred among the faithful candidates.
        max_loss: The bound of the loss.
        min_agreement: The bound of the agreement.
        calibration: Of a variant with static ranges.
        verdicts: One a candidate, this one included.
        test: On examples that decided nothing.
    """

    kind: str
    label: Annotated[str, Meta(pattern=r"^[a-z0-9]+\Z")]
    of_weights_sha256: Annotated[str, Meta(pattern=_SHA256)]
    of_manifest_sha256: Annotated[str, Meta(pattern=_SHA256)]
    policy: str
    max_loss: Finite
    min_agreement: Finite
    calibration: Calibration | None = None
    verdicts: Annotated[tuple[Verdict, ...], Meta(min_length=1)]
    test: Comparison


class Manifest(Struct):
    """Everything an artifact says about itself.

    Attributes:
        name: Under which name it was published, and is served.
        architecture: The architecture's name in the registry, with its version if that is not the
            first: ``cnn@2``.
        limits: Known limitations of the architecture, in words.
        producer: Package to version.
        variant: For a quantized or pruned variant: its source and how it was chosen.
    """

    format_version: Literal[1] = 1
    name: Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z", max_length=64)]
    architecture: Annotated[str, Meta(pattern=_MODEL, max_length=72)]
    summary: str
    limits: tuple[str, ...] = ()
    task: Task
    config: dict[str, Any]
    config_sha256: Annotated[str, Meta(pattern=_SHA256)]
    data: DataSpec
    data_fingerprint: str
    license: str
    origin: dict[str, Any]
    metrics: dict[str, Any]
    producer: dict[str, str]
    graphs: Annotated[tuple[Graph, ...], Meta(min_length=1)]
    files: Annotated[tuple[FileEntry, ...], Meta(min_length=1)]
    variant: Variant | None = None

    def graph(self, signature: str) -> Graph:
        """Return the graph of a signature.

        Raises:
            Incompatible: If the artifact has none of that name.
        """
        for graph in self.graphs:
            if graph.signature == signature:
                return graph
        names = ", ".join(graph.signature for graph in self.graphs)
        raise Incompatible(
            f"the artifact has no signature {signature!r}",
            why=f"it has: {names}",
            fix=f"ask for {self.graphs[0].signature!r}",
        )

    def file(self, name: str) -> FileEntry:
        """Return the entry of a file.

        Raises:
            Tampered: If no file of that name is listed.
        """
        for entry in self.files:
            if entry.name == name:
                return entry
        raise Tampered(
            f"{name} is not listed in {MANIFEST}",
            why="every file of an artifact is listed with its SHA-256",
            fix="export the model again",
        )

    def data_file(self, graph: Graph) -> FileEntry | None:
        """Return the entry of the file in which a graph's large constants lie, if it has one."""
        name = graph.file + DATA_SUFFIX
        return next((entry for entry in self.files if entry.name == name), None)

    def metadata(self, signature: str) -> dict[str, str]:
        """Return what the ONNX file of a signature says about itself, keys in order."""
        graph = self.graph(signature)
        values: dict[str, Any] = {
            "architecture": self.architecture,
            "config": self.config,
            "config_sha256": self.config_sha256,
            "data_fingerprint": self.data_fingerprint,
            "format_version": str(self.format_version),
            "inputs": [spec.model_dump(mode="json") for spec in graph.inputs],
            "license": self.license,
            "name": self.name,
            "metrics": self.metrics.get("scores", self.metrics),
            "origin": self.origin,
            "outputs": [spec.model_dump(mode="json") for spec in graph.outputs],
            "producer": self.producer,
            "signature": graph.signature,
            "summary": self.summary,
            "task": self.task.value,
            "tolerance": {n: t.model_dump(mode="json") for n, t in graph.tolerance.items()},
            "weights_sha256": graph.weights_sha256,
        }
        if self.variant is not None:
            values["variant"] = self.variant.model_dump(mode="json")
        return {
            PREFIX + key: value if isinstance(value, str) else _compact(value)
            for key, value in sorted(values.items())
        }

    def to_bytes(self) -> bytes:
        """Return the one text of ``manifest.json`` for this manifest."""
        data = self.model_dump(mode="json")
        return _render({**data, "sha256": sha256_json(data)})


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``manifest.json``.

    Raises:
        Incompatible: If it is missing, not JSON, of a newer format, or not of the schema.
        Tampered: If it is not the text that was written, or is a link.
    """
    raw = read_bytes(folder, MANIFEST, limit=_LIMIT)
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Incompatible(
            f"{folder / MANIFEST} is not a manifest",
            why=f"it is no JSON text: {error}",
            fix=COPY_AGAIN,
        ) from error
    if not isinstance(data, dict) or type(data.get("format_version")) is not int:
        raise Incompatible(
            f"{folder / MANIFEST} is not a manifest",
            why="an artifact's manifest is an object with a format_version",
            fix="give the folder that zoo export printed",
        )
    if data["format_version"] > FORMAT_VERSION:
        raise Incompatible(
            f"{folder} has format version {data['format_version']}",
            why=f"this zoo reads versions up to {FORMAT_VERSION}",
            fix="pip install --upgrade neural-zoo",
        )
    claimed = data.pop("sha256", None)
    try:
        written = _render({**data, "sha256": claimed})
        actual = sha256_json(data)
    except (ValueError, RecursionError) as error:
        raise Incompatible(
            f"{folder / MANIFEST} is not a manifest",
            why=str(error),
            fix=COPY_AGAIN,
        ) from error
    if written != raw or claimed != actual:
        raise Tampered(
            f"{folder / MANIFEST} is not the text that was written",
            why="its own SHA-256 does not fit its contents",
            fix=COPY_AGAIN,
        )
    try:
        return Manifest.model_validate(data)
    except ValueError as error:
        raise Incompatible(
            f"{folder / MANIFEST} does not follow the schema of format version {FORMAT_VERSION}",
            why=str(error),
            fix="export the model again",
        ) from error


def _render(data: Any) -> bytes:
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return (text + "\n").encode()


def _compact(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not allowed")
