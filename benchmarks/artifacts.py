"""What proof and comfort cost: an export beside its conversion, a session beside onnxruntime's own.

    scripts/bench artifacts

Two bounds are held: exporting and proving costs at most twice the conversion plus ten seconds,
and a call of ``Session.run`` at most 5 % more than the same call of a bare onnxruntime session, as
does one of ``Session.predict`` for a batch of 64. On one example of a tiny network the checks of
``predict`` show: they are some microseconds, whatever the network. Calls are timed in turns, in one
run, and the medians compared.
"""

from __future__ import annotations

import argparse
import statistics
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
from zoo.exporting.convert import Traced, convert

MODELS = (("cnn", "digits"), ("cnn", "mnist"), ("mlp_classifier", "mnist"))
BATCHES = (1, 64)
ALLOWED = 1.05


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
    print("\nbounds kept" if not broken else f"\nBROKEN: {', '.join(broken)}")
    sys.exit(bool(broken))


def _export(name: str, model: object) -> tuple[float, float, Path]:
    """Return the seconds of a conversion, of a whole export, and where that lies."""
    blueprint = model.blueprint  # type: ignore[attr-defined]
    architecture = registry().get(name)
    signature = architecture.signatures(model, blueprint.config, blueprint.data)[0]
    convert(Traced(signature))  # the first call pays for imports
    started = time.perf_counter()
    convert(Traced(signature))
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
