"""A training run, read from its folder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.catalog import registry
from zoo.api.datasets import dataset
from zoo.api.model_factory import Prepared, architecture_of, load_weights, needs_keras
from zoo.architecture import Blueprint
from zoo.config import ModelConfig, TrainPlan, validate
from zoo.errors import ConfigError, DataError, TrainError, UnknownDataset
from zoo.metrics import Evaluation
from zoo.spec import Dataset, DataSpec
from zoo.training.run_folder import RunFolder
from zoo.training.run_record import record_schema

if TYPE_CHECKING:
    import keras


class Run:
    """A training run, read from its folder.

    Attributes:
        folder: The run folder.
        record: The content of ``run.json`` when this object was made.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = RunFolder(Path(path))
        self.record = self.folder.read_record()

    def __repr__(self) -> str:
        return f"<zoo.Run {self.path}: {self.status}, {self.record['epochs_done']} epochs>"

    @property
    def path(self) -> Path:
        """Path of the folder."""
        return self.folder.path

    @property
    def architecture(self) -> str:
        """The name of the model, with its version if that is not the first."""
        return str(self.record["architecture"]["name"])

    @property
    def distribution(self) -> str:
        """The distribution of the architecture."""
        return str(self.record["architecture"].get("distribution", ""))

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``stopped`` or ``failed``."""
        return str(self.record["status"])

    @property
    def history(self) -> list[dict[str, float]]:
        """Losses, metrics, learning rate and seconds of each epoch."""
        return self.folder.read_history()

    @property
    def metrics(self) -> Evaluation | None:
        """The last evaluation on the test split, or ``None``."""
        path = self.path / "metrics.json"
        if not path.is_file():
            return None
        try:
            return Evaluation.model_validate_json(path.read_bytes())
        except ValueError as error:
            raise TrainError(
                f"{path} cannot be read",
                why="it is not what an evaluation writes",
                fix=f"zoo evaluate {self.path}",
            ) from error

    @property
    def data_spec(self) -> DataSpec:
        """The spec of the training data."""
        try:
            return DataSpec.model_validate(self.record["data"]["spec"])
        except ValueError as error:
            raise ConfigError(
                f"the description of the data in {self.path / 'run.json'} is wrong",
                why=str(error),
                fix="train the model again",
            ) from error

    @property
    def config(self) -> ModelConfig:
        """The model's configuration."""
        kind = registry().recall(self.architecture, self.distribution).Config
        return validate(kind, self.record["config"], what=str(self.path / "run.json"))

    @property
    def blueprint(self) -> Blueprint:
        """The blueprint of the model."""
        return Blueprint(self.architecture, self.config, self.data_spec, self.distribution)

    @property
    def plan(self) -> TrainPlan:
        """The training plan."""
        return validate(TrainPlan, self.record["plan"], what=str(self.path / "run.json"))

    @functools.cached_property
    def model(self) -> keras.Model:
        """The trained Keras model, compiled."""
        file, again = self.folder.model_file, f"zoo train {self.architecture}"
        if not file.is_file():
            raise TrainError(
                f"{file} is not there",
                why=f"the run is {self.status}, and its model was never saved, or was removed",
                fix=again if self.status == "finished" else f"{again} --resume {self.path}",
            )
        needs_keras("loading a run")
        model = Prepared(architecture_of(self.blueprint), self.blueprint).build()
        load_weights(model, file, of=self.architecture)
        return model

    def dataset(self) -> Dataset:
        """Load the training data, with the same splits.

        Raises:
            DataError: If the files have changed since, or are no longer there.
        """
        data = self.record["data"]
        try:
            found = dataset(data["source"], **data["options"])
        except UnknownDataset as error:
            raise DataError(
                f"the data of {self.path} is not at {data['source']}",
                why="it was moved or removed since the run, or the run came from another machine",
                fix=f"zoo evaluate {self.path} --data WHERE_IT_IS_NOW",
            ) from error
        if found.fingerprint != data["fingerprint"]:
            raise DataError(
                f"the data of {self.path} has changed since the run",
                why="examples, labels or splits are others, so a test example may have been "
                "trained on",
                fix=f"zoo train {self.architecture} --data {data['source']}",
            )
        return found

    def other_dataset(self, source: str | Path) -> Dataset:
        """Load data from another place, with the options of the run if it is of the same kind.

        Args:
            source: The moved data of the run, or other data.

        Raises:
            DataError: If it cannot be read.
        """
        recorded = Path(self.record["data"]["source"])
        alike = Path(source).exists() and Path(source).suffix == recorded.suffix
        return dataset(source, **(self.record["data"]["options"] if alike else {}))

    def is_own(self, data: Dataset) -> bool:
        """Return whether data is the training data, wherever it is now."""
        return bool(data.fingerprint == self.record["data"]["fingerprint"])


def run_schema() -> dict[str, Any]:
    """Return the JSON schema of ``run.json``."""
    return record_schema()
