"""What importing an architecture does to a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.architecture import Architecture
from zoo.testing.identity import source_file
from zoo.testing.outcomes import CheckFailed, Skipped

SECONDS = 120
"""How long an import may take before it counts as hanging."""

_PROBE = """
import json, locale, logging, os, random, signal, sys, threading, time, warnings
asked = json.loads(sys.argv[1])
sys.path[:] = asked["path"]
import importlib, importlib.util
import numpy as np
import zoo.architecture, zoo.config, zoo.errors, zoo.metrics, zoo.spec

def state():
    return {
        "the working directory": os.getcwd(),
        "environment variables": sorted(os.environ.items()),
        "warnings filters": [repr(one) for one in warnings.filters],
        "Python's random numbers": repr(random.getstate()),
        "NumPy's random numbers": repr(np.random.get_state()),
        "NumPy's error handling": repr(np.geterr()),
        "NumPy's print options": repr(np.get_printoptions()),
        "sys.path": list(sys.path),
        "sys.excepthook": repr(sys.excepthook),
        "sys.stdout and sys.stderr": repr([id(sys.stdout), id(sys.stderr)]),
        "the recursion limit": sys.getrecursionlimit(),
        "the root logger": repr([logging.root.level, logging.root.handlers]),
        "the locale": locale.setlocale(locale.LC_ALL),
        "signal handlers": [repr(signal.getsignal(n)) for n in sorted(signal.valid_signals())],
        "running threads": sorted(thread.name for thread in threading.enumerate()),
    }

before, started = state(), time.process_time()
try:
    spec = importlib.util.find_spec(asked["module"])
except (ImportError, ValueError):
    spec = None
if spec is not None and spec.origin and os.path.samefile(spec.origin, asked["file"]):
    module = importlib.import_module(asked["module"])
else:
    # Written in a script or beside a test: no name leads there.
    spec = importlib.util.spec_from_file_location("zoo_checked", asked["file"])
    module = importlib.util.module_from_spec(spec)
    sys.modules["zoo_checked"] = module
    spec.loader.exec_module(module)
kind = module
for part in asked["name"].split("."):
    kind = getattr(kind, part)
kind()
seconds, after = time.process_time() - started, state()
told = {
    "seconds": seconds,
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "touched": [name for name in before if before[name] != after[name]],
}
with open(asked["answer"], "w") as stream:
    json.dump(told, stream)
"""


@dataclass(frozen=True)
class Traces:
    """What an import left behind.

    Attributes:
        seconds: CPU time of the import, what the zoo itself needs not counted.
        modules: The top-level modules that are loaded behind it.
        touched: What is not as it was before, in words.
        printed: What was written to standard output and standard error.
    """

    seconds: float
    modules: frozenset[str]
    touched: tuple[str, ...]
    printed: str


def import_traces(architecture: Architecture[Any]) -> Traces:
    """Import an architecture's module in a fresh interpreter, and make one instance.

    Raises:
        Skipped: If it was defined without a file.
        CheckFailed: If the import fails or does not end.
    """
    kind = type(architecture)
    source = source_file(architecture)
    if source is None or "<locals>" in kind.__qualname__:
        raise Skipped("it was defined inside a running program: a fresh one cannot import it")
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        asked = {
            "path": [str(Path(entry).absolute()) for entry in sys.path if entry],
            "module": kind.__module__,
            "file": str(source),
            "name": kind.__qualname__,
            "answer": str(answer),
        }
        try:
            done = subprocess.run(  # noqa: S603 - this interpreter, on a script that stands here
                [sys.executable, "-c", _PROBE, json.dumps(asked)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                cwd=folder,
            )
        except subprocess.TimeoutExpired as error:
            raise CheckFailed(
                f"expected an import that ends. Received: one that runs for {SECONDS} seconds"
            ) from error
        if not answer.is_file():
            last = (done.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
            raise CheckFailed(
                f"expected an import that works in a fresh interpreter. Received: exit code "
                f"{done.returncode}, {last[:300]}"
            )
        told = json.loads(answer.read_text("utf-8"))
    return Traces(
        seconds=told["seconds"],
        modules=frozenset(told["modules"]),
        touched=tuple(told["touched"]),
        printed=(done.stdout + done.stderr).strip(),
    )


__all__ = ["SECONDS", "Traces", "import_traces"]
