"""Quantize artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.artifacts import Artifact
from zoo.api.catalog import hooks, registry
from zoo.api.datasets import DataSource
from zoo.api.evaluation import matching_dataset
from zoo.config import validate
from zoo.errors import ConfigError, DataError
from zoo.runtime import read_manifest
from zoo.spec import Dataset, DataSpec

if TYPE_CHECKING:
    from zoo.exporting.quantization.selection import QuantizationReport

_FIX = (
    "give the training data and its options: zoo quantize PATH --data FILE --data-option KEY=VALUE"
)


@dataclass(frozen=True)
class Quantization:
    """A quantized artifact.

    Attributes:
        artifact: The published variant.
        report: Size, scores and latency of all candidates, and the best.
    """

    artifact: Artifact
    report: QuantizationReport

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, for ``--json``."""
        return {
            "path": str(self.artifact.path),
            "manifest": dict(self.artifact.manifest),
            "report": self.report.model_dump(mode="json"),
        }


def quantize(
    artifact: Artifact | str | Path,
    *,
    out: str | Path | None = None,
    methods: Sequence[str] | None = None,
    prefer: str = "balanced",
    max_loss: float = 0.5,
    min_agreement: float = 0.99,
    metric: str | None = None,
    data: DataSource = None,
    version: int | None = None,
    seconds: float = 0.5,
) -> Quantization:
    """Quantize an artifact: try several methods, and publish the best variant.

    Works on the ONNX files, without Keras. Each candidate is compared with the source artifact in
    size, latency and scores on the validation split. The best is evaluated once on the test split,
    and becomes an artifact of its own that records its source.

    Args:
        artifact: An artifact or its folder.
        out: The model repository: the variant becomes ``out/<name>_<label>/<version>/``. By
            default that of the artifact.
        methods: Some of ``optimized``, ``int8_dynamic``, ``int8_static``, ``float16``; by default
            all.
        prefer: ``smallest``, ``fastest``, or ``balanced`` between both.
        max_loss: Largest allowed loss of the main metric: percentage points of a share, percent of
            any other metric.
        min_agreement: Least share of examples with the same predicted class.
        metric: The main metric; by default ``accuracy`` for a classifier, else the first.
        data: Other data with the same inputs and classes; by default that of the artifact.
        version: A positive number; by default one above the highest that exists.
        seconds: Time to measure the latency of each candidate, per batch size.

    Raises:
        QuantizationRejected: If no candidate is good enough; its ``report`` lists them.
        ConfigError: If a name or number is wrong, or the artifact is a variant already.
        DataError: If the data does not fit, or is no longer that of the artifact.
        MissingExtra: If ``onnx`` is not installed.

    Example:
        >>> smaller: zoo.Quantization = zoo.quantize(
        ...     "exports/cnn/1", out="small", methods=["int8_static"])
        >>> smaller.artifact.path
        PosixPath('small/cnn_int8/1')
    """
    from zoo.exporting.quantization.methods import require
    from zoo.exporting.quantization.quantize import check_options, quantize_artifact
    from zoo.exporting.quantization.selection import Criteria

    require()
    asked = {"prefer": prefer, "max_loss": max_loss, "min_agreement": min_agreement}
    criteria = validate(
        Criteria, asked, what="the options of the quantization", fix="zoo quantize --help"
    )
    check_options(methods, version, seconds)  # before data is read, which may take long
    path = artifact.path if isinstance(artifact, Artifact) else Path(artifact)
    manifest = read_manifest(path)
    examples = _examples(data, manifest.data, manifest.data_fingerprint)
    target = Path(out) if out is not None else path.resolve().parent.parent
    architecture = registry().recall(manifest.architecture)
    name = architecture.info.name
    hooks().call("zoo_before_export", name=name, target=target)
    report = quantize_artifact(
        path,
        architecture,
        examples,
        out=target,
        criteria=criteria,
        methods=methods,
        metric=metric,
        version=version,
        seconds=seconds,
    )
    published = Path(str(report.published))
    variant = Artifact(published, read_manifest(published).model_dump(mode="json"))
    hooks().call("zoo_after_export", name=name, path=published, manifest=variant.manifest)
    return Quantization(variant, report)


def _examples(source: DataSource, spec: DataSpec, fingerprint: str) -> Dataset:
    """Return the given data, or the unchanged data of the artifact."""
    if source is not None:
        return matching_dataset(source, spec)
    try:
        found = matching_dataset(None, spec)
        changed = found.fingerprint != fingerprint
    except (ConfigError, DataError) as error:
        raise DataError(
            f"the data {spec.id!r} of the artifact cannot be read",
            why="it is needed for calibration and evaluation, and an artifact does not record "
            f"where it is and how it was read; without: {error.what}",
            fix=_FIX,
        ) from error
    if fingerprint and changed:
        raise DataError(
            f"the data {spec.id!r} has changed since the export",
            why="with other examples, labels or splits, a test example may be used for calibration",
            fix=_FIX,
        )
    return found
