"""Find and verify artifacts, with the hooks of installed packages, without Keras."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.catalog import hooks
from zoo.errors import ZooError
from zoo.runtime import (
    Session,
    VerifyReport,
    VerifyResult,
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

    def _repr_html_(self) -> str:
        from zoo.html_views import artifact_html

        return artifact_html(self)


def verify(path: str | Path) -> VerifyReport:
    """Verify an artifact: its files, and its outputs on the golden vectors. Needs no Keras.

    Args:
        path: The folder of one version, e.g. ``exports/cnn/1``.

    Raises:
        ArtifactError: If any file is not what was published.
        ParityFailed: If its outputs are not the recorded ones.

    Example:
        >>> sorted(zoo.verify("exports/cnn/1").signatures[0].worst)
        ['label', 'probabilities']
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
        >>> [result.path for result in zoo.verify_all("exports/cnn") if result.error]
        []
    """
    try:
        hooks().call("zoo_before_verify", path=Path(path))
    except ZooError as error:
        yield VerifyResult(Path(path), error=error)
        return
    for result in verify_everything(path):
        yield _after(result)


def _after(result: VerifyResult) -> VerifyResult:
    """Let hooks see a report; an artifact that one of them refuses has not verified."""
    if result.report is None:
        return result
    report = result.report.model_dump(mode="json")
    try:
        hooks().call("zoo_after_verify", path=result.path, report=report)
    except ZooError as error:
        return VerifyResult(result.path, error=error)
    return result


def came_from(manifest: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Return whether the origin of an artifact matches a run.

    The same training twice gives the same bytes, and then either run matches.

    Args:
        manifest: An artifact's manifest, as plain data.
        record: A run's record.
    """
    origin, config = manifest.get("origin"), manifest.get("config")
    if not isinstance(origin, Mapping) or not isinstance(config, Mapping):
        return False
    # A configuration may have gained fields between the run and the export.
    return (
        manifest.get("architecture") == record["architecture"]["name"]
        and origin.get("plan") == record["plan"]
        and origin.get("best_epoch") == record["best_epoch"]
        and all(key in config and config[key] == value for key, value in record["config"].items())
    )


def artifacts(exports: Path) -> Iterator[tuple[Path, Mapping[str, Any] | None]]:
    """Yield every artifact of a model repository, with its unverified manifest.

    The manifest is ``None`` if it cannot be read.
    """
    for path in sorted(exports.glob("*/*/manifest.json")):
        try:
            # Reading a pipe would block.
            manifest = json.loads(path.read_text("utf-8")) if path.is_file() else None
        except (OSError, ValueError, RecursionError):
            manifest = None
        yield path.parent, manifest if isinstance(manifest, Mapping) else None
