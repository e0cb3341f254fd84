"""``zoo list``, ``info`` and ``build``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from zoo import console
from zoo.errors import UnknownModel
from zoo.names import nearest


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
    from zoo.api import catalog

    listings = catalog.listings(pattern, task=task, tags=tag, installed=installed)
    problems = catalog.registry().catalog.problems
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


@click.command("info", epilog=console.example("zoo info cnn --schema", "zoo info mnist"))
@click.argument("name", help="A model of 'zoo list', or a dataset of 'zoo datasets'.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of its configuration.")
@console.json_option
def info(name: str, schema: bool, as_json: bool) -> None:
    """Describe a model or a dataset.

    Shows the tasks, limits, configuration fields, trained weights and origin of a model; the
    options, inputs, targets, license and source of a dataset.
    """
    import zoo
    from zoo.cli.datasets import describe

    try:
        model = zoo.info(name)
    except UnknownModel as error:
        datasets = [dataset.name for dataset in zoo.list_datasets()]
        if name.rpartition(":")[2] in datasets:
            describe(name, schema=schema, as_json=as_json)
            return
        near = nearest(name, [*zoo.list_models(), *datasets])
        if not near:
            raise
        raise UnknownModel(
            f"there is no model or dataset {name!r}",
            why=f"did you mean {' or '.join(near)}?",
            fix=f"zoo info {near[0]}",
        ) from error
    known = console.plain(model)
    if schema:
        console.emit_json(known["schema"])
        return
    if as_json:
        console.emit_json(known)
        return
    console.emit(console.facts(_describe(known)))
    console.emit()
    data = known["default_dataset"]
    start = f"on {data}" if known["default_config"] else "default"
    console.emit(f"configuration (change a field with --set; '{start}' is the default value)")
    rows = list(field_rows(known["schema"], known["default_config"].get("config", {})))
    console.emit(console.table(("field", start, "allowed", "meaning"), rows, fold=True))


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
    from zoo.cli.datasets import open_data

    if out is not None and out.suffix != ".keras":
        raise click.BadParameter(f"{out} does not end in .keras", param_hint="--out")
    config = console.settings(set_)
    source = open_data(data, data_option)
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


def _describe(known: Mapping[str, Any]) -> list[tuple[str, object]]:
    lines: list[tuple[str, object]] = []
    for key, value in known.items():
        if key in ("schema", "default_config", "weights", "artifacts", "checked") or value is None:
            continue
        many = isinstance(value, list)
        glue = "\n" if key in ("references", "limits") else ", "
        text = glue.join(map(_cell, value)) if many else _cell(value)
        lines.append((key.replace("_", " "), text))
    lines += [("weights", _weights(entry)) for entry in known.get("weights") or ()]
    lines += [("checked", _conformance(known["checked"]))] if known["checked"] else []
    return lines


def _conformance(checked: Mapping[str, Any]) -> str:
    if checked["problem"]:
        return f"the receipt does not apply: {console.printable(checked['problem'])}"
    counts = ", ".join(f"{count} {outcome}" for outcome, count in checked["counts"].items())
    return f"{checked['level'] or 'no level'}: {counts} (as its package claims)"


def _weights(entry: Mapping[str, Any]) -> str:
    measured = (entry.get("measured") or {}).get("metrics") or {}
    scores = [f", {metric} {console.score(**score)}" for metric, score in measured.items()]
    return f"{entry['id']}: {entry['parameters']:,} parameters{''.join(scores)}"


def field_rows(
    schema: Mapping[str, Any],
    chosen: Mapping[str, Any] = {},
    shared: Mapping[str, Any] | None = None,
    prefix: str = "",
) -> list[tuple[str, str, str, str]]:
    """Return one row per field of a JSON schema, those of nested objects with dots.

    The value of a row is the chosen one, else the schema's default.
    """
    shared = schema.get("$defs", {}) if shared is None else shared
    rows = []
    for name, field in schema.get("properties", {}).items():
        inner = shared.get(str(field.get("$ref", "")).rpartition("/")[2])
        if inner and "properties" in inner:
            rows += field_rows(inner, chosen.get(name) or {}, shared, f"{prefix}{name}.")
            continue
        value = _cell(chosen.get(name, field.get("default")))
        rows.append((f"{prefix}{name}", value, _allowed(field), field.get("description", "")))
    return rows


def _allowed(field: Mapping[str, Any]) -> str:
    """Abbreviate what a JSON schema accepts."""
    if "anyOf" in field:
        return " or ".join(_allowed(choice) for choice in field["anyOf"])
    if "enum" in field:
        return "|".join(map(str, field["enum"]))
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_allowed(field.get('items') or field.get('prefixItems', [{}])[0])}"
    bounds = [
        f"{sign} {field[key]:g}"
        for key, sign in (
            ("exclusiveMinimum", ">"),
            ("minimum", ">="),
            ("exclusiveMaximum", "<"),
            ("maximum", "<="),
        )
        if key in field
    ]
    return " ".join((kind, ", ".join(bounds))).strip()


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_cell, value))}]"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_cell(item)}" for key, item in value.items())
    return str(value)
