"""Smaller or faster forms of an artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.artifacts import Artifact
from zoo.api.catalog import hooks, registry
from zoo.api.datasets import dataset
from zoo.api.model_factory import DataSource
from zoo.api.prediction import check_fit, in_words_of
from zoo.errors import ConfigError, DataError, UnknownDataset
from zoo.runtime import read_manifest
from zoo.spec import Dataset, DataSpec

if TYPE_CHECKING:
    from zoo.exporting.policy import QuantisationReport

_SAY = (
    "give what it was trained on, and the options of then: zoo quantize PATH --data FILE "
    "--data-option KEY=VALUE"
)


@dataclass(frozen=True)
class Quantization:
    """What came of quantizing an artifact.

    Attributes:
        artifact: The variant that was published.
        report: Everything that was tried, measured and decided.
    """

    artifact: Artifact
    report: QuantisationReport

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
    """Try smaller and faster forms of an artifact, and publish the best one if it is good enough.

    Works on the ONNX files, without Keras. Every candidate is measured on the validation split
    beside the original, and timed in turns with it. The winner is asked once for the test split,
    and becomes an artifact of its own that tells where it came from.

    Args:
        artifact: An artifact or its folder.
        out: The model repository: the variant becomes ``out/<name>_<label>/<version>/``. By
            default the one that the artifact is in.
        policy: ``smallest``, ``fastest``, or ``balanced`` between both.
        max_loss: The most that the main metric may lose: points (hundredths) of a share, percent
            of any other metric.
        min_agreement: The least share of examples that must get the original's class.
        candidates: Some of ``optimized``, ``int8_dynamic``, ``int8_static``, ``float16``.
        metric: The main metric; by default ``accuracy`` of a classifier, the first of others.
        data: Other data with the same inputs and classes; by default what it was made for.
        version: A positive number; by default one above the highest there is.
        calibration_examples: How many training examples the static ranges are measured on.
        seconds: How long each candidate is timed at each batch size.
        threads: How many threads a timed call may use.
        keep_failed: Where to keep what was made if its publication fails.

    Raises:
        QuantisationRejected: If nothing is good enough; its ``report`` says what was tried.
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
    """Return the data, which must be what the artifact was made from unless the caller chose it."""
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
            fix=_SAY,
        ) from error
    except (ConfigError, DataError) as error:
        if chosen:
            raise
        raise DataError(
            f"the data {spec.id!r} that the artifact was made from cannot be read as it stands",
            why=f"an artifact does not keep how its data was read, and without that: {error.what}",
            fix=_SAY,
        ) from error
    found = in_words_of(spec, found)
    check_fit(spec, found.spec)
    if not chosen and fingerprint and found.fingerprint != fingerprint:
        raise DataError(
            f"the data {spec.id!r} is not what the artifact was made from",
            why="examples, labels or splits are others, so a test example may calibrate",
            fix=_SAY,
        )
    return found


__all__ = ["Quantization", "quantize"]
