"""Ctrl-C and SIGTERM end a training in order, and it says how to go on."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.forked import Forks


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 143, "terminated", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_training_says_how_to_go_on_and_leaves_a_run_that_can(
    tmp_path: Path, number: signal.Signals, code: int, word: str, forks: Forks
):
    run = tmp_path / "run"
    words = ["train", "mlp_classifier", "--epochs", "500", "--set", "units=[]", "--run-dir", run]
    log = tmp_path / "stderr"
    with log.open("w") as file:
        process = forks.start("-m", "zoo", *words, streams=(0, 1, file.fileno()))
    deadline = time.monotonic() + 120
    while len(list((run / "checkpoints").glob("epoch-*.sha256"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)

    assert process.wait(60) == code
    told = log.read_text()
    assert f"{word}: stopping as soon as" in told
    assert f"zoo train --resume {run}" in told
    assert "Traceback" not in told
    record = json.loads((run / "run.json").read_text())
    assert (record["status"], record["stopped_because"]) == ("stopped", word)
    assert record["epochs_done"] >= 2
