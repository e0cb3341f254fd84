"""``zoo list``, ``info``, ``build``, ``plugins``, ``doctor``: what there is, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli.options import Data, DataOptions, Json, Settings, example, pairs, settings
from zoo.cli.output import emit, emit_json, facts, note, paint, plain, printable, table

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
    installed: Annotated[
        bool, typer.Option("--installed", help="Without what is only known, and not installed.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="With deprecated names and other versions.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the models there are.

    Known from what is installed and from the catalog: no plugin is imported.
    """
    from zoo import api

    listings = api.listings(
        pattern, task=task, tags=tuple(tag or ()), installed=installed, hidden=every
    )
    problems = api.registry().catalog_problems
    if problems:
        note(f"not believed of catalogs: {len(problems)}; 'zoo doctor' says what and why")
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
                _remark(listing),
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


def plugins(
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare every file with its RECORD; 1 if one differs."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Try each, and fail if one is broken or contested, or denied and no rule says so.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show which packages would run.

    With version, place and the rule that decides, before anything of them is imported.
    """
    import zoo
    from zoo import api

    rows = zoo.plugins(verify_files=verify, examine=strict)
    if as_json:
        emit_json(rows)
    elif rows:
        _show_plugins(rows)
    else:
        note(
            "no plugin is installed; pip install --force-reinstall neural-zoo brings the zoo's own"
        )
    if strict:
        api.require_order(rows)
    if any(row.files in {"differs", "no record"} for row in rows):
        raise typer.Exit(1)


def _show_plugins(rows: Sequence[Any]) -> None:
    from zoo import api

    # What decides comes before where it lies: a narrow terminal cuts the end.
    columns = ["name", "kind", "verdict", "distribution", "version"]
    columns += ["files"] if any(row.files for row in rows) else []
    columns += ["rule", "editable", "location"]
    found = plain(rows)
    emit(table(columns, [[_cell(row[name]) for name in columns] for row in found]))
    for distribution, faults in {row.distribution: row.faults for row in rows}.items():
        for fault in faults:
            emit(f"{distribution}: {printable(fault)}")
    sources = api.registry().policy.sources
    if sources:
        note(f"rules are in {', '.join(sources)}")
    if any(row.files == "editable" for row in rows):
        note("editable: the code lies in a working folder, and RECORD does not speak of it")


def doctor(
    retry: Annotated[
        bool, typer.Option("--retry", help="Forget which plugins failed, and look again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find what is wrong with this installation.

    Says what to do about it; exits with 1 if anything is wrong.
    """
    import zoo

    findings = plain(zoo.doctor(retry=retry))
    healthy = all(finding["status"] != "fail" for finding in findings)
    if as_json:
        emit_json({"healthy": healthy, "findings": findings})
    else:
        colors = {"ok": "green", "warn": "yellow", "fail": "red"}
        for finding in findings:
            status = finding["status"]
            emit(f"{paint(f'{status:4}', colors[status])}  {finding['what']}")
            if finding.get("fix"):
                emit(f"      try: {finding['fix']}")
    if not healthy:
        raise typer.Exit(1)


def _remark(listing: Any) -> str:
    """Return the most important thing to say of a model, in one line."""
    if listing.problem:
        return str(listing.problem).splitlines()[0]
    if listing.notice:
        return str(listing.notice)
    return listing.entry.summary if listing.entry else ""


def _listing(listing: Any) -> dict[str, Any]:
    entry = plain(listing.entry) or {}
    return {
        "name": listing.name,
        "status": listing.status,
        "problem": listing.problem,
        "fix": listing.fix,
        "distribution": listing.distribution,
        "identity": listing.identity,
        "versions": list(listing.versions),
        "aliases": entry.get("aliases", []),
        "deprecated": listing.notice,
        **{key: entry.get(key) for key in ("summary", "tasks", "tags", "license", "parameters")},
        "default_dataset": entry.get("default_dataset"),
        "weights": entry.get("weights", []),
    }


def _describe(known: Mapping[str, Any]) -> list[tuple[str, object]]:
    lines: list[tuple[str, object]] = []
    for key, value in known.items():
        if key in ("schema", "recipe", "weights", "artifacts", "checked") or value is None:
            continue
        many = isinstance(value, list)
        glue = "\n" if key in ("references", "limits") else ", "
        lines.append(
            (key.replace("_", " "), glue.join(map(_cell, value)) if many else _cell(value))
        )
    lines += [("weights", _weights(entry)) for entry in known.get("weights") or ()]
    lines += [("checked", _conformance(known["checked"]))] if known["checked"] else []
    return lines


def _conformance(checked: Mapping[str, Any]) -> str:
    if checked["problem"]:
        return f"the receipt says nothing of this: {printable(checked['problem'])}"
    counts = ", ".join(f"{count} {outcome}" for outcome, count in checked["counts"].items())
    return f"{checked['level'] or 'no level'}: {counts}, says its package"


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
    app.command("plugins", epilog=example("zoo plugins --verify --strict"))(plugins)
    app.command("doctor", epilog=example("zoo doctor"))(doctor)


__all__ = ["add_commands", "build", "doctor", "info", "list_models", "plugins"]
