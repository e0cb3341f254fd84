"""Ctrl-C and SIGTERM handling: a run stops where its state can be saved."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn


class Terminated(SystemExit):
    """Raised after SIGTERM; ends the process with exit code 143 unless it is caught."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


_DEFAULTS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
# Windows delivers no SIGTERM to another process. Ctrl-Break takes its place.
if hasattr(signal, "SIGBREAK"):
    _DEFAULTS[signal.SIGBREAK] = signal.SIG_DFL


class Interrupts:
    """Requests to stop a run.

    A signal ends the run at once, unless it is deferred: then whoever deferred it checks
    ``pending`` where it is safe to stop, and calls ``check``. A second signal does not wait.
    Python raises an interrupt wherever the program is at that moment, and drops it with a message
    in the clean-up of an object, so ``check`` also raises one that was lost that way.

    Args:
        on_deferred: Called with ``interrupted`` or ``terminated`` when a signal has to wait.
    """

    def __init__(self, on_deferred: Callable[[str], None] = lambda reason: None) -> None:
        self._on_deferred = on_deferred
        self._pending: int | None = None
        self._deferred = False
        self._installed: list[int] = []

    @property
    def pending(self) -> bool:
        """Whether a stop was requested."""
        return self._pending is not None

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle, in the main thread, the signals that have their default handlers.

        Reentrant; the outermost block restores the handlers.
        """
        ours = [] if self._installed or not _in_main_thread() else _unclaimed()
        for number in ours:
            signal.signal(number, self._handle)
        self._installed += ours
        try:
            yield
        finally:
            for number in ours:
                signal.signal(number, _DEFAULTS[number])
                self._installed.remove(number)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the first signal wait for ``check``."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def check(self) -> None:
        """Raise what was requested since.

        Raises:
            KeyboardInterrupt: After Ctrl-C.
            Terminated: After SIGTERM.
        """
        if self._pending is not None:
            _stop(self._pending)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first, self._pending = self._pending is None, number
        if not (first and self._deferred):
            _stop(number)
        # A stream that is being written to at this moment cannot be written to again.
        with contextlib.suppress(RuntimeError):
            self._on_deferred("interrupted" if number == signal.SIGINT else "terminated")


def _stop(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _unclaimed() -> list[int]:
    return [number for number, default in _DEFAULTS.items() if signal.getsignal(number) == default]
