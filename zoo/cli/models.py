"""``zoo list``, ``info``, ``build``, ``plugins``, ``doctor``: what there is, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Data, DataOptions, Json, Settings, example, pairs, settings
from zoo.cli.output import emit, emit_json, facts, note, paint, plain, table

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A model, as 'zoo list' names it.")]


def list_models(
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="Names to list; * and ? are wild.")
    ] = "*",
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="Only models for this task.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="Only with this tag; repeat for more."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the models there are.

    Known from what is installed and from the catalogue: no plugin is imported.
    """
    from zoo import api

    listings = api.listings(pattern, task=task, tags=tuple(tag or ()))
    if as_json:
        emit_json([_listing(listing) for listing in listings])
        return
    if not listings:
        note(f"no model matches {pattern!r}; 'zoo list' shows all there are")
        return
    rows = []
    for listing in listings:
        entry = listing.entry
        rows.append(
            (
                listing.name,
                entry.tasks[0].value if entry else "",
                f"{entry.parameters:,}" if entry and entry.parameters else "",
                " ".join(weights.id for weights in entry.weights) if entry else "",
                listing.status,
                listing.problem.splitlines()[0]
                if listing.problem
                else (entry.summary if entry else ""),
            )
        )
    emit(table(("name", "task", "parameters", "weights", "status", "summary"), rows))


def info(
    name: _Name,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of its configuration.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one model.

    What it is for, its configuration, its trained weights, where it comes from.
    """
    import zoo

    known = plain(zoo.info(name))
    if schema:
        emit_json(known["schema"])
        return
    if as_json:
        emit_json(known)
        return
    emit(facts(_describe(known)))
    emit()
    data = known["default_dataset"]
    start = f"on {data}" if known["recipe"] else "default"
    emit(f"configuration (change it with --set; '{start}' is what it starts from)")
    rows = _fields(known["schema"], known["recipe"].get("config", {}))
    emit(table(("field", start, "allowed", "meaning"), rows, fold=True))


def build(
    name: _Name,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="ID|PATH", help="Trained weights: an id of 'zoo info', a run, or a file."
        ),
    ] = None,
    data: Data = None,
    data_option: DataOptions = None,
    set_: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Save the model here; the name ends in .keras."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a model and show its layers.

    With --out it is saved as an ordinary Keras model.
    """
    import zoo

    if out is not None and out.suffix != ".keras":
        raise typer.BadParameter(f"{out} does not end in .keras", param_hint="--out")
    config = settings(set_)
    options = pairs(data_option, option="--data-option")
    source: Any = zoo.dataset(data, **options) if data is not None and options else data
    model = zoo.build(name, weights=weights, data=source, **config)
    if out is not None:
        from zoo.files import replacing

        with replacing(out) as temporary:
            model.save(temporary)
        note(f"saved {out}")
    if as_json:
        layers = [
            {"name": layer.name, "type": type(layer).__name__, "parameters": layer.count_params()}
            for layer in model.layers
        ]
        emit_json({"name": name, "parameters": model.count_params(), "layers": layers, "file": out})
        return
    rows = [
        (layer.name, type(layer).__name__, f"{layer.count_params():,}") for layer in model.layers
    ]
    emit(table(("layer", "type", "parameters"), rows))
    emit(f"\n{model.count_params():,} parameters")


def plugins(as_json: Json = False) -> None:
    """Show which packages would run.

    With version and place, before anything of them is imported.
    """
    import zoo

    found = plain(zoo.plugins())
    if as_json:
        emit_json(found)
        return
    if not found:
        note(
            "no plugin is installed; pip install --force-reinstall neural-zoo brings the zoo's own"
        )
        return
    # What decides comes before where it lies: a narrow terminal cuts the end.
    first = ("name", "kind", "verdict")
    columns = [name for name in (*first, *found[0]) if any(row.get(name) for row in found)]
    columns = list(dict.fromkeys(columns))
    emit(table(columns, [[_cell(row.get(name)) for name in columns] for row in found]))


def doctor(as_json: Json = False) -> None:
    """Find what is wrong with this installation.

    Says what to do about it; exits with 1 if anything is wrong.
    """
    import zoo

    findings = plain(zoo.doctor())
    healthy = all(finding["status"] != "fail" for finding in findings)
    if as_json:
        emit_json({"healthy": healthy, "findings": findings})
    else:
        colours = {"ok": "green", "warn": "yellow", "fail": "red"}
        for finding in findings:
            status = finding["status"]
            emit(f"{paint(f'{status:4}', colours[status])}  {finding['what']}")
            if finding.get("fix"):
                emit(f"      try: {finding['fix']}")
    if not healthy:
        raise typer.Exit(1)


def _listing(listing: Any) -> dict[str, Any]:
    entry = plain(listing.entry) or {}
    return {
        "name": listing.name,
        "status": listing.status,
        "problem": listing.problem,
        "distribution": listing.distribution,
        **{key: entry.get(key) for key in ("summary", "tasks", "tags", "licence", "parameters")},
        "default_dataset": entry.get("default_dataset"),
        "weights": entry.get("weights", []),
    }


def _describe(known: Mapping[str, Any]) -> list[tuple[str, object]]:
    lines: list[tuple[str, object]] = []
    for key, value in known.items():
        if key in ("schema", "recipe", "weights", "artifacts") or value is None:
            continue
        many = isinstance(value, list)
        glue = "\n" if key in ("references", "limits") else ", "
        lines.append(
            (key.replace("_", " "), glue.join(map(_cell, value)) if many else _cell(value))
        )
    lines += [("weights", _weights(entry)) for entry in known.get("weights") or ()]
    return lines


def _weights(entry: Mapping[str, Any]) -> str:
    text = f"{entry['id']}: {entry['parameters']:,} parameters"
    for metric, score in ((entry.get("measured") or {}).get("metrics") or {}).items():
        text += f", {metric} {score['value']:.4f}"
        if score.get("low") is not None:
            text += f" ({score['low']:.4f} to {score['high']:.4f})"
    return text


def _fields(
    schema: Mapping[str, Any], chosen: Mapping[str, Any]
) -> list[tuple[str, str, str, str]]:
    """Return one row a field of a JSON schema, those of nested objects with dots.

    The value of a row is the chosen one, else the schema's default.
    """
    return list(_walk(schema, schema.get("$defs", {}), chosen, ""))


def _walk(
    schema: Mapping[str, Any],
    shared: Mapping[str, Any],
    chosen: Mapping[str, Any],
    prefix: str,
) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, field in schema.get("properties", {}).items():
        inner = shared.get(str(field.get("$ref", "")).rpartition("/")[2])
        if inner and "properties" in inner:
            rows += _walk(inner, shared, chosen.get(name) or {}, f"{prefix}{name}.")
            continue
        value = chosen.get(name, field.get("default"))
        rows.append(
            (f"{prefix}{name}", _cell(value), _allowed(field), field.get("description", ""))
        )
    return rows


def _allowed(field: Mapping[str, Any]) -> str:
    """Say in a few signs what a JSON schema accepts."""
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


def add_commands(app: typer.Typer) -> None:
    """Add this group to the program."""
    app.command("list", epilog=example("zoo list 'mlp*' --task classification"))(list_models)
    app.command("info", epilog=example("zoo info cnn --schema"))(info)
    app.command("build", epilog=example("zoo build cnn --weights digits --out cnn.keras"))(build)
    app.command("plugins", epilog=example("zoo plugins --json"))(plugins)
    app.command("doctor", epilog=example("zoo doctor"))(doctor)


__all__ = ["add_commands", "build", "doctor", "info", "list_models", "plugins"]
