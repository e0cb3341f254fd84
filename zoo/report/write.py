"""Writing the page."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from zoo.errors import MissingExtra
from zoo.files import atomic_write
from zoo.metrics import ClassificationTables, Evaluation, Mistake
from zoo.metrics.figures import Figure
from zoo.report import confusion_matrix, figures, formatting, summary
from zoo.report.records import RunRecords, read_run

_TEMPLATES = Path(__file__).parent / "templates"
_CONFUSIONS = 6
_PICTURES = 24
_ROWS = 15
_LONG_LABEL = 10


def write_run_report(run_dir: Path, out: Path | None = None) -> Path:
    """Write what happened in a run as one HTML file that needs nothing beside it.

    Whatever the run has is shown, and what it lacks is said: a run that goes on, that failed or
    that was never evaluated has a report too. The same run gives the same bytes.

    Args:
        run_dir: The run's folder, with ``run.json`` and what else there is of ``history.csv``,
            ``metrics.json`` and ``mistakes.npz``.
        out: The file to write; ``report.html`` in the run's folder if ``None``.

    Returns:
        The file that was written.

    Raises:
        MissingExtra: If jinja2 or matplotlib is not installed.
        TrainError: If the folder holds no readable ``run.json``.
        StorageError: If the file cannot be written; an old one is untouched.

    Example:
        >>> write_run_report(Path("runs/cnn-digits-1"))
        PosixPath('runs/cnn-digits-1/report.html')
    """
    for package in ("jinja2", "matplotlib"):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtra("the report", "report", package) from error
    folder = read_run(Path(run_dir))
    target = Path(out) if out is not None else folder.path / "report.html"
    # A label may hold half a surrogate pair, which no file can.
    atomic_write(target, _render(folder).encode("utf-8", "replace"))
    return target


def _render(folder: RunRecords) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=formatting.percent,
        decimal=formatting.decimal,
        whole=formatting.whole,
        plural=formatting.plural,
    )
    page: str = environment.get_template("run.html.j2").render(**_context(folder))
    return page


def _context(folder: RunRecords) -> dict[str, Any]:
    from markupsafe import Markup

    status, tone = summary.state(folder)
    evaluation = folder.evaluation
    learned = summary.learning_curves(folder)
    return {
        "css": Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "title": summary.title(folder),
        "run_id": folder.run.get("id") or folder.path.resolve().name,
        "status": status,
        "tone": tone,
        "lead": summary.lead(folder),
        "reason": folder.run.get("stopped_because"),
        "notices": folder.notices,
        "examples": evaluation.examples if evaluation else 0,
        "tiles": summary.tiles(evaluation) if evaluation else (),
        "unmeasured": summary.unmeasured(folder),
        "curves": [(curve, Markup(curve.svg)) for curve in learned],
        "learning": summary.learning_finding(folder) if learned else "",
        "classifier": _classifier(folder, evaluation, evaluation.tables)
        if evaluation and evaluation.tables
        else None,
        "figures": [_drawn(figure, place) for place, figure in enumerate(folder.figures)],
        "picture_columns": figures.columns,
        "is_tiny": figures.tiny,
        "tables": summary.making(folder),
    }


def _drawn(figure: Figure, place: int) -> tuple[figures.Drawn, Any]:
    from markupsafe import Markup

    drawn = figures.draw(figure, f"figure{place}")
    return drawn, Markup(drawn.svg)


def _classifier(
    folder: RunRecords, evaluation: Evaluation, tables: ClassificationTables
) -> dict[str, Any]:
    from markupsafe import Markup

    from zoo.report.charts import reliability

    rows = sorted(tables.classes, key=lambda row: (row.f1 is None, row.f1 or 0.0))
    wrong = evaluation.examples - sum(row[i] for i, row in enumerate(tables.confusion))
    return {
        "matrix": confusion_matrix.lay_out(tables),
        "confusions": confusion_matrix.confusions(tables, _CONFUSIONS),
        "wrong": wrong,
        "classes": rows[:_ROWS] if len(rows) > _ROWS + 3 else rows,
        "more_classes": rows[_ROWS:] if len(rows) > _ROWS + 3 else [],
        "calibration": Markup(reliability("calibration", tables.calibration)),
        "bins": [b for b in tables.calibration if b.count],
        "confidence": summary.confidence_finding(evaluation, tables),
        "sheet": _sheet(folder, tables.worst),
        "long_labels": max(map(len, tables.labels)) > _LONG_LABEL,
        "worst": tables.worst[:_PICTURES],
    }


def _sheet(folder: RunRecords, worst: tuple[Mistake, ...]) -> list[tuple[Mistake, Any]]:
    """Return the worst mistakes with their pictures, as far as there are pictures."""
    from zoo.report.pictures import picture

    if folder.pictures is None:
        return []
    pairs = zip(worst[:_PICTURES], folder.pictures[:_PICTURES], strict=False)
    return [(mistake, picture(array)) for mistake, array in pairs]


__all__ = ["write_run_report"]
