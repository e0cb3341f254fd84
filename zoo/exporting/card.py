"""Model card of an artifact: ``card.md``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.runtime.decoding import text_generation
from zoo.runtime.manifest import Comparison, Graph, Manifest, Variant
from zoo.spec import TensorSpec


def write_card(manifest: Manifest) -> str:
    """Return the model card of an artifact as Markdown, from its manifest alone."""
    lines = [
        f"# {manifest.name}",
        "",
        manifest.summary,
        "",
        f"Architecture: `{manifest.architecture}`. Task: {manifest.task}. "
        f"License: {manifest.license}.",
        "",
        "## Use",
        "",
        "```python",
        "import zoo.runtime",
        "",
        *_use(manifest),
        "```",
        "",
        "`zoo verify PATH` verifies this folder again, with onnxruntime and numpy only. Any ONNX",
        "runtime reads the files: inputs are raw values, preprocessing is part of the graph.",
        "",
    ]
    for graph in manifest.graphs:
        lines += _graph(graph)
    if manifest.variant is not None:
        lines += _variant(manifest.name, manifest.variant)
    lines += ["## Data", "", f"Dataset: `{manifest.data.id}`."]
    if manifest.data_fingerprint:
        lines.append(f"Fingerprint of the data and its splits: `{manifest.data_fingerprint}`.")
    lines += ["", "## Metrics", "", *_metrics(manifest.metrics), ""]
    lines += ["## Verification", ""]
    for graph in manifest.graphs:
        lines += _parity(graph, "its Keras model" if manifest.variant is None else "itself")
    lines += [
        "## Limits",
        "",
        *(f"- {limit}" for limit in manifest.limits),
        *([""] if manifest.limits else []),
        "The model gives an output for any input of the declared shape and type, also for one that",
        "is unlike its data: outside of the declared ranges and classes, outputs mean nothing.",
        "The metrics hold for data like that above only.",
        "",
        "## Software",
        "",
        ", ".join(f"{name} {version}" for name, version in sorted(manifest.producer.items())) + ".",
        "",
        f"Configuration `{manifest.config_sha256}`,",
        f"weights `{manifest.graphs[0].weights_sha256}`.",
    ]
    return "\n".join(lines) + "\n"


def _graph(graph: Graph) -> list[str]:
    lines = [
        f"## Signature `{graph.signature}` (`{graph.file}`, opset {graph.opset})",
        "",
        "| | name | type | shape | range | meaning |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for role, specs in (("in", graph.inputs), ("out", graph.outputs)):
        lines += [_tensor(role, spec) for spec in specs]
    return [*lines, "", *_operators(graph.operators)]


def _operators(operators: Mapping[str, int]) -> list[str]:
    """Return the operators of a graph, and how its recurrent layers are executed."""
    if not operators:
        return []
    shown = ", ".join(f"{name} {count}" for name, count in sorted(operators.items()))
    lines = [f"Operators: {shown}."]
    if real := [name for name in ("GRU", "LSTM", "RNN") if name in operators]:
        lines.append(f"Recurrent layers are the ONNX operator {' and '.join(real)}.")
    if "Loop" in operators:
        lines.append("The graph has a Loop, which is slower than an ONNX operator for its body.")
    return [*lines, ""]


def _tensor(direction: str, spec: TensorSpec) -> str:
    shape = ", ".join(["batch", *map(str, spec.shape)])
    limits = f"{spec.range[0]:g} to {spec.range[1]:g}" if spec.range else ""
    words = [
        spec.role or "",
        spec.of and f"of {spec.of}",
        spec.unit or "",
        spec.outside and f"preprocessed outside: {spec.outside}",
        spec.inside,
    ]
    if spec.draw:
        words.append(f"drawn: {spec.draw}")
    if spec.rows:
        words.append(f"the first {spec.rows} rows are valid")
    if spec.missing:
        words.append("NaN is a missing value")
    if spec.labels:
        shown = ", ".join(spec.labels[:12]) + (", …" if len(spec.labels) > 12 else "")
        words.append(f"{len(spec.labels)} classes: {shown}")
    if spec.columns:
        words.append("columns: " + ", ".join(column.name for column in spec.columns))
    meaning = "; ".join(word for word in words if word).replace("|", "\\|").replace("\n", " ")
    return f"| {direction} | `{spec.name}` | {spec.dtype} | [{shape}] | {limits} | {meaning} |"


def _metrics(metrics: Mapping[str, Any]) -> list[str]:
    scores = metrics.get("scores", metrics)
    if not isinstance(scores, Mapping) or not scores:
        return ["None were given."]
    rows = ["| metric | value | 95 % interval |", "| --- | --- | --- |"]
    for name, score in sorted(scores.items()):
        value, low, high, unit = score, None, None, None
        if isinstance(score, Mapping):
            value, low, high, unit = map(score.get, ("value", "low", "high", "unit"))
        if not isinstance(value, int | float):
            continue
        known = isinstance(low, int | float) and isinstance(high, int | float)
        shown = f"{value:.4g} {unit}" if unit else f"{value:.4g}"
        rows.append(f"| {name} | {shown} | {f'{low:.4g} to {high:.4g}' if known else ''} |")
    return rows if len(rows) > 2 else ["None were given."]


def _variant(name: str, variant: Variant) -> list[str]:
    of = name.removesuffix(f"_{variant.label}")
    description = next(c.description for c in variant.candidates if c.method == variant.method)
    lines = [
        "## Variant",
        "",
        f"A variant of `{of}` with the weights `{variant.source_weights_sha256}`",
        f"and the manifest `{variant.source_manifest_sha256}`: {description}.",
        "",
    ]
    if (used := variant.calibration) is not None:
        lines += [
            f"Calibrated ({used.method}) on {used.examples} examples of the {used.split} "
            f"split, `{used.sha256}`.",
            "",
        ]
    lines += [
        f"All candidates, with the preference `{variant.prefer}`, a loss of at most "
        f"{variant.max_loss:g} and,",
        f"for a classifier, an agreement of at least {variant.min_agreement:.2%}:",
        "",
        "| method | bytes | loss (95 % interval) | agreement | largest difference | result |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for candidate in variant.candidates:
        word = "**published**" if candidate.method == variant.method else "accurate"
        cells = [f"`{candidate.method}`", f"{candidate.bytes:,}" if candidate.bytes else ""]
        cells += _compared(candidate.comparison)
        cells.append(word if candidate.accurate else candidate.reason)
        lines.append("| " + " | ".join(cells) + " |")
    test = variant.test
    return [
        *lines,
        "",
        f"On the {test.examples} examples of the test split, which did not influence the choice: "
        f"{test.metric} {test.variant:.4g}, of the source {test.source:.4g}; "
        f"loss {_compared(test)[0]}.",
        "",
    ]


def _compared(found: Comparison | None) -> list[str]:
    if found is None:
        return ["", "", ""]
    interval = f" ({found.low:.2f} to {found.high:.2f})" if found.low is not None else ""
    same = f"{found.agreement:.2%}" if found.agreement is not None else ""
    largest = max(found.max_difference.values(), default=0.0)
    return [f"{found.loss:.2f} {found.unit}{interval}", same, f"{largest:.1e}"]


def _use(manifest: Manifest) -> tuple[str, str]:
    """Return the code that loads the artifact and predicts."""
    if text_generation({graph.signature: graph for graph in manifest.graphs}) is None:
        return (
            'session = zoo.runtime.load("PATH OF THIS FOLDER")',
            "session.predict(raw).as_dicts()",
        )
    return (
        'generator = zoo.runtime.load_generator("PATH OF THIS FOLDER")',
        "generator.predict(raw, beams=4).texts",
    )


def _parity(graph: Graph, reference: str) -> list[str]:
    parity = graph.parity
    lengths = "".join(
        f", `{axis}` of {', '.join(map(str, sizes))}" for axis, sizes in parity.lengths.items()
    )
    lines = [
        f"`{graph.signature}` was compared with {reference} in {parity.comparisons} calls:",
        f"batches of {', '.join(map(str, parity.batches))}{lengths};",
        f"inputs: {', '.join(parity.input_kinds)};",
        f"optimization levels of onnxruntime: {', '.join(parity.optimization)}.",
        "",
        "| output | largest difference | tolerance, relative to an example's largest value |",
        "| --- | --- | --- |",
    ]
    for name, worst in sorted(parity.worst_absolute.items()):
        allowed = graph.tolerance.get(name)
        shown = f"{allowed.relative:.1e} (plus {allowed.absolute:.1e})" if allowed else "equal"
        lines.append(f"| `{name}` | {worst:.1e} | {shown} |")
    return [*lines, ""]
