"""Commands that need a framework, each forked from a process that has imported it.

    python tests/docs/forked.py --serve SOCKET     until its standard input ends
    python tests/docs/forked.py SOCKET WORD ...    does what ``python -m zoo WORD ...`` does

The import is most of a short training. The zoo itself is imported in each child, which finds the
packages that are installed then.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
from pathlib import Path


def serve(place: Path) -> None:
    """Answer one command after the other."""
    import keras  # noqa: F401

    # The path of a socket must be short.
    os.chdir(place.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{place.name}.new")
        listener.listen()
        Path(f"{place.name}.new").rename(place.name)  # whoever sees it is answered
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            caller, _ = listener.accept()
            with caller:
                message, streams, _, _ = socket.recv_fds(caller, 65_536, 3)
                child = os.fork()
                if child == 0:
                    listener.close()
                    for number, stream in enumerate(streams):
                        os.dup2(stream, number)
                    become(**json.loads(message))
                for stream in streams:
                    os.close(stream)
                _, status = os.waitpid(child, 0)
                caller.sendall(json.dumps(os.waitstatus_to_exitcode(status)).encode())


def become(folder: str, words: list[str], variables: dict[str, str]) -> None:
    """Run the program as this process, and end it."""
    import runpy
    import traceback

    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.argv = ["zoo", *words]
    sys.path[0] = folder
    # Those of before remember what kind of file they were for.
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    code: object = 0
    try:
        runpy.run_module("zoo", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as Python does at the end of a program
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def ask(place: Path, words: list[str]) -> int:
    """Have a command run here, with these streams; return its exit code."""
    message = json.dumps(
        {"folder": str(Path.cwd()), "words": words, "variables": dict(os.environ)}
    ).encode()
    os.chdir(place.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(place.name)
        socket.send_fds(server, [message], [0, 1, 2])
        return int(json.loads(server.recv(64)))


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]))
    else:
        sys.exit(ask(Path(sys.argv[1]), sys.argv[2:]))
