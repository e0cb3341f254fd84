"""Checkpoints after a crash, on a bad disk, or with unknown files in their folder."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.training.helpers import dense_model, lines_of, run_loop, same, whole_run
from zoo.config import TrainPlan
from zoo.errors import CheckpointCorrupt, TrainError, ZooWarning
from zoo.training.checkpoints import Checkpoint, Checkpoints, TrainingState, digest_file
from zoo.training.randomness import get_random_state, set_random_state

pytestmark = pytest.mark.portable

PLAN = TrainPlan(epochs=3, batch_size=16, seed=11)


def checkpoint(epoch: int, step: int = 0, **more: Any) -> Checkpoint:
    """Return a checkpoint whose arrays say which it is."""
    line = {"epoch": float(epoch), "loss": 1 / 3, "val_loss": float("inf")}
    place = TrainingState(epoch, [line] * epoch, best_epoch=1, best_value=0.1, step=step)
    variables = [np.full((2, 3), epoch, "float32"), np.array([epoch, step], "int64")]
    return Checkpoint(place, variables, **more)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A folder with a checkpoint behind an epoch, and one inside the next."""
    folder = tmp_path_factory.mktemp("saved")
    checkpoints = Checkpoints(folder)
    checkpoints.save(checkpoint(1))
    checkpoints.save(checkpoint(1, 500, best=[np.ones(3, "float32")], metrics=[np.float32(0.25)]))
    return folder


def quietly(folder: Path) -> Checkpoint | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        return Checkpoints(folder).latest()


def test_what_is_saved_is_read_with_every_part(tmp_path: Path) -> None:
    wanted = checkpoint(
        2,
        7,
        best=[np.ones(3)],
        metrics=[np.float32(2), np.zeros((2, 2))],
        random_state=get_random_state(),
    )
    Checkpoints(tmp_path).save(wanted)
    found = Checkpoints(tmp_path).latest()

    assert found is not None
    assert found.state == wanted.state
    for name in ("variables", "best", "metrics"):
        assert same(getattr(found, name), getattr(wanted, name))
    assert found.random_state.keys() == wanted.random_state.keys()


def test_best_weights_that_are_part_of_the_state_are_written_once(tmp_path: Path) -> None:
    state = [np.arange(50_000, dtype="float32"), np.ones(9, "float32")]
    place = TrainingState(3, [{"loss": 1.0}] * 3, best_epoch=3)
    Checkpoints(tmp_path).save(Checkpoint(place, state, best=state[:1]))
    found = Checkpoints(tmp_path).latest()

    assert (tmp_path / "epoch-00003.npz").stat().st_size < 1.1 * 4 * 50_000
    assert found is not None
    assert found.best is not None
    assert same(found.best, state[:1])


def test_the_newest_is_the_one_furthest_on_also_behind_a_hundred_thousand_epochs(
    tmp_path: Path,
) -> None:
    checkpoints = Checkpoints(tmp_path)
    for epoch, step in ((99_998, 0), (99_999, 0), (99_999, 5), (99_999, 100_000_000), (100_000, 0)):
        place = TrainingState(epoch=epoch, step=step)
        checkpoints.save(Checkpoint(place, [np.zeros(1)]))
        found = checkpoints.latest()
        assert found is not None
        assert found.state == place
    assert len(list(tmp_path.glob("*.npz"))) == 2


@given(data=st.data())
def test_whatever_byte_of_the_newest_is_wrong_the_one_before_is_used(
    saved: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("bad") / "checkpoints"
    shutil.copytree(saved, folder)
    newest = folder / "epoch-00001-step-00000500.npz"
    file = data.draw(st.sampled_from([newest, digest_file(newest)]))
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    file.write_bytes(content)

    with pytest.warns(ZooWarning, match=newest.name) as said:
        found = Checkpoints(folder).latest()
    assert found is not None
    assert (found.state.epoch, found.state.step) == (1, 0)
    assert "epoch-00001.npz" in str(said[0].message)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file: digest_file(file).unlink(), "no digest"),
        (lambda file: file.write_bytes(b""), "not those of its digest"),
        (
            lambda file: shutil.copy(
                digest_file(file.with_name("epoch-00001.npz")), digest_file(file)
            ),
            "not those of its digest",
        ),
        (
            lambda file: signed(file, file.with_name("epoch-00001.npz").read_bytes()),
            "another moment than its name says",
        ),
        (lambda file: signed(file, b"not a zip"), ""),
        (lambda file: signed(file, archive(np.zeros(2))), "meta"),
        (lambda file: signed(file, archive(meta=text([1]))), "not an object"),
        (lambda file: signed(file, archive(meta=text({"format": 1}))), "state"),
        (
            lambda file: signed(file, archive(meta=text({"format": 1, "state": {"x": 1}}))),
            "x",
        ),
        (lambda file: signed(file, archive(meta=np.array([{}], object))), "allow_pickle"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_passed_over_with_the_reason(
    saved: Path, tmp_path: Path, spoil: Any, why: str
) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(saved, folder)
    spoil(folder / "epoch-00001-step-00000500.npz")

    with pytest.warns(ZooWarning, match=why):
        found = Checkpoints(folder).latest()
    assert found is not None
    assert found.state.step == 0


def text(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), "uint8")


def archive(*arrays: Any, **named: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, *arrays, **named)
    return buffer.getvalue()


def signed(file: Path, content: bytes) -> None:
    """Write a file with a digest that is right."""
    file.write_bytes(content)
    digest_file(file).write_text(hashlib.sha256(content).hexdigest())


def test_when_none_is_whole_the_error_names_each_with_its_reason(
    saved: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(saved, folder)
    (folder / "epoch-00001.npz").write_bytes(b"")
    digest_file(folder / "epoch-00001-step-00000500.npz").unlink()

    with pytest.raises(CheckpointCorrupt, match="no checkpoint in") as caught:
        Checkpoints(folder).latest()
    assert "epoch-00001.npz (its bytes are not" in caught.value.why
    assert "epoch-00001-step-00000500.npz (it has no digest" in caught.value.why


def test_one_of_a_newer_format_is_refused_and_not_passed_over(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(saved, folder)
    signed(folder / "epoch-00002.npz", archive(meta=text({"format": 2})))

    with pytest.raises(TrainError, match="checkpoint format 2") as caught:
        Checkpoints(folder).latest()
    assert "--upgrade" in caught.value.fix


def test_one_that_was_passed_over_goes_when_a_good_one_is_written(
    saved: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(saved, folder)
    (folder / "epoch-00001-step-00000500.npz").write_bytes(b"torn")
    assert quietly(folder) is not None
    Checkpoints(folder).save(checkpoint(1, 300))

    names = sorted(file.name for file in folder.glob("*.npz"))
    assert names == ["epoch-00001-step-00000300.npz", "epoch-00001.npz"]
    assert len(list(folder.iterdir())) == 4


def test_a_run_goes_on_behind_a_torn_checkpoint_to_the_same_bits(tmp_path: Path) -> None:
    whole, whole_loop = whole_run(PLAN, dense_model)
    run_loop(tmp_path / "cut", PLAN, stop_after=2, make=dense_model)
    newest = tmp_path / "cut" / "checkpoints" / "epoch-00002.npz"
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(ZooWarning, match="skipped: epoch-00002.npz"):
        resumed, loop = run_loop(tmp_path / "cut", PLAN, resume=True, make=dense_model)

    assert same(whole, resumed)
    assert lines_of(whole_loop) == lines_of(loop)


def test_a_run_that_ended_inside_its_first_checkpoint_begins_again_to_the_same_bits(
    tmp_path: Path,
) -> None:
    whole, whole_loop = whole_run(PLAN, dense_model)
    run_loop(tmp_path / "cut", PLAN, stop_after=1, make=dense_model)
    digest_file(tmp_path / "cut" / "checkpoints" / "epoch-00001.npz").unlink()
    resumed, loop = run_loop(tmp_path / "cut", PLAN, resume=True, make=dense_model)

    assert same(whole, resumed)
    assert lines_of(whole_loop) == lines_of(loop)


def test_the_generators_of_the_process_go_on_where_they_stood() -> None:
    import keras

    random.seed(4)
    np.random.seed(4)
    keras.utils.set_random_seed(4)
    random.gauss(0, 1)  # leaves a second draw for later
    np.random.standard_normal()

    def draws() -> list[float]:
        numbers = [random.random(), random.gauss(0, 1), np.random.standard_normal()]
        return [*numbers, np.random.random(), float(keras.random.normal(()))]

    states = get_random_state()
    first = draws()
    assert draws() != first
    set_random_state(states)
    assert draws() == first
