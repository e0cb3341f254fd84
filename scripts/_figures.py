"""Write the figures of ``registry.yaml`` into the README, as a table.

scripts/figures
"""

from __future__ import annotations

from pathlib import Path

from zoo.registry.catalogue import Measurement, parse_catalogue

ROOT = Path(__file__).parents[1]
_HEADER = (
    "| model | trained on | parameters | accuracy | 95 % interval | seeds | CPU time |\n"
    "| --- | --- | ---: | ---: | --- | ---: | ---: |\n"
)
_NOTHING = "No weights are published yet.\n"


def main() -> None:
    """Replace the figures of the README by those of the catalogue."""
    readme = ROOT / "README.md"
    table = render((ROOT / "registry.yaml").read_text("utf-8"))
    readme.write_text(replace(readme.read_text("utf-8"), table), encoding="utf-8")
    print(table, end="")


def render(catalogue: str) -> str:
    """Return the table for the text of a catalogue: one line for each set of weights."""
    rows = [
        f"| `{model.name}` | {weights.trained_on} | {weights.parameters:,} "
        f"| {_accuracy(weights.measured)} |\n"
        for model in parse_catalogue(catalogue, source="registry.yaml")
        for weights in model.weights
        if weights.measured is not None and "accuracy" in weights.measured.metrics
    ]
    return _HEADER + "".join(rows) if rows else _NOTHING


def replace(page: str, table: str) -> str:
    """Return a page with the paragraph after its mark replaced."""
    before, mark, rest = page.partition("<!-- figures:")
    comment, end, body = rest.partition("-->\n\n")
    tail = body.partition("\n\n")[2]
    return f"{before}{mark}{comment}{end}{table}\n{tail}"


def _accuracy(measured: Measurement) -> str:
    score = measured.metrics["accuracy"]
    known = score.low is not None and score.high is not None
    interval = f"{_share(score.low)} to {_share(score.high)}" if known else ""
    cost = _duration(measured.cpu_seconds) if measured.cpu_seconds is not None else ""
    return f"{_share(score.value)} | {interval} | {measured.seeds} | {cost}"


def _share(value: float | None) -> str:
    return f"{value:.4f}".removeprefix("0")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    main()
