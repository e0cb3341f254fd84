"""The models of a server: verified artifacts by name and version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ConfigError, ZooError
from zoo.runtime import (
    Session,
    find_artifacts,
    load,
    read_manifest,
    served_shape,
    served_type,
    verify,
)
from zoo.spec import Arrays, TensorSpec


@dataclass(frozen=True)
class Refusal:
    """An artifact that is not served, and why."""

    name: str
    version: str
    path: str
    error: ZooError


@dataclass(frozen=True)
class ServedModel:
    """A version of a model, ready for inference.

    Attributes:
        name: Name of the folder; ``name.signature`` for every signature after the first.
        max_batch: Largest batch at which the artifact was compared with its model.
    """

    name: str
    version: str
    session: Session
    max_batch: int

    def metadata(self, versions: list[str]) -> dict[str, Any]:
        """Return the model metadata of the protocol."""
        return {
            "name": self.name,
            "versions": versions,
            "platform": "onnxruntime_onnx",
            "inputs": [_tensor(spec) for spec in self.session.inputs],
            "outputs": [_tensor(spec) for spec in self.session.outputs],
        }

    def run(self, inputs: Arrays) -> dict[str, np.ndarray[Any, Any]]:
        """Run inference on inputs of the served shapes."""
        arrays = {
            spec.name: inputs[spec.name] if spec.shape else inputs[spec.name][:, 0]
            for spec in self.session.inputs
        }
        outputs = self.session.run(arrays)
        return {
            spec.name: outputs[spec.name] if spec.shape else outputs[spec.name][:, None]
            for spec in self.session.outputs
        }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    sizes = [size if isinstance(size, int) else -1 for size in served_shape(spec)]
    parameters = {
        key: value
        for key, value in (
            ("role", spec.role),
            ("of", spec.of),
            ("labels", spec.labels and list(spec.labels)),
            ("range", spec.range and list(spec.range)),
            ("unit", spec.unit),
            ("columns", spec.columns and [column.name for column in spec.columns]),
        )
        if value
    }
    entry: dict[str, Any] = {
        "name": spec.name,
        "datatype": served_type(spec.dtype),
        "shape": [-1, *sizes],
    }
    return {**entry, "parameters": parameters} if parameters else entry


class ServedModels:
    """The models of a server, by name and version."""

    def __init__(self, models: list[ServedModel], refused: list[Refusal]) -> None:
        self._models: dict[str, dict[str, ServedModel]] = {}
        for model in models:
            self._models.setdefault(model.name, {})[model.version] = model
        self.refused = tuple(refused)

    def __iter__(self) -> Iterator[ServedModel]:
        for versions in self._models.values():
            yield from versions.values()

    def versions(self, name: str) -> list[str]:
        """Return the served versions of a model, oldest first."""
        return sorted(self._models.get(name, {}), key=int)

    def find(self, name: str, version: str | None) -> ServedModel | None:
        """Return a version of a model, by default the newest."""
        versions = self._models.get(name, {})
        if version is None:
            version = max(versions, key=int, default=None)
        return versions.get(version) if version is not None else None

    def missing_reason(self, name: str, version: str | None) -> str:
        """Return why a model is not served."""
        for refusal in self.refused:
            if refusal.name == name and version in (None, refusal.version):
                return f"model {name!r} was refused: {refusal.error.what}"
        versions = self.versions(name)
        if versions:
            return f"model {name!r} has no version {version!r}: it has {', '.join(versions)}"
        names = ", ".join(sorted(self._models))
        return f"there is no model {name!r}: there are {names}"

    def index(self) -> list[dict[str, str]]:
        """Return the repository index: every version with its state and reason."""
        ready = [
            {"name": model.name, "version": model.version, "state": "READY", "reason": ""}
            for model in self
        ]
        return ready + [
            {
                "name": refusal.name,
                "version": refusal.version,
                "state": "UNAVAILABLE",
                "reason": refusal.error.what,
            }
            for refusal in self.refused
        ]


def open_models(path: str | Path, *, threads: int = 1) -> ServedModels:
    """Verify and open every artifact of a repository; reject those that do not verify.

    Args:
        path: A repository (``exports``), the folder of a model, or that of one version.
        threads: Threads per request.

    Raises:
        ArtifactError: If there is no artifact, or none that can be served.
        ConfigError: If the number of threads is out of range.
    """
    models: list[ServedModel] = []
    refused: list[Refusal] = []
    for name, version, folder in find_artifacts(path):
        try:
            models += list(_open(name, version, folder, threads))
        except ConfigError:
            raise
        except ZooError as error:
            refused.append(Refusal(name, version, str(folder), error))
    if not models:
        raise refused[0].error
    return ServedModels(models, refused)


def _open(name: str, version: str, folder: Path, threads: int) -> Iterator[ServedModel]:
    verify(folder)
    manifest = read_manifest(folder)
    for index, graph in enumerate(manifest.graphs):
        yield ServedModel(
            name=name if index == 0 else f"{name}.{graph.signature}",
            version=version,
            session=load(folder, signature=graph.signature, threads=threads),
            max_batch=max(graph.parity.batches),
        )
