"""What a notebook shows of a model, a run, its scores, predictions, artifacts and comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.html import Html, box, facts, folded, table

if TYPE_CHECKING:
    from zoo.api.artifacts import Artifact
    from zoo.api.model_info import ModelInfo
    from zoo.api.run import Comparison, Run
    from zoo.metrics import Evaluation, Score
    from zoo.runtime import Prediction

_CLASSES = 3
"""Classes of a prediction that are shown with their probability."""

_ROWS = 10
"""Rows of a table that may be long."""


def model_info_html(info: ModelInfo) -> str:
    """Return the description of a model, its weights and the fields of its configuration."""
    weights = [
        (entry["id"], entry["trained_on"], entry["parameters"], *_headline(entry))
        for entry in info.weights
    ]
    default = info.default_config.get("config", {})
    fields = [
        (name, _plain(default.get(name)), field.get("description", ""))
        for name, field in info.schema.get("properties", {}).items()
    ]
    return box(
        info.name,
        info.summary,
        facts([
            ("status", "" if info.status == "ready" else f"{info.status}: {info.problem}"),
            ("next step", info.fix),
            ("task", ", ".join(info.tasks)),
            ("default data", info.default_dataset),
            ("parameters", info.parameters),
            ("package", f"{info.distribution} {info.version}".strip()),
            ("license", info.license),
            ("limits", info.limits),
            ("references", info.references),
        ]),
        table(("weights", "trained on", "parameters", "score", "value"), weights),
        folded("configuration", table(("field", "default", "meaning"), fields)),
    )  # fmt: skip


def _headline(weights: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the name and the value of the first score of published weights."""
    metrics = (weights.get("measured") or {}).get("metrics", {})
    for name, found in metrics.items():
        return name, _number(found["value"], found["low"], found["high"], found["unit"])
    return None, None


def run_html(run: Run) -> str:
    """Return a run: what was trained on what, its last epochs, and its scores if evaluated."""
    record, history = run.record, run.history
    evaluation = run.metrics
    scores = evaluation.scores if evaluation else {}
    names = list(history[-1]) if history else []
    return box(
        f"run {run.path}",
        facts([
            ("model", run.architecture),
            ("status", run.status),
            ("epochs", record["epochs_done"]),
            ("best epoch", record["best_epoch"]),
            ("data", f"{record['data']['spec']['id']} ({_sizes(record['data']['sizes'])})"),
            ("parameters", record.get("parameters")),
            ("seed", str(record["seed"])),
        ]),
        _scores(scores),
        "" if scores else f"not evaluated yet: zoo.evaluate({str(run.path)!r})",
        folded("last epochs", table(names, [list(line.values()) for line in history[-5:]])),
    )  # fmt: skip


def evaluation_html(evaluation: Evaluation) -> str:
    """Return scores with their intervals, and those of each class."""
    classes = evaluation.tables.classes if evaluation.tables else ()
    rows = [(one.label, one.support, one.precision, one.recall, one.f1) for one in classes]
    more = "" if len(rows) <= _ROWS else f", the first {_ROWS} of {len(rows)}"
    header = ("class", "examples", "precision", "recall", "F1")
    return box(
        f"{evaluation.task}: {evaluation.examples:,} examples",
        _scores(evaluation.scores),
        folded(f"classes{more}", table(header, rows[:_ROWS])),
    )


def prediction_html(prediction: Prediction) -> str:
    """Return the outputs for the first examples, a row each."""
    count = len(prediction)
    first = {name: values[:_ROWS] for name, values in prediction.outputs.items()}
    rows = replace(prediction, outputs=first).as_dicts()
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = [[at, *(_plain(row.get(name)) for name in names)] for at, row in enumerate(rows)]
    title = f"{count:,} predictions" if count != 1 else "1 prediction"
    title += f", the first {_ROWS}" if count > _ROWS else ""
    return box(title, table(("example", *names), shown))


def artifact_html(artifact: Artifact) -> str:
    """Return what an artifact takes and gives, and how well it is proven."""
    manifest = artifact.manifest
    graphs = [
        (graph["signature"], _tensors(graph["inputs"]), _tensors(graph["outputs"]))
        for graph in manifest.get("graphs", [])
    ]
    size = sum(file["bytes"] for file in manifest.get("files", []))
    return box(
        f"artifact {artifact.path}",
        facts([
            ("model", manifest.get("architecture")),
            ("data", manifest.get("data", {}).get("id")),
            ("bytes", size),
            ("license", manifest.get("license")),
            ("limits", manifest.get("limits")),
        ]),
        table(("signature", "inputs", "outputs"), graphs),
    )  # fmt: skip


def comparison_html(comparison: Comparison) -> str:
    """Return the scores of several runs and what differs between them."""
    header = ("", *comparison.runs)
    scores = [
        (row.name, *(_score(one) if one else None for one in row.scores))
        for row in comparison.scores
    ]
    parts = [
        (f"{part} {found.what}", *map(_plain, found.values))
        for part, differences in comparison.differences.items()
        for found in differences
    ]
    return box(
        "comparison of runs",
        *(f"{notice}." for notice in comparison.notices),
        table(header, scores),
        table(header, parts),
    )


def _scores(scores: Mapping[str, Score]) -> Html:
    rows = [(name, _score(score)) for name, score in scores.items()]
    return table(("score", "value [95 % interval]"), rows)


def _score(score: Score) -> str:
    return _number(score.value, score.low, score.high, score.unit)


def _number(value: float, low: float | None, high: float | None, unit: str | None) -> str:
    from zoo.console import score

    return score(value, low, high, unit)


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in sizes.items())


def _tensors(tensors: Any) -> list[str]:
    return [f"{one['name']}: {one['dtype']} {tuple(one['shape'])}" for one in tensors]


def _plain(value: Any) -> Any:
    """Return a number as it is, the most probable classes, and anything else as a short text."""
    from zoo.console import brief

    if isinstance(value, Mapping) and value and all(isinstance(v, float) for v in value.values()):
        best = sorted(value.items(), key=lambda pair: -pair[1])
        shown = ", ".join(f"{name} {number:.2g}" for name, number in best[:_CLASSES])
        return f"{shown}, …" if len(best) > _CLASSES else shown
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    return value if whole else brief(value, 120) if value is not None else None
