"""Files appear whole or not at all, and a lock keeps other processes out."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo import files
from zoo.errors import StorageError

pytestmark = pytest.mark.portable


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock ``tmp_path/.lock``."""
    code = (
        "import sys; from pathlib import Path; from zoo.files import file_lock\n"
        "with file_lock(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / ".lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    target = tmp_path / "made" / "data.bin"
    files.atomic_write(target, b"one")
    files.atomic_write(target, lambda stream: stream.write(b"two"))
    assert target.read_bytes() == b"two"
    assert [file.name for file in target.parent.iterdir()] == ["data.bin"]


def test_what_fails_while_it_is_written_leaves_the_old_file(tmp_path):
    target = tmp_path / "data.bin"
    files.atomic_write(target, b"old")

    def fail(stream):
        stream.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.atomic_write(target, fail)
    with pytest.raises(RuntimeError), files.replacing(target) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["data.bin"]


def test_a_file_never_takes_the_place_of_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="a folder is there"):
        files.atomic_write(tmp_path / "folder", b"")


def test_a_folder_is_published_by_one_rename_or_not_at_all(tmp_path):
    target = tmp_path / "a" / "b"
    with pytest.raises(RuntimeError), files.staged_folder(target) as stage:
        (stage / "file").write_bytes(b"1")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with files.staged_folder(target) as stage:
        (stage / "file").write_bytes(b"1")
        assert not target.exists()
    assert (target / "file").read_bytes() == b"1"
    with pytest.raises(StorageError, match="exists already"), files.staged_folder(target):
        pass


def test_only_a_regular_file_of_a_bearable_size_is_opened(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"\r\n" * 4)
    assert files.read_regular(file, limit=8) == b"\r\n" * 4
    for path, code in (
        (tmp_path, (errno.EISDIR, errno.EACCES)),
        (tmp_path / "no", (errno.ENOENT,)),
    ):
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its number says which
            files.open_regular(path)
        assert caught.value.errno in code
    with pytest.raises(OSError, match="more than 7 bytes"):
        files.open_regular(file, limit=7)


def test_a_link_is_followed_only_where_it_may_be(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    try:
        (tmp_path / "link").symlink_to("file")
    except OSError:
        pytest.skip("this account may not make links")
    assert files.read_regular(tmp_path / "link") == b"1"
    with pytest.raises(OSError, match="link"):
        files.open_regular(tmp_path / "link", follow_links=False)


def test_a_held_lock_says_by_whom_and_is_free_when_the_process_dies(tmp_path, holder):
    lock = tmp_path / ".lock"
    assert files.is_locked(lock)
    who = f"process {holder.pid} on .* holds it since 20"
    with pytest.raises(files.LockHeld, match=who), files.file_lock(lock):
        pytest.fail("it was held")
    holder.kill()
    holder.wait()
    assert not files.is_locked(lock)
    with files.file_lock(lock):
        said = json.loads((tmp_path / ".lock.json").read_text("utf-8"))
        assert said["pid"] == os.getpid()
    assert not (tmp_path / ".lock.json").exists()


def test_who_waits_for_a_lock_is_told_for_whom_and_gets_it(tmp_path, holder):
    told = []

    def on_wait(who):
        told.append(who)
        holder.communicate("\n")

    with files.file_lock(tmp_path / ".lock", on_wait=on_wait):
        assert told
        assert f"process {holder.pid} " in told[0]


def test_a_lock_that_cannot_be_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="locking"), files.file_lock(tmp_path / "no" / ".lock"):
        pass
    assert not files.is_locked(tmp_path / "no" / ".lock")


def test_a_folder_is_removed_with_what_is_in_it_and_its_size_is_that_of_its_files(tmp_path):
    folder = tmp_path / "folder"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "file").write_bytes(b"12345")
    assert files.folder_size(folder) == 5
    files.remove_folder(folder, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert files.folder_size(folder) == 0
