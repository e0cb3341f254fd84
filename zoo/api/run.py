"""A training run, read from its folder, and the comparison of several."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.catalog import registry
from zoo.api.datasets import dataset, open_dataset
from zoo.api.model_factory import architecture_of, build_model, load_weights, needs_keras
from zoo.architecture import Blueprint
from zoo.config import BaseConfig, TrainPlan, validate
from zoo.errors import ConfigError, DataError, Finding, TrainError, UnknownDataset
from zoo.metrics import Evaluation, Score
from zoo.runtime.artifact_diff import Noise, noise
from zoo.spec import IN_MEMORY, Dataset, DataSpec
from zoo.training.run_folder import RunFolder
from zoo.training.run_record import record_schema

if TYPE_CHECKING:
    import keras


_OWN_FIELDS = ("architecture", "config", "plan", "data", "code", "versions", "host")
_SHARED_FIELDS = {
    "outcome": ("status", "epochs_done", "best_epoch", "best", "parameters"),
    "cost": ("seconds", "cpu_seconds", "peak_memory_bytes"),
}


class Run:
    """A training run, read from its folder.

    Attributes:
        folder: The run folder.
        record: The content of ``run.json`` when this object was made.

    Example:
        >>> zoo.Run("runs/mlp_classifier-1").status
        'finished'
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = RunFolder(Path(path))
        self.record = self.folder.read_record()
        self._in_memory: Dataset | None = None

    def __repr__(self) -> str:
        return f"<zoo.Run {self.path}: {self.status}, {self.record['epochs_done']} epochs>"

    def _repr_html_(self) -> str:
        from zoo.html_views import run_html

        return run_html(self)

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
    def config(self) -> BaseConfig:
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
        model = build_model(architecture_of(self.blueprint), self.blueprint)
        load_weights(model, file, of=self.architecture)
        return model

    def dataset(self) -> Dataset:
        """Load the training data, with the same splits.

        Raises:
            DataError: If the files have changed since, or are no longer there, or the data was in
                Python and is not of this process.
        """
        if self._in_memory is not None:
            return self._in_memory
        data = self.record["data"]
        if data["source"] == IN_MEMORY:
            raise DataError(
                f"the data of {self.path} was in Python, and is not stored with the run",
                why="it was given as arrays, a frame, texts, images or batches",
                fix="give it again: zoo.evaluate(run, data), zoo.export(run, data=data), or "
                "zoo.train(resume=run.path, data=data)",
            )
        try:
            found = dataset(data["source"], **data["options"])
        except UnknownDataset as error:
            raise DataError(
                f"the data of {self.path} is not at {data['source']}",
                why="it was moved or removed since the run, or the run came from another machine",
                fix=f"zoo evaluate {self.path} --data WHERE_IT_IS_NOW",
            ) from error
        return self._unchanged(found)

    def keep_dataset(self, data: Any) -> Dataset:
        """Keep the training data, which was in Python, as long as this object lives.

        Raises:
            DataError: If it is other data.
        """
        self._in_memory = self._unchanged(self.other_dataset(data))
        return self._in_memory

    def _unchanged(self, found: Dataset) -> Dataset:
        """Return the training data; refuse other data."""
        if found.fingerprint != self.record["data"]["fingerprint"]:
            raise DataError(
                f"the data of {self.path} has changed since the run",
                why="examples, labels or splits are others, so a test example may have been "
                "trained on",
                fix=f"zoo train {self.architecture} --data {self.record['data']['source']}",
            )
        return found

    def other_dataset(self, source: Any) -> Dataset:
        """Open other data, with the options of the run if it is of the same kind.

        Args:
            source: The moved data of the run, other data, or a dataset.

        Raises:
            DataError: If it cannot be read.
        """
        recorded, options = self.record["data"]["source"], self.record["data"]["options"]
        if isinstance(source, str | Path):
            alike = Path(source).exists() and Path(source).suffix == Path(recorded).suffix
        else:
            alike = recorded == IN_MEMORY
        return open_dataset(source, **(options if alike else {}))


def run_schema() -> dict[str, Any]:
    """Return the JSON schema of ``run.json``."""
    return record_schema()


@dataclass(frozen=True)
class Difference:
    """One value that differs between runs.

    Attributes:
        what: Its name, with dots for nested fields.
        values: One value per run; ``None`` if a run does not have it.
    """

    what: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ScoreRow:
    """One score of all runs, on their test splits.

    Attributes:
        name: The name of the score.
        scores: One score per run, with its 95 % interval if known; ``None`` if not evaluated.
        noise: For each run but the first, whether its difference from the first is significant.
            Always ``unknown`` if their data differs.
    """

    name: str
    scores: tuple[Score | None, ...]
    noise: tuple[Noise, ...]


@dataclass(frozen=True)
class Comparison:
    """The differences between runs. Equal values are left out.

    Attributes:
        runs: Their folders.
        same_data: Whether all have the same examples in the same splits.
        differences: By part of their records (``architecture``, ``config``, ``plan``, ``data``,
            ``code``, ``versions``, ``host``, ``outcome``, ``cost``): the values that differ.
        scores: All scores of the test split, equal ones too.
        notices: Warnings, as sentences.
    """

    runs: tuple[str, ...]
    same_data: bool
    differences: Mapping[str, tuple[Difference, ...]]
    scores: tuple[ScoreRow, ...]
    notices: tuple[str, ...]

    def _repr_html_(self) -> str:
        from zoo.html_views import comparison_html

        return comparison_html(self)


def compare(*runs: Run | str | Path) -> Comparison:
    """Compare runs.

    Args:
        *runs: Two or more, or their folders.

    Raises:
        ConfigError: If there are fewer than two.
        TrainError: If one is no run, or cannot be read.

    Example:
        >>> found: zoo.Comparison = zoo.compare("runs/mlp_classifier-1", "runs/mlp_classifier-2")
        >>> found.differences["plan"]
        (Difference(what='epochs', values=(2, 1)),)
    """
    if len(runs) < 2:
        wrong = Finding("runs", len(runs), "at least two")
        raise ConfigError("there is nothing to compare", findings=[wrong], fix="zoo runs")
    opened = [run if isinstance(run, Run) else Run(run) for run in runs]
    records = [run.record for run in opened]
    fingerprints = {record["data"]["fingerprint"] for record in records}
    same_data = len(fingerprints) == 1
    evaluations = [run.metrics for run in opened]
    notices = []
    if not same_data:
        notices.append(
            "they were trained and evaluated on different examples: their scores cannot be compared"
        )
    notices += [
        f"{run.path} was not evaluated: zoo evaluate {run.path}"
        for run, evaluation in zip(opened, evaluations, strict=True)
        if evaluation is None
    ]
    return Comparison(
        runs=tuple(str(run.path) for run in opened),
        same_data=same_data,
        differences={
            part: _differences([_part(record, part) for record in records])
            for part in (*_OWN_FIELDS, *_SHARED_FIELDS)
        },
        scores=_scores([one.scores if one else {} for one in evaluations], known=same_data),
        notices=tuple(notices),
    )


def _part(record: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    """Return a part of a run record."""
    if part in _SHARED_FIELDS:
        return {key: record.get(key) for key in _SHARED_FIELDS[part]}
    found: Mapping[str, Any] = record.get(part, {})
    # The spec of the data is long, and follows from its source and options.
    return {key: value for key, value in found.items() if (part, key) != ("data", "spec")}


def _differences(sides: Sequence[Mapping[str, Any]], prefix: str = "") -> tuple[Difference, ...]:
    """Return the values that differ, with nested mappings, but whole lists."""
    found: list[Difference] = []
    for key in sorted({key for side in sides for key in side}):
        values = [side.get(key) for side in sides]
        inside = [value for value in values if isinstance(value, Mapping)]
        if inside and all(value is None or isinstance(value, Mapping) for value in values):
            found += _differences([value or {} for value in values], f"{prefix}{key}.")
        elif any(value != values[0] for value in values):
            found.append(Difference(f"{prefix}{key}", tuple(values)))
    return tuple(found)


def _scores(sides: Sequence[Mapping[str, Score]], *, known: bool) -> tuple[ScoreRow, ...]:
    rows = []
    for name in dict.fromkeys(name for side in sides for name in side):
        scores = tuple(side.get(name) for side in sides)
        first, *others = ((one.value, one.low, one.high) if one else None for one in scores)
        significance = (noise(first, other) if known else "unknown" for other in others)
        rows.append(ScoreRow(name, scores, tuple(significance)))
    return tuple(rows)
