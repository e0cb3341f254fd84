"""BLIP's captioner in Keras and in onnxruntime beside PyTorch: the same weights, the same words.

    scripts/bench captioner [--threads 2 1] [--rounds 5] [--weights FOLDER] [--work FOLDER]

Everyone writes 20 words about one picture of 384 x 384 pixels, in turns, each in a process of its
own. The reference is ``generate`` of the package transformers with its cache; it needs
``pip install torch``, and is left out where that is missing. The weights are drawn, of BLIP's base
size, or those of a folder. Medians; ratios are medians over the rounds of the same round's times.
Then where the time goes, and what the machine could do at best: how fast it multiplies and reads.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _captioners import CROSS, ENCODER, PARTS, SCORES, STEPS, Graphs, Small, picture

HERE = Path(__file__).parent
SUBJECTS = ("torch", "keras", "onnx", "onnx write", "onnx int8")
TARGETS = {"keras": 1.4, "onnx": 2.0, "onnx int8": 3.0}
SIDE = 384


def main() -> None:
    """Prepare the graphs, run everyone, and print what was found."""
    chosen = _arguments()
    names = [name for name in SUBJECTS if name in chosen.subjects]
    if "torch" in names and importlib.util.find_spec("torch") is None:
        print("torch is not installed: without it there is nothing to compare with\n")
        names.remove("torch")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        work = chosen.work or Path(folder)
        # In a process of its own, whose memory is free again before anyone is measured.
        command = [sys.executable, __file__, "--prepare", "--work", str(work)]
        weights = ["--weights", str(chosen.weights)] if chosen.weights else []
        subprocess.run([*command, *weights], check=True)
        for threads in chosen.threads:
            _compare(names, work, threads, chosen)
        if "onnx int8" in names:
            _fidelity(work, chosen.tokens)
        if chosen.roofline:
            _roofline(work, chosen)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--weights", type=Path, help="a folder in the reference's form")
    parser.add_argument("--work", type=Path, help="where to keep the graphs for another time")
    parser.add_argument("--no-roofline", dest="roofline", action="store_false")
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepare(work: Path, weights: Path | None) -> None:
    """Write the weights and the graphs that are not there yet."""
    place = work / "weights"
    if weights is not None and not place.exists():
        work.mkdir(parents=True, exist_ok=True)
        place.symlink_to(weights.resolve(), target_is_directory=True)
    if not place.exists():
        _draw(place)
    if not (work / "float32" / "write.onnx").exists():
        _export(work)
    if not (work / "int8" / "decode.onnx").exists():
        _shrink(work)


def _draw(place: Path) -> None:
    """Write random weights of the base size, and a vocabulary that is as large."""
    import keras

    import zoo
    from zoo_blip_captioner.captioner import BlipCaptioner
    from zoo_blip_captioner.config import BlipCaptionerConfig
    from zoo_blip_captioner.pretrained import save_captioner

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"word{n}" for n in range(30_518))]
    words = zoo.TextSpec(
        split="wordpiece",
        vocabulary=(*pieces, "[DEC]", "[ENC]"),
        max_length=512,
        pad=0,
        unk=1,
        start=30_522,
        end=3,
    )
    sizes = BlipCaptionerConfig(preset="base").sizes()
    vision = {**sizes.vision, "image_size": SIDE}
    keras.utils.set_random_seed(0)
    captioner = BlipCaptioner(vision, sizes.text, words)
    captioner.build()
    random = np.random.default_rng(0)
    for weight in captioner.weights:
        noise = random.standard_normal(weight.shape, np.float32)
        weight.assign_add(np.float32(0.01) * noise)
    save_captioner(captioner, place)


def _export(work: Path) -> None:
    """Convert the three graphs, as an export does before it proves them."""
    import zoo
    from zoo.exporting.external_data import store
    from zoo.exporting.rewrites import constant_shapes, normalize
    from zoo.exporting.tf2onnx import TracedModel, convert
    from zoo_blip_captioner.captioner import BlipCaptioner
    from zoo_blip_captioner.signatures import make_signatures

    captioner = BlipCaptioner.from_pretrained(work / "weights")
    words = captioner.text_spec.model_copy(update={"max_length": 21})
    side = captioner.vision.image_size
    image = zoo.TensorSpec(
        name="image", shape=(side, side, 3), dtype="uint8", range=(0, 255), role="image"
    )
    caption = zoo.TensorSpec(name="caption", shape=("time",), dtype="int32", text=words)
    data = zoo.DataSpec(id="drawn", task=zoo.Task.CAPTIONING, inputs=(image,), targets=(caption,))
    (work / "float32").mkdir(parents=True, exist_ok=True)
    for signature in make_signatures(captioner, data):
        started, traced = time.process_time(), TracedModel(signature)
        converted = convert(traced)
        constant_shapes(converted.proto)
        proto = normalize(
            converted.proto, signature.name, signature.inputs, traced.outputs, traced.order
        )
        file = f"{signature.name}.onnx"
        stored = store(proto, file, work / "float32", weights=converted.weights)
        took = time.process_time() - started
        print(f"{signature.name}: {stored.bytes / 1e6:,.0f} MB, converted in {took:.0f} CPU-s")


def _shrink(work: Path) -> None:
    """Quantize the graphs to int8 as zoo quantize does."""
    import onnx

    from zoo.exporting.quantization.methods import METHODS

    (work / "int8").mkdir(parents=True, exist_ok=True)
    for name in ("encode", "decode"):
        proto = onnx.load(work / "float32" / f"{name}.onnx")
        made = METHODS["int8_dynamic"].apply(proto, None).proto
        raw = made.SerializeToString()
        (work / "int8" / f"{name}.onnx").write_bytes(raw)
        print(f"{name} in int8: {len(raw) / 1e6:,.0f} MB, of {proto.ByteSize() / 1e6:,.0f}")


class _Process:
    """A subject in its process."""

    def __init__(self, name: str, work: Path, threads: int, tokens: int) -> None:
        counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        options = ["--threads", threads, "--tokens", tokens, "--side", SIDE]
        self.child = subprocess.Popen(
            [sys.executable, HERE / "_captioners.py", name, work, *map(str, options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | counts,
        )

    def ask(self, what: str) -> dict[str, Any]:
        """Send a line and wait for the answer."""
        if self.child.stdin is None or self.child.stdout is None:
            raise RuntimeError("the process has no pipes")
        self.child.stdin.write(f"{what}\n")
        self.child.stdin.flush()
        answer: dict[str, Any] = json.loads(self.child.stdout.readline())
        return answer

    def end(self) -> None:
        """Let it go."""
        if self.child.stdin is not None:
            self.child.stdin.close()
        self.child.wait()


def _compare(names: Sequence[str], work: Path, threads: int, chosen: argparse.Namespace) -> None:
    """Let everyone write in turns, and print times, ratios, memory and words."""
    everyone = {name: _Process(name, work, threads, chosen.tokens) for name in names}
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    memory, parts = {}, {}
    for turn in range(chosen.rounds + 2):
        for name, process in everyone.items():
            answer = process.ask("write")
            if turn > 1:  # the first ones trace, allocate and fill the caches
                told[name].append(answer)
    for name, process in everyone.items():
        memory[name] = process.ask("memory")["gigabytes"]
        parts[name] = process.ask("parts")
        process.end()
    print(f"\n{threads} thread(s)    wall ms   CPU ms   ratio (CPU)  peak GB   words   target")
    first = told[names[0]]
    for name in names:
        wall, cpu = (1e3 * statistics.median(t[k] for t in told[name]) for k in ("wall", "cpu"))
        ratios = [
            statistics.median(a[key] / b[key] for a, b in zip(first, told[name], strict=True))
            for key in ("wall", "cpu")
        ]
        said, wanted = told[name][0]["tokens"], first[0]["tokens"]
        same = sum(a == b for a, b in zip(said, wanted, strict=False))
        target = f"{TARGETS[name]:.1f}" if name in TARGETS and names[0] == "torch" else ""
        print(
            f"{name:12}{wall:11.0f}{cpu:9.0f}{ratios[0]:8.2f} ({ratios[1]:.2f})"
            f"{memory[name]:9.2f}{same:5} of {len(wanted)}{target:>7}"
        )
    print("\nCPU ms      " + "".join(f"{part:>24}" for part in PARTS))
    for name in names:
        cells = [
            f"{1e3 * parts[name][p][1]:24.0f}" if p in parts[name] else " " * 24 for p in PARTS
        ]
        print(f"{name:12}" + "".join(cells))


def _fidelity(work: Path, tokens: int) -> None:
    """Say how far the scores of the small graphs are off, behind the same words."""
    pixels = picture(SIDE)
    exact, small = Graphs(work, 2), Small(work, 2)
    said = [exact.text.start, *exact.write(pixels, tokens)[:-1]]
    one, two = exact.logits(pixels, said), small.logits(pixels, said)
    apart = float(np.sqrt(np.mean((one - two) ** 2)) / one.std())
    same = int((one.argmax(1) == two.argmax(1)).sum())
    print(
        f"\nint8 behind the words of float32: {same} of {len(said)} words the same; scores "
        f"{100 * apart:.1f} % of their spread off (root mean square)"
    )


def _roofline(work: Path, chosen: argparse.Namespace) -> None:
    """Print what arithmetic and reading take at least on this machine, one thread."""
    from zoo_blip_captioner.pretrained import read_folder

    found = read_folder(work / "weights")
    vision, text = found.vision, found.text
    width, inner, tokens = (
        vision["hidden_dim"],
        vision["intermediate_dim"],
        1 + (SIDE // vision["patch_size"]) ** 2,
    )
    block = 2 * tokens * (4 * width**2 + 2 * width * inner) + 4 * tokens**2 * width
    patches = 2 * (tokens - 1) * 3 * vision["patch_size"] ** 2 * width
    own, layers = text["hidden_dim"], text["num_layers"]
    work_of = {
        ENCODER: vision["num_layers"] * block + patches,
        CROSS: layers * 4 * tokens * width * own,
    }
    weights = layers * (6 * own**2 + 2 * own * text["intermediate_dim"])
    read_of = {
        STEPS: 4 * chosen.tokens * (weights + layers * 2 * tokens * own),
        SCORES: 4 * chosen.tokens * own * len(found.text_spec.vocabulary),
    }
    speeds = json.loads(
        subprocess.run(
            [sys.executable, "-c", _SPEEDS],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        ).stdout
    )
    print(
        f"\none thread multiplies {speeds['multiply'] / 1e9:.0f} GFLOP/s and reads "
        f"{speeds['read'] / 1e9:.1f} GB/s (NumPy); in float32 that takes at least"
    )
    _at_least(work_of, speeds["multiply"], "GFLOP")
    _at_least(read_of, speeds["read"], "GB")
    total = sum(work_of.values()) / speeds["multiply"] + sum(read_of.values()) / speeds["read"]
    print(f"  {'all':24}{1e3 * total:27.0f} ms")


def _at_least(found: Mapping[str, float], speed: float, unit: str) -> None:
    for name, amount in found.items():
        print(f"  {name:24}{amount / 1e9:12.2f} {unit:7}{1e3 * amount / speed:7.0f} ms")


_SPEEDS = """
import json, time, numpy as np
a, b = np.ones((577, 768), "float32"), np.ones((768, 3072), "float32")
c, many = np.empty((577, 3072), "float32"), np.ones(2**26, "float32")
def best(call, count):
    times = []
    for _ in range(count):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)
multiply = 20 * 2 * 577 * 768 * 3072 / best(lambda: [np.matmul(a, b, out=c) for _ in range(20)], 20)
print(json.dumps({"multiply": multiply, "read": many.nbytes / best(many.max, 20)}))
"""


if __name__ == "__main__":
    _given = _arguments()
    if _given.prepare:
        _prepare(_given.work, _given.weights)
    else:
        main()
