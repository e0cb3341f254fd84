"""Run report: one HTML file with the scores, learning curves and figures of a run.

The file asks the network for nothing and runs no script: charts are inline SVG, images are data
URIs. Its two packages come with the ``report`` extra and are imported when a report is written.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import MissingExtra
from zoo.files import atomic_write
from zoo.report import formatting
from zoo.report.records import RunRecords, read_run

if TYPE_CHECKING:
    import jinja2

    from zoo.metrics.figures import Figure


def write_run_report(run_dir: Path, out: Path | None = None) -> Path:
    """Write the report of a run as one self-contained HTML file.

    A run that is still going, that failed or that was never evaluated has a report too: it states
    what is missing. The same run gives the same bytes.

    Args:
        run_dir: The run's folder, with ``run.json`` and any of ``history.csv``, ``metrics.json``,
            ``figures.json`` and ``mistakes.npz``.
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
    _require("jinja2", "matplotlib")
    records = read_run(Path(run_dir))
    template = formatting.page_environment().get_template("run.html.j2")
    html = template.render(**_page_context(records))
    target = Path(out) if out is not None else records.path / "report.html"
    # A label may hold half a surrogate pair, which no file can.
    atomic_write(target, html.encode("utf-8", "replace"))
    return target


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        title: Its heading.
        figures: Its figures, in order.
        paragraphs: Text before them.
    """

    title: str
    figures: Sequence[Figure] = ()
    paragraphs: Sequence[str] = ()


def render_page(
    title: str, sections: Sequence[Section], *, lead: str = "", eyebrow: str = ""
) -> str:
    """Return an HTML page of figures, which needs nothing beside it.

    Args:
        title: Heading of the page.
        sections: Its sections.
        lead: The main finding, in a sentence or two.
        eyebrow: A few words above the title.

    Raises:
        MissingExtra: If jinja2 or matplotlib is not installed.

    Example:
        >>> from zoo.metrics.figures import Table
        >>> sizes = Table(title="Sizes", caption="", header=("layer", "units"), rows=(("a", 3),))
        >>> "<h1>My model</h1>" in render_page("My model", [Section("Layers", [sizes])])
        True
    """
    _require("jinja2", "matplotlib")
    from zoo.report import charts, classifier

    shown = [
        {
            "title": section.title,
            "paragraphs": section.paragraphs,
            "drawings": [
                charts.draw(figure, f"section{place}figure{number}")
                for number, figure in enumerate(section.figures)
            ],
        }
        for place, section in enumerate(sections)
    ]
    template = formatting.page_environment().get_template("page.html.j2")
    html: str = template.render(
        title=title, lead=lead, eyebrow=eyebrow, sections=shown, is_tiny=classifier.is_tiny
    )
    return html


def page_environment(templates: Path) -> jinja2.Environment:
    """Return a jinja2 environment for the HTML pages of a plugin.

    Text is escaped; ``css`` is the style sheet of the zoo's own pages.

    Args:
        templates: Folder of the plugin's templates.

    Raises:
        MissingExtra: If jinja2 is not installed.

    Example:
        >>> _ = Path("page.html.j2").write_text("<h1>{{ title }}</h1>")
        >>> page_environment(Path()).get_template("page.html.j2").render(title="A & B")
        '<h1>A &amp; B</h1>'
    """
    _require("jinja2")
    return formatting.page_environment(templates)


def _page_context(records: RunRecords) -> dict[str, Any]:
    """Return the values of the template of a run's page."""
    from zoo.report import charts, classifier, summary
    from zoo.report.telemetry import telemetry_figures

    status, tone = summary.status(records)
    evaluation = records.evaluation
    curves = summary.learning_curves(records)
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
        "curves": curves,
        "learning": summary.overfitting_note(records) if curves else "",
        "classifier": classifier.describe(evaluation, evaluation.tables, records.mistakes)
        if evaluation and evaluation.tables
        else None,
        "figures": [charts.draw(figure, f"figure{i}") for i, figure in enumerate(records.figures)],
        "telemetry": [
            charts.draw(figure, f"telemetry{i}")
            for i, figure in enumerate(telemetry_figures(records.telemetry))
        ],
        "is_tiny": classifier.is_tiny,
        "tables": summary.run_details(records),
    }


def _require(*packages: str) -> None:
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtra("the report", "report", package) from error


__all__ = ["Section", "page_environment", "render_page"]
