"""CPU time of opening images and texts as a dataset, against Pillow, NumPy and the csv module.

    scripts/bench images [--repeat 5] [--only NAME ...]

Each measurement is a process of its own that has imported what it needs; the two take turns, and
medians are compared. The zoo opens the folder or file, draws its splits (near duplicates and equal
texts together), reads the arrays of all splits, and the fingerprint of the data. The peer is what
one writes by hand: the files of the class folders, opened, converted, resized and stacked with
Pillow and NumPy; the rows of the csv module, their words counted and encoded as padded ids. Made up
are 10,000 gray PNGs of 28 x 28 pixels and as many in color of 32 x 32, 2,000 JPEGs of 256 x 256,
resized to 128 x 128, and 50,000 labeled lines.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

BOUNDS = {"gray": 1.5, "color": 1.5, "jpeg": 1.5, "texts": 1.5}
"""The most times the CPU time of the peer."""

_PROGRAM = """
import csv, json, re, sys, time
from collections import Counter
from pathlib import Path
import numpy as np
from PIL import Image
kind, name, path = sys.argv[1:]
options = {"jpeg": {"image_size": 128}, "texts": {"text": "text", "max_length": 32}}.get(name, {})
mode, size = ("L" if name == "gray" else "RGB"), options.get("image_size")

def images():
    pixels, labels = [], []
    for label, folder in enumerate(sorted(Path(path).iterdir())):
        for file in sorted(folder.iterdir()):
            with Image.open(file) as image:
                image = image.convert(mode)
                if size:
                    image = image.resize((size, size), Image.Resampling.BILINEAR)
                pixels.append(np.asarray(image))
            labels.append(label)
    return np.stack(pixels), np.array(labels)

def texts():
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream, delimiter="\\t"))[1:]
    words = re.compile(r"\\w+|[^\\w\\s]")
    found = [words.findall(text.lower()) for text, _ in rows]
    counts = Counter(word for row in found for word in row)
    index = {word: i + 2 for i, (word, _) in enumerate(counts.most_common(9_996))}
    ids = np.zeros((len(rows), 32), np.int32)
    for place, row in enumerate(found):
        row = [index.get(word, 1) for word in row[:32]]
        ids[place, :len(row)] = row
    classes = {label: i for i, label in enumerate(sorted({label for _, label in rows}))}
    return ids, np.array([classes[label] for _, label in rows])

if kind == "zoo":
    import zoo, zoo.data.sources, zoo.runtime.images, zoo.data.images.folder, zoo.data.text.labeled
    def read():
        data = zoo.dataset(path, **options)
        found = [data.split(split).arrays() for split in ("train", "validation", "test")]
        return found, data.fingerprint
else:
    read = texts if name == "texts" else images
start = time.process_time()
found = read()
print(json.dumps(time.process_time() - start))
"""


def make(folder: Path, names: list[str]) -> dict[str, Path]:
    """Write the folders and the file."""
    random = np.random.default_rng(0)
    if "gray" in names:
        _images(folder / "gray", (28, 28), 10_000, "png", random)
    if "color" in names:
        _images(folder / "color", (32, 32, 3), 10_000, "png", random)
    if "jpeg" in names:
        _images(folder / "jpeg", (256, 256, 3), 2_000, "jpg", random)
    if "texts" in names:
        words = np.array([f"word{place:x}" for place in range(20_000)])
        lengths = random.integers(5, 25, 50_000)
        chosen = words[np.minimum(random.zipf(1.3, int(lengths.sum())) - 1, len(words) - 1)]
        with (folder / "texts.tsv").open("w", encoding="utf-8") as stream:
            stream.write("text\tlabel\n")
            for number, row in enumerate(np.split(chosen, np.cumsum(lengths)[:-1])):
                stream.write(
                    f"Line {number}: {' '.join(row)}.\t{'good' if number % 3 else 'bad'}\n"
                )
    return {name: folder / ("texts.tsv" if name == "texts" else name) for name in names}


def _images(
    folder: Path, shape: tuple[int, ...], count: int, suffix: str, random: np.random.Generator
) -> None:
    """Write images of smooth shapes with some noise, in ten class folders."""
    for label in range(10):
        (folder / f"class{label}").mkdir(parents=True)
    for number in range(count):
        coarse = random.integers(0, 256, (6, 6, *shape[2:]), np.uint8)
        image = Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
        pixels = np.asarray(image).astype(np.int16) + random.integers(-6, 7, shape)
        file = folder / f"class{number % 10}" / f"{number:05}.{suffix}"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file)


def measure(kind: str, name: str, path: Path) -> float:
    """Return the CPU seconds of one process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, kind, name, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure, print, and check the bounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=list(BOUNDS), default=list(BOUNDS))
    asked = parser.parse_args()
    kept = True
    print(f"{'':8}  by hand s  zoo s  ratio  bound")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in make(Path(folder), asked.only).items():
            found: dict[str, list[float]] = {"hand": [], "zoo": []}
            for _ in range(asked.repeat):
                for kind, values in found.items():
                    values.append(measure(kind, name, path))
            seconds = {kind: statistics.median(values) for kind, values in found.items()}
            ratio = seconds["zoo"] / seconds["hand"]
            kept &= ratio <= BOUNDS[name]
            print(
                f"{name:8}  {seconds['hand']:9.2f}  {seconds['zoo']:5.2f}  {ratio:5.2f}  "
                f"{BOUNDS[name]:5.1f}",
                flush=True,
            )
    print("bounds kept" if kept else "bounds NOT kept")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
