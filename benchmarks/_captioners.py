"""Who writes in the benchmark of captioners: each in a process of its own.

The process loads one subject, then answers a line of its standard input by a line of JSON:
``write`` writes once, ``parts`` says where the time goes, ``memory`` the most memory there was.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

ENCODER, CROSS = "encoder", "cross keys and values"
STEPS, SCORES = "decode steps", "scores of words"
PARTS = (ENCODER, CROSS, STEPS, SCORES)

Seconds = dict[str, tuple[float, float]]
"""By part: wall and CPU seconds."""


class Subject(Protocol):
    """Something that writes about one picture."""

    def write(self, pixels: Any, tokens: int) -> list[int]:
        """Return the ids of a text."""

    def parts(self, pixels: Any, tokens: int) -> Seconds:
        """Return where the time goes."""


class Clock:
    """Wall and CPU seconds of calls, summed by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def __call__(self, name: str, call: Callable[[], Any]) -> Any:
        """Time a call."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = call()
        self.add(name, time.perf_counter() - wall, time.process_time() - cpu)
        return found

    def add(self, name: str, wall: float, cpu: float) -> None:
        """Add to a sum."""
        total = self.seconds.setdefault(name, [0.0, 0.0])
        total[0] += wall
        total[1] += cpu

    def __getitem__(self, name: str) -> tuple[float, float]:
        wall, cpu = self.seconds.get(name, (0.0, 0.0))
        return wall, cpu


class Torch:
    """The reference: the package transformers, in PyTorch, with its cache."""

    def __init__(self, work: Path, threads: int) -> None:
        import torch
        from transformers import BlipForConditionalGeneration

        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.model = BlipForConditionalGeneration.from_pretrained(work / "weights").eval()

    def write(self, pixels: Any, tokens: int) -> list[int]:
        import torch

        # The plugin has these numbers, too; with it TensorFlow would come into this process.
        mean = 255 * np.array((0.48145466, 0.4578275, 0.40821073), "float32")
        deviation = 255 * np.array((0.26862954, 0.26130258, 0.27577711), "float32")
        values = ((pixels.astype("float32") - mean) / deviation).transpose(0, 3, 1, 2)
        with torch.no_grad():
            found = self.model.generate(
                pixel_values=torch.tensor(values.copy()),
                max_new_tokens=tokens,
                do_sample=False,
                num_beams=1,
            )
        return [int(token) for token in found[0][1:]]

    def parts(self, pixels: Any, tokens: int) -> Seconds:
        clock, begun = Clock(), {}
        layers = self.model.text_decoder.bert.encoder.layer
        watched = {ENCODER: [self.model.vision_model], SCORES: [self.model.text_decoder.cls]}
        crossing = [layer.crossattention.self for layer in layers]
        watched[CROSS] = [part for own in crossing for part in (own.key, own.value)]

        def before(module: Any, _: Any) -> None:
            begun[module] = (time.perf_counter(), time.process_time())

        def behind(name: str) -> Callable[..., None]:
            def note(module: Any, *_: Any) -> None:
                wall, cpu = begun[module]
                clock.add(name, time.perf_counter() - wall, time.process_time() - cpu)

            return note

        hooks = [
            hook
            for name, modules in watched.items()
            for module in modules
            for hook in (
                module.register_forward_pre_hook(before),
                module.register_forward_hook(behind(name)),
            )
        ]
        clock("all", lambda: self.write(pixels, tokens))
        for hook in hooks:
            hook.remove()
        return _rest(clock)


class Keras:
    """The captioner in Keras: the whole search is one graph."""

    def __init__(self, work: Path, threads: int) -> None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        from zoo_blip_captioner.captioner import BlipCaptioner

        self.model = BlipCaptioner.from_pretrained(work / "weights")

    def write(self, pixels: Any, tokens: int) -> list[int]:
        found = self.model.generate(pixels, max_new_tokens=tokens)
        return [int(token) for token in found[0]]

    def parts(self, pixels: Any, tokens: int) -> Seconds:
        import tensorflow as tf
        from keras import ops

        decoder, clock = self.model.decoder, Clock()

        look, project_memory = tf.function(self.model.encode), tf.function(decoder.project_memory)
        score = tf.function(lambda x: ops.matmul(x, decoder.token_embeddings) + decoder.bias)
        word = ops.ones((1, 1, decoder.hidden_dim))
        seen = look(pixels)
        project_memory(seen), score(word)
        clock(ENCODER, lambda: np.asarray(look(pixels)))
        clock(CROSS, lambda: [np.asarray(k) for k, _ in project_memory(seen)])
        clock(SCORES, lambda: [np.asarray(score(word)) for _ in range(tokens)])
        clock("all", lambda: self.write(pixels, tokens))
        return _rest(clock)


class Graphs:
    """The exported graphs in onnxruntime: one looks, one goes on by a word, the zoo's loop asks."""

    def __init__(self, work: Path, threads: int, kind: str = "float32") -> None:
        self.text, self.folder, self.threads = _words(work), work / kind, threads
        self.sessions = {
            name: _opened(work / kind / f"{name}.onnx", threads) for name in ("encode", "decode")
        }
        self.names = {
            name: [output.name for output in session.get_outputs()]
            for name, session in self.sessions.items()
        }
        self.clock = Clock()

    def ask(self, name: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Run one of the graphs."""
        names = self.names[name]
        found = self.clock(name, lambda: self.sessions[name].run(names, dict(arrays)))
        return dict(zip(names, found, strict=True))

    def write(self, pixels: Any, tokens: int) -> list[int]:
        from zoo.runtime.decoding import generate

        found = generate(
            {name: partial(self.ask, name) for name in self.sessions},
            {"image": pixels},
            self.text,
            max_tokens=tokens,
            style="transformers",
        )
        return [int(token) for token in found.tokens[0]]

    def parts(self, pixels: Any, tokens: int) -> Seconds:
        self.clock = clock = Clock()
        clock("all", lambda: self.write(pixels, tokens))
        whole, steps = clock["encode"], clock["decode"]
        state = self.ask("encode", {"image": pixels})
        width = state["cache_1"].shape[-1] // 2
        given = {**state, "token": np.array([self.text.start], np.int32)}
        made = self._share("encode", {"image": pixels}, 2 * width)
        scored = self._share("decode", given, len(self.text.vocabulary))
        clock.add(CROSS, whole[0] * made, whole[1] * made)
        clock.add(ENCODER, whole[0] * (1 - made), whole[1] * (1 - made))
        clock.add(SCORES, steps[0] * scored, steps[1] * scored)
        return _rest(clock)

    def _share(self, name: str, feed: Mapping[str, Any], columns: int) -> float:
        """Return the share that products with so many columns have of a graph's time."""
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.enable_profiling = self.threads, True
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            options.profile_file_prefix = str(Path(folder) / name)
            session = ort.InferenceSession(self.folder / f"{name}.onnx", options)
            for _ in range(3):
                session.run(None, dict(feed))
            events = json.loads(Path(session.end_profiling()).read_text())
        taken = [0, 0]
        for event in events:
            if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
                continue
            about = event["args"]
            shapes = [size for given in about["output_type_shape"] for size in given.values()]
            wanted = "MatMul" in about["op_name"] and shapes and shapes[0][-1:] == [columns]
            taken[bool(wanted)] += event["dur"]
        return taken[1] / max(sum(taken), 1)

    def logits(self, pixels: Any, said: list[int]) -> np.ndarray[Any, Any]:
        """Return the scores behind each of some words."""
        state, found = self.ask("encode", {"image": pixels}), []
        for token in said:
            given = self.ask("decode", {**state, "token": np.array([token], np.int32)})
            found.append(given["logits"][0])
            state = {name: given.get(f"next_{name}", array) for name, array in state.items()}
        return np.stack(found)


class Small(Graphs):
    """The same graphs with weights of 8 bits."""

    def __init__(self, work: Path, threads: int) -> None:
        super().__init__(work, threads, "int8")


class Whole:
    """The exported graph that writes a whole text in one call."""

    def __init__(self, work: Path, threads: int) -> None:
        self.session = _opened(work / "float32" / "write.onnx", threads)

    def write(self, pixels: Any, tokens: int) -> list[int]:
        found = self.session.run(["text"], {"image": pixels})[0][0]
        return [int(token) for token in found[:tokens]]

    def parts(self, pixels: Any, tokens: int) -> Seconds:
        clock = Clock()
        clock("all", lambda: self.write(pixels, tokens))
        return _rest(clock)


SUBJECTS: dict[str, Callable[[Path, int], Subject]] = {
    "torch": Torch,
    "keras": Keras,
    "onnx": Graphs,
    "onnx write": Whole,
    "onnx int8": Small,
}


def _rest(clock: Clock) -> Seconds:
    """Name what is left of the whole the steps."""
    wall, cpu = clock["all"]
    known = [clock[name] for name in (ENCODER, CROSS, SCORES)]
    rest = (wall - sum(k[0] for k in known), cpu - sum(k[1] for k in known))
    found = {name: clock[name] for name in (ENCODER, CROSS, SCORES) if name in clock.seconds}
    return {**found, STEPS: rest, "all": (wall, cpu)}


def _opened(path: Path, threads: int) -> Any:
    """Open a graph as an artifact's is opened: from memory, or by its path beside its weights."""
    from zoo.runtime.onnx_file import OnnxFile, data_path
    from zoo.runtime.session import open_session

    there = data_path(path).exists()
    file = OnnxFile(path.read_bytes(), path if there else None)
    return open_session(file, path.stem, threads=threads)


def _words(work: Path) -> Any:
    from zoo_blip_captioner.pretrained import read_folder

    return read_folder(work / "weights").text_spec


def picture(side: int) -> np.ndarray[Any, Any]:
    """Return the picture that all write about."""
    return np.random.default_rng(0).integers(0, 256, (1, side, side, 3)).astype("uint8")


def main() -> None:
    """Load a subject, and answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("work", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--side", type=int, required=True)
    chosen = parser.parse_args()
    # What libraries print is not an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    subject, pixels = SUBJECTS[chosen.subject](chosen.work, chosen.threads), picture(chosen.side)
    for line in sys.stdin:
        clock = Clock()
        answer: dict[str, Any] = {}
        if line.strip() == "write":
            answer["tokens"] = clock("all", lambda: subject.write(pixels, chosen.tokens))
            answer["wall"], answer["cpu"] = clock["all"]
        elif line.strip() == "parts":
            answer = dict(subject.parts(pixels, chosen.tokens))
        else:
            answer["gigabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
