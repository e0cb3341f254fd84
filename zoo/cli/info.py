"""``zoo info``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from zoo import console
from zoo.errors import UnknownModel
from zoo.names import nearest

if TYPE_CHECKING:
    from zoo.spec import TensorSpec


@click.command("info", epilog=console.example("zoo info cnn --schema", "zoo info mnist"))
@click.argument("name", help="A model of 'zoo list', a dataset of 'zoo datasets', or a reader.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of its configuration.")
@console.json_option
def info(name: str, schema: bool, as_json: bool) -> None:
    """Describe a model, a dataset or a reader.

    Shows the tasks, limits, configuration fields, trained weights and origin of a model; the
    options, inputs, targets, license and source of a dataset; the options of a reader of files.
    """
    import zoo

    try:
        model = zoo.info(name)
    except UnknownModel as error:
        datasets = [dataset.name for dataset in zoo.list_datasets()]
        if name.rpartition(":")[2] in datasets:
            _show_dataset(name, schema=schema, as_json=as_json)
            return
        readers = zoo.list_readers()
        if name.rpartition(":")[2] in readers:
            _show_reader(name, schema=schema, as_json=as_json)
            return
        near = nearest(name, [*zoo.list_models(), *datasets, *readers], count=1)
        if not near or near[0] not in (*datasets, *readers):
            raise
        kind = "dataset" if near[0] in datasets else "reader"
        raise UnknownModel(
            f"there is no model, dataset or reader {name!r}",
            why=f"did you mean the {kind} {near[0]}?",
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
    rows = _field_rows(known["schema"], known["default_config"].get("config", {}))
    console.emit(console.table(("field", start, "allowed", "meaning"), rows, fold=True))


def _show_dataset(name: str, *, schema: bool, as_json: bool) -> None:
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
    _show_options(facts, known.options)


def _show_reader(name: str, *, schema: bool, as_json: bool) -> None:
    """Print the description of a reader of files, and how it is used."""
    import zoo

    known = zoo.reader_info(name)
    if schema or as_json:
        console.emit_json(known.options if schema else known)
        return
    facts = {
        "name": known.name,
        "summary": known.summary,
        "package": known.distribution,
        "use": f"--data PATH --data-option reader={known.name}",
    }
    _show_options(facts, known.options)


def _show_options(facts: Mapping[str, str], options: Mapping[str, Any]) -> None:
    """Print facts, and below them the options of data."""
    console.emit(console.facts(facts.items()))
    console.emit()
    console.emit("options (set one with --data-option)")
    rows = _field_rows(options)
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


def _field_rows(
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
            rows += _field_rows(inner, chosen.get(name) or {}, shared, f"{prefix}{name}.")
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
