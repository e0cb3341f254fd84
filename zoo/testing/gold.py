"""Checks of the level gold: intervals, and the claims of the catalog."""

from __future__ import annotations

import hashlib
import importlib.resources
import math
from typing import Any

import zoo
from zoo.api.predict_fns import keras_predict_fn
from zoo.errors import DatasetUnavailable
from zoo.metrics import Score
from zoo.testing.checks import CheckGroup, Measured, NotMade, Skipped, expect
from zoo.testing.subject import ModelSubject

GROUP = CheckGroup("gold", "gold")

EXAMPLES = 96
"""Examples of the test split on which a claimed score is measured again."""


@GROUP.check(
    why="A score on few examples is uncertain, and its interval says how much.",
    fix="Return scores with `low` and `high` from `evaluate`: `zoo.metrics` has intervals of "
    "proportions, means and bootstrapped scores.",
)
def intervals(subject: ModelSubject) -> Measured:
    """The headline score has a 95 % interval on its default data."""
    evaluation = zoo.evaluate(subject.run)
    name = evaluation.headline
    score = evaluation.scores[name]
    expect(score.low is not None and score.high is not None, f"an interval of {name!r}", "none")
    for other, one in evaluation.scores.items():
        if one.low is None or one.high is None:
            continue
        ends = (one.low, one.value, one.high)
        expect(all(map(math.isfinite, ends)), f"a finite interval of {other!r}", ends)
        expect(one.low <= one.high, f"the ends of {other!r} in their order", ends)
    expect(
        score.low <= score.value <= score.high,  # type: ignore[operator]  # looked at above
        f"{name!r} to lie in its interval",
        (score.low, score.value, score.high),
    )
    return {"score": name, "value": score.value, "low": score.low or 0, "high": score.high or 0}


@GROUP.check(
    why="Users and programs select models by the catalog, which is read without an import.",
    fix="Repeat the `info` of the architecture in the package's `registry.yaml`, and announce that "
    "by an entry point of the group `zoo.catalogs`.",
)
def catalog(subject: ModelSubject) -> Measured:
    """A catalog has an entry for this version, which agrees with its `info`."""
    if not subject.listing.is_installed:
        raise NotMade("it was registered in this process, and catalogs are of packages")
    entry, info = subject.listing.entry, subject.architecture.info
    expect(entry is not None, f"an entry for {info.identity} in a catalog", "none")
    pairs = {
        "summary": (entry.summary, info.summary),
        "tasks": (sorted(entry.tasks), sorted(info.tasks)),
        "tags": (sorted(entry.tags), sorted(info.tags)),
        "license": (entry.license, info.license),
        "default_dataset": (entry.default_dataset, subject.architecture.default_dataset),
    }
    for field, (claimed, true) in pairs.items():
        expect(claimed == true, f"{field} {true!r} in the catalog", repr(claimed))
    return {"fields": len(pairs)}


@GROUP.check(
    why="The number of parameters tells the size of a model.",
    fix="Set `parameters` to `zoo.build(NAME, weights=...).count_params()`.",
)
def parameters(subject: ModelSubject) -> Measured:
    """It has the number of parameters in the catalog, with and without its weights."""
    entry = _entry(subject)
    claims = {weights.id: weights.parameters for weights in entry.weights}
    if entry.parameters is None and not claims:
        raise Skipped("the catalog has no number of parameters")
    at_hand = [one.id for one in entry.weights if one.file is not None]  # without a download
    counted = {name: zoo.build(subject.name, weights=name).count_params() for name in at_hand}
    for name, true in counted.items():
        expect(claims[name] == true, f"{true:,} parameters of the weights {name!r}", claims[name])
    if entry.parameters is not None:
        known = set(counted.values()) | {
            zoo.build(subject.name, data=subject.spec).count_params(),
        }
        expect(entry.parameters in known, f"one of {sorted(known)} parameters", entry.parameters)
    return {"weights": len(counted)}


@GROUP.check(
    why="Weights that differ from the cataloged file cannot be trusted.",
    fix="Set `bytes` and `sha256` to those of the shipped file.",
)
def weights(subject: ModelSubject) -> Measured:
    """Every file of weights that is shipped has the cataloged size and SHA-256."""
    entry = _entry(subject)
    if not entry.weights:
        raise Skipped("the catalog has no weights of it")
    looked = 0
    for one in entry.weights:
        if one.file is None:
            continue
        package, _, inside = one.file.partition("/")
        path = importlib.resources.files(package).joinpath(inside)
        expect(path.is_file(), f"the file {one.file} of the weights {one.id!r}", "no such file")
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        expect(len(data) == one.bytes, f"{len(data):,} bytes of {one.id!r}", one.bytes)
        expect(digest == one.sha256, f"the SHA-256 {digest[:16]}… of {one.id!r}", one.sha256)
        looked += 1
    if not looked:
        raise Skipped("its weights are downloaded, and checked then")
    return {"files": looked}


@GROUP.check(
    why="A claimed score must be reproducible.",
    fix="Evaluate the shipped weights again, and state the result with its interval.",
)
def metrics(subject: ModelSubject) -> Measured:
    """Its weights for the default data reach the claimed scores, within their intervals."""
    entry = _entry(subject)
    claimed = next(
        (
            one
            for one in entry.weights
            if one.trained_on == subject.architecture.default_dataset and one.measured
        ),
        None,
    )
    if claimed is None or claimed.measured is None:
        raise Skipped("the catalog claims no scores on its default data")
    headline = next(iter(claimed.measured.metrics))
    first = claimed.measured.metrics[headline]
    expect(
        first.low is not None and first.high is not None,
        f"an interval of the claimed {headline!r}",
        "none",
    )
    scores = _measure(subject, claimed.id)
    compared = 0
    for name, claim in claimed.measured.metrics.items():
        found = scores.get(name)
        if found is None or claim.low is None or claim.high is None or found.low is None:
            continue
        compared += 1
        expect(
            _reaches(found, claim.low, claim.high),
            f"{name!r} of the weights {claimed.id!r} to be as good as claimed, "
            f"{claim.low:.4g} to {claim.high:.4g}",
            f"{found.value:.4g}, {found.low:.4g} to {found.high:.4g} on {EXAMPLES} examples",
        )
    expect(compared, "a claimed score that can be measured again", list(claimed.measured.metrics))
    return {"weights": claimed.id, "scores": compared}


def _entry(subject: ModelSubject) -> Any:
    """Return its catalog entry.

    Raises:
        Skipped: If there is none: that fails the check of the catalog itself.
    """
    if subject.listing.entry is None:
        raise Skipped("no catalog has an entry for it")
    return subject.listing.entry


def _measure(subject: ModelSubject, identifier: str) -> dict[str, Score]:
    """Return the scores of shipped weights on a part of the test split."""
    architecture = subject.architecture
    model = zoo.build(subject.name, weights=identifier)
    blueprint = model.blueprint
    signatures = architecture.signatures(model, blueprint.config, blueprint.data)
    try:
        data = zoo.dataset(architecture.default_dataset, max_examples=EXAMPLES)
        again = getattr(data, "encoded_by", None)
        split = (again(blueprint.data) if again is not None else data).split("test")
    except DatasetUnavailable as error:
        raise Skipped(f"its default data is not available here: {error.what}") from error
    predict_fns = {signature.name: keras_predict_fn(signature) for signature in signatures}
    evaluation = architecture.evaluate(predict_fns, split, blueprint.data, config=blueprint.config)
    return dict(evaluation.scores)


def _reaches(found: Score, low: float, high: float) -> bool:
    """Return whether a score may be as good as claimed, or better."""
    if found.low is None or found.high is None or found.better is None:
        return False
    return found.high >= low if found.better == "higher" else found.low <= high
