"""Removal of runs: selection, protected runs, and interrupted removals."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest

import zoo
from tests.api.run_copies import copy
from tests.hostile.harness import listing
from zoo.api.runs import prune
from zoo.errors import ConfigError, ZooWarning
from zoo.files import TRASH

LONG_AGO = "2020-01-01T00:00:00+00:00"


def gone(done) -> list[str]:
    return [row.path.name for row in done.runs if row.removed]


def kept(done) -> dict[str, str]:
    return {row.path.name: row.because for row in done.runs if not row.removed}


def test_a_dry_run_removes_nothing(run, here):
    copy(run, here / "runs" / "a", ended=LONG_AGO)
    before = listing(here)
    done = prune(older_than="30d")
    assert done.dry_run
    assert gone(done) == ["a"]
    assert done.bytes > 0
    assert listing(here) == before
    assert gone(prune(older_than="30d", dry_run=False)) == ["a"]
    assert list((here / "runs").iterdir()) == []


def test_a_run_must_meet_every_condition(run, here):
    runs = here / "runs"
    copy(run, runs / "old", ended=LONG_AGO)
    copy(run, runs / "failed", status="failed")
    copy(run, runs / "both", status="failed", ended=LONG_AGO)
    assert gone(prune(older_than="1h")) == ["both", "old"]
    assert gone(prune(status="failed")) == ["both", "failed"]
    assert gone(prune(status="failed", older_than="4w")) == ["both"]


def test_the_best_runs_by_validation_are_kept_per_model_and_data(run, here):
    runs, data = here / "runs", run.record["data"]
    for name, loss in (("a", 0.3), ("b", 0.1), ("c", 0.2)):
        copy(run, runs / name, best={"val_loss": loss})
    copy(run, runs / "other", best={"val_loss": 9.0}, data={**data, "fingerprint": "1" * 64})
    copy(run, runs / "empty", best={}, best_epoch=0, status="failed")
    assert gone(prune(keep_best=2)) == ["a", "empty"]
    assert gone(prune(keep_best=1)) == ["a", "c", "empty"]
    assert gone(prune(keep_best=0)) == ["a", "b", "c", "empty", "other"]


def test_a_run_in_use_is_kept(run, here, holding):
    path = copy(run, here / "runs" / "held", status="failed")
    holding(path)
    before = listing(here)
    done = prune(status="failed", dry_run=False)
    assert kept(done) == {"held": "it is in use"}
    assert listing(here) == before


def test_a_run_that_changes_before_its_removal_is_kept(run, here, monkeypatch):
    path = copy(run, here / "runs" / "a", status="failed")
    from zoo.api import runs as module

    real = module.artifacts

    def meanwhile(exports):
        shutil.rmtree(path)
        copy(run, path, status="failed", ended="2026-01-01T00:00:00+00:00")
        return real(exports)

    monkeypatch.setattr(module, "artifacts", meanwhile)
    done = prune(status="failed", dry_run=False)
    assert kept(done) == {"a": "it was worked on meanwhile"}
    assert path.is_dir()


def test_an_artifact_keeps_its_run(run, artifact, here):
    copy(run, here / "runs" / "origin")
    copy(run, here / "runs" / "other", plan=run.record["plan"] | {"seed": 1})
    shutil.copytree(artifact.path.parents[1], here / "exports")
    done = prune(keep_best=0, dry_run=False)
    assert gone(done) == ["other"]
    assert "came from it" in kept(done)["origin"]


def test_artifacts_beside_the_runs_keep_them_from_any_working_folder(run, artifact, here):
    copy(run, here / "project" / "runs" / "a")
    shutil.copytree(artifact.path.parent, here / "project" / "exports" / "mlp_classifier")
    done = prune(here / "project" / "runs", keep_best=0, dry_run=False)
    assert "came from it" in kept(done)["a"]


def test_nothing_to_remove_is_no_error(here):
    assert prune(keep_best=0, dry_run=False).runs == ()


def test_an_unreadable_artifact_is_reported(run, here):
    copy(run, here / "runs" / "a")
    (here / "exports" / "x" / "1").mkdir(parents=True)
    (here / "exports" / "x" / "1" / "manifest.json").write_text("{")
    with pytest.warns(ZooWarning, match="exports/x/1 cannot be read"):
        prune(keep_best=0)


def test_only_runs_are_removed(run, here):
    runs = here / "runs"
    torn = copy(run, runs / "torn")
    (torn / "run.json").write_text("{")
    (runs / "photos").mkdir()
    (runs / "photos" / "mine.png").write_bytes(b"mine")
    mixed = copy(run, runs / "mixed")
    (mixed / "notes.txt").write_text("mine")
    before = listing(here)
    done = prune(keep_best=0, dry_run=False)
    assert kept(done) == {
        "mixed": "it holds notes.txt, which training did not write",
        "torn": "its run.json cannot be read, so it may not be a run",
    }
    assert listing(here) == before


def test_links_are_never_followed(run, here):
    outside = copy(run, here / "outside" / "run")
    (here / "outside" / "data").mkdir()
    (here / "outside" / "data" / "precious").write_text("mine")
    runs = here / "runs"
    inside = copy(run, runs / "a")
    (runs / "linked").symlink_to(outside)
    shutil.rmtree(inside / "checkpoints")
    (inside / "checkpoints").symlink_to(here / "outside" / "data")
    before = listing(here / "outside")
    done = prune(checkpoints=True, dry_run=False)
    assert kept(done) == {"a": "it has none", "linked": "it is a link"}
    done = prune(keep_best=0, dry_run=False)
    assert gone(done) == ["a"]
    assert kept(done) == {"linked": "it is a link"}
    assert listing(here / "outside") == before


def test_a_lock_that_is_a_link_is_refused(run, here):
    precious = here / "precious"
    precious.write_text("mine")
    path = copy(run, here / "runs" / "a")
    (path / ".lock").unlink()
    (path / ".lock").symlink_to(precious)
    with pytest.raises(zoo.errors.StorageError):
        prune(keep_best=0, dry_run=False)
    assert precious.read_text() == "mine"
    assert path.is_dir()


def test_a_finished_run_works_without_its_checkpoints(run, here):
    path = copy(run, here / "runs" / "a")
    copy(run, here / "runs" / "b", status="stopped")
    done = prune(checkpoints=True, dry_run=False)
    assert gone(done) == ["a"]
    assert kept(done) == {"b": "it needs them to go on"}
    assert not (path / "checkpoints").exists()
    assert (here / "runs" / "b" / "checkpoints").is_dir()
    assert zoo.evaluate(path).scores == zoo.evaluate(run).scores
    assert zoo.train(resume=path).status == "finished"


def test_a_killed_removal_leaves_no_partial_run(run, here):
    path = copy(run, here / "runs" / "a", status="failed")
    copy(run, here / "runs" / "b", status="failed", ended=LONG_AGO)
    for number in range(10_000):
        (path / "checkpoints" / f"epoch-{number:05}.npz.sha256").write_text("0")
    removal = subprocess.Popen(
        [sys.executable, "-m", "zoo", "runs", "prune", "--status", "failed", "--yes"]
    )
    while path.exists():
        assert removal.poll() is None
        time.sleep(0.001)
    removal.send_signal(signal.SIGKILL)
    removal.wait()
    left = sorted(entry.name for entry in (here / "runs").iterdir())
    assert any(name.startswith(TRASH) for name in left)
    assert "a" not in left
    assert [entry.path.name for entry in zoo.runs()] == ["b"]
    prune(status="failed", dry_run=False)
    assert list((here / "runs").iterdir()) == []


def test_missing_and_wrong_conditions_are_refused(run, here):
    copy(run, here / "runs" / "a")
    with pytest.raises(ConfigError, match="nothing is removed") as caught:
        prune(dry_run=False)
    assert [finding.where for finding in caught.value.findings] == ["runs"]
    for wrong in ("30", "-1d", "d", "1y", "1e9d", "", "nan d"):
        with pytest.raises(ConfigError) as caught:
            prune(older_than=wrong, dry_run=False)
        assert [finding.where for finding in caught.value.findings] == ["older_than"]
    with pytest.raises(ConfigError):
        prune(keep_best=-1, dry_run=False)
    assert (here / "runs" / "a").is_dir()


def test_nothing_is_removed_from_a_read_only_folder(run, here):
    disk = here / "runs"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("this process may mount no file system")
    try:
        copy(run, disk / "a")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        before = listing(here)
        assert gone(prune(keep_best=0)) == ["a"]
        with pytest.raises(zoo.errors.StorageError, match="Read-only|read-only|locking"):
            prune(keep_best=0, dry_run=False)
        assert listing(here) == before
    finally:
        subprocess.run(["umount", disk], check=True)
