"""Checks of datasets: listing, description, splits, determinism, offline use."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

import zoo
from zoo.api.catalog import registry
from zoo.api.datasets import find_dataset
from zoo.conformance import Identity
from zoo.data import Dataset, NamedDataset
from zoo.errors import DatasetUnavailable, UnknownDataset
from zoo.spec import Arrays, SplitName, TensorSpec
from zoo.testing.checks import CheckGroup, Measured, Skipped, expect
from zoo.testing.import_probe import (
    expect_light,
    expect_no_effects,
    expect_unlisted,
    trace_import,
)
from zoo.testing.subject import Subject

GROUP = CheckGroup("dataset", kind="dataset")

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

EXAMPLES = 64
"""Examples of each split that are compared."""


class DatasetSubject(Subject):
    """A dataset, which is registered unless it is known.

    Args:
        target: A name of ``zoo datasets``, or a dataset.
    """

    kind = "dataset"
    group = "zoo.datasets"

    def __init__(self, target: str | NamedDataset) -> None:
        super().__init__(target if isinstance(target, str) else target.id)
        if not isinstance(target, str) and find_dataset(self.name) is None:
            zoo.register_dataset(target)
        found = find_dataset(self.name) or registry().load(self.group, self.name)
        self.named: NamedDataset = found

    @property
    def entry_point(self) -> tuple[str, str]:
        """Module and attribute of its entry point.

        Raises:
            Skipped: If it was registered in this process.
        """
        try:
            return super().entry_point
        except UnknownDataset as error:
            raise Skipped(
                "it was registered in this process, so a fresh one cannot import it"
            ) from error

    def identity(self) -> Identity:
        """Return its identity for a receipt."""
        try:
            return super().identity()
        except UnknownDataset:
            here = "(registered here)"
            return Identity(kind="dataset", name=self.name, distribution=here, version="")

    @functools.cached_property
    def data(self) -> Dataset:
        """The dataset with its default options.

        Raises:
            Skipped: If it cannot be loaded here because it is downloaded.
        """
        return self.load()

    def load(self) -> Dataset:
        """Load the dataset again."""
        data = zoo.dataset(self.name)
        try:
            data.sizes()
        except DatasetUnavailable as error:
            if self.named.offline:
                raise
            raise Skipped(f"it is not available here: {error.what}") from error
        return data


@GROUP.check(
    why="`zoo datasets` lists every dataset, and must not run the code of any package for it.",
    fix="Give the entry point and `spec.id` one name, in lower case with underscores.",
)
def listed(subject: DatasetSubject) -> Measured:
    """It is listed under its own name, and listing imports nothing of it."""
    own = subject.named.id
    expect(subject.name.rpartition(":")[2] == own, f"spec.id to be {subject.name!r}", repr(own))
    names = {one.name for one in zoo.list_datasets()}
    expect(own in names, f"{own!r} in zoo.list_datasets()", "a list without it")
    expect_unlisted(subject.entry_point[0])
    return {"name": own}


@GROUP.check(
    why="Users who describe a dataset may have no framework, which takes seconds to import.",
    fix="Import frameworks inside `load`.",
)
def light_import(subject: DatasetSubject) -> Measured:
    """Importing its module imports no framework, changes nothing and prints nothing."""
    trace = trace_import(*subject.entry_point)
    expect_light(trace)
    expect_no_effects(trace)
    return {"frameworks": 0}


@GROUP.check(
    why="Data without a license cannot be used, and a result without its source cannot be cited.",
    fix="State `summary`, `size`, `license` and `source`; the catalog repeats what it lists.",
)
def description(subject: DatasetSubject) -> Measured:
    """It states its license, source and size, as the catalog does."""
    named = subject.named
    stated = {"license": named.license, "source": named.source, "size": named.size}
    missing = [field for field, text in stated.items() if not text.strip()]
    expect(not missing, "a text in each field", f"nothing in {', '.join(missing)}")
    (listing,) = [one for one in zoo.list_datasets() if one.name == named.id]
    own = {
        "summary": named.summary,
        "task": named.task,
        "size": named.size,
        "license": named.license,
        "offline": named.offline,
    }
    for field, value in own.items():
        claimed = getattr(listing, field)
        expect(claimed in ("", None, value), f"{field} {value!r} in the catalog", repr(claimed))
    return {"license": named.license}


@GROUP.check(
    why="A model is built from the spec before any data is loaded.",
    fix="Let `load` return the splits `train`, `validation` and `test` with the tensors of "
    "`spec`: their names, shapes and data types. If these depend on the options, give "
    "`describe`.",
)
def splits(subject: DatasetSubject) -> Measured:
    """Every split has examples, and their tensors are those of the spec."""
    spec = subject.data.spec
    for name in SPLITS:
        split = subject.data.split(name)
        expect(len(split), f"examples in the split {name!r}", "none")
        inputs, targets = split.take(np.arange(min(EXAMPLES, len(split))))
        _expect_tensors(inputs, spec.inputs, f"inputs of {name!r}")
        _expect_tensors(targets, spec.targets, f"targets of {name!r}")
    return dict(subject.data.sizes())


@GROUP.check(
    why="Results on splits that change from one run to the next cannot be compared.",
    fix="Draw with `options.seed` or `options.split_seed`, and sort what the file system lists.",
)
def deterministic(subject: DatasetSubject) -> Measured:
    """Loaded twice with the same options, it has the same examples in the same order."""
    first, second = _digests(subject.data), _digests(subject.load())
    apart = [name for name in first if first[name] != second[name]]
    expect(not apart, "the same examples", f"others in {', '.join(apart)}")
    return {"examples": EXAMPLES}


@GROUP.check(
    why="A run records the fingerprint of its data, and refuses to resume on other data.",
    fix="Let the spec and the `digest` of each split depend on the data and the options alone.",
)
def fingerprint(subject: DatasetSubject) -> Measured:
    """Its fingerprint is the same whenever it is loaded."""
    first, second = subject.data.fingerprint, subject.load().fingerprint
    expect(first == second, f"the fingerprint {first[:16]}…", f"{second[:16]}…")
    return {"fingerprint": first[:16]}


@GROUP.check(
    why="`offline` tells users whether they need a network.",
    fix="Ship or generate the data, or declare `offline=False`.",
)
def offline(subject: DatasetSubject) -> Measured:
    """Declared to work offline, it loads without a network and with an empty cache."""
    if not subject.named.offline:
        raise Skipped("it declares that it is downloaded")
    with tempfile.TemporaryDirectory() as cache, _environment(ZOO_OFFLINE="1", ZOO_CACHE=cache):
        sizes = zoo.dataset(subject.name).sizes()
    return {"examples": sum(sizes.values())}


def _expect_tensors(arrays: Arrays, specs: tuple[TensorSpec, ...], where: str) -> None:
    expect(set(arrays) == {s.name for s in specs}, f"{where} as in the spec", sorted(arrays))
    for spec in specs:
        array = np.asarray(arrays[spec.name])
        expect(
            array.ndim and spec.fits(array.shape[1:]),
            f"{spec.name!r} in {where} of shape {list(spec.shape)}",
            list(array.shape[1:]),
        )
        expect(
            str(array.dtype) == spec.dtype, f"{spec.name!r} in {where} as {spec.dtype}", array.dtype
        )
        if array.dtype.kind == "f" and not spec.missing:
            expect(np.isfinite(array).all(), f"{spec.name!r} to be finite", "NaN or infinity")
        if spec.labels and array.dtype.kind in "iu":
            # A place in an example may have no class, as padding does; an example may not.
            lowest, most = -1 if spec.shape else 0, len(spec.labels) - 1
            known = bool(((array >= lowest) & (array <= most)).all())
            found = f"{array.min()} to {array.max()}"
            expect(known, f"{spec.name!r} from {lowest} to {most}", found)


def _digests(data: Dataset) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in SPLITS:
        split = data.split(name)
        digest = hashlib.sha256()
        for arrays in split.take(np.arange(min(EXAMPLES, len(split)))):
            for key in sorted(arrays):
                array = np.asarray(arrays[key])
                digest.update(
                    repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
                )
        found[name] = digest.hexdigest()
    return found


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
