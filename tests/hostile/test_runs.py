"""Runs and artifacts that are not what they should be, and folders that cannot be written."""

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
from tests.hostile.support import (
    Case,
    Outcome,
    call,
    change_record,
    check,
    listing,
    picture,
    program,
)
from zoo.errors import StorageError

pytest.importorskip("tensorflow", reason="training needs the keras extra")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytest.importorskip("PIL", reason="the pictures are made with Pillow")

TINY = ("mlp_classifier", "--set", "units=[4]", "--epochs", "1", "--quiet")


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A folder with a finished run and its artifact."""
    folder = tmp_path_factory.mktemp("good")
    assert call("train", *TINY, "--run-dir", str(folder / "run")).exit == 0
    assert call("export", str(folder / "run"), "--out", str(folder / "exports")).exit == 0
    (folder / "exports" / "mlp_classifier" / "1").rename(folder / "artifact")
    shutil.rmtree(folder / "exports")
    return folder


def empty(folder: Path) -> None:
    (folder / "run").rename(folder / "elsewhere")
    (folder / "run").mkdir()


def torn_record(folder: Path) -> None:
    file = folder / "run" / "run.json"
    file.write_text(file.read_text()[:100])


def newer_run(folder: Path) -> None:
    change_record(folder / "run", format_version=2)


def unfinished(folder: Path) -> None:
    change_record(folder / "run", status="stopped", stopped_because="interrupted")


def no_model(folder: Path) -> None:
    (folder / "run" / "model.keras").unlink()


def torn_model(folder: Path) -> None:
    file = folder / "run" / "model.keras"
    file.write_bytes(file.read_bytes()[:1000])


def other_data(folder: Path) -> None:
    record = json.loads((folder / "run" / "run.json").read_text())
    change_record(folder / "run", data={**record["data"], "fingerprint": "0" * 64})


def torn_metrics(folder: Path) -> None:
    (folder / "run" / "metrics.json").write_text("{")


def unknown_architecture(folder: Path) -> None:
    change_record(
        folder / "run",
        architecture={"name": "gone", "distribution": "zoo-gone", "version": "1"},
    )


def flipped_model(folder: Path) -> None:
    file = folder / "artifact" / "model.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def short_model(folder: Path) -> None:
    file = folder / "artifact" / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1])


def edited_card(folder: Path) -> None:
    with (folder / "artifact" / "card.md").open("a") as stream:
        stream.write("and it is 100 % accurate\n")


def edited_manifest(folder: Path) -> None:
    file = folder / "artifact" / "manifest.json"
    file.write_text(file.read_text().replace("Apache-2.0", "Proprietary"))


def newer_manifest(folder: Path) -> None:
    file = folder / "artifact" / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format_version": 2}))


def no_manifest(folder: Path) -> None:
    (folder / "artifact" / "manifest.json").unlink()


def no_vectors(folder: Path) -> None:
    (folder / "artifact" / "vectors.npz").unlink()


def something_beside(folder: Path) -> None:
    (folder / "artifact" / "run_me.sh").write_text("rm -rf /")


def linked_model(folder: Path) -> None:
    file = folder / "artifact" / "model.onnx"
    file.rename(folder / "model.onnx")
    file.symlink_to(folder / "model.onnx")


def torn_picture(folder: Path) -> None:
    content = picture(folder / "digit.png")
    (folder / "digit.png").write_bytes(content[:40])


def wrong_shape(folder: Path) -> None:
    np.save(folder / "wrong.npy", np.zeros((2, 9, 9, 1), np.uint8))


def lossy_values(folder: Path) -> None:
    np.save(folder / "wrong.npy", np.full((2, 8, 8, 1), 0.5, np.float32))


def a_table(folder: Path) -> None:
    (folder / "rows.csv").write_text("a,b\n1,2\n")


def not_empty(folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "mine.txt").write_text("keep me")


def a_file(folder: Path) -> None:
    (folder / "exports").write_text("keep me")
    (folder / "runs").write_text("keep me")


def a_version(folder: Path) -> None:
    (folder / "exports" / "mlp_classifier" / "3").mkdir(parents=True)


TRAIN = "train mlp_classifier --epochs 1"

CASES = [
    Case("evaluate-nothing", "evaluate nothing", 8, "ZOO-E600", ("nothing", "no such folder")),
    Case("evaluate-empty", "evaluate run", 8, "ZOO-E600", ("run.json", "manifest.json"), empty),
    Case("resume-empty", "train --resume run", 6, "ZOO-E400", ("not the folder of a run",), empty),
    Case("resume-nothing", "train --resume nothing", 6, "ZOO-E400", ("nothing",)),
    Case("torn-record", "evaluate run", 6, "ZOO-E400", ("run.json",), torn_record),
    Case("newer-run", "evaluate run", 6, "ZOO-E400", ("format 2", "--upgrade"), newer_run),
    Case("newer-resume", "train --resume run", 6, "ZOO-E400", ("--upgrade",), newer_run),
    Case("resume-changes", "train --resume run --epochs 9", 4, "ZOO-E200", ("epochs", "left out")),
    Case(
        "resume-other",
        "train cnn --resume run",
        4,
        "ZOO-E200",
        ("name", "is resumed as it was started"),
    ),
    Case("export-unfinished", "export run", 6, "ZOO-E400", ("stopped", "--resume"), unfinished),
    Case(
        "no-model",
        "evaluate run",
        6,
        "ZOO-E4",
        ("model.keras", "zoo train mlp_classifier"),
        no_model,
    ),
    Case("torn-model", "evaluate run", 8, "ZOO-E602", ("model.keras",), torn_model),
    Case("other-data", "evaluate run", 5, "ZOO-E300", ("has changed since",), other_data),
    Case("torn-metrics", "export run", 6, "ZOO-E4", ("metrics.json", "zoo evaluate"), torn_metrics),
    Case("gone", "evaluate run", 3, "ZOO-E101", ("gone",), unknown_architecture),
    Case("export-gone", "export run", 3, "ZOO-E101", ("gone",), unknown_architecture),
    Case("predict-nothing", "predict nothing x.png", 3, "ZOO-E101", ("nothing", "no model")),
    Case("predict-nowhere", "predict runs/nothing x.png", 8, "ZOO-E600", ("no such folder",)),
    Case("bench-nothing", "bench nothing", 8, "ZOO-E602", ("nothing",)),
    Case(
        "predict-flipped",
        "predict artifact digit.png",
        8,
        "ZOO-E601",
        ("model.onnx",),
        flipped_model,
    ),
    Case("bench-short", "bench artifact", 8, "ZOO-E601", ("model.onnx",), short_model),
    Case(
        "predict-newer",
        "predict artifact x.png",
        8,
        "ZOO-E602",
        ("version 2", "--upgrade"),
        newer_manifest,
    ),
    Case("predict-linked", "predict artifact x.png", 8, "ZOO-E601", ("link",), linked_model),
    Case("predict-edited", "predict artifact x.png", 8, "ZOO-E601", ("manifest",), edited_manifest),
    Case("input-nothing", "predict artifact x.png", 5, "ZOO-E304", ("x.png", "does not exist")),
    Case("input-torn", "predict artifact digit.png", 5, "ZOO-E304", ("digit.png",), torn_picture),
    Case(
        "input-shape",
        "predict artifact wrong.npy",
        5,
        "ZOO-E300",
        ("[batch, 8, 8, 1]",),
        wrong_shape,
    ),
    Case("input-lossy", "predict artifact wrong.npy", 5, "ZOO-E300", ("uint8",), lossy_values),
    Case("input-table", "predict artifact rows.csv", 5, "ZOO-E300", ("records",), a_table),
    Case("dir-not-empty", f"{TRAIN} --run-dir runs", 10, "ZOO-E800", ("not empty",), not_empty),
    Case("dir-is-a-file", f"{TRAIN} --run-dir runs", 10, "ZOO-E800", ("runs",), a_file),
    Case("runs-is-a-file", TRAIN, 10, "ZOO-E800", ("runs",), a_file),
    Case("proc", f"{TRAIN} --run-dir /proc/version/run", 10, "ZOO-E800", ("/proc/version",)),
    Case("exports-is-a-file", "export run", 10, "ZOO-E800", ("exports",), a_file),
    Case("export-proc", "export run --out /proc/version", 10, "ZOO-E800", ("/proc/version",)),
    Case("version-exists", "export run --version 3", 10, "ZOO-E800", ("exists",), a_version),
    Case("build-proc", "build cnn --out /proc/version/m.keras", 10, "ZOO-E800", ("/proc/version",)),
    Case("build-misfit", "build cnn --weights run", 8, "ZOO-E602", ("do not fit",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_it_is_refused_and_every_file_stays_as_it_was(
    case: Case, good, tmp_path, monkeypatch, capsys
):
    shutil.copytree(good, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    case.setup(tmp_path)
    before = listing(tmp_path)
    capsys.readouterr()
    exit_code = call(*case.words.split()).exit
    printed = capsys.readouterr()
    check(case, Outcome(exit_code, printed.out, printed.err))
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (flipped_model, "ZOO-E601", "model.onnx"),
        (short_model, "ZOO-E601", "model.onnx"),
        (edited_card, "ZOO-E601", "card.md"),
        (edited_manifest, "ZOO-E601", "manifest.json"),
        (newer_manifest, "ZOO-E602", "version 2"),
        (no_manifest, "ZOO-E602", "manifest.json"),
        (no_vectors, "ZOO-E60", "vectors.npz"),
        (something_beside, "ZOO-E601", "run_me.sh"),
        (linked_model, "ZOO-E601", "model.onnx"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_verify_finds_it_names_it_and_exits_with_8(spoil, code, says, good, tmp_path, capsys):
    shutil.copytree(good / "artifact", tmp_path / "artifact")
    spoil(tmp_path)
    capsys.readouterr()
    assert call("verify", str(tmp_path / "artifact")).exit == 8
    printed = capsys.readouterr()
    assert printed.out.startswith("FAILED")
    assert says in printed.err
    assert "Traceback" not in printed.err
    assert call("verify", "--json", str(tmp_path / "artifact")).exit == 8
    (report,) = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["code"].startswith(code)


def test_a_run_that_another_process_holds_is_refused_with_that_process(good, tmp_path, capsys):
    shutil.copytree(good / "run", tmp_path / "run")
    unfinished(tmp_path)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from zoo.training.run_folder import RunFolder\n"
            "with RunFolder(Path(sys.argv[1])).locked(): print('held', flush=True); input()",
            tmp_path / "run",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        before = listing(tmp_path)
        capsys.readouterr()
        exit_code = call("train", "--resume", str(tmp_path / "run")).exit
        printed = capsys.readouterr()
        held = f"process {holder.pid} on {socket.gethostname()} holds it since 20"
        says = ("in use", held)
        case = Case("held", "", 6, "ZOO-E403", says)
        check(case, Outcome(exit_code, printed.out, printed.err))
        assert listing(tmp_path) == before
    finally:
        holder.communicate("\n")


def test_the_lock_of_a_dead_process_and_what_it_left_half_written_are_no_obstacle(good, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(good / "run", run)
    unfinished(tmp_path)
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


def test_a_file_system_without_locks_is_refused(good, tmp_path, monkeypatch, capsys):
    shutil.copytree(good / "run", tmp_path / "run")
    unfinished(tmp_path)

    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    exit_code = call("train", "--resume", str(tmp_path / "run")).exit
    printed = capsys.readouterr()
    says = ("cannot be locked", os.strerror(errno.ENOLCK), "local disk")
    check(Case("no-locks", "", 10, "ZOO-E800", says), Outcome(exit_code, printed.out, printed.err))


@pytest.mark.filterwarnings("default::zoo.errors.ZooWarning")
def test_a_checkpoint_that_is_passed_over_is_named_to_the_person(good, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(good / "run", run)
    unfinished(tmp_path)
    newest = run / "checkpoints" / "epoch-00001.npz"
    shutil.copy(newest, run / "checkpoints" / "epoch-00002.npz")
    capsys.readouterr()
    assert call("train", "--resume", str(run), "--quiet").exit == 0
    told = capsys.readouterr().err
    assert "warning: the run resumes from" in told
    assert "skipped: epoch-00002.npz (it has no digest" in told


class Filler(zoo.Progress):
    """Watches a training, and fills a disk behind an epoch."""

    def __init__(self, disk: Path, epoch: int) -> None:
        self.ballast, self.when = disk / "ballast", epoch

    def on_epoch_end(self, epoch: int, logs: object) -> None:
        if epoch == self.when:
            with self.ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
                while True:
                    stream.write(bytes(4096))


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
        done = program(*words, "--run-dir", disk / "run", cwd=tmp_path)
        check(Case("full", "", 10, "ZOO-E800", ("no space left", str(disk))), done)
        assert not (disk / "run" / "model.keras").exists()
        assert not [*disk.rglob("*.tmp*")]


def test_exporting_onto_a_full_disk_publishes_nothing(good, tmp_path):
    with _small_disk(tmp_path / "disk", "size=16k") as disk:
        done = program("export", good / "run", "--out", disk / "exports", cwd=tmp_path)
        check(Case("full", "", 10, "ZOO-E800", ("no space left", str(disk))), done)
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
def test_a_read_only_folder_is_refused(words, good, tmp_path, capsys):
    with _small_disk(tmp_path / "disk", "size=64k,ro") as disk:
        capsys.readouterr()
        exit_code = call(*(word.format(disk=disk, run=good / "run") for word in words)).exit
        printed = capsys.readouterr()
        says = ("Read-only file system", str(disk))
        check(Case("ro", "", 10, "ZOO-E800", says), Outcome(exit_code, printed.out, printed.err))
        assert listing(disk) == {}


_SMALL_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"


def test_a_file_that_may_not_grow_leaves_no_half_of_it(tmp_path):
    words = ("train", "mlp_classifier", "--set", "units=[512]", "--epochs", "1")
    done = program(*words, "--run-dir", tmp_path / "run", cwd=tmp_path, before=_SMALL_FILES)
    check(Case("limit", "", 10, "ZOO-E800", ("no space left", str(tmp_path))), done)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    assert not (tmp_path / "run" / "model.keras").exists()
    assert not [*tmp_path.rglob("*.tmp*")]


@pytest.mark.parametrize(
    ("missing", "words", "extra"),
    [
        (("tensorflow",), "train cnn", "keras"),
        (("keras",), "build cnn", "keras"),
        (("sklearn",), "train cnn", "datasets"),
        (("tf2onnx",), "export {run}", "keras"),
        (("onnx",), "export {run}", "keras"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_a_missing_extra_is_named_with_the_command_that_brings_it(
    missing, words, extra, good, tmp_path
):
    before = listing(tmp_path)
    places = {"run": good / "run", "artifact": good / "artifact"}
    done = program(*words.format(**places).split(), cwd=tmp_path, without=missing)
    says = (f'pip install "neural-zoo[{extra}]"', "not installed")
    check(Case("extra", "", 9, "ZOO-E700", says), done)
    assert listing(tmp_path) == before
