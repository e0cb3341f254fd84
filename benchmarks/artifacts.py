"""Costs of artifacts: export against conversion, calls and start-up against bare onnxruntime.

    scripts/bench artifacts

Bounds: exporting costs at most twice the conversion plus ten seconds. A call of ``Session.run``
costs at most 5 % more than the same call of a bare onnxruntime session, as does
``Session.predict`` for a batch of 64; on one example of a tiny network the checks of ``predict``
show, which are some microseconds. Starting a process, loading an artifact and predicting costs at
most 1.5 times the CPU of onnxruntime alone; ``zoo predict`` and ``zoo verify`` cost at most 1.8
times the same work by hand. Calls and processes take turns, and medians are compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

import zoo
import zoo.runtime
from zoo.api.catalog import registry
from zoo.exporting.tf2onnx import TracedModel, convert

MODELS = (("cnn", "digits"), ("cnn", "mnist"), ("mlp_classifier", "mnist"))
BATCHES = (1, 64)
ALLOWED = 1.05

_BARE = """
import numpy as np, onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(
    f"{FOLDER}/model.onnx", options, providers=["CPUExecutionProvider"]
)
spec = session.get_inputs()[0]
"""
STARTS = {
    # name: (code, or arguments of zoo; what it is compared with; the bound)
    "onnxruntime": (
        _BARE + "session.run(None, {spec.name: np.zeros((1, *spec.shape[1:]), 'uint8')})",
        "",
        0,
    ),
    "by hand, an image": (
        _BARE
        + """
from PIL import Image
image = Image.open(f"{FOLDER}/../image.png").convert("L").resize(spec.shape[2:0:-1])
session.run(None, {spec.name: np.asarray(image)[None, :, :, None]})
""",
        "",
        0,
    ),
    "by hand, hashes": (
        """
import hashlib, json
from pathlib import Path
for entry in json.loads(Path(FOLDER, "manifest.json").read_text())["files"]:
    raw = Path(FOLDER, entry["name"]).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == entry["sha256"]
"""
        + _BARE
        + """
vectors = np.load(f"{FOLDER}/vectors.npz")
session.run(None, {spec.name: vectors[f"predict/0/inputs/{spec.name}"]})
""",
        "",
        0,
    ),
    "runtime.load, predict": (
        """
import numpy as np, zoo.runtime
session = zoo.runtime.load(FOLDER)
session.predict(np.zeros((1, *session.inputs[0].shape), "uint8"))
""",
        "onnxruntime",
        1.5,
    ),
    "zoo predict": (["predict", "{}", "{}/../image.png"], "by hand, an image", 1.8),
    "zoo verify": (["verify", "{}"], "by hand, hashes", 1.8),
}


def main() -> None:
    """Measure every model, print the table, and fail if a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=600)
    calls = parser.parse_args().calls
    broken = []
    titles = ("convert, s", "export, s", "batch", "bare, us", "run", "predict")
    widths = (12, 12, 8, 10, 8, 9)
    cells = (f"{title:>{width}}" for title, width in zip(titles, widths, strict=True))
    print(f"{'':24}{''.join(cells)}")
    for name, weights in MODELS:
        model = zoo.build(name, weights=weights)
        conversion, export, path = _export(name, model)
        if export > 2 * conversion + 10:
            broken.append(f"export of {name} {weights}")
        for batch in BATCHES:
            bare, run, predict = _call(path, batch, calls)
            if run > ALLOWED * bare or (batch > 1 and predict > ALLOWED * bare):
                broken.append(f"session of {name} {weights}, batch {batch}")
            print(
                f"{name + ' ' + weights:24}{conversion:12.2f}{export:12.2f}{batch:8}"
                f"{1e6 * bare:10.1f}{run / bare:8.3f}{predict / bare:9.3f}",
                flush=True,
            )
    broken += _starts(path)
    print("\nbounds kept" if not broken else f"\nBROKEN: {', '.join(broken)}")
    sys.exit(bool(broken))


def _starts(folder: Path, times: int = 5) -> list[str]:
    """Print the CPU seconds of fresh processes, and return the bounds that are broken."""
    from PIL import Image

    Image.new("L", (40, 40), 9).save(folder.parent / "image.png")
    # Installed packages are compiled; the first round compiles what is not.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    seconds: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in range(times + 1):
        for name, (work, _, _) in STARTS.items():
            command = [sys.executable, "-c", f"FOLDER = {str(folder)!r}\n{work}"]
            if isinstance(work, list):
                arguments = [word.format(folder) for word in work]
                command = [sys.executable, "-m", "zoo", *arguments]
            quiet = subprocess.DEVNULL
            with subprocess.Popen(command, stdout=quiet, env=environment) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"{name} failed")
            seconds[name].append(usage.ru_utime + usage.ru_stime)
    broken = []
    print(f"\n{'start-up':24}{'CPU, ms':>12}{'ratio':>8}")
    for name, (_, other, bound) in STARTS.items():
        taken = statistics.median(seconds[name][1:])
        ratio = taken / statistics.median(seconds[other][1:]) if other else 1.0
        print(f"{name:24}{1e3 * taken:12.0f}{ratio:8.2f}")
        if other and ratio > bound:
            broken.append(f"start-up of {name}")
    return broken


def _export(name: str, model: object) -> tuple[float, float, Path]:
    """Return the seconds of a conversion, of a whole export, and where that lies."""
    blueprint = model.blueprint  # type: ignore[attr-defined]
    architecture = registry().get(name)
    signature = architecture.signatures(model, blueprint.config, blueprint.data)[0]
    convert(TracedModel(signature))  # the first call pays for imports
    started = time.perf_counter()
    convert(TracedModel(signature))
    conversion = time.perf_counter() - started
    out = Path(tempfile.mkdtemp(prefix="bench-"))
    started = time.perf_counter()
    artifact = zoo.export(model, out, data=_noise(blueprint.data))
    return conversion, time.perf_counter() - started, artifact.path


def _noise(data: zoo.DataSpec) -> object:
    """Return a dataset of random images: the proof's cost does not depend on what they show."""
    from zoo.data.dataset import ArraySplit, Dataset

    spec = data.inputs[0]
    pixels = np.random.default_rng(0).integers(0, 256, (64, *spec.shape)).astype(spec.dtype)
    split = ArraySplit({spec.name: pixels}, {"label": np.arange(64) % len(data.labels)})
    return Dataset(data, lambda: dict.fromkeys(("train", "validation", "test"), split))


def _call(path: Path, batch: int, calls: int) -> tuple[float, ...]:
    """Return the median seconds of a bare call and of the zoo's two, taken in turns."""
    session = zoo.runtime.load(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    bare = onnxruntime.InferenceSession(
        str(path / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    names = [spec.name for spec in session.outputs]
    spec = session.inputs[0]
    pixels = np.random.default_rng(0).integers(0, 256, (batch, *spec.shape)).astype(spec.dtype)
    inputs = {spec.name: pixels}
    asked: dict[str, Callable[[], object]] = {
        "bare": lambda: bare.run(names, inputs),
        "run": lambda: session.run(inputs),
        "predict": lambda: session.predict(pixels),
    }
    turns = list(asked)
    seconds: dict[str, list[float]] = {who: [] for who in asked}
    for call in range(calls + 20):
        turns = [*turns[1:], turns[0]]
        for who in turns:
            started = time.perf_counter()
            asked[who]()
            if call >= 20:
                seconds[who].append(time.perf_counter() - started)
    return tuple(statistics.median(seconds[who]) for who in asked)


if __name__ == "__main__":
    main()
