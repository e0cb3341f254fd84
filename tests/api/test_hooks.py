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
        # The hooks are those of the process, which other tests use too.
        hooks.unregister(tracker)


def test_a_tracker_sees_every_moment_in_order(tracker, workshop, here):
    run = zoo.train("mlp_classifier", run_dir=here / "run", epochs=2, units=[])
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
        zoo.train("mlp_classifier", run_dir=here / "run", units=[], plan={"monitor": "val_f1"})
    assert tracker.seen[-1] == ("after_train", "failed")


class Breaking:
    """Raises at one moment."""

    def __init__(self, moment):
        @zoo.hookimpl
        def fail():
            raise ValueError("the disk of the tracker is full")

        setattr(self, moment, fail)


@pytest.fixture
def breaking(monkeypatch):
    """Register a hook that raises at a moment, under a policy."""
    hooks = zoo.hooks()
    registered = []

    def register(moment, failures):
        monkeypatch.setattr(hooks, "_failures", failures)
        registered.append(Breaking(moment))
        hooks.register(registered[-1], "broken tracker")

    yield register
    for plugin in registered:
        hooks.unregister(plugin)


def small(here, **options):
    return zoo.train("mlp_classifier", run_dir=here / "run", epochs=2, units=[], **options)


def status(here):
    return zoo.Run(here / "run").status


def test_a_tracker_that_breaks_does_not_break_the_run(workshop, here, breaking):
    breaking("zoo_after_epoch", "warn")
    with pytest.warns(zoo.errors.ZooWarning, match="broken tracker"):
        run = small(here)
    assert run.status == "finished"


@pytest.mark.parametrize(
    ("moment", "epochs"),
    [
        ("zoo_before_train", 0),
        pytest.param("zoo_before_epoch", 0, marks=pytest.mark.slow),
        pytest.param("zoo_after_epoch", 1, marks=pytest.mark.slow),
    ],
)
def test_where_the_policy_is_to_fail_the_run_says_so_and_can_be_resumed(
    workshop, here, breaking, monkeypatch, moment, epochs
):
    breaking(moment, "fail")
    with pytest.raises(zoo.errors.HookFailed, match=f"{moment}.*can be resumed"):
        small(here)
    broken = zoo.Run(here / "run")
    assert (broken.status, broken.record["epochs_done"]) == ("failed", epochs)
    assert "broken tracker" in broken.record["stopped_because"]
    monkeypatch.setattr(zoo.hooks(), "_failures", "warn")
    with pytest.warns(zoo.errors.ZooWarning, match="broken tracker"):
        again = zoo.train(resume=here / "run")
    assert again.status == "finished"
    assert again.record["epochs_done"] == 2


def test_a_run_that_finished_stays_finished_if_a_tracker_fails_behind_it(workshop, here, breaking):
    breaking("zoo_after_train", "fail")
    with pytest.raises(zoo.errors.HookFailed, match="is finished all the same"):
        small(here)
    assert status(here) == "finished"
    assert zoo.Run(here / "run").model.count_params() > 0


def test_why_a_run_failed_is_not_hidden_by_a_tracker_that_fails_behind_it(workshop, here, breaking):
    breaking("zoo_after_train", "fail")
    with (
        pytest.warns(zoo.errors.ZooWarning, match="broken tracker"),
        pytest.raises(zoo.errors.ConfigError, match="monitors 'val_f1'"),
    ):
        small(here, plan={"monitor": "val_f1"})
    assert status(here) == "failed"


def test_an_export_that_a_hook_forbids_leaves_nothing(run, here, breaking):
    breaking("zoo_before_export", "fail")
    with pytest.raises(zoo.errors.HookFailed, match="nothing was exported"):
        zoo.export(run, here / "exports")
    assert not (here / "exports").exists()


def test_an_artifact_stays_published_whole_if_a_hook_fails_behind_it(run, here, breaking):
    breaking("zoo_after_export", "fail")
    with pytest.raises(zoo.errors.HookFailed, match="is published all the same"):
        zoo.export(run, here / "exports")
    assert zoo.verify(here / "exports" / "mlp_classifier" / "1").files


def test_a_verification_fails_with_a_hook_that_refuses(artifact, breaking):
    breaking("zoo_after_verify", "fail")
    with pytest.raises(zoo.errors.HookFailed, match="zoo_after_verify"):
        zoo.verify(artifact.path)
