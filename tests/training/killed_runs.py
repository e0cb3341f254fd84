"""Killed trainings: each model is trained once undisturbed, and once killed and resumed to the end.

    python tests/training/killed_runs.py FOLDER [--kills N] [--seed S] [--outcome] [--only NAME ...]

One process imports the framework and forks one child for every attempt; a child is killed by
SIGKILL, as the out-of-memory killer or a power cut ends a process, at a moment that a seed chooses:
between two steps, inside a step, in the middle of a write, before or after a rename, between a
checkpoint and its digest, while old ones are removed, while the model is saved. The moments inside
a write are reached by replacing functions of the operating system in the child. Prints one line of
JSON a model: what it was killed by, and what then differed from the undisturbed run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from zoo.training.progress import Progress

FEW = {"examples": 160, "validation_examples": 40, "test_examples": 8, "image_size": 48}
SMALL_TRANSFORMER = {"hidden_dim": 8, "num_layers": 1, "num_heads": 2, "intermediate_dim": 8}

# Every kind of state is among them: dropout, augmentation, batch normalization, early stopping,
# schedules, chains of an RBM, draws of a variational code, checkpoints inside an epoch.
RECIPES: dict[str, dict[str, Any]] = {
    "mlp_classifier": {
        "plan": {"epochs": 9, "batch_size": 128, "patience": 1},
        "config": {
            "units": [16],
            "dropout": 0.3,
            "normalization": "batch",
            "optimizer": {"learning_rate": 0.2, "schedule": "constant"},
        },
    },
    "cnn": {
        "plan": {"epochs": 3, "batch_size": 128, "checkpoint_steps": 3},
        "config": {
            "filters": [[4], [6]],
            "dropout": 0.2,
            "normalization": "batch",
            "augmentation": {"rotation": 10, "shift": 0.1},
        },
    },
    "mlp_regressor": {
        "plan": {"epochs": 4, "batch_size": 64},
        "config": {"units": [16], "members": 4, "interval_level": 0.8},
    },
    "lstm": {
        "plan": {"epochs": 3, "batch_size": 256, "checkpoint_steps": 2},
        "config": {"units": [4], "dropout": 0.2},
    },
    "autoencoder": {
        "plan": {"epochs": 3, "batch_size": 128, "restore_best_weights": False},
        "config": {"kind": "dense", "units": [24], "code_size": 6, "variational": True},
    },
    "rbm": {
        "plan": {"epochs": 3, "batch_size": 128, "checkpoint_steps": 4},
        "config": {
            "hidden": 16,
            "sampler": {"kind": "pcd", "chains": 32},
            "likelihood": {"epoch_steps": 5, "steps": 20},
        },
    },
    "transformer": {
        "data_options": {"examples": 3_000},
        "plan": {"epochs": 2, "batch_size": 256, "checkpoint_steps": 3},
        "config": {
            "hidden_dim": 8,
            "num_heads": 2,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "intermediate_dim": 16,
            "dropout": 0.1,
            "word_dropout": 0.1,
        },
    },
    "vgg16_damage": {
        "data_options": FEW,
        "plan": {"epochs": 2, "batch_size": 32, "checkpoint_steps": 2},
        "config": {"stem": 4, "stages": [[4], [4]]},
    },
    "blip_captioner": {
        "data_options": FEW,
        "plan": {"epochs": 2, "batch_size": 32, "checkpoint_steps": 3},
        "config": {
            "vision": SMALL_TRANSFORMER,
            "text": {**SMALL_TRANSFORMER, "dropout": 0.1},
        },
    },
}

MOMENTS = ("step", "instant", "write", "fsync", "replace", "replaced", "unlink", "model")


def die() -> None:
    """End this process as nothing can prevent."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


class Fault(Progress):
    """Ends the process at a moment, the ``count``-th of its kind.

    Args:
        moment: One of :data:`MOMENTS`.
        count: Which of them.
        run: The folder whose files are meant.
        delay: Seconds that an ``instant`` comes after the step.
    """

    def __init__(self, moment: str, count: int, run: Path, delay: float = 0.0) -> None:
        self.moment, self.count, self.delay = moment, count, delay
        self._run = str(run)
        {
            "write": self._half_write,
            "fsync": lambda: self._replace("fsync", before=True, name=self._open_file),
            "replace": lambda: self._replace("replace", before=True),
            "replaced": lambda: self._replace("replace", before=False),
            "unlink": lambda: self._replace("unlink", before=False),
            "model": self._half_model,
        }.get(moment, lambda: None)()

    def _hit(self) -> bool:
        self.count -= 1
        return self.count == 0

    def _open_file(self, handle: int) -> str:
        return str(Path(f"/proc/self/fd/{handle}").readlink())

    def _replace(self, what: str, *, before: bool, name: Callable[[Any], str] = os.fspath) -> None:
        real = getattr(os, what)

        def call_and_die(first: Any, *rest: Any, **more: Any) -> Any:
            hit = str(name(first)).startswith(self._run) and self._hit()
            if hit and before:
                die()
            result = real(first, *rest, **more)
            if hit:
                die()
            return result

        setattr(os, what, call_and_die)

    def _half_write(self) -> None:
        real, fault = Path.open, self

        def torn_open(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
            stream = real(path, mode, *rest, **more)
            if mode != "wb" or not str(path).startswith(fault._run) or not fault._hit():
                return stream

            class Torn:
                def __enter__(self) -> Self:
                    return self

                def __exit__(self, *_: object) -> None:
                    stream.close()

                def write(self, content: Any) -> None:
                    stream.write(bytes(content)[: len(content) // 2])
                    stream.flush()
                    die()

            return Torn()

        Path.open = torn_open

    def _half_model(self) -> None:
        real = zipfile.ZipFile.writestr

        def half_written(archive: zipfile.ZipFile, *rest: Any, **more: Any) -> None:
            real(archive, *rest, **more)
            if str(archive.filename).startswith(self._run):
                die()

        zipfile.ZipFile.writestr = half_written

    def on_steps_end(self, steps: int) -> None:
        """Die between two steps, or soon after."""
        if self.moment not in {"step", "instant"} or not self._hit():
            return
        if self.moment == "step":
            die()
        threading.Timer(self.delay, die).start()


def draw_fault(luck: random.Random, moment: str, run: Path) -> dict[str, Any]:
    """Return which moment of its kind ends the next attempt."""
    most = {"unlink": 3, "model": 1}.get(moment, 8)
    delay = round(luck.uniform(0.0, 0.02), 4)
    return {"moment": moment, "count": luck.randint(1, most), "run": run, "delay": delay}


def in_a_child(work: Callable[[], object]) -> bool:
    """Do something in a process of its own; return whether that was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the parent has to hear of it
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if status:
        sys.exit(f"an attempt ended with the status {status}")
    return False


def attempt(name: str, run: Path, fault: dict[str, Any] | None) -> bool:
    """Train or go on in a child; return whether it was killed."""

    def work() -> None:
        import zoo

        watcher = Fault(**fault) if fault else None
        if (run / "run.json").exists():
            zoo.train(resume=run, progress=watcher)
            return
        recipe = RECIPES[name]
        options = recipe.get("data_options")
        zoo.train(
            name,
            data_options=options,
            run_dir=run,
            plan=recipe["plan"],
            progress=watcher,
            **recipe["config"],
        )

    return in_a_child(work)


def differences(undisturbed: Path, killed: Path) -> list[str]:
    """Return what is not equal in two finished runs, bit by bit."""
    found = []
    for part in ("epochs_done", "best_epoch", "best", "stopped_because", "parameters", "status"):
        one, two = (
            json.loads((run / "run.json").read_text())[part] for run in (undisturbed, killed)
        )
        if one != two:
            found.append(f"run.json: {part}: {one} and {two}")
    if history_of(undisturbed) != history_of(killed):
        found.append("history.csv")
    names, others = _files(undisturbed), _files(killed)
    if names != others:
        found.append(f"files: {sorted(names ^ others)}")
    for name in names & others:
        # Of an outcome: the record, the model and the checkpoints say when they were made.
        if name == "metrics.json" or name.startswith("exports/"):
            one, two = ((run / name).read_bytes() for run in (undisturbed, killed))
            if one != two:
                found.append(name)
    last = max(name for name in names if name.endswith(".npz") and "step" not in name)
    for name, one in _arrays(undisturbed / last).items():
        if not np.array_equal(one, _arrays(killed / last)[name]):
            found.append(f"{last}: {name}")
    if _weights(undisturbed) != _weights(killed):
        found.append("model.keras")
    return found


def outcome(run: Path) -> None:
    """Measure and export a finished run, in a child."""

    def work() -> None:
        import zoo

        zoo.evaluate(run)
        zoo.export(run, run / "exports")

    in_a_child(work)


def history_of(run: Path) -> list[list[str]]:
    lines = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    clock = lines[0].index("seconds")
    return [line[:clock] + line[clock + 1 :] for line in lines]


def _files(run: Path) -> set[str]:
    found = (file for file in run.rglob("*") if file.is_file() and file.name != ".lock")
    return {str(file.relative_to(run)) for file in found}


def _arrays(checkpoint: Path) -> dict[str, np.ndarray]:
    with np.load(checkpoint) as archive:
        return {name: archive[name] for name in archive.files if name != "meta"}


def _weights(run: Path) -> dict[str, bytes]:
    """Return every number of a saved model, the optimizer's too, by its place."""
    import h5py

    found = {}

    def keep(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            found[name] = np.asarray(entry).tobytes()

    with (
        zipfile.ZipFile(run / "model.keras") as archive,
        archive.open("model.weights.h5") as stream,
        h5py.File(stream) as file,
    ):
        file.visititems(keep)
    return found


def main() -> None:
    """Train each model twice, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=2, help="tried of each model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--outcome", action="store_true", help="evaluate and export both as well")
    parser.add_argument("--only", nargs="*", default=list(RECIPES))
    words = parser.parse_args()
    # Loaded once, before anything is computed: no thread of it runs yet that a fork could lose.
    import keras  # noqa: F401
    import sklearn.datasets  # noqa: F401

    import zoo.training.loop  # noqa: F401

    failed = False
    for place, name in enumerate(words.only):
        luck = random.Random(f"{words.seed} {name}")
        undisturbed = words.folder / f"{name}-undisturbed"
        attempt(name, undisturbed, None)
        if words.outcome:
            outcome(undisturbed)
        faults: list[str] = []
        apart: list[str] = []
        tries = 0
        while tries < words.kills:
            killed = words.folder / f"{name}-killed-{tries}"
            while tries < words.kills:
                # Every kind of moment comes up, whatever the seed.
                moment = MOMENTS[(tries + place) % len(MOMENTS)]
                fault = draw_fault(luck, moment, killed)
                tries += 1
                if not attempt(name, killed, fault):
                    break  # it reached its end before its moment: another run is killed next
                faults.append(f"{moment} {fault['count']}")
            else:
                attempt(name, killed, None)
            if words.outcome:
                outcome(killed)
            apart += differences(undisturbed, killed)
        failed = failed or bool(apart)
        print(json.dumps({"model": name, "kills": faults, "apart": apart}), flush=True)  # noqa: T201
    sys.exit(failed)


if __name__ == "__main__":
    main()
