"""Provenance: trace an artifact to its run or weights, its data and its configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.api.catalog import registry
from zoo.api.datasets import dataset
from zoo.api.environment import code_of
from zoo.api.model_factory import (
    DataSource,
    build,
    needs_keras,
    published_weights,
)
from zoo.api.predict_fns import signatures
from zoo.api.run import Run
from zoo.api.runs import RUNS, run_folders
from zoo.environment import without_network
from zoo.errors import ArtifactError, DatasetUnavailable, TrainError, ZooError
from zoo.files import sha256_file, sha256_json
from zoo.registry.catalog import WeightsEntry
from zoo.runtime.manifest import MANIFEST, Manifest
from zoo.runtime.verification import check_files

EXPORTS = "exports"
"""The folder that ``zoo export`` publishes in."""

LinkKind = Literal["artifact", "source", "weights", "run", "data", "config", "code"]


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        what: The compared value.
        holds: Whether it is the same in both places; ``None`` if it could not be compared.
        note: Why not, or the difference.
    """

    what: str
    holds: bool | None
    note: str = ""


@dataclass(frozen=True)
class Link:
    """One step from an artifact to its origin.

    Attributes:
        kind: The kind of step.
        where: Its path or name; empty if it was not found.
        facts: Known facts.
        checks: Comparisons.
    """

    kind: LinkKind
    where: str
    facts: Mapping[str, Any]
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Trace:
    """The origin of an artifact, link by link."""

    artifact: str
    links: tuple[Link, ...]

    @property
    def holds(self) -> bool:
        """Whether no comparison failed."""
        return all(check.holds is not False for link in self.links for check in link.checks)


def why(
    artifact: str | Path,
    *,
    runs: str | Path = RUNS,
    run: str | Path | None = None,
    data: bool = True,
) -> Trace:
    """Trace an artifact to its origin, and compare the recorded hashes at every link.

    The artifact names no folder: its run is the one whose record matches its origin, and published
    weights are found in the catalog. Nothing is downloaded. Weights are compared if Keras is
    installed.

    Args:
        artifact: The folder of one version, e.g. ``exports/cnn/1``.
        runs: The folder that holds its run.
        run: The folder of its run, if it is elsewhere.
        data: Compare the data too, which may take minutes.

    Raises:
        ArtifactError: If it is no artifact, or a file is not what was published.
        TrainError: If ``run`` is no run.

    Example:
        >>> [link.kind for link in zoo.why("exports/cnn/1").links]
        ['artifact', 'weights', 'data', 'config']
    """
    folder = Path(artifact)
    manifest = check_files(folder)
    links = [_artifact(folder, manifest)]
    if manifest.variant is not None:
        links.append(_source(folder, manifest))
    with without_network():
        if run is None and "weights" in manifest.origin:
            links += _from_weights(manifest, data=data)
        else:
            found = Path(run) if run else _find(manifest, Path(runs))
            links += _from_run(manifest, found, runs, data=data)
    return Trace(str(folder), tuple(links))


def came_from(manifest: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Return whether the origin of an artifact matches a run.

    The same training twice gives the same bytes, and then either run matches.

    Args:
        manifest: An artifact's manifest, as plain data.
        record: A run's record.
    """
    origin, config = manifest.get("origin"), manifest.get("config")
    if not isinstance(origin, Mapping) or not isinstance(config, Mapping):
        return False
    # A configuration may have gained fields between the run and the export.
    return (
        manifest.get("architecture") == record["architecture"]["name"]
        and origin.get("plan") == record["plan"]
        and origin.get("best_epoch") == record["best_epoch"]
        and all(key in config and config[key] == value for key, value in record["config"].items())
    )


def artifacts(exports: Path) -> Iterator[tuple[Path, Mapping[str, Any] | None]]:
    """Yield every artifact of a model repository, with its unverified manifest.

    The manifest is ``None`` if it cannot be read.
    """
    for path in sorted(exports.glob("*/*/manifest.json")):
        try:
            # Reading a pipe would block.
            manifest = json.loads(path.read_text("utf-8")) if path.is_file() else None
        except (OSError, ValueError, RecursionError):
            manifest = None
        yield path.parent, manifest if isinstance(manifest, Mapping) else None


def _artifact(folder: Path, manifest: Manifest) -> Link:
    facts = {
        "name": manifest.name,
        "architecture": manifest.architecture,
        "task": manifest.task.value,
        "bytes": sum(entry.bytes for entry in manifest.files),
        "made with": ", ".join(f"{name} {version}" for name, version in manifest.producer.items()),
    }
    whole = Check(f"{len(manifest.files)} files and the manifest have their SHA-256", True)
    return Link("artifact", str(folder), facts, (whole,))


def _source(folder: Path, manifest: Manifest) -> Link:
    """Find the source of a quantized artifact among the artifacts beside it."""
    variant: Any = manifest.variant
    facts = {"method": variant.method, "manifest SHA-256": variant.source_manifest_sha256}
    for path, _ in artifacts(folder.resolve().parent.parent):
        if sha256_file(path / MANIFEST) == variant.source_manifest_sha256:
            shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            return Link("source", str(shown), facts, (Check("SHA-256 of its manifest", True),))
    missing = Check("SHA-256 of its manifest", None, "no artifact beside it has that manifest")
    return Link("source", "", facts, (missing,))


def _from_weights(manifest: Manifest, *, data: bool) -> Iterator[Link]:
    """Follow the origin to published weights and their catalog entry."""
    origin = manifest.origin
    name = str(origin["weights"])
    facts = {"id": name, "SHA-256": origin.get("weights_file_sha256")}
    try:
        entry = published_weights(manifest.architecture, name)
    except ZooError as error:
        entry, reason = None, error.what
    else:
        reason = f"no installed catalog has weights {name!r} of {manifest.architecture}"
    if entry is None:
        yield Link("weights", "", facts, (Check("the catalog's entry", None, reason),))
        yield _data(manifest, None, None)
        yield _config(manifest, None)
        return
    facts |= {"trained on": entry.trained_on, "parameters": entry.parameters}
    if entry.measured:
        facts["measured by"] = entry.measured.command
    checks = [
        _same(
            "SHA-256 of their file in the catalog",
            origin.get("weights_file_sha256"),
            entry.sha256,
        ),
        _cataloged(manifest, entry),
        _weights(manifest, lambda: build(manifest.architecture, weights=name)),
    ]
    yield Link("weights", entry.file or next(iter(entry.urls), ""), facts, tuple(checks))
    yield _data(manifest, lambda: dataset(entry.trained_on), entry.trained_on, read=data)
    yield _config(manifest, entry.config, whole=False)


def _from_run(
    manifest: Manifest, path: Path | None, searched: str | Path, *, data: bool
) -> Iterator[Link]:
    """Follow the origin to a run."""
    plan = manifest.origin.get("plan")
    facts = {"plan": plan, "best epoch": manifest.origin.get("best_epoch")}
    if path is None:
        missing = Check("its record", None, f"no run in {searched} matches the artifact")
        yield Link("run", "", facts, (missing,))
        yield _data(manifest, None, None)
        yield _config(manifest, None)
        return
    run = Run(path)
    record = run.record
    known = {
        **facts,
        "status": run.status,
        "started": record["started"],
        "seconds": record["seconds"],
        "versions": record["versions"],
    }
    checks = [
        _same("plan", plan, record["plan"]),
        _same("best epoch", manifest.origin.get("best_epoch"), record["best_epoch"]),
        _model_file(run),
        _weights(manifest, lambda: run.model),
    ]
    if manifest.variant is None:
        checks.append(_figures(manifest, run))
    yield Link("run", str(path), known, tuple(checks))
    source = record["data"]["source"]
    yield _data(
        manifest,
        lambda: dataset(source, **record["data"]["options"]),
        source,
        recorded=record["data"],
        read=data,
    )
    yield _config(manifest, record["config"], recorded=record["config_hash"])
    yield _code(record)


def _find(manifest: Manifest, runs: Path) -> Path | None:
    """Return the run that matches the origin of an artifact."""
    plain = manifest.model_dump(mode="json")
    for path in run_folders(runs):
        try:
            if came_from(plain, Run(path).record):
                return path
        except TrainError:
            continue
    return None


def _cataloged(manifest: Manifest, entry: WeightsEntry) -> Check:
    """Compare the scores of an artifact with those of the catalog."""
    what = "scores in the catalog"
    if entry.measured is None or manifest.variant is not None:
        return Check(what, None, "those of the source" if entry.measured else "it has none")
    known = {name: score.model_dump() for name, score in entry.measured.metrics.items()}
    return _same(what, manifest.metrics.get("scores"), known)


def _figures(manifest: Manifest, run: Run) -> Check:
    evaluation = run.metrics
    if evaluation is None or not manifest.metrics:
        return Check("scores", None, "the run, or the artifact, has none")
    known = evaluation.model_dump(mode="json", include={"scores"})["scores"]
    return _same("scores", manifest.metrics.get("scores"), known)


def _model_file(run: Run) -> Check:
    """Compare the model file of a run with the hash that training recorded."""
    what, known = "SHA-256 of model.keras", run.record.get("model")
    if not run.folder.model_file.is_file():
        return Check(what, None, "it is not there")
    if not known:
        return Check(what, None, "the run did not record it")
    return _same(what, known["sha256"], sha256_file(run.folder.model_file))


def _weights(manifest: Manifest, model: Callable[[], Any]) -> Check:
    """Compare the recorded hash of the weights with those of a model."""
    what = "SHA-256 of the weights"
    try:
        needs_keras("comparing weights")
        from zoo.exporting.publishing import weights_sha256

        found = {
            item.name: weights_sha256(weight.numpy() for weight in item.model.weights)
            for item in signatures(model())
        }
    except ArtifactError as error:
        return Check(what, False, error.what)
    except ZooError as error:
        return Check(what, None, error.what)
    if manifest.variant is not None:
        first = manifest.graphs[0].signature
        return _same(what, manifest.variant.source_weights_sha256, found.get(first))
    recorded = {graph.signature: graph.weights_sha256 for graph in manifest.graphs}
    return _same(what, recorded, found)


def _data(
    manifest: Manifest,
    opened: Callable[[], DataSource] | None,
    source: str | None,
    *,
    recorded: Mapping[str, Any] | None = None,
    read: bool = True,
) -> Link:
    """Compare the recorded fingerprint with the run's, and with the data as it is now."""
    facts = {"id": manifest.data.id, "fingerprint": manifest.data_fingerprint}
    checks = []
    if recorded is not None:
        facts |= {"options": recorded["options"], "sizes": recorded["sizes"]}
        same = _same("fingerprint in the run", manifest.data_fingerprint, recorded["fingerprint"])
        checks.append(same)
    what = "fingerprint of the data"
    if opened is None:
        checks.append(Check(what, None, "its location is unknown"))
        return Link("data", "", facts, tuple(checks))
    if not read:
        checks.append(Check(what, None, "not requested"))
        return Link("data", source or "", facts, tuple(checks))
    try:
        data: Any = opened()
        checks.append(_same(what, manifest.data_fingerprint, data.fingerprint))
    except DatasetUnavailable:
        checks.append(Check(what, None, "it is not here, and nothing is downloaded"))
        source = None
    except ZooError as error:
        checks.append(Check(what, None, error.what))
        source = None
    return Link("data", source or "", facts, tuple(checks))


def _config(
    manifest: Manifest,
    known: Mapping[str, Any] | None,
    *,
    recorded: str | None = None,
    whole: bool = True,
) -> Link:
    """Compare the configuration with its hash, and with the configuration of the origin."""
    checks = [
        _same("SHA-256 in the manifest", manifest.config_sha256, sha256_json(manifest.config))
    ]
    if recorded is not None and known is not None:
        checks.append(_same("SHA-256 in the run", recorded, sha256_json(known)))
    if known is not None:
        # A catalog may omit defaults, and the plugin may have new fields.
        differ = sorted(key for key in known if manifest.config.get(key) != known[key])
        gained = sorted(set(manifest.config) - set(known)) if whole else []
        note = f"{', '.join(differ)} differ" if differ else ""
        note = note or (f"gained since: {', '.join(gained)}" if gained else "")
        checks.append(Check("every field at its origin", not differ, note))
    return Link("config", "", {"fields": dict(manifest.config)}, tuple(checks))


def _code(record: Mapping[str, Any]) -> Link:
    """Compare the code that trained the model with the installed code."""
    name = record["architecture"]["name"]
    known = (record.get("code") or {}).get("plugin")
    facts = dict(record["architecture"]) | {"files": known}
    try:
        now = code_of(type(registry().get(name)))
    except ZooError as error:
        return Link("code", "", facts, (Check("source files of the plugin", None, error.what),))
    if not known or not now:
        note = "the run did not record them" if not known else "they cannot be read"
    else:
        note = "" if now == known else "the installed ones differ"
    holds = True if known and now == known else None
    return Link("code", "", facts, (Check("source files of the plugin", holds, note),))


def _same(what: str, recorded: Any, found: Any) -> Check:
    """Compare a recorded value with the one found."""
    if recorded == found:
        return Check(what, True)
    return Check(what, False, f"recorded {_brief(recorded)}, found {_brief(found)}")


def _brief(value: Any) -> str:
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return f"{sha256_json(value)[:12]}…"
    text = str(value)
    return f"{text[:12]}…" if len(text) > 40 else text
