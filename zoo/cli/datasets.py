"""``zoo datasets``, and what ``zoo info`` shows of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo import console
from zoo.cli.models import field_rows

if TYPE_CHECKING:
    from zoo.spec import TensorSpec


@click.command("datasets", epilog=console.example("zoo datasets --task regression"))
@click.option("--task", metavar="TASK", help="Only datasets for this task.")
@click.option("--offline", is_flag=True, help="Only those that need no download.")
@console.json_option
def datasets(task: str | None, offline: bool, as_json: bool) -> None:
    """List the datasets that have a name.

    Names come from installed packages and the catalog: no plugin is imported.
    """
    import zoo

    found = [
        one
        for one in zoo.list_datasets()
        if task in (None, one.task) and (one.offline or not offline)
    ]
    if as_json:
        console.emit_json(found)
        return
    rows = [
        (
            one.name,
            one.task,
            one.size,
            {True: "offline", False: "download", None: ""}[one.offline],
            one.license,
            one.distribution if one.installed else f"{one.distribution} (not installed)",
        )
        for one in found
    ]
    console.emit(console.table(("name", "task", "size", "access", "license", "package"), rows))


def open_data(data: str | None, data_option: tuple[str, ...]) -> Any:
    """Return the value of ``--data``, as a dataset if ``--data-option`` says how to read it.

    Raises:
        click.BadParameter: If there are options, and no data.
    """
    import zoo

    options = console.pairs(data_option, option="--data-option")
    if options and data is None:
        raise click.BadParameter("it needs --data", param_hint="--data-option")
    return zoo.dataset(data, **options) if options and data is not None else data


def describe(name: str, *, schema: bool, as_json: bool) -> None:
    """Print the description of a dataset: options, spec and source."""
    import zoo

    known = zoo.dataset_info(name)
    if schema or as_json:
        console.emit_json(known.options if schema else known)
        return
    facts = {
        "name": known.name,
        "summary": known.summary,
        "task": known.task,
        "size": known.size,
        "offline": "yes" if known.offline else "no",
        "license": known.license,
        "source": known.source,
        "package": known.distribution,
        "inputs": "\n".join(map(_tensor, known.spec.inputs)),
        "targets": "\n".join(map(_tensor, known.spec.targets)),
    }
    console.emit(console.facts(facts.items()))
    console.emit()
    console.emit("options (set one with --data-option)")
    rows = field_rows(known.options)
    console.emit(console.table(("option", "default", "allowed", "meaning"), rows, fold=True))


def _tensor(spec: TensorSpec) -> str:
    """Return a tensor's name, shape, type and range in one line."""
    parts = [f"{spec.name} [{', '.join(map(str, spec.shape))}] {spec.dtype}"]
    if spec.range is not None:
        parts.append(f"{spec.range[0]:g} to {spec.range[1]:g}")
    parts += [spec.unit] if spec.unit else []
    parts += [", ".join(spec.labels)] if spec.labels else []
    if spec.columns:
        parts.append(", ".join(column.name for column in spec.columns))
    return "; ".join(parts)
