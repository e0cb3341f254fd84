"""The whole line runs on what Windows has: no fcntl, no fork, no sync of a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.forked import Forks
from tests.portability import windows

pytest.importorskip("tensorflow", reason="training needs the keras extra")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytestmark = pytest.mark.portable

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "portability" / "windows.py"
EXPECTED = {
    "stand-ins": True,
    "list": True,
    "build": True,
    "train": "stopped",
    "resume": "finished",
    "evaluate": True,
    "export": "1",
    "verify": True,
    "predict": True,
    "runs": 1,
}


@pytest.fixture(scope="module")
def line(
    tmp_path_factory: pytest.TempPathFactory, forks: Forks
) -> tuple[Path, dict[str, Any], str]:
    """One process that trains, stops, resumes, exports, verifies and predicts in a folder."""
    folder = tmp_path_factory.mktemp("line")
    done = forks.run(PROGRAM, "--line", folder, env=environment(), timeout=600)
    outcomes: dict[str, Any] = {}
    for text in done.stdout.splitlines():
        outcomes |= json.loads(text)
    return folder, outcomes, done.stderr


def environment() -> dict[str, str]:
    path = os.pathsep.join(map(str, (ROOT, ROOT / "plugins")))
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.mark.parametrize("step", EXPECTED)
def test_each_step_of_the_line_runs(line: tuple[Path, dict[str, Any], str], step: str) -> None:
    _, outcomes, stderr = line
    assert step in outcomes, stderr
    assert outcomes[step] == EXPECTED[step]


def test_a_server_starts_and_answers(line: tuple[Path, dict[str, Any], str]) -> None:
    pytest.importorskip("uvicorn", reason="serving needs the serve extra")
    folder, outcomes, _ = line
    assert outcomes.get("export") == "1"
    words = [sys.executable, PROGRAM, "serve", folder / "exports", "--port", "0", "--json"]
    server = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        text = ""
        while True:
            text += server.stdout.readline()
            try:
                url = json.loads(text)["url"]
                break
            except ValueError:
                assert server.poll() is None, text
        ready = f"{url}/v2/health/ready"
        with urllib.request.urlopen(ready, timeout=60) as answer:  # noqa: S310 - our own server
            assert answer.status == 200
    finally:
        server.kill()
        server.communicate()


def test_the_stand_ins_lack_what_windows_lacks() -> None:
    """The names are of this system, so a misspelled one would take nothing away."""
    if sys.platform != "linux":
        pytest.skip("the list is of what Linux has and Windows has not")
    assert not {name for name in windows.MISSING_IN_OS if not hasattr(os, name)}
    assert not {name for name in windows.KEPT_IN_SIGNAL if not hasattr(signal, name)}
