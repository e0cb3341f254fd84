"""Provenance: trace an artifact to its run or weights, its data and its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.api.artifacts import artifacts, came_from
from zoo.api.catalog import registry
from zoo.api.datasets import dataset
from zoo.api.environment import code_of
from zoo.api.model_factory import build, needs_keras, published_weights
from zoo.api.predict_fns import signatures
from zoo.api.run import Run
from zoo.api.runs import RUNS, run_folders
from zoo.environment import without_network
from zoo.errors import ArtifactError, DatasetUnavailable, TrainError, ZooError
from zoo.files import sha256_file, sha256_json
from zoo.runtime.manifest import MANIFEST, Manifest
from zoo.runtime.verification import check_files

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
        >>> trace: zoo.Trace = zoo.why("exports/cnn/1", data=False)
        >>> [link.kind for link in trace.links]
        ['artifact', 'weights', 'data', 'config']
    """
    folder = Path(artifact)
    manifest = check_files(folder)
    links = [_artifact(folder, manifest)]
    if manifest.variant is not None:
        links.append(_source(folder, manifest))
    with without_network():
        if run is None and "weights" in manifest.origin:
            origin = _from_weights(manifest)
        else:
            origin = _from_run(manifest, Path(run) if run else _find(manifest, Path(runs)), runs)
        links += [origin.link, _data(manifest, origin, read=data), _config(manifest, origin)]
        if origin.record is not None:
            links.append(_code(origin.record))
    return Trace(str(folder), tuple(links))


@dataclass(frozen=True)
class _Origin:
    """The run or the published weights of an artifact, as far as they are here.

    Attributes:
        link: The link of the trace.
        data: The name or path of its training data.
        config: Its configuration.
        record: The record of a run.
    """

    link: Link
    data: str = ""
    config: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None


def _artifact(folder: Path, manifest: Manifest) -> Link:
    facts = {
        "name": manifest.name,
        "architecture": manifest.architecture,
        "task": manifest.task,
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


def _from_weights(manifest: Manifest) -> _Origin:
    """Follow the origin to published weights and their catalog entry."""
    origin = manifest.origin
    name = str(origin["weights"])
    facts = {"id": name, "SHA-256": origin.get("weights_file_sha256")}
    reason = f"no installed catalog has weights {name!r} of {manifest.architecture}"
    try:
        entry = published_weights(manifest.architecture, name)
    except ZooError as error:
        entry, reason = None, error.what
    if entry is None:
        return _Origin(Link("weights", "", facts, (Check("the catalog's entry", None, reason),)))
    facts |= {"trained on": entry.trained_on, "parameters": entry.parameters}
    if entry.measured:
        facts["measured by"] = entry.measured.command
    recorded = origin.get("weights_file_sha256")
    checks = (
        _same("SHA-256 of their file in the catalog", recorded, entry.sha256),
        _scores(manifest, entry.measured and entry.measured.metrics),
        _weights(manifest, lambda: build(manifest.architecture, weights=name)),
    )
    where = entry.file or next(iter(entry.urls), "")
    return _Origin(Link("weights", where, facts, checks), entry.trained_on, entry.config)


def _from_run(manifest: Manifest, path: Path | None, searched: str | Path) -> _Origin:
    """Follow the origin to a run."""
    plan, best = (manifest.origin.get(key) for key in ("plan", "best_epoch"))
    facts = {"plan": plan, "best epoch": best}
    if path is None:
        missing = Check("its record", None, f"no run in {searched} matches the artifact")
        return _Origin(Link("run", "", facts, (missing,)))
    run = Run(path)
    record = run.record
    facts |= {key: record[key] for key in ("status", "started", "seconds", "versions")}
    checks = (
        _same("plan", plan, record["plan"]),
        _same("best epoch", best, record["best_epoch"]),
        _model_file(run),
        _weights(manifest, lambda: run.model),
        _scores(manifest, run.metrics and run.metrics.scores),
    )
    return _Origin(
        Link("run", str(path), facts, checks), record["data"]["source"], record["config"], record
    )


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


def _scores(manifest: Manifest, known: Any) -> Check:
    """Compare the scores of an artifact with those of its origin."""
    recorded = manifest.metrics.get("scores")
    if manifest.variant is not None:
        return Check("scores", None, "those of the source")
    if not recorded or not known:
        return Check("scores", None, "the artifact, or its origin, has none")
    return _same("scores", recorded, {name: score.model_dump() for name, score in known.items()})


def _model_file(run: Run) -> Check:
    """Compare the model file of a run with the hash that training recorded."""
    what, file, known = "SHA-256 of model.keras", run.folder.model_file, run.record.get("model")
    if not known or not file.is_file():
        return Check(what, None, "it is not there" if known else "the run did not record it")
    return _same(what, known["sha256"], sha256_file(file))


def _weights(manifest: Manifest, model: Callable[[], Any]) -> Check:
    """Compare the recorded hash of the weights with those of a model."""
    recorded: Any = {graph.signature: graph.weights_sha256 for graph in manifest.graphs}
    if manifest.variant is not None:
        recorded = manifest.variant.source_weights_sha256

    def find() -> Any:
        needs_keras("comparing weights")
        from zoo.exporting.publishing import weights_sha256

        found = {
            one.name: weights_sha256(weight.numpy() for weight in one.model.weights)
            for one in signatures(model())
        }
        return found if manifest.variant is None else found.get(manifest.graphs[0].signature)

    return _compare("SHA-256 of the weights", recorded, find)


def _data(manifest: Manifest, origin: _Origin, *, read: bool) -> Link:
    """Compare the recorded fingerprint with the run's, and with the data as it is now."""
    facts: dict[str, Any] = {"id": manifest.data.id, "fingerprint": manifest.data_fingerprint}
    checks = []
    options: Mapping[str, Any] = {}
    if origin.record is not None:
        recorded = origin.record["data"]
        options = recorded["options"]
        facts |= {"options": options, "sizes": recorded["sizes"]}
        same = _same("fingerprint in the run", manifest.data_fingerprint, recorded["fingerprint"])
        checks.append(same)
    what, where = "fingerprint of the data", origin.data
    if not where:
        checks.append(Check(what, None, "its location is unknown"))
    elif not read:
        checks.append(Check(what, None, "not requested"))
    else:
        known = manifest.data_fingerprint
        checks.append(_compare(what, known, lambda: dataset(where, **options).fingerprint))
        where = "" if checks[-1].holds is None else where
    return Link("data", where, facts, tuple(checks))


def _config(manifest: Manifest, origin: _Origin) -> Link:
    """Compare the configuration with its hash, and with the configuration of the origin."""
    known = origin.config
    checks = [
        _same("SHA-256 in the manifest", manifest.config_sha256, sha256_json(manifest.config))
    ]
    if origin.record is not None:
        checks.append(_same("SHA-256 in the run", origin.record["config_hash"], sha256_json(known)))
    if known is not None:
        # A catalog may omit defaults, and the plugin may have new fields.
        differ = sorted(key for key in known if manifest.config.get(key) != known[key])
        gained = sorted(set(manifest.config) - set(known)) if origin.record is not None else []
        note = f"{', '.join(differ)} differ" if differ else ""
        note = note or (f"gained since: {', '.join(gained)}" if gained else "")
        checks.append(Check("every field at its origin", not differ, note))
    return Link("config", "", {"fields": dict(manifest.config)}, tuple(checks))


def _code(record: Mapping[str, Any]) -> Link:
    """Compare the code that trained the model with the installed code."""
    known = (record.get("code") or {}).get("plugin")
    facts = dict(record["architecture"]) | {"files": known}
    what = "source files of the plugin"
    try:
        now = code_of(type(registry().get(record["architecture"]["name"])))
    except ZooError as error:
        return Link("code", "", facts, (Check(what, None, error.what),))
    if known and known == now:
        return Link("code", "", facts, (Check(what, True),))
    # Other code may do the same: the weights tell.
    note = "the installed ones differ" if known else "the run did not record them"
    return Link("code", "", facts, (Check(what, None, note),))


def _compare(what: str, recorded: Any, find: Callable[[], Any]) -> Check:
    """Compare a recorded value with one that may not be there."""
    try:
        return _same(what, recorded, find())
    except ArtifactError as error:
        return Check(what, False, error.what)
    except DatasetUnavailable:
        return Check(what, None, "it is not here, and nothing is downloaded")
    except ZooError as error:
        return Check(what, None, error.what)


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
