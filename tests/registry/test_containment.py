"""Code of strangers runs in this process, and the process is as it was."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from zoo.registry.containment import contained


def test_the_working_folder_the_environment_and_the_random_states_are_put_back(tmp_path):
    before = (Path.cwd(), dict(os.environ), random.getstate(), list(warnings.filters))
    numbers = np.random.get_state()[1].copy()
    with contained() as traces:
        os.chdir(tmp_path)
        os.environ["STRANGE"] = "1"
        os.environ.pop("PATH")
        random.seed(1)
        np.random.seed(1)
        warnings.simplefilter("ignore")
    assert (Path.cwd(), dict(os.environ), random.getstate(), list(warnings.filters)) == before
    assert (np.random.get_state()[1] == numbers).all()
    assert traces.touched == [
        "the working folder",
        "the environment (PATH, STRANGE)",
        "the filters of warnings",
        "Python's random state",
        "NumPy's random state",
    ]


def test_a_block_that_does_nothing_leaves_no_trace():
    with contained() as traces:
        pass
    assert (traces.printed, traces.warned, traces.touched) == ("", [], [])


def test_state_is_put_back_after_an_error_too():
    before = random.getstate()
    with pytest.raises(SystemExit), contained() as traces:
        random.seed(1)
        sys.stdout.write("last words\n")
        raise SystemExit
    assert random.getstate() == before
    assert traces.printed == "last words"
    assert traces.touched == ["Python's random state"]


def test_warnings_are_collected_and_not_shown():
    with contained() as traces:
        warnings.simplefilter("default")
        warnings.warn("the sky may fall", stacklevel=1)
    assert traces.warned == ["UserWarning: the sky may fall"]


def test_output_is_kept_up_to_a_bound_and_reaches_no_pipe(capfd):
    with contained() as traces:
        sys.stdout.write("a" * 100_000 + "\n")
        sys.stderr.write("and more")
        os.write(1, b"behind Python's back\n")
        subprocess.run(["echo", "a child"], check=True)
    sys.stdout.write("ours\n")
    captured = capfd.readouterr()
    assert captured.out == "ours\n"
    assert traces.printed == "a" * 4000
    assert captured.err == "behind Python's back\na child\n"


OTHERS = """
import sys, threading
from zoo.registry.containment import contained

speak, spoken = threading.Event(), threading.Event()

def speaker():
    speak.wait(10)
    print("a thread of the user's")
    spoken.set()

threading.Thread(target=speaker).start()
print("before")
with contained() as traces:
    print("a stranger")
    speak.set()
    spoken.wait(10)
    sys.stdout.buffer.write(b"a stranger's bytes")
print("after", repr(traces.printed))
"""


def test_what_other_threads_print_meanwhile_goes_where_it_always_went():
    done = subprocess.run([sys.executable, "-c", OTHERS], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "before",
        "a thread of the user's",
        'after "a stranger\\na stranger\'s bytes"',
    ]


def test_a_logger_that_took_hold_of_the_stream_goes_on_logging_to_it(capsys):
    logger = logging.getLogger("a stranger")
    with contained() as traces:
        handler = logging.StreamHandler(sys.stdout)
        logger.addHandler(handler)
        logger.warning("early")
    try:
        logger.warning("late")
    finally:
        logger.removeHandler(handler)
    assert traces.printed == "early"
    assert capsys.readouterr().out == "late\n"


def test_a_stranger_that_closes_or_replaces_the_streams_takes_them_from_nobody(capfd):
    with contained():
        os.close(1)
        sys.stdout = None  # type: ignore[assignment]
    sys.stdout.write("still here\n")
    assert capfd.readouterr().out == "still here\n"
