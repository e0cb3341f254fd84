"""Summarize the records of a run: scores, learning curves, details."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from statistics import median
from typing import Any

from markupsafe import Markup

from zoo.metrics import Evaluation, Score
from zoo.metrics.scores import describe_score
from zoo.report.charts import is_logarithmic, learning_curve
from zoo.report.formatting import THIN, decimal, duration, percent, plain, plural, whole
from zoo.report.records import RunRecords, dig, number
from zoo.training.run_folder import NOT_METRICS

_LARGEST = 1e30
_STATES = {"finished": "good", "running": "busy", "stopped": "busy", "failed": "bad"}


@dataclass(frozen=True)
class Tile:
    """A score at the top of the page."""

    title: str
    value: str
    interval: str
    meaning: str


@dataclass(frozen=True)
class Curve:
    """A learning curve."""

    title: str
    svg: Markup
    alt: str
    logarithmic: bool
    validated: bool


@dataclass(frozen=True)
class Table:
    """A table of names and values under a heading."""

    title: str
    rows: tuple[tuple[str, str], ...]


def page_title(records: RunRecords) -> str:
    """Return the architecture and the data of a run."""
    name = dig(records.run, "architecture", "name") or "a model"
    data = dig(records.run, "data", "spec", "id") or dig(records.run, "data", "source")
    return f"{name} on {PurePath(str(data)).name or data}" if data else str(name)


def status(records: RunRecords) -> tuple[str, str]:
    """Return the run's status and the CSS class of its color."""
    found = str(records.run.get("status") or "unknown")
    return found, _STATES.get(found, "busy")


def training_summary(records: RunRecords) -> str:
    """Return a sentence or two about the training."""
    run, found = records.run, status(records)[0]
    epochs, best = _whole(run.get("epochs_done")), _whole(run.get("best_epoch"))
    seconds = number(run.get("seconds"))
    after = f" after {plural(epochs, 'epoch')}" if epochs is not None else ""
    spent = f" and {duration(seconds)}" if seconds and after else ""
    opening = {
        "finished": f"Training finished{after}{spent}.",
        "stopped": f"Training was stopped{after}{spent}.",
        "failed": f"Training failed{after}{spent}.",
        "running": f"Training is still running{after}{spent}.",
    }.get(found, f"The status of the training is unknown{after}{spent}.")
    if best is None or found == "failed":
        return opening
    line = run["best"] if _is_map(run.get("best")) else {}
    kept = f"epoch {best}"
    if found == "finished" and dig(run, "plan", "restore_best_weights") is False:
        line = {name: column[-1] for name, column in records.history.items() if column}
        line = {name: value for name, value in line.items() if name not in NOT_METRICS}
        kept = f"the last epoch; the best was epoch {best}"
    scores = [(name, number(value)) for name, value in line.items()]
    watched = dig(run, "plan", "monitor")
    scores.sort(key=lambda pair: pair[0] != watched)
    shown = [f"{_metric_name(k)} {_metric_value(k, v)}" for k, v in scores if v is not None][:2]
    told = f" ({', '.join(shown)})" if shown else ""
    return f"{opening} The model keeps the weights of {kept}{told}."


def no_scores_note(records: RunRecords) -> str:
    """Return why there are no scores."""
    return {
        "running": "There are no scores yet: the model is evaluated when training has finished.",
        "failed": "There are no scores: a run that failed has no model to evaluate.",
    }.get(
        status(records)[0],
        "There are no scores: this run has not been evaluated. The command “zoo evaluate” with "
        "the run’s records evaluates it on its test split.",
    )


def score_tiles(evaluation: Evaluation) -> list[Tile]:
    """Return the scores with their intervals and meanings."""
    return [
        Tile(
            describe_score(name).title,
            _value(score.value, evaluation.examples, share=score.share) + _unit(score),
            _interval(score, evaluation.examples),
            _meaning(name, evaluation),
        )
        for name, score in evaluation.scores.items()
    ]


def learning_curves(records: RunRecords) -> list[Curve]:
    """Return a chart for every metric of the history, the loss first."""
    history, best = records.history, _whole(records.run.get("best_epoch"))
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
                svg=learning_curve(
                    f"curve{index}", epochs, training, validation, best=best, share=share
                ),
                alt=_curve_text(name, training, validation, len(epochs)),
                logarithmic=is_logarithmic(training, validation, share=share),
                validated=bool(validation),
            )
        )
    return found


def overfitting_note(records: RunRecords) -> str:
    """Return whether the loss curves show overfitting; nothing if they do not say.

    A plan that monitors another metric does not take the loss for the measure of a model.
    """
    if dig(records.run, "plan", "monitor") not in (None, "val_loss"):
        return ""
    loss, checked = records.history.get("loss", []), records.history.get("val_loss", [])
    if len(loss) < 3 or len(checked) != len(loss) or not all(map(math.isfinite, loss + checked)):
        return ""
    lowest = checked.index(min(checked))
    epoch = lowest + 1
    if math.isfinite(sum(records.history.get("epoch", ())) or math.nan):
        epoch = int(records.history["epoch"][lowest])
    if lowest == len(checked) - 1:
        return "The validation loss was lowest at the last epoch: more epochs might help."
    # One epoch's validation loss is noisy, and the lowest of many is low by luck: compare levels.
    reach = max(1, len(checked) // 10)
    around = median(checked[max(0, lowest - reach) : lowest + reach + 1])
    late = median(checked[-(2 * reach + 1) :])
    if late > 1.1 * around and loss[-1] < loss[lowest]:
        return (
            f"After epoch {epoch} the training loss kept falling while the validation loss "
            f"rose from about {decimal(around)} to {decimal(late)}: overfitting."
        )
    return (
        f"The validation loss was lowest, {decimal(checked[lowest])}, at epoch {epoch} "
        "and stayed near it: training had converged."
    )


def run_details(records: RunRecords) -> list[Table]:
    """Return tables of the data, the model's configuration, the training plan, the environment."""
    run = records.run
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
        ("CPU time", _time(run.get("cpu_seconds"))),
    ]
    plan = [*_flat(run.get("plan"))]
    if not any(name == "seed" for name, _ in plan):
        plan.append(("seed", run.get("seed")))
    kept = {"Data": data, "Model": model, "Training plan": plan, "Environment": machine}
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
        return f"Share of correct predictions. Always predicting “{label}” would reach {share}."
    if name == "log_loss":
        blind = decimal(math.log(max(2, len(tables.labels))))
        return f"Cross-entropy in nats: 0 is perfect, {blind} is guessing uniformly."
    return describe_score(name).meaning


def _unit(score: Score) -> str:
    return f"{THIN}{score.unit}" if score.unit else ""


def _interval(score: Score, examples: int) -> str:
    if score.low is None or score.high is None:
        return ""
    ends = (_value(end, examples, share=score.share) for end in (score.low, score.high))
    return " – ".join(ends)


def _value(number: float, examples: int = 0, *, share: bool) -> str:
    if share:
        return percent(number, 2 if examples >= 5000 else 1)
    return decimal(number)


def _metric_value(column: str, number: float) -> str:
    """Format a number of the history, whose columns say nothing but their name."""
    return _value(number, share=describe_score(column).share)


def _metric_name(column: str) -> str:
    where = "validation" if column.startswith("val_") else "training"
    return f"{where} {column.removeprefix('val_').replace('_', ' ')}"


def _curve_text(name: str, training: list[float], validation: list[float], epochs: int) -> str:
    parts = [
        f"{where} from {_metric_value(name, column[0])} to {_metric_value(name, column[-1])}"
        for where, column in (("training", training), ("validation", validation))
        if column
    ]
    return f"{name.replace('_', ' ')} over {plural(epochs, 'epoch')}: {'; '.join(parts)}"


def _digest(text: str) -> str:
    """Abbreviate a digest; return anything else unchanged."""
    return f"{text[:16]}…" if re.fullmatch("[0-9a-f]{64}", text) else text


def _finite(column: list[float]) -> list[float]:
    """Return a column with NaN where no axis can show a value; nothing if that is all."""
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
