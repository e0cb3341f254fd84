"""Looking on: an object that is told of every moment of a run, an export, a verification."""

from __future__ import annotations

import pytest

import zoo


class Tracker:
    """Writes down every moment it is told of."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    @zoo.hookimpl
    def zoo_before_train(self, run_dir, record):
        self.seen.append(("before_train", record["status"]))

    @zoo.hookimpl
    def zoo_before_epoch(self, epoch):
        self.seen.append(("before_epoch", epoch))

    @zoo.hookimpl
    def zoo_after_epoch(self, epoch, metrics):
        self.seen.append(("after_epoch", epoch, "val_loss" in metrics))

    @zoo.hookimpl
    def zoo_after_train(self, run_dir, record):
        self.seen.append(("after_train", record["status"]))

    @zoo.hookimpl
    def zoo_before_export(self, name, target):
        self.seen.append(("before_export", name, target.exists()))

    @zoo.hookimpl
    def zoo_after_export(self, path, manifest):
        self.seen.append(("after_export", manifest["architecture"], path.is_dir()))

    @zoo.hookimpl
    def zoo_before_verify(self, path):
        self.seen.append(("before_verify", path.name))

    @zoo.hookimpl
    def zoo_after_verify(self, report):
        self.seen.append(("after_verify", report["architecture"]))


@pytest.fixture
def tracker():
    tracker = Tracker()
    hooks = zoo.hooks()
    hooks.register(tracker, "tracker")
    try:
        yield tracker
    finally:
        tracker.seen = []
        # The hooks are those of the process; another test must not be looked at.
        hooks._manager.unregister(tracker)


def test_a_tracker_sees_every_moment_in_order(tracker, workshop, here):
    run = zoo.train("mlp_classifier", run_dir=here / "run", epochs=2, units=[4])
    artifact = zoo.export(run, here / "exports")
    zoo.verify(artifact.path)
    assert tracker.seen == [
        ("before_train", "running"),
        ("before_epoch", 1),
        ("after_epoch", 1, True),
        ("before_epoch", 2),
        ("after_epoch", 2, True),
        ("after_train", "finished"),
        ("before_export", "mlp_classifier", False),
        ("after_export", "mlp_classifier", True),
        ("before_verify", "1"),
        ("after_verify", "mlp_classifier"),
    ]


def test_a_tracker_is_told_of_a_run_that_failed(tracker, workshop, here):
    with pytest.raises(zoo.ZooError):
        zoo.train("mlp_classifier", run_dir=here / "run", units=[4], plan={"monitor": "nothing"})
    assert tracker.seen[-1] == ("after_train", "failed")


def test_a_tracker_that_breaks_does_not_break_the_run(workshop, here):
    class Broken:
        @zoo.hookimpl
        def zoo_after_epoch(self, epoch):
            raise ValueError("the disk of the tracker is full")

    hooks = zoo.hooks()
    broken = Broken()
    hooks.register(broken, "broken tracker")
    try:
        with pytest.warns(Warning, match="broken tracker"):
            run = zoo.train("mlp_classifier", run_dir=here / "run", epochs=1, units=[4])
    finally:
        if hooks._manager.is_registered(broken):
            hooks._manager.unregister(broken)
    assert run.status == "finished"
