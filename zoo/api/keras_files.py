"""Models of the zoo built again from ``.keras`` files."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.catalog import registry
from zoo.api.model_factory import BLUEPRINT_FILE, build_model, load_weights, needs_keras
from zoo.architecture import Blueprint
from zoo.config import validate
from zoo.errors import ArtifactError, Incompatible
from zoo.files import is_file
from zoo.spec import DataSpec

if TYPE_CHECKING:
    import keras

_MAX_BYTES = 64 * 2**20
"""A larger description is refused before it is read; a vocabulary is the largest part."""


def load_keras_file(path: str | os.PathLike[str]) -> keras.Model:
    """Build the model of a ``.keras`` file again, with its weights, executing nothing of the file.

    The optimizer starts anew: ``keras.saving.load_model`` restores its state too.

    Raises:
        ArtifactError: If it is no ``.keras`` file, or not one of a model of the zoo.
        RegistryError: If the architecture is not installed.
        Incompatible: If the weights do not fit, because layers were added or removed.
    """
    file = Path(path)
    record = _read(file)
    needs_keras(f"loading {file}")
    try:
        name, distribution = str(record["architecture"]), str(record["distribution"])
        data = DataSpec.model_validate(record["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise Incompatible(
            f"the description of the model in {file} cannot be read",
            why=" ".join(str(error).split())[:300],
            fix="model = keras.saving.load_model(...)",
        ) from error
    architecture = registry().recall(name, distribution)
    config = validate(architecture.Config, record.get("config"), what=str(file))
    model = build_model(architecture, Blueprint(name, config, data, distribution))
    load_weights(model, file, of=name)
    return model


def _read(file: Path) -> Any:
    if not is_file(file):
        raise ArtifactError(
            f"there is no file {file}", fix="zoo build cnn --weights digits --out cnn.keras"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            known = f"assets/{BLUEPRINT_FILE}"
            if known not in archive.namelist():
                raise ArtifactError(
                    f"{file} does not say which model it is",
                    why="it was saved by something else than a model of zoo.build or a run",
                    fix=f"keras.saving.load_model({str(file)!r}) opens it without the zoo",
                )
            if archive.getinfo(known).file_size > _MAX_BYTES:
                raise ValueError(f"its description has more than {_MAX_BYTES:,} bytes")
            return json.loads(archive.read(known))
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ArtifactError(
            f"{file} is not a model that can be opened",
            why=" ".join(str(error).split())[:300],
            fix="save it again with model.save(...)",
        ) from error
