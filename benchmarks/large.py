"""A model that one ONNX file cannot hold: exported, proven, run and shrunk, with time and memory.

    scripts/bench large [--layers 8] [--width 8192] [--work FOLDER]

Each step is a process of its own. The weights are drawn: at the default sizes 2.15 GB in float32,
which no file of 2 GiB holds. The peak is that of resident memory, mapped pages included; the last
figure divides it by the bytes of the weights. Where too little memory or disk is free for that, it
says so and does nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

STEPS = ("export", "verify", "load", "quantize")
ROOM = 7
"""Memory and disk that must be free, in weights."""


def main() -> None:
    """Run every step, and print what it took."""
    chosen = _arguments()
    size = 4 * chosen.layers * chosen.width**2
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        work = chosen.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        free = {"memory": _free_memory(), "disk": shutil.disk_usage(work).free}
        if short := [name for name, there in free.items() if there < ROOM * size]:
            print(f"{size / 1e9:.2f} GB of weights need {ROOM} times that of free {short[0]}")
            return
        print(f"{size / 1e9:.2f} GB of weights   wall s   CPU s   peak GB   by weights")
        for step in STEPS:
            command = [sys.executable, __file__, "--step", step, "--work", str(work)]
            command += ["--layers", str(chosen.layers), "--width", str(chosen.width)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{step:18}{found['wall']:12.1f}{found['cpu']:8.1f}{found['peak'] / 1e9:10.2f}"
                f"{found['peak'] / size:13.2f}   {found['says']}"
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--width", type=int, default=8192)
    parser.add_argument("--work", type=Path, help="where to keep the artifacts")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _free_memory() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("the system does not say how much memory is available")


def _network(layers: int, width: int) -> Any:
    """Return a classifier whose answers stay of one size however deep it is."""
    import keras

    class Drawn(keras.initializers.Initializer):
        """Uniform, row by row, and of every layer its own: onnxruntime keeps equals once."""

        def __init__(self, seed: int) -> None:
            self.seed = seed

        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            random, found = np.random.default_rng(self.seed), np.empty(shape, "float32")
            for row in found:
                row[:] = random.random(shape[1], "float32") - np.float32(0.5)
            found *= np.float32(np.sqrt(12 / shape[0]))
            return found

    x = row = keras.Input((64,), name="x")
    for number in range(layers + 1):
        x = keras.layers.Dense(width, "tanh", kernel_initializer=Drawn(number))(x)
    answer = keras.layers.Dense(8, "softmax", kernel_initializer=Drawn(layers + 1), name="head")(x)
    return keras.Model(row, {"probabilities": answer})


def _export(work: Path, layers: int, width: int) -> str:
    import zoo
    from zoo.architecture import Blueprint, Signature
    from zoo.exporting.export import export_artifact

    architecture = _architecture()
    x, label = _tensors()
    data = zoo.DataSpec(id="drawn", task=zoo.Task.CLASSIFICATION, inputs=(x,), targets=(label,))
    given = zoo.TensorSpec(name="probabilities", shape=(8,), role="probabilities")
    random = np.random.default_rng(0)
    path = export_artifact(
        Blueprint("large", zoo.ModelConfig(), data),
        architecture,
        [Signature("predict", _network(layers, width), (x,), (given,))],
        out=work / "exports",
        samples={"x": random.uniform(-1, 1, (16, 64)).astype("float32")},
    )
    sizes = {file.name: file.stat().st_size for file in path.iterdir()}
    return ", ".join(f"{name} {sizes[name]:,}" for name in sorted(sizes) if ".onnx" in name)


def _tensors() -> tuple[Any, Any]:
    import zoo

    label = zoo.TensorSpec(name="label", dtype="int64", labels=tuple("abcdefgh"))
    return zoo.TensorSpec(name="x", shape=(64,), range=(-1, 1)), label


def _architecture() -> Any:
    import zoo

    class Large(zoo.Architecture[zoo.ModelConfig]):
        info = zoo.ArchitectureInfo(
            name="large", summary="Matrices and no more", tasks=(zoo.Task.CLASSIFICATION,)
        )
        Config = zoo.ModelConfig
        default_dataset = "digits"

        def build(self, config: Any, data: Any) -> Any:
            raise NotImplementedError

    return Large()


def _verify(work: Path) -> str:
    from zoo.runtime import verify

    report = verify(work / "exports" / "large" / "1")
    return f"worst {max(report.signatures[0].worst.values()):.2f} of the tolerance"


def _load(work: Path) -> str:
    from zoo.runtime import load

    started = time.perf_counter()
    session = load(work / "exports" / "large" / "1")
    opened = time.perf_counter() - started
    rows = np.zeros((1, 64), "float32")
    session.predict(rows)
    started = time.perf_counter()
    for _ in range(5):
        session.predict(rows)
    return f"opened in {opened:.1f} s, answers in {200 * (time.perf_counter() - started):.0f} ms"


def _quantize(work: Path) -> str:
    import zoo
    from zoo.data.dataset import ArraySplit, Dataset
    from zoo.exporting.quantization.quantize import quantize_artifact
    from zoo.exporting.quantization.selection import Criteria
    from zoo.runtime import load, verify

    rows = np.random.default_rng(1).uniform(-1, 1, (60, 64)).astype("float32")
    labels = load(work / "exports" / "large" / "1").run({"x": rows})["label"]
    splits = {
        name: ArraySplit({"x": rows[at::3]}, {"label": labels[at::3]})
        for at, name in enumerate(("train", "validation", "test"))
    }
    x, label = _tensors()
    data = zoo.DataSpec(id="drawn", task=zoo.Task.CLASSIFICATION, inputs=(x,), targets=(label,))
    report = quantize_artifact(
        work / "exports" / "large" / "1",
        _architecture(),
        Dataset(data, lambda: splits),
        out=work / "exports",
        # Drawn weights have no classes that are far apart: what is lost is not the question here.
        criteria=Criteria(prefer="smallest", max_loss=100, min_agreement=0),
        methods=("int8_dynamic",),
        seconds=0.1,
    )
    made = Path(str(report.published))
    verify(made)
    sizes = {file.name: file.stat().st_size for file in made.iterdir() if ".onnx" in file.name}
    return ", ".join(f"{name} {size:,}" for name, size in sizes.items())


def _step(chosen: argparse.Namespace) -> None:
    started, steps = time.perf_counter(), {"verify": _verify, "load": _load, "quantize": _quantize}
    if chosen.step == "export":
        says = _export(chosen.work, chosen.layers, chosen.width)
    else:
        says = steps[chosen.step](chosen.work)
    found = {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time(),
        "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "says": says,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    _given = _arguments()
    if _given.step:
        _step(_given)
    else:
        main()
