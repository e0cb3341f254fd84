"""Checks of datasets and commands: the zoo's own pass, and each check can fail."""

from __future__ import annotations

import itertools
import json

import click
import numpy as np
import pytest

import zoo
from tests.registry.fakes import install
from zoo import testing
from zoo.data import ArraySplit, NamedDataset, SplitOptions
from zoo.errors import DatasetUnavailable, UnknownModel
from zoo.testing.kit import subject_of

SPEC = zoo.DataSpec(
    id="points",
    task=zoo.Task.CLASSIFICATION,
    inputs=(zoo.TensorSpec(name="numeric", shape=(2,)),),
    targets=(zoo.TensorSpec(name="label", dtype="int64", labels=("low", "high")),),
)
COUNT = itertools.count()


def split(seed=0, shape=(8, 2), dtype="float32", high=2):
    rng = np.random.default_rng(seed)
    return ArraySplit(
        {"numeric": rng.random(shape).astype(dtype)},
        {"label": rng.integers(0, high, len(rng.random(shape)))},
    )


def three(**options):
    return {name: split(**options) for name in ("train", "validation", "test")}


def dataset(name, load, **changes):
    fields = {
        "spec": SPEC.model_copy(update={"id": name}),
        "summary": "Points in a square, made by a test",
        "size": "24 rows",
        "license": "CC0-1.0",
        "source": "made by a test",
        "offline": True,
        "options": SplitOptions,
        "load": load,
    }
    return NamedDataset(**{**fields, **changes})


def failed(one):
    return [result.id for result in testing.check_plugin(one).failures]


def refuse(_):
    raise DatasetUnavailable("it is not here", why="no network", fix="connect")


@pytest.mark.parametrize(
    "name",
    [
        "digits",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("mackey_glass", "numbers_en_es", "concrete")
        ),
    ],
)
def test_datasets_of_the_zoo_pass(name):
    report = testing.check_plugin(name)
    assert report.ok, report.failures
    assert (report.plugin.kind, report.plugin.distribution) == ("dataset", "neural-zoo")
    assert report.level is None


@pytest.mark.parametrize(
    "name",
    ["new", *(pytest.param(name, marks=pytest.mark.slow) for name in ("damage-report", "serve"))],
)
def test_commands_of_the_zoo_pass(name):
    report = testing.check_plugin(name)
    assert report.ok, report.failures
    assert report.counts["passed"] == 4


def test_a_dataset_with_nothing_wrong_passes():
    report = testing.check_plugin(dataset("good_points", lambda _: three()))
    assert report.ok, report.failures
    skipped = {result.id for result in report.checks.values() if result.outcome == "skipped"}
    assert skipped == {"dataset.listed", "dataset.light_import"}


@pytest.mark.parametrize(
    ("name", "load", "changes", "check"),
    [
        ("unlicensed", lambda _: three(), {"license": " "}, "dataset.description"),
        ("wide", lambda _: three(shape=(8, 3)), {}, "dataset.splits"),
        ("double", lambda _: three(dtype="float64"), {}, "dataset.splits"),
        ("unlabeled", lambda _: three(high=9), {}, "dataset.splits"),
    ],
)
def test_a_dataset_that_is_wrong_in_one_thing_fails_that_check(name, load, changes, check):
    assert failed(dataset(name, load, **changes)) == [check]


@pytest.mark.parametrize(("lowest", "wrong"), [(-1, []), (-2, ["dataset.splits"])])
def test_a_place_in_an_example_may_have_no_class_as_padding_does(lowest, wrong):
    tags = zoo.TensorSpec(name="tags", shape=("time",), dtype="int64", labels=("a", "b"))
    inputs = {"numeric": np.zeros((2, 2), "float32")}
    part = ArraySplit(inputs, {"tags": np.array([[0, 1, 1], [1, lowest, lowest]])})
    spec = SPEC.model_copy(update={"id": f"padded_{-lowest}", "targets": (tags,)})
    parts = dict.fromkeys(("train", "validation", "test"), part)
    assert failed(dataset(spec.id, lambda _: parts, spec=spec)) == wrong


def test_a_dataset_that_changes_fails_determinism_and_the_fingerprint():
    found = failed(dataset("restless", lambda _: three(seed=next(COUNT))))
    assert found == ["dataset.deterministic", "dataset.fingerprint"]


def test_a_dataset_that_says_it_works_offline_and_does_not_fails():
    assert "dataset.offline" in failed(dataset("far_away", refuse))


def test_a_download_that_is_not_available_is_skipped_with_the_reason():
    report = testing.check_plugin(dataset("downloaded", refuse, offline=False))
    assert report.ok
    reasons = {r.id: r.reason for r in report.checks.values() if r.outcome == "skipped"}
    assert "it is not here" in reasons["dataset.splits"]


@pytest.mark.parametrize("name", ["digitz", "nothing"])
def test_an_unknown_name_is_an_error(name):
    with pytest.raises(UnknownModel):
        testing.check_plugin(name)


def test_the_kind_of_a_name_is_found():
    assert subject_of("cnn").kind == "architecture"
    assert subject_of("mlp-classifier").kind == "architecture"
    assert subject_of("digits").kind == "dataset"
    assert subject_of("neural-zoo:digits").kind == "dataset"
    assert subject_of("damage-report").kind == "command"
    assert subject_of(click.Command("damage-report")).kind == "command"


def test_a_command_that_is_wrong_fails_its_checks(tmp_path):
    import subprocess
    import sys

    install(
        tmp_path,
        "bad-command",
        points={"zoo.commands": {"count-runs": "bad_command:count"}},
        files={
            "bad_command.py": "import click\nprint('hello')\n"
            "@click.command('count')\n@click.option('--all')\n"
            "def count(all): pass\n"
        },
    )
    code = (
        "import json, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from zoo import testing\n"
        "found = testing.check_plugin('count-runs')\n"
        "sys.stdout.write('\\n' + json.dumps([one.id for one in found.failures]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        *("command.listed", "command.light_import", "command.help", "command.options"),
    ]
