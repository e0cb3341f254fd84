"""Let a stranger's code run in this process, and leave the process as it was.

What it prints is kept off our output, what it warns of is collected, and the global state that it
changes is put back where that is possible.
"""

from __future__ import annotations

import contextlib
import importlib
import locale
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from zoo.registry.verdict import one_line

_MOST_TEXT = 4000
_MOST_WARNINGS = 20
_LOCK = threading.RLock()


@dataclass
class Traces:
    """What a piece of code left behind, known when its block has ended.

    Attributes:
        printed: The beginning of what it wrote to standard output and standard error.
        warned: The warnings that it raised, one line each.
        touched: The global state that it changed, in words.
    """

    printed: str = ""
    warned: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)


@contextlib.contextmanager
def contained() -> Iterator[Traces]:
    """Run a block of strangers' code; what it leaves behind is in the traces at its end.

    One thread at a time. The output of other threads goes where it always went; what native code
    or a child process writes to standard output meanwhile appears on standard error.
    """
    with _LOCK:
        traces = Traces()
        # Its random state and its filters come with its import, whoever asks for it first.
        with contextlib.suppress(ImportError):
            importlib.import_module("numpy")
        with warnings.catch_warnings(record=True) as caught, _chatter_kept_off() as heard:
            before = list(_readings())
            try:
                yield traces
            finally:
                traces.touched += _put_back(before)
                traces.printed = heard()
                for warning in caught[:_MOST_WARNINGS]:
                    text = one_line(str(warning.message), 300)
                    traces.warned.append(f"{warning.category.__name__}: {text}")


class _Listener:
    """Stands in for a stream: keeps what its own thread writes, and lets the rest through.

    A module may have taken hold of it (a logger's handler does): when the block has ended,
    everything goes through.

    Args:
        stream: What it stands in for.
        kept: Where it keeps what it hears.
        past: A file descriptor that leads where the stream's led before that was changed.
    """

    def __init__(self, stream: Any, kept: list[str], past: int | None) -> None:
        self._stream = stream
        self._kept = kept
        self._past = past
        self._thread: int | None = threading.get_ident()

    def write(self, text: str) -> int:
        if threading.get_ident() == self._thread:
            room = _MOST_TEXT - sum(map(len, self._kept))
            if room > 0:
                self._kept.append(text[:room])
        elif self._past is not None:
            os.write(self._past, text.encode(errors="replace"))
        else:
            self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> Any:
        return self._stream.buffer if self._thread is None else _Bytes(self)

    def let_through(self) -> None:
        self._thread = self._past = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Bytes:
    """The binary side of a listener."""

    def __init__(self, listener: _Listener) -> None:
        self._listener = listener

    def write(self, data: bytes) -> int:
        self._listener.write(bytes(data).decode(errors="replace"))
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


@contextlib.contextmanager
def _chatter_kept_off() -> Iterator[Callable[[], str]]:
    """Keep what is written meanwhile; yields the function that returns it."""
    kept: list[str] = []
    before = sys.stdout, sys.stderr
    for stream in before:
        with contextlib.suppress(Exception):
            stream.flush()
    with _output_to_errors() as saved:
        out, err = before
        listeners = (
            _Listener(out, kept, saved if _descriptor(out) == 1 else None),
            _Listener(err, kept, None),
        )
        sys.stdout, sys.stderr = listeners
        try:
            yield lambda: "".join(kept).strip()
        finally:
            for listener in listeners:
                listener.let_through()
            sys.stdout, sys.stderr = before


def _descriptor(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except Exception:  # noqa: BLE001 - a notebook's stream has none, and may say so in any way
        return None


@contextlib.contextmanager
def _output_to_errors() -> Iterator[int | None]:
    """Let the process's standard output be its standard error for a while, behind Python's back.

    Yields:
        A file descriptor that leads where standard output led; ``None`` if there was none.
    """
    try:
        saved = os.dup(1)
    except OSError:
        yield None
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        yield saved
    finally:
        os.dup2(saved, 1)
        os.close(saved)


@dataclass(frozen=True)
class _Facet:
    """One piece of global state.

    Attributes:
        read: Returns it, as something that can be compared.
        differs: Says in words how two of them differ; empty if they do not.
        restore: Puts an earlier one back; ``None`` where code may rightly rely on the change.
    """

    read: Callable[[], Any]
    differs: Callable[[Any, Any], str]
    restore: Callable[[Any], object] | None = None


def _readings() -> Iterator[tuple[_Facet, Any]]:
    for facet in _FACETS:
        # A module that another thread is importing has no settings yet.
        with contextlib.suppress(Exception):
            yield facet, facet.read()


def _put_back(before: list[tuple[_Facet, Any]]) -> list[str]:
    touched = []
    for facet, state in before:
        try:
            change = facet.differs(state, facet.read())
            if change:
                touched.append(change)
                if facet.restore is not None:
                    facet.restore(state)
        except Exception as error:  # noqa: BLE001 - the state may be a stranger's object by now
            touched.append(f"something that cannot be put back ({type(error).__name__})")
    return touched


def _named(name: str) -> Callable[[Any, Any], str]:
    return lambda before, after: "" if before == after else name


def _keys(name: str) -> Callable[[Any, Any], str]:
    """Say which keys of a mapping changed."""

    def differs(before: dict[Any, Any], after: dict[Any, Any]) -> str:
        missing = object()
        changed = sorted(
            str(getattr(key, "name", key))
            for key in {*before, *after}
            if before.get(key, missing) != after.get(key, missing)
        )
        more = f" and {len(changed) - 4} more" if len(changed) > 4 else ""
        return f"{name} ({', '.join(changed[:4])}{more})" if changed else ""

    return differs


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - the text is all that is wanted
    except OSError:
        return ""


def _restore_folder(folder: str) -> None:
    if folder:
        os.chdir(folder)


def _restore_environment(environment: dict[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _restore_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]


def _numpy_random() -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    state = numpy.random.get_state()
    return (state[0], state[1].tobytes(), *state[2:])


def _restore_numpy_random(state: Any) -> None:
    numpy: Any = sys.modules["numpy"]
    numpy.random.set_state((state[0], numpy.frombuffer(state[1], numpy.uint32), *state[2:]))


def _handlers() -> dict[signal.Signals, Any]:
    return {
        number: signal.getsignal(number)
        for number in signal.valid_signals()
        if isinstance(number, signal.Signals)
    }


def _restore_handlers(handlers: dict[signal.Signals, Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    for number, handler in handlers.items():
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


_KERAS = ("floatx", "epsilon", "image_data_format", "backend", "dtype_policy")


def _keras() -> dict[str, Any]:
    """Return keras's settings, if it is there; it is never imported for this."""
    config = getattr(sys.modules.get("keras"), "config", None)
    if config is None:
        return {}
    settings = {name: getattr(config, name)() for name in _KERAS}
    # Policies of one name are alike; the object is kept to be put back.
    return settings | {"dtype_policy": _Policy(settings["dtype_policy"])}


@dataclass(frozen=True)
class _Policy:
    policy: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Policy) and self.policy.name == other.policy.name

    __hash__ = None  # type: ignore[assignment]


def _restore_keras(settings: dict[str, Any]) -> None:
    config = getattr(sys.modules.get("keras"), "config", None)
    if config is None or not settings:
        return
    config.set_floatx(settings["floatx"])
    config.set_epsilon(settings["epsilon"])
    config.set_image_data_format(settings["image_data_format"])
    config.set_dtype_policy(settings["dtype_policy"].policy)


def _keras_differs(before: dict[str, Any], after: dict[str, Any]) -> str:
    # Of a keras that came in meanwhile nothing was known before.
    return _keys("keras's settings")(before, after) if before else ""


_FACETS = (
    _Facet(_folder, _named("the working folder"), _restore_folder),
    _Facet(lambda: dict(os.environ), _keys("the environment"), _restore_environment),
    _Facet(
        lambda: list(warnings.filters),
        _named("the filters of warnings"),
        _restore_filters,
    ),
    _Facet(random.getstate, _named("Python's random state"), random.setstate),
    _Facet(_numpy_random, _named("NumPy's random state"), _restore_numpy_random),
    _Facet(_keras, _keras_differs, _restore_keras),
    _Facet(_handlers, _keys("the handlers of signals"), _restore_handlers),
    _Facet(
        lambda: locale.setlocale(locale.LC_ALL),
        _named("the locale"),
        lambda name: locale.setlocale(locale.LC_ALL, name),
    ),
    _Facet(lambda: list(sys.path), _named("sys.path")),
    _Facet(
        lambda: sys.excepthook, _named("sys.excepthook"), lambda h: setattr(sys, "excepthook", h)
    ),
)
"""What is looked at around an import. ``sys.path`` is reported only: a package that carries other
packages inside needs what it put there."""


__all__ = ["Traces", "contained"]
