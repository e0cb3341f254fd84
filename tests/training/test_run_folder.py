"""Folders that a new run may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import StorageError
from zoo.training.run_folder import RunFolder


@pytest.mark.parametrize(
    "left", [(), (".lock",), (".lock", "..lock.json.x1.tmp", ".run.json.a2.tmp")]
)
def test_what_a_start_that_was_killed_leaves_does_not_keep_a_run_out(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    for name in left:
        (tmp_path / name).write_bytes(b"half")

    folder = RunFolder.create("cnn", tmp_path)
    with folder.locked():
        assert {file.name for file in tmp_path.iterdir()} <= {".lock", ".lock.json"}


def test_a_folder_with_a_run_is_refused_with_the_command_that_resumes_it(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(StorageError, match="not empty") as caught:
        RunFolder.create("cnn", tmp_path)
    assert f"zoo train --resume {tmp_path}" in caught.value.fix


def test_a_folder_with_other_files_is_refused_without_one(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(StorageError, match="not empty") as caught:
        RunFolder.create("cnn", tmp_path)
    assert "resume" not in caught.value.fix
    assert "--run-dir" in caught.value.fix
