"""Checks of readers of people's own files: listing, options, and what an example is read as."""

from __future__ import annotations

import functools
import shutil
import tempfile
import weakref
from pathlib import Path

import zoo
from zoo.api.catalog import registry
from zoo.data import Dataset, FileReader
from zoo.testing import datasets
from zoo.testing.checks import CheckGroup, Measured, Skipped, expect
from zoo.testing.import_probe import (
    expect_light,
    expect_no_effects,
    expect_unlisted,
    trace_import,
)
from zoo.testing.subject import Subject

GROUP = CheckGroup("reader", kind="reader")


class ReaderSubject(Subject):
    """A reader of an installed package.

    Raises:
        RegistryError: If there is no such reader, or it is broken.
    """

    kind = "reader"
    group = "zoo.readers"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.reader: FileReader = registry().load(self.group, name)
        self.folder = Path(tempfile.mkdtemp(prefix="zoo-check-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    @functools.cached_property
    def path(self) -> Path:
        """The example that the reader writes.

        Raises:
            Skipped: If it writes none.
        """
        if self.reader.example is None:
            raise Skipped("it writes no example")
        (self.folder / "example").mkdir()
        return self.reader.example(self.folder / "example")

    @functools.cached_property
    def data(self) -> Dataset:
        """The example as a dataset, with the default options."""
        return self.load()

    def load(self) -> Dataset:
        """Open the example again."""
        return zoo.dataset(self.path, reader=self.name)


@GROUP.check(
    why="`zoo plugins` lists every reader, and must not run the code of any package for it.",
    fix="Announce the reader by an entry point alone; import frameworks inside `open`.",
)
def listed(subject: ReaderSubject) -> Measured:
    """Listing imports nothing of it, and importing its module loads no framework."""
    expect_unlisted(subject.entry_point[0])
    trace = trace_import(*subject.entry_point)
    expect_light(trace)
    expect_no_effects(trace)
    return {"name": subject.provider.name}


@GROUP.check(
    why="An option that is not explained is found by trial.",
    fix="Give every field of `options` a default and a description.",
)
def options(subject: ReaderSubject) -> Measured:
    """Every option has a default and a description."""
    fields = subject.reader.options.model_fields
    missing = [n for n, f in fields.items() if f.is_required() or not (f.description or "").strip()]
    expect(not missing, "a default and a description of each option", ", ".join(missing))
    return {"options": len(fields)}


@GROUP.check(
    why="Whoever names a reader for another kind of file should be told so, in a sentence.",
    fix="Decide by the names of files, and return False for what is not of the kind.",
)
def accepts(subject: ReaderSubject) -> Measured:
    """It accepts its example, and neither an empty folder nor a file without a suffix."""
    accepted, (folder, file) = subject.reader.accepts, (subject.folder / n for n in ("no", "none"))
    expect(accepted(subject.path), "its own example to be accepted", "a refusal")
    folder.mkdir()
    file.touch()
    for path, what in ((folder, "an empty folder"), (file, "a file without a suffix")):
        expect(not accepted(path), f"{what} to be refused", "an acceptance")
    return {"summary": subject.reader.summary}


@GROUP.check(
    why="A model is built from the spec of the data, and trained on its splits.",
    fix="Let `open` return a `zoo.data.Dataset` with the splits `train`, `validation` and `test`, "
    "and the names, shapes and data types of their tensors in its spec.",
)
def splits(subject: ReaderSubject) -> Measured:
    """Every split of its example has examples, and their tensors are those of the spec."""
    return datasets.splits(subject)


@GROUP.check(
    why="A run records the fingerprint of its data, and refuses to resume on other data.",
    fix="Sort what the file system lists, and draw the splits with `options.split_seed`.",
)
def deterministic(subject: ReaderSubject) -> Measured:
    """Opened twice, its example has the same examples in the same order, and one fingerprint."""
    datasets.deterministic(subject)
    return datasets.fingerprint(subject)
