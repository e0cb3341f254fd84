"""Write the figures of ``registry.yaml`` into the README, as a table.

scripts/figures
"""

from __future__ import annotations

from pathlib import Path

from zoo.api.catalog import registry
from zoo.metrics.scores import describe_score
from zoo.registry.catalog import Measurement, parse_catalog

ROOT = Path(__file__).parents[1]
_HEADER = (
    "| model | trained on | parameters | measure | value | 95 % interval | seeds | CPU time |\n"
    "| --- | --- | ---: | --- | ---: | --- | ---: | ---: |\n"
)
_NOTHING = "No weights are published yet.\n"


def main() -> None:
    """Replace the figures of the README by those of the catalog."""
    readme = ROOT / "README.md"
    table = render((ROOT / "registry.yaml").read_text("utf-8"))
    readme.write_text(replace(readme.read_text("utf-8"), table), encoding="utf-8")
    print(table, end="")


def render(catalog: str) -> str:
    """Return the table for the text of a catalog: one line for each set of weights."""
    for model in parse_catalog(catalog, source="registry.yaml").models:
        registry().get(model.name)  # a plugin says what its own scores mean
    rows = [
        f"| `{model.name}` | {weights.trained_on} | {weights.parameters:,} "
        f"| {_headline(weights.measured)} |\n"
        for model in parse_catalog(catalog, source="registry.yaml").models
        for weights in model.weights
        if weights.measured is not None
    ]
    return _HEADER + "".join(rows) if rows else _NOTHING


def replace(page: str, table: str) -> str:
    """Return a page with the paragraph after its mark replaced."""
    before, mark, rest = page.partition("<!-- figures:")
    comment, end, body = rest.partition("-->\n\n")
    tail = body.partition("\n\n")[2]
    return f"{before}{mark}{comment}{end}{table}\n{tail}"


def _headline(measured: Measurement) -> str:
    name, score = next(iter(measured.metrics.items()))
    about = describe_score(name)
    write = _share if about.share else _number
    known = score.low is not None and score.high is not None
    interval = f"{write(score.low)} to {write(score.high)}" if known else ""
    cost = _duration(measured.cpu_seconds) if measured.cpu_seconds is not None else ""
    unit = f" {score.unit}" if score.unit else ""
    title = about.title[:1].lower() + about.title[1:] if about.title[1:2].islower() else about.title
    return f"{title} | {write(score.value)}{unit} | {interval} | {measured.seeds} | {cost}"


def _share(value: float | None) -> str:
    return f"{value:.4f}".removeprefix("0")


def _number(value: float | None) -> str:
    return f"{value:.4g}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    main()
