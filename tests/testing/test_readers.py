"""Checks of readers of people's files: a good one passes, and each check can fail."""

from __future__ import annotations

import pytest

from tests.registry.fakes import install
from zoo import testing

PACKAGE = '''
"""Readers of rows of numbers, each wrong in one thing but the first."""

import itertools

import numpy as np
from pydantic import Field

from zoo import DataSpec, TensorSpec
from zoo.data import ArraySplit, Dataset, FileReader, SeedOptions

COUNT = itertools.count()


def opened(width=2, scale=1):
    def open_rows(path, options):
        x = np.loadtxt(path, "float32", delimiter=",") * (scale or next(COUNT))
        parts = {"train": x[:4], "validation": x[4:5], "test": x[5:]}
        spec = DataSpec(
            id=path.stem, task="counting", inputs=(TensorSpec(name="numeric", shape=(width,)),)
        )
        return Dataset(spec, lambda: {n: ArraySplit({"numeric": a}, {}) for n, a in parts.items()})

    return open_rows


def example(folder):
    path = folder / "mine.rows"
    path.write_text("1,2\\n" * 6)
    return path


def is_rows(path):
    return path.suffix == ".rows"


def reader(**changes):
    fields = {"accepts": is_rows, "open": opened(), "options": SeedOptions, "example": example}
    return FileReader(summary="Rows of two numbers, .rows", **{**fields, **changes})


class Unexplained(SeedOptions):
    separator: str = ","


GOOD = reader()
WIDE = reader(open=opened(width=3))
RESTLESS = reader(open=opened(scale=0))
GREEDY = reader(accepts=lambda path: True)
SHY = reader(accepts=lambda path: False)
TERSE = reader(options=Unexplained)
BARE = reader(example=None)
'''


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory):
    from zoo.api import catalog

    folder = tmp_path_factory.mktemp("site")
    names = ("good", "wide", "restless", "greedy", "shy", "terse", "bare")
    points = {"zoo.readers": {f"{name}_rows": f"rows_of_two:{name.upper()}" for name in names}}
    install(folder, "zoo-rows", points=points, files={"rows_of_two.py": PACKAGE})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        catalog.registry.cache_clear()
        yield folder
    catalog.registry.cache_clear()


def test_a_reader_with_nothing_wrong_passes():
    report = testing.check_plugin("good_rows")
    assert report.ok, report.failures
    assert report.counts["passed"] == len(report.checks) == 5
    assert (report.plugin.kind, report.plugin.distribution) == ("reader", "zoo-rows")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("wide_rows", ["reader.splits"]),
        ("restless_rows", ["reader.deterministic"]),
        ("greedy_rows", ["reader.accepts"]),
        ("shy_rows", ["reader.accepts", "reader.splits", "reader.deterministic"]),
        ("terse_rows", ["reader.options"]),
    ],
)
def test_a_reader_that_is_wrong_fails_what_shows_it(name, wrong):
    quick = ["reader.options", "reader.accepts", "reader.splits", "reader.deterministic"]
    report = testing.check_plugin(name, select=quick)
    assert [result.id for result in report.failures] == wrong


def test_a_reader_without_an_example_is_not_opened():
    report = testing.check_plugin("bare_rows", select=["reader.[!l]*"])
    reasons = {result.id: result.reason for result in report.checks.values() if result.reason}
    assert set(reasons) == {"reader.accepts", "reader.splits", "reader.deterministic"}
    assert set(reasons.values()) == {"it writes no example"}
