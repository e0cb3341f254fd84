"""Keep what TensorFlow tells its own developers off a person's terminal."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = re.compile(
    rb"I\d{4} |\d{4}-\d\d-\d\d \S+ I |WARNING: All log messages before absl::InitializeLog"
    rb"|E\d{4} .*failed call to cuInit"  # there is no such device, which is no error
    rb"|To enable the following instructions|\s*$"
)


def _not_about_tracing(record: logging.LogRecord) -> bool:
    # Every fold trains a model of its own, and each has to be traced.
    return "triggered tf.function retracing" not in str(record.msg)


@contextmanager
def native_chatter_hidden() -> Iterator[None]:
    """Hold back the notes that native code writes to standard error; its warnings still come.

    TensorFlow writes some lines before any of its own settings is read. They go to the process's
    file descriptor, behind Python's back, so that is where they are caught. What is neither a
    note nor blank is written out at the end.
    """
    logging.getLogger("tensorflow").addFilter(_not_about_tracing)
    try:
        ours = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        yield
        return
    import tempfile

    before = sys.stderr
    terminal = os.dup(2)
    sys.stderr = os.fdopen(terminal, "w", buffering=1, encoding=before.encoding, errors="replace")
    with tempfile.TemporaryFile() as held:
        before.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            # The other stream stays open: a logger may have taken hold of it.
            sys.stderr = before
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)


__all__ = ["native_chatter_hidden"]
