"""The manifest of an artifact: its model, interface, files, and how it was compared with Keras.

``manifest.json`` lists the SHA-256 of every other file, and has one of its own over the rest of
itself. It is written in one canonical form, so any changed byte is found.
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
from zoo.spec import DataSpec, TaskName, TensorSpec
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
    """Tolerance of an output.

    An element may differ by ``absolute + relative * s``, where ``s`` is the largest magnitude in
    its example's recorded output. Integers and booleans must be equal.

    Attributes:
        noise: Float noise of the model, from which ``relative`` was calibrated: the largest
            relative change of the output when every weight moves by one unit in the last place
            (128 in a graph with integer weights, so that other roundings are taken).
        cap: Upper limit of ``relative``.
    """

    absolute: NonNegative
    relative: Annotated[float, Meta(ge=0, le=0.05)]
    noise: NonNegative
    cap: Annotated[float, Meta(gt=0, le=1)]


class Parity(Struct):
    """Comparison of a graph with its Keras model; of a variant, with itself.

    Attributes:
        lengths: Sizes of every dynamic axis except the batch.
        input_kinds: Kinds of parity inputs, such as samples and edge cases.
        optimization: Tested graph optimization levels of onnxruntime.
        worst: By output, the largest difference as a share of what the tolerance allows.
        worst_absolute: By output, the largest difference.
    """

    batches: tuple[int, ...]
    lengths: dict[str, tuple[int, ...]]
    seeds: tuple[int, ...]
    input_kinds: tuple[str, ...]
    optimization: tuple[str, ...]
    comparisons: Annotated[int, Meta(ge=1)]
    worst: dict[str, Finite]
    worst_absolute: dict[str, Finite]


class Graph(Struct):
    """One ONNX file: one signature of the model.

    Attributes:
        decode: The signature that generates text from the outputs of this one; empty if none does.
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
    decode: str = ""
    weights_sha256: Annotated[str, Meta(pattern=_SHA256)]
    tolerance: dict[str, Tolerance]
    parity: Parity
    vectors: tuple[int, ...]


class Comparison(Struct):
    """Comparison of a variant with its source artifact on the same examples.

    Attributes:
        unit: Unit of the loss: ``points`` are hundredths of a share, ``percent`` is relative to
            the value of the source.
        source: Value of the metric for the source.
        variant: Value of the metric for the variant.
        loss: Loss of the variant in ``unit``; negative if it is better.
        low: Lower end of the paired 95 % interval of ``loss``; ``None`` with too few examples.
        high: Upper end.
        agreement: Share of examples with the same predicted class, for a classifier.
        max_difference: Largest difference of any element, by output.
        mean_difference: Mean difference of all elements, by output.
        batch_dependence: Largest difference between the output for an example alone and in a
            batch: dynamic quantization ranges are those of the whole batch.
    """

    split: Literal["validation", "test"]
    examples: Annotated[int, Meta(ge=1)]
    metric: str
    unit: Literal["points", "percent"]
    source: Finite
    variant: Finite
    loss: Finite
    low: Finite | None = None
    high: Finite | None = None
    agreement: Finite | None = None
    max_difference: dict[str, Finite]
    mean_difference: dict[str, Finite]
    batch_dependence: Finite


class CandidateResult(Struct):
    """Result of a quantization candidate, without its latency.

    Attributes:
        bytes: Size of its graphs without metadata; ``None`` if it could not be made.
        comparison: On the validation split; ``None`` if it could not be made or run.
        accurate: Whether it is valid, standard ONNX, and within the bounds of the loss.
        reason: Why not.
    """

    method: str
    description: str
    bytes: int | None = None
    comparison: Comparison | None = None
    accurate: bool
    reason: str = ""


class Calibration(Struct):
    """Calibration examples of static quantization.

    Attributes:
        sha256: SHA-256 of the examples.
        data_fingerprint: Fingerprint of their dataset.
    """

    method: str
    split: Literal["train"] = "train"
    examples: Annotated[int, Meta(ge=1)]
    sha256: Annotated[str, Meta(pattern=_SHA256)]
    data_fingerprint: str


class Variant(Struct):
    """Provenance of a quantized variant: its source, the criteria and all candidates.

    Attributes:
        method: The quantization method.
        label: Suffix of the name, after that of the source.
        source_weights_sha256: SHA-256 of the weights of the source's first graph.
        source_manifest_sha256: SHA-256 of the source's ``manifest.json``.
        prefer: Preference among accurate candidates: size, speed or both.
        max_loss: Largest allowed loss of the main metric.
        min_agreement: Least allowed share of examples with the same class.
        calibration: Calibration examples, for static quantization.
        candidates: Results of all candidates, this one included.
        test: Comparison on the test split, which did not influence the selection.
    """

    method: str
    label: Annotated[str, Meta(pattern=r"^[a-z0-9]+\Z")]
    source_weights_sha256: Annotated[str, Meta(pattern=_SHA256)]
    source_manifest_sha256: Annotated[str, Meta(pattern=_SHA256)]
    prefer: str
    max_loss: Finite
    min_agreement: Finite
    calibration: Calibration | None = None
    candidates: Annotated[tuple[CandidateResult, ...], Meta(min_length=1)]
    test: Comparison


class Manifest(Struct):
    """The manifest of an artifact.

    Attributes:
        name: Name under which it was published and is served.
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
    task: TaskName
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
        """Return the entry of a graph's external data, if it has any."""
        name = graph.file + DATA_SUFFIX
        return next((entry for entry in self.files if entry.name == name), None)

    def metadata(self, signature: str) -> dict[str, str]:
        """Return the metadata of the ONNX file of a signature, keys in order."""
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
            "task": self.task,
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
        """Return the content of ``manifest.json``."""
        data = self.model_dump(mode="json")
        return _render({**data, "sha256": sha256_json(data)})


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``manifest.json``.

    Raises:
        Incompatible: If it is missing, not JSON, of a newer format, or not of the schema.
        Tampered: If it is not the text that was written, or is a link.

    Example:
        >>> manifest: Manifest = read_manifest(Path("exports/cnn/1"))
        >>> manifest.graphs[0].signature
        'predict'
    """
    raw = read_bytes(folder, MANIFEST, limit=_LIMIT)
    try:
        data = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Incompatible(
            f"{folder / MANIFEST} is not a manifest",
            why=f"it is not JSON: {error}",
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
