"""What differs between runs: what they were told, what they learned from, what they reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.run import Run
from zoo.errors import ConfigError, Finding
from zoo.metrics import Score
from zoo.runtime.artifact_diff import Interval, Noise, noise


@dataclass(frozen=True)
class Difference:
    """One value that is not the same in all runs.

    Attributes:
        what: Its name, dots reaching inside.
        values: One a run, in their order; ``None`` where a run does not have it.
    """

    what: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ScoreRow:
    """One score of all runs, on their test splits.

    Attributes:
        name: Of the score.
        scores: One a run, with its 95 % interval where one is known; ``None`` where it was not
            measured.
        noise: Of each run but the first: whether its difference from the first can be told from
            chance. Always ``unknown`` where their data differs.
    """

    name: str
    scores: tuple[Score | None, ...]
    noise: tuple[Noise, ...]


@dataclass(frozen=True)
class Comparison:
    """What differs between runs. What is equal is left out.

    Attributes:
        runs: Their folders.
        same_data: Whether all were trained and measured on the same examples in the same splits.
        architecture: Its name, distribution and version.
        config: The models' configurations.
        plan: How they were trained.
        data: Source, options, fingerprint and sizes.
        code: The source files of the plugin and of the zoo.
        versions: Of Python and packages.
        host: The machines.
        outcome: How they ended, and their best values on the validation split.
        cost: Time, time of the processor, memory.
        scores: All scores of the test split, equal ones too.
        notices: What a reader must know, as sentences.
    """

    runs: tuple[str, ...]
    same_data: bool
    architecture: tuple[Difference, ...]
    config: tuple[Difference, ...]
    plan: tuple[Difference, ...]
    data: tuple[Difference, ...]
    code: tuple[Difference, ...]
    versions: tuple[Difference, ...]
    host: tuple[Difference, ...]
    outcome: tuple[Difference, ...]
    cost: tuple[Difference, ...]
    scores: tuple[ScoreRow, ...]
    notices: tuple[str, ...]


def compare(*runs: Run | str | Path) -> Comparison:
    """Say in what runs differ.

    Args:
        *runs: Two or more, or their folders.

    Raises:
        ConfigError: If there are fewer than two.
        TrainError: If one is no run, or cannot be read.

    Example:
        >>> zoo.compare("runs/cnn-1", "runs/cnn-2").config
        (Difference(what='dropout', values=(0.2, 0.5)),)
    """
    if len(runs) < 2:
        wrong = Finding("runs", len(runs), "at least two")
        raise ConfigError("there is nothing to compare", findings=[wrong], fix="zoo runs")
    opened = [run if isinstance(run, Run) else Run(run) for run in runs]
    records = [run.record for run in opened]
    fingerprints = {record["data"]["fingerprint"] for record in records}
    same_data = len(fingerprints) == 1
    measured = [run.metrics for run in opened]
    notices = []
    if not same_data:
        notices.append(
            "they were trained and measured on different examples: their figures cannot be compared"
        )
    notices += [
        f"{run.path} was not measured on its test split: zoo evaluate {run.path}"
        for run, told in zip(opened, measured, strict=True)
        if told is None
    ]
    return Comparison(
        runs=tuple(str(run.path) for run in opened),
        same_data=same_data,
        architecture=_differences([record["architecture"] for record in records]),
        config=_differences([record["config"] for record in records]),
        plan=_differences([record["plan"] for record in records]),
        data=_differences([_told_of(record["data"]) for record in records]),
        code=_differences([record.get("code", {}) for record in records]),
        versions=_differences([record["versions"] for record in records]),
        host=_differences([record["host"] for record in records]),
        outcome=_differences([_outcome(record) for record in records]),
        cost=_differences([_cost(record) for record in records]),
        scores=_scores([told.scores if told else {} for told in measured], known=same_data),
        notices=tuple(notices),
    )


def _told_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies data; its spec only says the same at length."""
    return {key: data[key] for key in ("source", "options", "fingerprint", "sizes")}


def _outcome(record: Mapping[str, Any]) -> dict[str, Any]:
    told = ("status", "epochs_done", "best_epoch", "best", "parameters")
    return {key: record.get(key) for key in told}


def _cost(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: record.get(key) for key in ("seconds", "cpu_seconds", "peak_memory_bytes")}


def _differences(sides: Sequence[Mapping[str, Any]], prefix: str = "") -> tuple[Difference, ...]:
    """Return the leaves that differ; mappings are followed, lists are compared whole."""
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
        first, *others = map(_interval, scores)
        verdicts: tuple[Noise, ...] = tuple(
            noise(first, other) if known else "unknown" for other in others
        )
        rows.append(ScoreRow(name, scores, verdicts))
    return tuple(rows)


def _interval(score: Score | None) -> Interval | None:
    return None if score is None else (score.value, score.low, score.high)


__all__ = ["Comparison", "Difference", "ScoreRow", "compare"]
