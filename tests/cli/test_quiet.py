"""What native code writes behind Python's back."""

from __future__ import annotations

import subprocess
import sys

_NATIVE = """
import os, sys
from zoo.cli.quiet import native_chatter_hidden
with native_chatter_hidden():
    os.write(2, b"I0000 00:00:1.2 3 port.cc:153] a note for developers\\n")
    os.write(2, b"W0000 00:00:1.2 3 port.cc:154] a warning for everybody\\n")
    print("from Python", file=sys.stderr)
os.write(2, b"I0000 afterwards\\n")
sys.exit(3)
"""


def test_notes_of_native_code_are_held_back_and_warnings_come():
    done = subprocess.run(
        [sys.executable, "-c", _NATIVE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    first, second, third = done.stderr.splitlines()
    assert first == "from Python"
    assert "a warning for everybody" in second
    assert third == "I0000 afterwards"


def test_an_error_inside_gives_the_stream_back():
    code = _NATIVE.replace('print("from Python", file=sys.stderr)', "raise OSError('lost')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "OSError: lost" in done.stderr
    assert "a warning for everybody" in done.stderr
