"""One bad command line of every command, as a process with a limit on its memory and its time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tests.hostile.files import picture
from tests.hostile.harness import EXPORTS, Outcome, Refusal, Usage, check_refusal, listing
from zoo.api.catalog import list_commands
from zoo.cli import program
from zoo.errors import (
    ArtifactError,
    BadRecord,
    ConfigError,
    DataError,
    Incompatible,
    RegistryError,
    StorageError,
    TrainError,
    UnknownModel,
)

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join((str(ROOT), str(ROOT / "plugins")))
LIMITED = """
import resource, sys
# Addresses: frameworks reserve many more than they use.
for limit, most in ((resource.RLIMIT_AS, 8 * 2**30), (resource.RLIMIT_CPU, 60)):
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (most if hard < 0 else min(most, hard), hard))
from zoo.cli import main
try:
    main(sys.argv[2:])
finally:
    # Not ru_maxrss, in which the kernel counts the process that started this one.
    with open("/proc/self/status") as status, open(sys.argv[1], "w") as told:
        told.writelines(line for line in status if line.startswith("VmHWM:"))
"""
HEAVY = ("demo", "build")
PATIENCE = 100.0
"""Seconds after which a process is ended: on a busy machine waiting is not its fault."""
LIGHT_SECONDS, HEAVY_SECONDS = 5.0, 20.0
"""Of a processor's time, start-up included; those behind it import a framework first."""
MEMORY = 2**30

COMMANDS: dict[str, tuple[str, Refusal, tuple[str, ...]]] = {
    "list": ("list --task flying", RegistryError, ("flying",)),
    "info": ("info nothing", UnknownModel, ("'nothing'",)),
    "datasets": ("datasets nothing", Usage, ("nothing",)),
    "inspect-data": ("inspect-data pipe.csv", BadRecord, ("pipe.csv",)),
    "build": ("build cnn --set dropout=2", ConfigError, ("dropout",)),
    "plugins": ("plugins --color", Usage, ("--color",)),
    "doctor": ("doctor now", Usage, ("now",)),
    "check": ("check cnn --level platinum", ConfigError, ("platinum",)),
    "new": ("new 9lives --kind command", ConfigError, ("9lives",)),
    "inspect": ("inspect loop.keras", DataError, ("loop.keras",)),
    "diagnose": ("diagnose loop.keras", DataError, ("loop.keras",)),
    "activations": ("activations rleu", ConfigError, ("rleu",)),
    "descend": ("descend hill", ConfigError, ("hill",)),
    "runs": ("runs compare nothing other", TrainError, ("nothing",)),
    "why": ("why loop", Incompatible, ("loop",)),
    "train": ("train mlp_classifier --data pipe.csv", BadRecord, ("pipe.csv",)),
    "evaluate": ("evaluate nothing", ArtifactError, ("nothing",)),
    "report": ("report nothing", TrainError, ("nothing",)),
    "crossvalidate": ("crossvalidate mlp_regressor --data zero.csv", BadRecord, ("zero.csv",)),
    "export": ("export runs/nothing", TrainError, ("runs/nothing",)),
    "verify": ("verify", Usage, ("PATH",)),
    "predict": ("predict {exports}/cnn/1 zero.png", BadRecord, ("zero.png",)),
    "bench": ("bench {exports}/cnn/1 --batch 99999999999", ConfigError, ("batches",)),
    "sample": ("sample {exports}/cnn/1", Incompatible, ("cnn",)),
    "damage-report": (
        "damage-report pipe.png --classifier {exports}/vgg16_damage/1",
        *(BadRecord, ("pipe.png",)),
    ),
    "quantize": ("quantize {exports}/cnn/1 --method int1", ConfigError, ("int1",)),
    "diff": ("diff {exports}/cnn/1 loop", Incompatible, ("loop",)),
    "serve": ("serve loop --port 0", Incompatible, ("loop",)),
    "demo": ("demo --out photo.png", StorageError, ("photo.png",)),
}


def test_every_command_has_a_line_here():
    assert set(COMMANDS) == {*program.COMMANDS, *list_commands()}


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_refused_within_its_limits(command: str, tmp_path: Path):
    words, error, says = COMMANDS[command]
    picture(tmp_path / "photo.png")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe.csv", "pipe.png"):
        os.mkfifo(tmp_path / name)
    for name in ("zero.csv", "zero.png"):
        (tmp_path / name).symlink_to("/dev/zero")
    before = listing(tmp_path)
    outcome, used, memory = run(words.format(exports=EXPORTS).split(), tmp_path)
    check_refusal(outcome, error, *says)
    assert listing(tmp_path) == before
    assert used.ru_utime + used.ru_stime < (HEAVY_SECONDS if command in HEAVY else LIGHT_SECONDS)
    assert memory < MEMORY


def run(words: list[str], folder: Path) -> tuple[Outcome, resource.struct_rusage, int]:
    """Run a command in a process of its own; return what it did, what it used, its most bytes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        tempfile.NamedTemporaryFile("r") as told,
    ):
        process = subprocess.Popen(
            [sys.executable, "-c", LIMITED, told.name, *words],
            cwd=folder,
            env=kept | {"PYTHONPATH": PATH, "ZOO_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        ending = threading.Timer(PATIENCE, process.kill)
        ending.start()
        # Not Popen.wait, which does not tell what the process has used.
        _, status, used = os.wait4(process.pid, 0)
        ending.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        memory = int(told.read().split()[1]) * 1024
        return Outcome(process.returncode, out.read(), err.read()), used, memory
