"""``zoo list``, ``datasets`` and ``build``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import console


@click.command("list", epilog=console.example("zoo list 'mlp*' --task classification"))
@click.argument("pattern", default="*", help="Names to list; * and ? are wildcards.")
@click.option("--task", metavar="TASK", help="Only models for this task.")
@click.option("--tag", multiple=True, metavar="TAG", help="Only with this tag; repeatable.")
@click.option("--installed", is_flag=True, help="Only installed models.")
@console.json_option
def list_models(
    pattern: str,
    task: str | None,
    tag: tuple[str, ...],
    installed: bool,
    as_json: bool,
) -> None:
    """List the available models.

    Names come from installed packages and the catalog: no plugin is imported.
    """
    from zoo.api.catalog import registry

    listings = registry().listings(pattern, task=task, tags=tag, installed=installed)
    problems = registry().catalog.problems
    if problems:
        console.note(f"ignored catalog entries: {len(problems)}; see 'zoo doctor'")
    if as_json:
        console.emit_json([_listing(listing) for listing in listings])
        return
    if not listings:
        console.note(f"no model matches {pattern!r}; 'zoo list' shows all models")
        return
    rows = []
    for listing in listings:
        entry = listing.entry
        rows.append(
            (
                listing.name,
                entry.tasks[0] if entry else "",
                f"{entry.parameters:,}" if entry and entry.parameters else "",
                " ".join(weights.id for weights in entry.weights) if entry else "",
                listing.status,
                listing.problem or (entry.summary if entry else ""),
            )
        )
    header = ("name", "task", "parameters", "weights", "status", "summary")
    console.emit(console.table(header, rows))


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


@click.command("build", epilog=console.example("zoo build cnn --weights digits --out cnn.keras"))
@click.argument("name", help="A model of 'zoo list'.")
@click.option(
    "--weights", metavar="ID|PATH", help="Trained weights: an id of 'zoo info', a run, or a file."
)
@console.data_option
@console.data_options_option
@console.settings_option
@click.option("--out", type=console.PATH, metavar="FILE", help="Save the model to a .keras file.")
@console.json_option
@console.quiet_frameworks
def build(
    name: str,
    weights: str | None,
    data: str | None,
    data_option: tuple[str, ...],
    set_: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Build a model and show its layers.

    With --out it is saved as an ordinary Keras model.
    """
    import zoo

    if out is not None and out.suffix != ".keras":
        raise click.BadParameter(f"{out} does not end in .keras", param_hint="--out")
    config = console.settings(set_)
    source = console.open_data(data, data_option)
    model = zoo.build(name, weights=weights, data=source, **config)
    if out is not None:
        from zoo.files import replacing

        with replacing(out) as temporary:
            model.save(temporary)
        console.note(f"saved {out}")
    layers = [(layer.name, type(layer).__name__, layer.count_params()) for layer in model.layers]
    parameters = model.count_params()
    if as_json:
        keys = ("name", "type", "parameters")
        rows = [dict(zip(keys, layer, strict=True)) for layer in layers]
        console.emit_json({"name": name, "parameters": parameters, "layers": rows, "file": out})
        return
    shown = [(layer, kind, f"{count:,}") for layer, kind, count in layers]
    console.emit(console.table(("layer", "type", "parameters"), shown))
    console.emit(f"\n{parameters:,} parameters")


def _listing(listing: Any) -> dict[str, Any]:
    entry = console.plain(listing.entry) or {}
    return {
        "name": listing.name,
        "status": listing.status,
        "problem": listing.problem,
        "fix": listing.fix,
        "distribution": listing.distribution,
        "identity": listing.identity,
        "versions": list(listing.versions),
        **{key: entry.get(key) for key in ("summary", "tasks", "tags", "license", "parameters")},
        "default_dataset": entry.get("default_dataset"),
        "weights": entry.get("weights", []),
    }
