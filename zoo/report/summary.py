"""What a run's records say, as the few things that its page shows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from statistics import median
from typing import Any

from zoo.metrics import ClassificationTables, Evaluation, Score
from zoo.metrics.scores import describe_score
from zoo.report.charts import curves, is_logarithmic
from zoo.report.formatting import THIN, decimal, duration, percent, plain, plural, whole
from zoo.report.records import RunRecords, dig, number
from zoo.training.run_folder import NOT_METRICS

_LARGEST = 1e30
_STATES = {"finished": "good", "running": "busy", "stopped": "busy", "failed": "bad"}


@dataclass(frozen=True)
class Tile:
    """One number at the top of the page."""

    title: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True)
class Curve:
    """One chart of the section about learning."""

    title: str
    svg: str
    alt: str
    logarithmic: bool
    validated: bool


@dataclass(frozen=True)
class Table:
    """Names and values under a heading."""

    title: str
    rows: tuple[tuple[str, str], ...]


def title(folder: RunRecords) -> str:
    """Return what the page is about."""
    name = dig(folder.run, "architecture", "name") or "a model"
    data = dig(folder.run, "data", "spec", "id") or dig(folder.run, "data", "source")
    return f"{name} on {PurePath(str(data)).name or data}" if data else str(name)


def state(folder: RunRecords) -> tuple[str, str]:
    """Return the run's status and how it is colored."""
    status = str(folder.run.get("status") or "unknown")
    return status, _STATES.get(status, "busy")


def lead(folder: RunRecords) -> str:
    """Return how the training went, in a sentence or two."""
    run, status = folder.run, state(folder)[0]
    epochs, best = _whole(run.get("epochs_done")), _whole(run.get("best_epoch"))
    seconds = number(run.get("seconds"))
    after = f" after {plural(epochs, 'epoch')}" if epochs is not None else ""
    spent = f" and {duration(seconds)}" if seconds and after else ""
    opening = {
        "finished": f"Training ended{after}{spent}.",
        "stopped": f"Training was stopped{after}{spent}.",
        "failed": f"Training failed{after}{spent}.",
        "running": f"Training goes on; this page shows it{after}{spent}.",
    }.get(status, f"This page shows the run{after}{spent}.")
    if best is None or status == "failed":
        return opening
    kept = (
        "The model keeps the weights of"
        if dig(run, "plan", "restore_best_weights")
        else "Its best was"
    )
    scores = [(k, number(v)) for k, v in run["best"].items()] if _is_map(run.get("best")) else []
    watched = dig(run, "plan", "monitor")
    scores.sort(key=lambda pair: pair[0] != watched)
    said = [f"{metric_name(k)} {value(k, v)}" for k, v in scores if v is not None][:2]
    return f"{opening} {kept} epoch {best}{' (' + ', '.join(said) + ')' if said else ''}."


def unmeasured(folder: RunRecords) -> str:
    """Return why there are no scores."""
    return {
        "running": "There are no scores yet: a model is measured when its training has ended.",
        "failed": "There are no scores: a run that failed has no model to measure.",
    }.get(
        state(folder)[0],
        "There are no scores: this run has not been evaluated. The command “zoo evaluate” with "
        "the run’s folder measures it on its test split.",
    )


def tiles(evaluation: Evaluation) -> list[Tile]:
    """Return the scores, each with what it means."""
    return [
        Tile(
            describe_score(name).title,
            value(name, score.value, evaluation.examples) + _unit(score),
            _interval(name, score, evaluation.examples),
            _meaning(name, evaluation),
        )
        for name, score in evaluation.scores.items()
    ]


def value(name: str, number: float, examples: int = 0) -> str:
    """Return a score the way its kind is written."""
    if describe_score(name).share:
        return percent(number, 2 if examples >= 5000 else 1)
    return decimal(number)


def metric_name(column: str) -> str:
    """Return what a column of the history measures, in words."""
    where = "validation" if column.startswith("val_") else "training"
    return f"{where} {column.removeprefix('val_').replace('_', ' ')}"


def learning_curves(folder: RunRecords) -> list[Curve]:
    """Return a chart for every metric of the history, the loss first."""
    history, best = folder.history, _whole(folder.run.get("best_epoch"))
    names = [n.removeprefix("val_") for n in history if n not in NOT_METRICS]
    unique = sorted(dict.fromkeys(names), key=lambda name: name != "loss")
    columns = {name: _finite(history.get(name, [])) for name in history}
    length = max((len(column) for column in history.values()), default=0)
    epochs = history.get("epoch") or [float(i + 1) for i in range(length)]
    if not all(math.isfinite(epoch) for epoch in epochs):
        epochs = [float(i + 1) for i in range(length)]
    found = []
    for index, name in enumerate(unique):
        training, validation = columns.get(name, []), columns.get(f"val_{name}", [])
        if not training and not validation:
            continue
        share = describe_score(name).share
        found.append(
            Curve(
                title=describe_score(name).title,
                svg=curves(f"curve{index}", epochs, training, validation, best=best, share=share),
                alt=_curve_words(name, training, validation, len(epochs)),
                logarithmic=is_logarithmic(training, validation, share=share),
                validated=bool(validation),
            )
        )
    return found


def learning_finding(folder: RunRecords) -> str:
    """Return what the shape of the loss curves says, or nothing.

    A plan that watches something else says that the loss is not what tells how good a model is.
    """
    if dig(folder.run, "plan", "monitor") not in (None, "val_loss"):
        return ""
    loss, checked = folder.history.get("loss", []), folder.history.get("val_loss", [])
    if len(loss) < 3 or len(checked) != len(loss) or not all(map(math.isfinite, loss + checked)):
        return ""
    lowest = checked.index(min(checked))
    epoch = lowest + 1
    if math.isfinite(sum(folder.history.get("epoch", ())) or math.nan):
        epoch = int(folder.history["epoch"][lowest])
    if lowest == len(checked) - 1:
        return "The validation loss was lowest at the very end, so more epochs might still help."
    # One epoch's validation loss is noisy, and the lowest of many is low by luck: compare levels.
    reach = max(1, len(checked) // 10)
    around = median(checked[max(0, lowest - reach) : lowest + reach + 1])
    late = median(checked[-(2 * reach + 1) :])
    if late > 1.1 * around and loss[-1] < loss[lowest]:
        return (
            f"After epoch {epoch} the training loss kept falling while the validation loss "
            f"rose from about {decimal(around)} to {decimal(late)}: the model went on to "
            "learn the training examples by heart, which is called overfitting."
        )
    return (
        f"The validation loss was lowest, {decimal(checked[lowest])}, at epoch {epoch} "
        "and stayed near it: the model had learned what it could from these examples."
    )


def confidence_finding(evaluation: Evaluation, tables: ClassificationTables) -> str:
    """Return whether the model is as sure as it is right."""
    sure = sum(b.count * b.confidence for b in tables.calibration if b.confidence is not None)
    sure /= max(1, sum(b.count for b in tables.calibration))
    score = evaluation.scores.get("accuracy")
    if score is None or score.low is None or score.high is None:
        return ""
    verdict = "as sure as it should be, as far as this many examples can tell"
    if sure > score.high:
        verdict = "surer than it should be"
    elif sure < score.low:
        verdict = "less sure than it could be"
    return f"On average it is {percent(sure)} sure and {percent(score.value)} right: {verdict}."


def making(folder: RunRecords) -> list[Table]:
    """Return how the run was made: the data, the configuration, the plan, the machine."""
    run = folder.run
    data = [
        ("source", dig(run, "data", "source")),
        *((_tensor_name(t), _tensor(t)) for t in _list(dig(run, "data", "spec", "inputs"))),
        *((f"{k} examples", _count(v)) for k, v in _items(dig(run, "data", "sizes"))),
        *_flat(dig(run, "data", "options")),
        ("fingerprint", dig(run, "data", "fingerprint")),
    ]
    model = [
        ("architecture", dig(run, "architecture", "name")),
        ("from", _provenance(run)),
        ("parameters", _count(run.get("parameters"))),
        *_flat(run.get("config")),
    ]
    machine = [
        *_flat(run.get("versions")),
        *_flat(run.get("host")),
        ("started", run.get("started")),
        ("time", _time(run.get("seconds"))),
        ("processor time", _time(run.get("cpu_seconds"))),
    ]
    plan = [*_flat(run.get("plan"))]
    if not any(name == "seed" for name, _ in plan):
        plan.append(("seed", run.get("seed")))
    kept = {"Data": data, "Model": model, "Plan": plan, "Machine": machine}
    tables = [
        Table(heading, tuple((name, _digest(plain(v))) for name, v in rows if v not in (None, "")))
        for heading, rows in kept.items()
    ]
    return [table for table in tables if table.rows]


def _meaning(name: str, evaluation: Evaluation) -> str:
    tables = evaluation.tables
    if tables is None:
        return describe_score(name).meaning
    if name == "accuracy":
        common = max(tables.classes, key=lambda row: row.support)
        share = percent(common.support / evaluation.examples)
        label = common.label if len(common.label) <= 24 else common.label[:23] + "…"
        return f"Right answers. Always saying “{label}” would reach {share}."
    if name == "log_loss":
        blind = decimal(math.log(max(2, len(tables.labels))))
        return f"Surprise at the truth, in nats: 0 is perfect, {blind} is guessing blindly."
    return describe_score(name).meaning


def _unit(score: Score) -> str:
    return f"{THIN}{score.unit}" if score.unit else ""


def _interval(name: str, score: Score, examples: int) -> str:
    if score.low is None or score.high is None:
        return ""
    low, high = value(name, score.low, examples), value(name, score.high, examples)
    return f"{low} – {high}"


def _curve_words(name: str, training: list[float], validation: list[float], epochs: int) -> str:
    parts = [
        f"{where} {value(name, column[0])} at first, {value(name, column[-1])} at the end"
        for where, column in (("training", training), ("validation", validation))
        if column
    ]
    return f"{name.replace('_', ' ')} over {plural(epochs, 'epoch')}: {'; '.join(parts)}"


def _digest(text: str) -> str:
    """Return the beginning of a digest, and anything else as it is."""
    return f"{text[:16]}…" if re.fullmatch("[0-9a-f]{64}", text) else text


def _finite(column: list[float]) -> list[float]:
    """Return a column without what no axis can show, or nothing if that is all it holds."""
    finite = [v if abs(v) < _LARGEST else math.nan for v in column]
    return finite if any(map(math.isfinite, finite)) else []


def _tensor_name(tensor: Any) -> str:
    return str(dig(tensor, "name") or "input")


def _tensor(tensor: Any) -> str:
    size = " × ".join(str(n) for n in _list(dig(tensor, "shape")))
    return " ".join(filter(None, (size, str(dig(tensor, "dtype") or ""))))


def _provenance(run: Mapping[str, Any]) -> str:
    parts = (dig(run, "architecture", "distribution"), dig(run, "architecture", "version"))
    return " ".join(str(part) for part in parts if part)


def _flat(record: Any, prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, item in _items(record):
        label = f"{prefix}{name}"
        rows += _flat(item, f"{label}.") if _is_map(item) else [(label, plain(item))]
    return rows


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _items(record: Any) -> list[tuple[str, Any]]:
    return [(str(k), v) for k, v in record.items()] if isinstance(record, Mapping) else []


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def _count(value: Any) -> str | None:
    found = number(value)
    return None if found is None else whole(found)


def _time(value: Any) -> str | None:
    found = number(value)
    return None if found is None else duration(found)


__all__ = [
    "Curve",
    "Table",
    "Tile",
    "confidence_finding",
    "lead",
    "learning_curves",
    "learning_finding",
    "making",
    "metric_name",
    "state",
    "tiles",
    "title",
    "unmeasured",
    "value",
]
