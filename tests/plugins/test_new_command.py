"""``zoo new``: what a person is asked, what a program says, and what either gets."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins"))),
    "TERM": "dumb",
}


def program(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "zoo", "new", *words],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def on_a_terminal(folder, answers, *words):
    """Run the program with a terminal that types the answers, a line each."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "zoo", "new", *words],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
        printed, _ = running.communicate(timeout=60)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the other end is closed, and everything was read
            pass
    os.close(ours)
    return running.returncode, printed.decode(), shown.decode()


def test_flags_answer_everything(tmp_path):
    done = program(
        tmp_path,
        *("unheard-of", "--kind", "tabular-regression", "--author", "Ada Lovelace"),
        *("--license", "MIT", "--into", "packages"),
    )
    assert (done.returncode, done.stdout) == (0, "packages/zoo-unheard-of\n"), done.stderr
    assert "pip install -e" in done.stderr
    assert "Ada Lovelace" in (tmp_path / "packages" / "zoo-unheard-of" / "LICENSE").read_text()


def test_a_terminal_asks_for_what_was_left_out(tmp_path):
    code, printed, shown = on_a_terminal(
        tmp_path, ["99", "series-forecasting", "Ada Lovelace", ""], "unheard-of"
    )
    assert (code, printed) == (0, "zoo-unheard-of\n"), shown
    assert "5  series-forecasting: " in shown
    project = (tmp_path / "zoo-unheard-of" / "pyproject.toml").read_text()
    assert 'authors = [{ name = "Ada Lovelace" }]' in project
    assert 'license = "Apache-2.0"' in project
    assert '"forecasting"' in project


def test_a_terminal_asks_nothing_that_was_said(tmp_path):
    code, _, shown = on_a_terminal(
        tmp_path,
        [],
        "unheard-of",
        "--kind",
        "text-classification",
        "--author",
        "Ada",
        "--license",
        "MIT",
    )
    assert code == 0, shown
    assert "author" not in shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["unheard-of"], 4, "--kind image-classification"),
        (["cnn", "--kind", "image-classification"], 4, "zoo new my-cnn"),
        (["../x", "--kind", "command"], 4, "zoo new x"),
        (["unheard-of", "--kind", "command", "--license", "GPL"], 4, "Apache-2.0"),
        (["unheard-of", "--kind", "video"], 4, "one of image-classification"),
        ([], 2, "NAME"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right_and_nothing_is_written(
    tmp_path, words, code, said
):
    done = program(tmp_path, *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    (tmp_path / "zoo-unheard-of").mkdir()
    (tmp_path / "zoo-unheard-of" / "mine").write_text("mine")
    done = program(tmp_path, "unheard-of", "--kind", "command")
    assert done.returncode == 10
    assert "is there already" in done.stderr
    assert [file.name for file in (tmp_path / "zoo-unheard-of").iterdir()] == ["mine"]
