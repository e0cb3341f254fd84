"""Artifacts: verify, compare and time them with onnxruntime alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.catalog import hooks
from zoo.errors import ZooError
from zoo.runtime import (
    BenchRow,
    DiffReport,
    Session,
    VerifyReport,
    VerifyResult,
    bench as bench_artifact,
    diff as diff_artifacts,
    load as load_artifact,
    verify as verify_artifact,
    verify_all as verify_everything,
)


@dataclass(frozen=True)
class Artifact:
    """A published artifact.

    Attributes:
        path: Its folder.
        manifest: Its manifest as plain data.
    """

    path: Path
    manifest: Mapping[str, Any]

    def load(self, **options: Any) -> Session:
        """Open the artifact: see :func:`zoo.runtime.load`."""
        return load_artifact(self.path, **options)


def verify(path: str | Path) -> VerifyReport:
    """Verify an artifact: its files, and its outputs on the golden vectors. Needs no Keras.

    Args:
        path: The folder of one version, e.g. ``exports/cnn/1``.

    Raises:
        ArtifactError: If any file is not what was published.
        ParityFailed: If its outputs are not the recorded ones.

    Example:
        >>> zoo.verify("exports/cnn/1").signatures[0].worst
    """
    hooks().call("zoo_before_verify", path=Path(path))
    report = verify_artifact(path)
    hooks().call("zoo_after_verify", path=Path(path), report=report.model_dump(mode="json"))
    return report


def verify_all(path: str | Path) -> Iterator[VerifyResult]:
    """Verify every artifact in a folder: of a model repository, a model, or one version.

    Args:
        path: The folder, e.g. ``exports`` or ``exports/cnn``.

    Yields:
        One result per artifact, with a report or an error; and an error for each model whose
        versions differ in their interface, or whose files for servers are wrong.

    Example:
        >>> [result.path for result in zoo.verify_all("exports") if result.error]
        []
    """
    try:
        hooks().call("zoo_before_verify", path=Path(path))
    except ZooError as error:
        yield VerifyResult(Path(path), error=error)
        return
    for result in verify_everything(path):
        try:
            if result.report is not None:
                report = result.report.model_dump(mode="json")
                hooks().call("zoo_after_verify", path=result.path, report=report)
            yield result
        except ZooError as error:
            yield VerifyResult(result.path, error=error)


def diff(before: str | Path, after: str | Path) -> DiffReport:
    """Compare two artifacts by their files.

    Args:
        before: The folder of one artifact.
        after: The folder of the other.

    Raises:
        ArtifactError: If one is no artifact, or not what was published.

    Example:
        >>> zoo.diff("exports/cnn/1", "exports/cnn/2").metrics[0].noise
    """
    return diff_artifacts(before, after)


def bench(path: str | Path, **options: Any) -> Sequence[BenchRow]:
    """Measure the latency of an artifact on its golden inputs.

    Args:
        path: The folder of the artifact.
        **options: ``batches``, ``threads``, ``seconds`` and more: see :func:`zoo.runtime.bench`.

    Raises:
        ArtifactError: If it cannot be opened.
        ConfigError: If an option is out of range.

    Example:
        >>> zoo.bench("exports/cnn/1", batches=(1, 64))[0].median_ms
    """
    return bench_artifact(Path(path), **options)
