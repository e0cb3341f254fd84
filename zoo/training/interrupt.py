"""Ctrl-C and SIGTERM: never lost, and heard where a run can be left."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn


class Terminated(SystemExit):
    """SIGTERM asked the process to end: it does, with 143, unless somebody catches this."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


_DEFAULTS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


class Interrupts:
    """What asks a run to stop.

    A signal ends the run at once, unless it comes while it is deferred: then whoever deferred it
    looks at ``pending`` where it is safe to stop, and calls ``check``. A second signal does not
    wait. Python raises an interrupt wherever the program is at that moment; in the clean-up of an
    object it is thrown away with a message, so ``check`` also raises what came before and was lost.

    Args:
        tell: Called when a signal has to wait, with what it was: ``interrupted``, ``terminated``.
    """

    def __init__(self, tell: Callable[[str], None] = lambda what: None) -> None:
        self._tell = tell
        self._pending: int | None = None
        self._deferred = False
        self._installed: list[signal.Signals] = []

    @property
    def pending(self) -> bool:
        """Whether somebody asked."""
        return self._pending is not None

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Listen, in the main thread, to the signals that nobody else has a handler for.

        May be entered again inside; the outermost puts the handlers back.
        """
        ours = [] if self._installed or not _in_main_thread() else _unclaimed()
        for number in ours:
            signal.signal(number, self._note)
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
        """Raise what was asked for since.

        Raises:
            KeyboardInterrupt: After Ctrl-C.
            Terminated: After SIGTERM.
        """
        if self._pending is not None:
            _end(self._pending)

    def _note(self, number: int, frame: FrameType | None) -> None:
        first, self._pending = self._pending is None, number
        if not (first and self._deferred):
            _end(number)
        # A stream that is being written to at this moment cannot be written to again.
        with contextlib.suppress(RuntimeError):
            self._tell(reason(number))


def reason(signal_number: int) -> str:
    """Return what a signal did to a run, in a word."""
    return "terminated" if signal_number == signal.SIGTERM else "interrupted"


def _end(number: int) -> NoReturn:
    if number == signal.SIGTERM:
        raise Terminated
    raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _unclaimed() -> list[signal.Signals]:
    return [number for number, default in _DEFAULTS.items() if signal.getsignal(number) == default]


__all__ = ["Interrupts", "Terminated", "reason"]
