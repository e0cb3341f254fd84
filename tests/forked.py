"""Programs that need a framework, each forked from one process that has imported it.

    python tests/forked.py --serve SOCKET     until its standard input ends
    python tests/forked.py SOCKET WORD ...    does what ``python WORD ...`` does

The import is most of a short training. The zoo itself is imported in each child, which finds the
packages that are installed then.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn


def serve(place: Path) -> None:
    """Start one program after the other, and tell how each ended."""
    import keras  # noqa: F401

    # The path of a socket must be short.
    os.chdir(place.parent)
    paths = sys.path[1:]
    running: dict[int, tuple[int, socket.socket]] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{place.name}.new")
        listener.listen()
        Path(f"{place.name}.new").rename(place.name)  # whoever sees it is answered
        while True:
            ready, _, _ = select.select([listener, sys.stdin, *running], [], [])
            for ended in running.keys() & set(ready):
                child, caller = running.pop(ended)
                _, status = os.waitpid(child, 0)
                os.close(ended)
                with caller, contextlib.suppress(OSError):
                    caller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            if sys.stdin in ready:
                break
            if listener in ready:
                caller, _ = listener.accept()
                message, streams, _, _ = socket.recv_fds(caller, 1 << 16, 3)
                while not message.endswith(b"\n"):
                    message += caller.recv(1 << 16)
                child = os.fork()
                if child == 0:
                    for number, stream in enumerate(streams):
                        os.dup2(stream, number)
                    for handle in (listener, caller, *(other for _, other in running.values())):
                        handle.close()
                for stream in streams:
                    os.close(stream)
                if child == 0:
                    become(**json.loads(message), paths=paths)
                caller.sendall(b"%d\n" % child)
                running[os.pidfd_open(child)] = child, caller
    for child, _ in running.values():
        os.kill(child, signal.SIGKILL)


def become(folder: str, words: list[str], variables: dict[str, str], paths: list[str]) -> NoReturn:
    """Run a program as this process, and end it."""
    import runpy
    import traceback
    import types

    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Those of before remember what kind of file they were for.
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    first, *rest = words
    own = [place for place in variables.get("PYTHONPATH", "").split(os.pathsep) if place]
    start = {"-m": folder, "-c": ""}.get(first, str(Path(first).parent))
    sys.path[:] = [start, *own, *(place for place in paths if place not in own)]
    code: object = 0
    try:
        if first == "-m":
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        elif first == "-c":
            sys.argv = [first, *rest[1:]]
            sys.modules["__main__"] = main = types.ModuleType("__main__")
            exec(compile(rest[0], "<string>", "exec"), vars(main))  # noqa: S102 - it is what -c does
        else:
            sys.argv = words
            runpy.run_path(first, run_name="__main__")
    except SystemExit as end:
        code = end.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)  # noqa: T201 - as Python does
    except BaseException:  # noqa: BLE001 - as Python does at the end of a program
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


class Program:
    """A program that was started by :class:`Forks`.

    Attributes:
        pid: Its process.
        args: What was started.
    """

    def __init__(self, server: socket.socket, args: list[str]) -> None:
        self.args, self._server = args, server
        self._answers = server.makefile("rb")
        self.pid = int(self._answers.readline())
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code, the negative number of a signal that ended it."""
        if self._code is None:
            if not select.select([self._server], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._code = int(self._answers.readline())
            self._answers.close()
            self._server.close()
        return self._code

    def poll(self) -> int | None:
        """Return its exit code once it has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Forks:
    """Programs of Python, forked from the process that answers at a socket.

    Args:
        place: The socket; without one they start as ever.
    """

    def __init__(self, place: Path | None) -> None:
        self.place = place

    def start(
        self,
        *words: Any,
        cwd: str | os.PathLike[str] | None = None,
        env: dict[str, str] | None = None,
        streams: tuple[int, int, int] = (0, 1, 2),
    ) -> Program:
        """Start what ``python WORDS`` would."""
        assert self.place is not None
        args = [str(word) for word in words]
        message = json.dumps(
            {
                "folder": str(Path(cwd or Path.cwd()).absolute()),
                "words": args,
                "variables": dict(os.environ if env is None else env),
            }
        )
        server = socket.socket(socket.AF_UNIX)
        # The path of a socket must be short: a folder that is open has a short one.
        folder = os.open(self.place.parent, os.O_RDONLY)
        try:
            server.connect(f"/proc/self/fd/{folder}/{self.place.name}")
        finally:
            os.close(folder)
        socket.send_fds(server, [message.encode() + b"\n"], streams)
        return Program(server, args)

    def run(
        self,
        *words: Any,
        cwd: str | os.PathLike[str] | None = None,
        env: dict[str, str] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run what ``python WORDS`` would, with no input; return what it printed."""
        if self.place is None:
            command = [sys.executable, *map(str, words)]
            return subprocess.run(
                command, cwd=cwd, env=env, timeout=timeout, stdin=subprocess.DEVNULL, text=True,
                capture_output=True,
            )  # fmt: skip
        with (
            Path(os.devnull).open() as nothing,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
        ):
            files: tuple[IO[str], ...] = (nothing, out, err)
            streams = [file.fileno() for file in files]
            program = self.start(*words, cwd=cwd, env=env, streams=(*streams,))
            try:
                code = program.wait(timeout)
            except subprocess.TimeoutExpired:
                program.send_signal(signal.SIGKILL)
                raise
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(program.args, code, out.read(), err.read())


@contextlib.contextmanager
def start_forks(folder: Path) -> Iterator[Forks]:
    """Start a process that imports the framework and waits; yield what asks it."""
    if sys.platform != "linux":
        yield Forks(None)
        return
    place = folder / "forks"
    # Another seed for the hashes than that of the tests, which is seldom chosen and never this.
    variables = {**os.environ, "PYTHONHASHSEED": "4049"}
    variables.pop("PYTHONPATH", None)
    command = [sys.executable, __file__, "--serve", place]
    server = subprocess.Popen(command, env=variables, stdin=subprocess.PIPE)
    try:
        while not place.exists():
            assert server.poll() is None
            time.sleep(0.02)
        yield Forks(place)
    finally:
        server.communicate()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]))
    else:
        sys.exit(Forks(Path(sys.argv[1])).start(*sys.argv[2:]).wait())
