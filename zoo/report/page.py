"""Render the page of a run from its records."""

from __future__ import annotations

from typing import Any

from zoo.metrics.figures import ImageGrid
from zoo.report import charts, classifier, formatting, summary
from zoo.report.records import RunRecords


def render(records: RunRecords) -> str:
    """Return the page of a run as HTML."""
    template = formatting.page_environment().get_template("run.html.j2")
    return str(template.render(**_context(records)))


def _context(records: RunRecords) -> dict[str, Any]:
    status, tone = summary.status(records)
    evaluation = records.evaluation
    learned = summary.learning_curves(records)
    return {
        "title": summary.page_title(records),
        "run_id": records.run.get("id") or records.path.resolve().name,
        "status": status,
        "tone": tone,
        "lead": summary.training_summary(records),
        "reason": records.run.get("stopped_because"),
        "notices": records.notices,
        "examples": evaluation.examples if evaluation else 0,
        "tiles": summary.score_tiles(evaluation) if evaluation else (),
        "no_scores": summary.no_scores_note(records),
        "curves": learned,
        "learning": summary.overfitting_note(records) if learned else "",
        "classifier": classifier.describe(evaluation, evaluation.tables, records.mistakes)
        if evaluation and evaluation.tables
        else None,
        "figures": [charts.draw(figure, f"figure{i}") for i, figure in enumerate(records.figures)],
        "grid_width": _grid_width,
        "is_tiny": classifier.is_tiny,
        "tables": summary.run_details(records),
    }


def _grid_width(figure: ImageGrid) -> int:
    return max(len(row.images) for row in figure.rows)
