"""Quantize artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.artifacts import Artifact
from zoo.api.catalog import hooks, registry
from zoo.api.datasets import dataset
from zoo.api.evaluation import check_fit, encoded_for
from zoo.api.model_factory import DataSource
from zoo.errors import ConfigError, DataError, UnknownDataset
from zoo.runtime import read_manifest
from zoo.spec import Dataset, DataSpec

if TYPE_CHECKING:
    from zoo.exporting.policy import QuantizationReport

_FIX = (
    "give what it was trained on, and the options of then: zoo quantize PATH --data FILE "
    "--data-option KEY=VALUE"
)


@dataclass(frozen=True)
class Quantization:
    """A quantized artifact.

    Attributes:
        artifact: The variant that was published.
        report: All candidates, with their scores, latencies and the decision.
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
    policy: str = "balanced",
    max_loss: float = 0.5,
    min_agreement: float = 0.99,
    candidates: Sequence[str] | None = None,
    metric: str | None = None,
    data: DataSource = None,
    version: int | None = None,
    calibration_examples: int = 256,
    seconds: float = 0.5,
    threads: int = 1,
    keep_failed: str | Path | None = None,
) -> Quantization:
    """Quantize an artifact: try several candidates, and publish the best if it is good enough.

    Works on the ONNX files, without Keras. Every candidate is compared with the original on the
    validation split, and timed alternately with it. The winner is evaluated once on the test
    split, and becomes an artifact of its own that records its origin.

    Args:
        artifact: An artifact or its folder.
        out: The model repository: the variant becomes ``out/<name>_<label>/<version>/``. By
            default the one that the artifact is in.
        policy: ``smallest``, ``fastest``, or ``balanced`` between both.
        max_loss: Largest allowed loss of the main metric: percentage points of a share, percent of
            any other metric.
        min_agreement: Least share of examples with the same predicted class.
        candidates: Some of ``optimized``, ``int8_dynamic``, ``int8_static``, ``float16``.
        metric: The main metric; by default ``accuracy`` of a classifier, the first of others.
        data: Other data with the same inputs and classes; by default what it was made for.
        version: A positive number; by default one above the highest there is.
        calibration_examples: Training examples for the calibration of static ranges.
        seconds: Time to measure each candidate for, per batch size.
        threads: Threads of a timed call.
        keep_failed: A folder for the files of a failed publication; by default nothing is kept.

    Raises:
        QuantizationRejected: If no candidate is good enough; its ``report`` lists them.
        ConfigError: If a name or number is wrong, or the artifact is a variant already.
        DataError: If the data does not fit, or is no longer what the artifact was made from.
        MissingExtra: If ``onnx`` is not installed.

    Example:
        >>> zoo.quantize("exports/cnn/1").artifact.path
        PosixPath('exports/cnn_int8/1')
    """
    from zoo.exporting.candidates import require
    from zoo.exporting.policy import make_policy
    from zoo.exporting.quantize import quantize_artifact

    require()
    wanted = make_policy(policy, max_loss, min_agreement)
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
        policy=wanted,
        candidates=candidates,
        metric=metric,
        version=version,
        calibration_examples=calibration_examples,
        seconds=seconds,
        threads=threads,
        keep_failed=Path(keep_failed) if keep_failed else None,
    )
    published = Path(str(report.published))
    variant = Artifact(published, read_manifest(published).model_dump(mode="json"))
    hooks().call("zoo_after_export", name=name, path=published, manifest=variant.manifest)
    return Quantization(variant, report)


def _examples(source: DataSource, spec: DataSpec, fingerprint: str) -> Dataset:
    """Return the data: the artifact's own, unchanged, or the caller's."""
    if isinstance(source, DataSpec):
        raise DataError(f"a DataSpec describes {source.id!r}, and holds no examples")
    chosen = source is not None
    try:
        named: str | Path | Dataset = spec.id if source is None else source
        found: Dataset = dataset(named) if isinstance(named, str | Path) else named
    except UnknownDataset as error:
        if chosen:
            raise
        raise DataError(
            f"the artifact was made from your own data, {spec.id!r}",
            why="its examples are needed again, to calibrate and to measure",
            fix=_FIX,
        ) from error
    except (ConfigError, DataError) as error:
        if chosen:
            raise
        raise DataError(
            f"the data {spec.id!r} that the artifact was made from cannot be read as it stands",
            why=f"an artifact does not keep how its data was read, and without that: {error.what}",
            fix=_FIX,
        ) from error
    found = encoded_for(spec, found)
    check_fit(spec, found.spec)
    if not chosen and fingerprint and found.fingerprint != fingerprint:
        raise DataError(
            f"the data {spec.id!r} is not what the artifact was made from",
            why="examples, labels or splits are others, so a test example may calibrate",
            fix=_FIX,
        )
    return found
