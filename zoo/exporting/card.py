"""``card.md``: the manifest for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.runtime.decoding import generated_text
from zoo.runtime.manifest import Comparison, Graph, Manifest, Variant
from zoo.spec import TensorSpec


def write_card(manifest: Manifest) -> str:
    """Return the card of an artifact as Markdown, made from its manifest alone."""
    lines = [
        f"# {manifest.name}",
        "",
        manifest.summary,
        "",
        f"Architecture: `{manifest.architecture}`. Task: {manifest.task.value}. "
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
        "`zoo verify PATH` proves this folder again; it needs onnxruntime and numpy only. Any",
        "runtime of ONNX reads the files too: raw values go in, preprocessing is inside.",
        "",
    ]
    for graph in manifest.graphs:
        lines += _graph(graph)
    if manifest.variant is not None:
        lines += _variant(manifest.name, manifest.variant)
    lines += ["## Data", "", f"Made for `{manifest.data.id}`."]
    if manifest.data_fingerprint:
        lines.append(f"Fingerprint of the data and its splits: `{manifest.data_fingerprint}`.")
    lines += ["", "## Metrics", "", *_metrics(manifest.metrics), ""]
    lines += ["## How it was verified", ""]
    for graph in manifest.graphs:
        lines += _proof(graph, "its Keras model" if manifest.variant is None else "itself")
    lines += [
        "## Limits",
        "",
        *(f"- {limit}" for limit in manifest.limits),
        *([""] if manifest.limits else []),
        "It answers for any input of the declared shape and type, also for one that has nothing to",
        "do with its data: an answer outside the declared ranges and classes means nothing.",
        "The metrics hold for data like that above, and for no other.",
        "",
        "## Made with",
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
    """Say what the graph is made of, and in which form it reads step by step, if it does."""
    if not operators:
        return []
    shown = ", ".join(f"{name} {count}" for name, count in sorted(operators.items()))
    lines = [f"Operators: {shown}."]
    if real := [name for name in ("GRU", "LSTM", "RNN") if name in operators]:
        lines.append(f"Steps are read by ONNX's own operator {' and '.join(real)}.")
    if "Loop" in operators:
        lines.append("Steps are read in a Loop: right, and slower than an operator of its own.")
    return [*lines, ""]


def _tensor(role: str, spec: TensorSpec) -> str:
    shape = ", ".join(["batch", *map(str, spec.shape)])
    limits = f"{spec.range[0]:g} to {spec.range[1]:g}" if spec.range else ""
    words = [spec.unit or "", spec.outside and f"before: {spec.outside}", spec.inside]
    if spec.missing:
        words.append("NaN stands for a missing value")
    if spec.labels:
        shown = ", ".join(spec.labels[:12]) + (", …" if len(spec.labels) > 12 else "")
        words.append(f"{len(spec.labels)} classes: {shown}")
    if spec.columns:
        words.append("columns: " + ", ".join(column.name for column in spec.columns))
    meaning = "; ".join(word for word in words if word).replace("|", "\\|").replace("\n", " ")
    return f"| {role} | `{spec.name}` | {spec.dtype} | [{shape}] | {limits} | {meaning} |"


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
    method = next(v.method for v in variant.verdicts if v.candidate == variant.kind)
    lines = [
        "## Variant",
        "",
        f"A form of `{of}` with the weights `{variant.of_weights_sha256}`",
        f"and the manifest `{variant.of_manifest_sha256}`: {method}.",
        "",
    ]
    if (used := variant.calibration) is not None:
        lines += [
            f"Ranges ({used.method}) are those of {used.examples} examples of the {used.split} "
            f"split, `{used.sha256}`.",
            "",
        ]
    lines += [
        f"Tried, under the policy `{variant.policy}` (at most {variant.max_loss:g} lost, at least",
        f"{variant.min_agreement:.2%} of a classifier's answers the same):",
        "",
        "| candidate | bytes | lost (95 % interval) | same class | largest difference | verdict |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for verdict in variant.verdicts:
        word = "**published**" if verdict.candidate == variant.kind else "faithful"
        cells = [f"`{verdict.candidate}`", f"{verdict.bytes:,}" if verdict.bytes else ""]
        cells += _compared(verdict.comparison)
        lines.append(
            "| " + " | ".join([*cells, word if verdict.faithful else verdict.reason]) + " |"
        )
    kept = variant.test
    return [
        *lines,
        "",
        f"On the {kept.examples} examples of the test split, which decided nothing: {kept.metric} "
        f"{kept.value:.4g}, of the original {kept.original:.4g}; lost {_compared(kept)[0]}.",
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
    """Return how it is opened and asked: what writes texts takes a loop around its graphs."""
    signatures = {graph.signature: (graph.inputs, graph.outputs) for graph in manifest.graphs}
    if generated_text(signatures) is None:
        return (
            'session = zoo.runtime.load("PATH OF THIS FOLDER")',
            "session.predict(raw).as_dicts()",
        )
    return (
        'generator = zoo.runtime.load_generator("PATH OF THIS FOLDER")',
        "generator.predict(raw, beams=4).texts",
    )


def _proof(graph: Graph, of: str) -> list[str]:
    parity = graph.parity
    lengths = "".join(
        f", `{axis}` of {', '.join(map(str, sizes))}" for axis, sizes in parity.lengths.items()
    )
    lines = [
        f"`{graph.signature}` was compared with {of} in {parity.comparisons} calls:",
        f"batches of {', '.join(map(str, parity.batches))}{lengths};",
        f"{', '.join(parity.probes)} values;",
        f"onnxruntime's optimization {', '.join(parity.optimization)}.",
        "",
        "| output | largest difference | allowed relative to an example's largest value |",
        "| --- | --- | --- |",
    ]
    for name, worst in sorted(parity.worst_absolute.items()):
        allowed = graph.tolerance.get(name)
        shown = f"{allowed.relative:.1e} (and {allowed.absolute:.1e})" if allowed else "equal"
        lines.append(f"| `{name}` | {worst:.1e} | {shown} |")
    return [*lines, ""]


__all__ = ["write_card"]
