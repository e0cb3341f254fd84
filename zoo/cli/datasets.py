"""``zoo inspect-data``, and the summary of data before a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo import console

if TYPE_CHECKING:
    from zoo.data import DatasetSummary

_CLASSES = 12
"""The most classes that are shown."""


@click.command(
    "inspect-data",
    epilog=console.example("zoo inspect-data houses.csv --data-option target=price"),
)
@click.argument("source", metavar="ID|PATH", help="A dataset's name, or your own data.")
@console.data_options_option
@console.group_by_option
@console.json_option
def inspect_data(
    source: str, data_option: tuple[str, ...], group_by: str | None, as_json: bool
) -> None:
    """Show how data is read, without training.

    Its columns, classes and splits; train shows the same of your own tables.
    """
    import zoo

    options = console.pairs(data_option, option="--data-option")
    if group_by is not None:
        options.setdefault("group_by", group_by)
    summary = zoo.dataset(source, **options).summary()
    if as_json:
        console.emit_json(summary)
        return
    console.emit(summary_text(summary))


def summary_text(summary: DatasetSummary) -> str:
    """Format a summary: splits, columns, classes, notes."""
    sizes = ", ".join(f"{count:,} {split}" for split, count in summary.sizes.items())
    parts = [f"{summary.id}: {summary.task}, {sum(summary.sizes.values()):,} examples ({sizes})"]
    if summary.columns:
        rows = [
            (one.name, one.kind, one.missing or "", ", ".join(one.examples), one.reason)
            for one in summary.columns
        ]
        parts.append(console.table(("column", "kind", "missing", "examples", "because"), rows))
    if summary.classes:
        counts = [f"{name} {count:,}" for name, count in summary.classes.items()]
        more = f", and {len(counts) - _CLASSES} more" if len(counts) > _CLASSES else ""
        parts.append(f"classes of the training split: {', '.join(counts[:_CLASSES])}{more}")
    return "\n\n".join([*parts, *summary.notes])
