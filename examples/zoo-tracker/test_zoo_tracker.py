"""The tracker, tested as its author would: real trainings, stopped, killed and resumed."""

# ruff: noqa: D102, D103, S101, S603 - a name says what a test is about; asserting, and starting this
# interpreter again, are its purpose

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import zoo

# So that the tests also run before the plugin is installed.
sys.path.insert(0, str(Path(__file__).parent))
import zoo_tracker
from zoo_tracker.events import read_events, text_of

HERE = str(Path(__file__).parent)
INSTALLED = any(plugin.distribution == "zoo-tracker" for plugin in zoo.plugins())
if not INSTALLED:
    zoo.hooks().register(zoo_tracker.tracker, "tracker")

SMALL = {"units": [8], "epochs": 3}


def scalars(run):
    """Return what the log has, each value with its step, in the order it is read."""
    found = {}
    for event in read_events(run / zoo_tracker.FOLDER):
        for value in event.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def statuses(run):
    return [
        text_of(event)
        for event in read_events(run / zoo_tracker.FOLDER)
        if event.summary.value and event.summary.value[0].tag == "status"
    ]


def assert_each_epoch_once(run):
    history = zoo.Run(run).history
    found = scalars(run)
    assert [line["epoch"] for line in history] == [1, 2, 3]
    for tag, column in (("train/loss", "loss"), ("validation/loss", "val_loss")):
        assert sorted(found[tag]) == [
            (line["epoch"], pytest.approx(line[column], rel=1e-6)) for line in history
        ]


def test_a_finished_run_has_its_configuration_curves_and_outcome(tmp_path):
    run = zoo.train("mlp_classifier", run_dir=tmp_path / "run", **SMALL)
    assert_each_epoch_once(run.path)
    assert statuses(run.path) == ["started", "finished: all epochs are done"]
    final = scalars(run.path)["final/val_loss"]
    assert final == [(3, pytest.approx(run.record["best"]["val_loss"], rel=1e-6))]
    (about,) = [
        text_of(event)
        for event in read_events(run.path / zoo_tracker.FOLDER)
        if event.summary.value and event.summary.value[0].tag == "run"
    ]
    known = json.loads(about.strip("`\n"))
    assert known["config"]["units"] == [8]
    assert known["plan"]["epochs"] == 3


class Stopping(zoo.Progress):
    """Ctrl-C after an epoch."""

    def __init__(self, after):
        self.after = after

    def on_epoch_end(self, epoch, logs):
        if epoch == self.after:
            raise KeyboardInterrupt


def test_a_run_that_was_stopped_says_so_and_goes_on_in_the_same_log(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        zoo.train("mlp_classifier", run_dir=tmp_path / "run", progress=Stopping(1), **SMALL)
    assert statuses(tmp_path / "run") == ["started", "stopped: interrupted"]
    zoo.train(resume=tmp_path / "run")
    assert_each_epoch_once(tmp_path / "run")
    assert statuses(tmp_path / "run")[2:] == [
        "resumed at epoch 2",
        "finished: all epochs are done",
    ]
    assert len(list((tmp_path / "run" / zoo_tracker.FOLDER).iterdir())) == 1


def test_epochs_that_a_resumed_run_does_again_are_in_the_log_once(tmp_path):
    rare = {"checkpoint_every": 3}
    with pytest.raises(KeyboardInterrupt):
        zoo.train(
            "mlp_classifier", run_dir=tmp_path / "run", progress=Stopping(2), plan=rare, **SMALL
        )
    zoo.train(resume=tmp_path / "run")
    assert_each_epoch_once(tmp_path / "run")
    assert "resumed at epoch 1" in statuses(tmp_path / "run")


def test_a_run_that_failed_before_its_first_epoch_says_why(tmp_path):
    with pytest.raises(zoo.ZooError):
        zoo.train("mlp_classifier", run_dir=tmp_path / "run", plan={"monitor": "val_f1"}, **SMALL)
    assert statuses(tmp_path / "run") == [
        "failed: the plan monitors 'val_f1', which is not measured"
    ]


KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
import zoo, zoo_tracker

if not {installed}:
    zoo.hooks().register(zoo_tracker.tracker, "tracker")

class Dying(zoo.Progress):
    def on_epoch_end(self, epoch, logs):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)

zoo.train("mlp_classifier", run_dir={run!r}, progress=Dying(), units=[8], epochs=3)
"""


def test_a_run_that_was_killed_goes_on_without_a_gap_and_says_that_it_died(tmp_path):
    code = KILLED.format(here=HERE, installed=INSTALLED, run=str(tmp_path / "run"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    # Killed behind the second epoch's checkpoint and before this package was told of it.
    assert [step for step, _ in scalars(tmp_path / "run")["train/loss"]] == [1]
    zoo.train(resume=tmp_path / "run")
    assert_each_epoch_once(tmp_path / "run")
    assert [status.partition(":")[0] for status in statuses(tmp_path / "run")] == [
        "started",
        "died",
        "resumed at epoch 3",
        "finished",
    ]


def test_a_log_that_was_cut_short_is_read_as_far_as_it_goes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        zoo.train("mlp_classifier", run_dir=tmp_path / "run", progress=Stopping(2), **SMALL)
    (file,) = (tmp_path / "run" / zoo_tracker.FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    zoo.train(resume=tmp_path / "run")
    assert_each_epoch_once(tmp_path / "run")


def test_without_tensorflow_it_says_what_to_install_and_follows_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    fresh = zoo_tracker.Tracker()
    with pytest.raises(zoo.ZooError, match=r"zoo-tracker\[tensorboard\]"):
        fresh.zoo_before_train(run_dir=tmp_path, record={})
    fresh.zoo_before_epoch(run_dir=tmp_path, epoch=1)
    fresh.zoo_after_epoch(run_dir=tmp_path, epoch=1, metrics={"loss": 1.0})
    fresh.zoo_after_train(run_dir=tmp_path, record={})
    assert not list(tmp_path.iterdir())
