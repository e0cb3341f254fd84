"""Import a plugin in a fresh interpreter and record what the import changes."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.architecture import Architecture
from zoo.testing.checks import CheckFailed, Skipped, expect

HEAVY = frozenset(
    {"jax", "keras", "onnx", "onnxruntime", "tensorflow", "tf2onnx", "torch", "transformers"}
)
"""Frameworks that no plugin may import before it is used."""

SECONDS = 120
"""Time limit of an import."""

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
found = spec.origin if spec is not None else None
if found and (asked["file"] is None or os.path.samefile(found, asked["file"])):
    module = importlib.import_module(asked["module"])
else:
    # Defined in a script or a test, which cannot be imported by its name.
    spec = importlib.util.spec_from_file_location("zoo_checked", asked["file"])
    module = importlib.util.module_from_spec(spec)
    sys.modules["zoo_checked"] = module
    spec.loader.exec_module(module)
found = module
for part in asked["name"].split("."):
    found = getattr(found, part)
if asked["call"]:
    found()
seconds, after = time.process_time() - started, state()
result = {
    "seconds": seconds,
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "touched": [name for name in before if before[name] != after[name]],
}
with open(asked["answer"], "w") as stream:
    json.dump(result, stream)
"""


_LISTING = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import zoo
zoo.list_models(), zoo.list_datasets(), zoo.plugins()
from zoo.api.catalog import list_commands
list_commands()
print(json.dumps(sorted(sys.modules)))
"""


@dataclass(frozen=True)
class ImportTrace:
    """Effects of an import on a fresh interpreter.

    Attributes:
        seconds: CPU time of the import, without that of the zoo.
        modules: Top-level modules that are loaded afterwards.
        changed: State of the process that differs from before.
        printed: Text on standard output and standard error.
    """

    seconds: float
    modules: frozenset[str]
    changed: tuple[str, ...]
    printed: str


def source_file(architecture: Architecture[Any]) -> Path | None:
    """Return the file that defines an architecture, or ``None`` if there is none."""
    try:
        file = Path(inspect.getfile(type(architecture)))
    except (TypeError, OSError):
        return None
    return file if file.is_file() else None


def trace_architecture(architecture: Architecture[Any]) -> ImportTrace:
    """Import the module of an architecture in a fresh interpreter and instantiate the class.

    Raises:
        Skipped: If it was defined without a file.
        CheckFailed: If the import fails or exceeds the time limit.
    """
    kind = type(architecture)
    source = source_file(architecture)
    if source is None or "<locals>" in kind.__qualname__:
        raise Skipped("it was defined in a running program, so a fresh one cannot import it")
    return trace_import(kind.__module__, kind.__qualname__, file=source, call=True)


def trace_import(
    module: str, name: str, *, file: Path | None = None, call: bool = False
) -> ImportTrace:
    """Import an object in a fresh interpreter.

    Args:
        module: Module that defines it.
        name: Qualified name in that module.
        file: File of the module, if it may not be importable by its name.
        call: Whether to call the object.

    Raises:
        CheckFailed: If the import fails or exceeds the time limit.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        asked = {
            "path": _search_path(),
            "module": module,
            "file": None if file is None else str(file),
            "name": name,
            "call": call,
            "answer": str(answer),
        }
        done = _run(_PROBE, json.dumps(asked), folder)
        if not answer.is_file():
            raise CheckFailed(
                f"expected an import that works in a fresh interpreter. Received: exit code "
                f"{done.returncode}, {_last_line(done.stderr)}"
            )
        result = json.loads(answer.read_text("utf-8"))
    return ImportTrace(
        seconds=result["seconds"],
        modules=frozenset(result["modules"]),
        changed=tuple(result["touched"]),
        printed=(done.stdout + done.stderr).strip(),
    )


def expect_light(trace: ImportTrace) -> None:
    """Raise :class:`CheckFailed` if an import loads a framework."""
    found = sorted(trace.modules & HEAVY)
    expect(not found, "no framework to be imported with the module", ", ".join(found))


def expect_no_effects(trace: ImportTrace) -> None:
    """Raise :class:`CheckFailed` if an import changes global state or prints."""
    expect(not trace.changed, "nothing to be changed by the import", ", ".join(trace.changed))
    expect(not trace.printed, "nothing to be printed by the import", repr(trace.printed[:200]))


def expect_unlisted(module: str) -> None:
    """Raise :class:`CheckFailed` if a fresh interpreter that lists all plugins loads a module."""
    with tempfile.TemporaryDirectory() as folder:
        done = _run(_LISTING, json.dumps(_search_path()), folder)
    expect(not done.returncode, "a list of all plugins", _last_line(done.stderr))
    loaded = json.loads(done.stdout.splitlines()[-1])
    expect(module not in loaded, "a list without an import", f"{module} imported")


def _search_path() -> list[str]:
    return [str(Path(entry).absolute()) for entry in sys.path if entry]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing on standard error"])[-1][:300]


def _run(program: str, argument: str, folder: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - this interpreter, with a program from this module
            [sys.executable, "-c", program, argument],
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
