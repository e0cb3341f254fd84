"""Folders that cannot be written, locks, full disks, and packages that are not installed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.hostile.harness import (
    Case,
    Table,
    call,
    case,
    cases,
    check_refusal,
    harmless,
    listing,
    program,
    run_case,
)
from zoo.errors import MissingExtra, RunBusy, StorageError

pytest.importorskip("tensorflow", reason="training needs the keras extra")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytest.importorskip("PIL", reason="the pictures are made with Pillow")

TINY = ("mlp_classifier", "--set", "units=[]", "--epochs", "1", "--quiet")


def unfinished(run: Path) -> None:
    """Make a run one that was stopped."""
    file = run / "run.json"
    changes = {"status": "stopped", "stopped_because": "interrupted"}
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def not_empty(folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "mine.txt").write_text("keep me")


def a_file(folder: Path) -> None:
    (folder / "exports").write_text("keep me")
    (folder / "runs").write_text("keep me")


TRAIN = "train mlp_classifier --epochs 1"
PLACES: Table = {
    "a run in a folder that is not empty": case(
        f"{TRAIN} --run-dir runs", StorageError, "not empty", setup=not_empty
    ),
    "runs that are a file": case(TRAIN, StorageError, "runs", setup=a_file),
    "exports that are a file": case("export run", StorageError, "exports", setup=a_file),
    "a version that exists": case(
        "export run --version 3",
        StorageError,
        "exists",
        setup=lambda folder: (folder / "exports" / "mlp_classifier" / "3").mkdir(parents=True),
    ),
    "a run below a file": case(
        f"{TRAIN} --run-dir /proc/version/run", StorageError, "/proc/version"
    ),
    "an artifact below a file": case(
        "export run --out /proc/version", StorageError, "/proc/version"
    ),
    "a model below a file": case(
        "build cnn --out /proc/version/m.keras", StorageError, "/proc/version"
    ),
}


@cases(PLACES)
def test_a_place_that_cannot_be_written_is_refused(case: Case, run, tmp_path):
    run_case(case, tmp_path)


def test_a_run_that_another_process_holds_is_refused_with_that_process(run):
    unfinished(run)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from zoo.training.run_folder import RunFolder\n"
            "with RunFolder(Path(sys.argv[1])).locked(): print('held', flush=True); input()",
            run,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with harmless(run):
            outcome = call("train", "--resume", "run")
        held = f"process {holder.pid} on {socket.gethostname()} holds it since 20"
        check_refusal(outcome, RunBusy, "in use", held)
    finally:
        holder.communicate("\n")


def test_the_lock_of_a_dead_process_and_what_it_left_half_written_are_no_obstacle(run):
    unfinished(run)
    (run / ".lock").write_text('{"pid": 1, "host": "elsewhere", "since": "2001-01-01"}')
    left = [".run.json.abc.tmp", ".model.7.tmp.keras", "checkpoints/.epoch-00009.npz.x1.tmp"]
    for name in left:
        (run / name).write_bytes(b"half")
    assert zoo.train(resume=run).status == "finished"
    assert not [name for name in left if (run / name).exists()]


def test_a_folder_in_which_a_process_died_before_it_wrote_anything_is_an_empty_one(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("")
    assert call("train", *TINY, "--run-dir", str(tmp_path / "run")).exit == 0


def test_a_file_system_without_locks_is_refused(run, monkeypatch):
    unfinished(run)

    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    says = ("cannot be locked", os.strerror(errno.ENOLCK), "local disk")
    check_refusal(call("train", "--resume", "run"), StorageError, *says)


@pytest.mark.filterwarnings("default::zoo.errors.ZooWarning")
def test_a_checkpoint_that_is_passed_over_is_named_to_the_person(run):
    unfinished(run)
    newest = run / "checkpoints" / "epoch-00001.npz"
    shutil.copy(newest, run / "checkpoints" / "epoch-00002.npz")
    outcome = call("train", "--resume", "run", "--quiet")
    assert outcome.exit == 0
    assert "warning: the run resumes from" in outcome.err
    assert "skipped: epoch-00002.npz (it has no digest" in outcome.err


class Filler(zoo.Progress):
    """Fills a disk after an epoch of a training."""

    def __init__(self, disk: Path, epoch: int) -> None:
        self.ballast, self.when = disk / "ballast", epoch

    def on_epoch_end(self, epoch: int, logs: object) -> None:
        if epoch == self.when:
            with self.ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
                while True:
                    stream.write(bytes(4096))


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 3], ids=["checkpoint", "model"])
def test_a_disk_that_fills_up_while_training_leaves_a_run_that_goes_on_to_the_same_bits(
    epoch, tmp_path
):
    config = {"epochs": 3, "units": (16,), "dropout": 0.2}
    whole = zoo.train("mlp_classifier", run_dir=tmp_path / "whole", **config)
    with _small_disk(tmp_path / "disk", "size=1m") as disk:
        filler = Filler(disk, epoch)
        with pytest.raises(StorageError, match="no space left"):
            zoo.train("mlp_classifier", run_dir=disk / "run", progress=filler, **config)
        assert not [*disk.rglob("*.tmp*")]
        assert not (disk / "run" / "model.keras").exists()
        filler.ballast.unlink()
        resumed = zoo.train(resume=disk / "run")
        assert resumed.record["best"] == whole.record["best"]
        assert all(map(np.array_equal, resumed.model.get_weights(), whole.model.get_weights()))


@contextlib.contextmanager
def _small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a file system of its own, if this process may."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("this process may not mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_training_onto_a_full_disk_is_refused_and_the_run_says_so(tmp_path):
    with _small_disk(tmp_path / "disk", "size=64k") as disk:
        words = ("train", "mlp_classifier", "--set", "units=[512]", "--epochs", "1")
        done = call(*words, "--run-dir", str(disk / "run"))
        check_refusal(done, StorageError, "no space left", str(disk))
        assert not (disk / "run" / "model.keras").exists()
        assert not [*disk.rglob("*.tmp*")]


@pytest.mark.slow
def test_exporting_onto_a_full_disk_publishes_nothing(good, tmp_path):
    with _small_disk(tmp_path / "disk", "size=16k") as disk:
        done = program("export", good, "--out", disk / "exports", cwd=tmp_path)
        check_refusal(done, StorageError, "no space left", str(disk))
        assert listing(disk) == {}


@pytest.mark.parametrize(
    "words",
    [
        ("train", "mlp_classifier", "--epochs", "1", "--run-dir", "{disk}/run"),
        ("export", "{run}", "--out", "{disk}/exports"),
        ("build", "cnn", "--out", "{disk}/model.keras"),
    ],
    ids=lambda words: words[0],
)
def test_a_read_only_folder_is_refused(words, good, tmp_path):
    with _small_disk(tmp_path / "disk", "size=64k,ro") as disk:
        outcome = call(*(word.format(disk=disk, run=good) for word in words))
        check_refusal(outcome, StorageError, "Read-only file system", str(disk))
        assert listing(disk) == {}


_SMALL_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"


@pytest.mark.slow
def test_a_file_that_may_not_grow_leaves_no_half_of_it(tmp_path):
    words = ("train", "mlp_classifier", "--set", "units=[512]", "--epochs", "1")
    done = program(*words, "--run-dir", tmp_path / "run", cwd=tmp_path, before=_SMALL_FILES)
    check_refusal(done, StorageError, "no space left", str(tmp_path))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    assert not (tmp_path / "run" / "model.keras").exists()
    assert not [*tmp_path.rglob("*.tmp*")]


@pytest.mark.parametrize(
    ("missing", "words", "extra"),
    [
        (("tensorflow",), "train cnn", "keras"),
        (("keras",), "build cnn", "keras"),
        (("sklearn",), "train cnn", "datasets"),
        pytest.param(("tf2onnx",), "export {run}", "keras", marks=pytest.mark.slow),
        pytest.param(("onnx",), "export {run}", "keras", marks=pytest.mark.slow),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_a_missing_extra_is_named_with_the_command_that_brings_it(
    missing, words, extra, good, tmp_path
):
    before = listing(tmp_path)
    done = program(*words.format(run=good).split(), cwd=tmp_path, without=missing)
    check_refusal(done, MissingExtra, f'pip install "neural-zoo[{extra}]"', "not installed")
    assert listing(tmp_path) == before
