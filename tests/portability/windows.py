"""Make Python look to the zoo as it does on Windows: run a program of it with what is left.

    python tests/portability/windows.py train cnn --epochs 1
    python tests/portability/windows.py --line FOLDER

Other libraries have code of their own for Windows, which they choose by the name of the system, so
they keep what they ask for. Modules of the zoo get stand-ins for ``os`` and ``signal`` that hold
only what Windows has, and no ``fcntl``.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import json
import os
import pathlib
import signal
import sys
import types
from typing import Any

MISSING_MODULES = frozenset(
    {"curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios"}
    | {"tty"}
)

MISSING_IN_OS = frozenset(
    """
    F_LOCK O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NDELAY O_NOATIME O_NOCTTY O_NOFOLLOW
    O_NONBLOCK O_PATH O_RSYNC O_SYNC O_TMPFILE WCOREDUMP WEXITSTATUS WIFEXITED WIFSIGNALED
    WNOHANG WTERMSIG chown chroot confstr ctermid environb eventfd fchdir fchmod fchown
    fdatasync fork forkpty fpathconf fstatvfs getegid geteuid getgid getgroups getloadavg
    getpgid getpgrp getpriority getresuid getsid getuid getxattr initgroups killpg lchown
    lockf major makedev memfd_create minor mkfifo mknod nice openpty pathconf pipe2
    posix_fadvise posix_fallocate posix_spawn posix_spawnp pread preadv pwrite pwritev readv
    register_at_fork sched_getaffinity sched_setaffinity sched_yield sendfile setegid seteuid
    setgid setgroups setpgid setpriority setsid setuid setxattr statvfs sync sysconf tcgetpgrp
    tcsetpgrp ttyname uname wait wait3 wait4 waitid writev
    """.split()  # noqa: SIM905 - a list of names is read more easily so
)

KEPT_IN_SIGNAL = frozenset(
    """
    SIGABRT SIGFPE SIGILL SIGINT SIGSEGV SIGTERM SIG_DFL SIG_IGN Handlers Signals
    default_int_handler getsignal raise_signal set_wakeup_fd signal strsignal valid_signals
    """.split()  # noqa: SIM905 - a list of names is read more easily so
)


def _open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
    return os.open(path, flags, *rest, **more)


def _fsync(handle: int) -> None:
    import fcntl

    if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    os.fsync(handle)


def _rename(source: Any, target: Any, **more: Any) -> None:
    if os.path.exists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    os.rename(source, target, **more)


def _stand_in(real: types.ModuleType, kept: Any, **other: Any) -> types.ModuleType:
    module = types.ModuleType(real.__name__)
    module.__dict__.update({name: value for name, value in vars(real).items() if kept(name)})
    module.__dict__.update(other)
    return module


def install() -> None:
    """Give modules of the zoo, imported from now on, what Windows has."""
    stand_ins = {
        "os": _stand_in(
            os, lambda name: name not in MISSING_IN_OS, open=_open, fsync=_fsync, rename=_rename
        ),
        "signal": _stand_in(
            signal, lambda name: name in KEPT_IN_SIGNAL or name.startswith("__"), __file__=""
        ),
    }
    real_import, real_rename = builtins.__import__, pathlib.Path.rename

    def imported(name: str, globals: Any = None, *rest: Any, **more: Any) -> Any:  # noqa: A002
        importer = str((globals or {}).get("__name__", ""))
        if importer.partition(".")[0].startswith("zoo"):
            if name in MISSING_MODULES:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in stand_ins:
                return stand_ins[name]
        return real_import(name, globals, *rest, **more)

    def renamed(self: pathlib.Path, target: Any) -> pathlib.Path:
        if os.path.exists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        return real_rename(self, target)

    builtins.__import__ = imported
    pathlib.Path.rename = renamed  # type: ignore[method-assign]


def run_line(folder: pathlib.Path) -> None:
    """Walk the line from a name to a prediction in one process; print the outcome of each step."""
    import numpy as np

    import zoo
    import zoo.files
    from zoo.cli import main

    os.chdir(folder)

    class Stop(zoo.Progress):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            if epoch == 1:
                signal.raise_signal(signal.SIGINT)

    def command(*words: str) -> Any:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            try:
                main([*words, "--json"])
            except SystemExit as ended:
                if ended.code:
                    raise RuntimeError(f"zoo {' '.join(words)} ended with {ended.code}") from ended
        return json.loads(said.getvalue())

    def train() -> Any:
        with contextlib.suppress(KeyboardInterrupt):
            zoo.train("mlp_classifier", units=(), epochs=2, run_dir="runs/one", progress=Stop())
        return zoo.Run("runs/one").status

    def images() -> Any:
        np.savez("digits.npz", image=np.zeros((2, 8, 8, 1), "uint8"))
        return len(command("predict", "exports/mlp_classifier/1", "digits.npz"))

    steps = {
        "stand-ins": lambda: sys.platform == "win32" or vars(zoo.files)["os"] is not os,
        "list": lambda: "cnn" in str(command("list")),
        "build": lambda: zoo.build("cnn", filters=[[4], [4]]).count_params() > 0,
        "train": train,
        "resume": lambda: command("train", "--resume", "runs/one")["status"],
        "evaluate": lambda: zoo.evaluate("runs/one").scores["accuracy"].value > 0,
        "export": lambda: pathlib.Path(command("export", "runs/one")["path"]).name,
        "verify": lambda: command("verify", "exports/mlp_classifier/1")[0]["ok"],
        "predict": lambda: images() > 0,
        "runs": lambda: len(command("runs")),
    }
    for name, step in steps.items():
        try:
            outcome = step()
        except Exception as error:  # noqa: BLE001 - the test says which step it was
            outcome = f"{type(error).__name__}: {error}"
        print(json.dumps({name: outcome}), flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.platform != "win32":
        install()
    if sys.argv[1] == "--line":
        run_line(pathlib.Path(sys.argv[2]))
    else:
        from zoo.cli import main

        main(sys.argv[1:])
