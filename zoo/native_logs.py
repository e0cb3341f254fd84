"""Hide the info logs of frameworks."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NATIVE_LOG = re.compile(
    rb"I\d{4} |\d{4}-\d\d-\d\d \S+ I |WARNING: All log messages before absl::InitializeLog"
    rb"|E\d{4} .*failed call to cuInit"  # there is no such device, which is no error
    rb"|To enable the following instructions|\s*$"
)


@contextmanager
def native_logs_hidden() -> Iterator[None]:
    """Hide the info logs that native code writes to standard error; its warnings are shown.

    TensorFlow writes some lines before any of its own settings is read. They go to the process's
    file descriptor, so that is where they are caught. Other lines are written out at the end.
    """
    logging.getLogger("tensorflow").addFilter(_not_about_tracing)
    try:
        ours = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours and not in_notebook():
        yield
        return
    import tempfile

    before = sys.stderr
    terminal = os.dup(2)
    if ours:  # a notebook's own stream does not lead there
        sys.stderr = os.fdopen(
            terminal, "w", buffering=1, encoding=before.encoding, errors="replace"
        )
    with tempfile.TemporaryFile() as held:
        before.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            if not ours:
                os.close(terminal)
            # The other stream stays open: a logger may have taken hold of it.
            sys.stderr = before
            held.seek(0)
            for line in held:
                if not _NATIVE_LOG.match(line):
                    os.write(2, line)


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _not_about_tracing(record: Any) -> bool:
    # Every fold of a cross-validation trains a model of its own, and each has to be traced.
    return "triggered tf.function retracing" not in str(record.msg)
