"""CPU time and memory of opening a CSV file as a dataset, against pandas reading it.

    scripts/bench tables [--repeat 5]

Each measurement is a process of its own, less the same process without the file; the two take
turns, and medians are compared. Made up are 200,000 rows of 20 numbers, 300,000 rows of nine mixed
columns, and 200 rows of 5,000 numbers. Bounds: 5, 6 and 6 times pandas; for the first also at most
150 MB above the memory of the process before it opens the file, and of the arrays it holds.
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

BOUNDS = {"numbers": 5.0, "mixed": 6.0, "wide": 6.0}
MEMORY_MB = 150

_PROGRAM = """
import json, sys, time
kind, path = sys.argv[1:]
def peak():
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("VmHWM"))
if kind == "pandas":
    import pandas
    def read():
        return pandas.read_csv(path)
else:
    import pyarrow.csv, zoo, zoo.data.sources
    def read():
        data = zoo.dataset(path)
        data.sizes()
        return data
before, start = peak(), time.process_time()
found = read()
took = time.process_time() - start
print(json.dumps([took, (peak() - before) / 1024]))
"""


def make(folder: Path) -> dict[str, Path]:
    """Write the files."""
    random = np.random.default_rng(0)
    files = {name: folder / f"{name}.csv" for name in BOUNDS}
    rows = random.normal(size=(200_000, 20)).round(6)
    with files["numbers"].open("w") as stream:
        stream.write(",".join([*(f"c{at}" for at in range(20)), "y"]) + "\n")
        stream.writelines(",".join(map(str, row)) + f",{row[0] > 0:d}\n" for row in rows.tolist())
    numbers = random.normal(size=(300_000, 5)).round(4).tolist()
    words = random.choice(["red", "green", "blue"], (300_000, 4)).tolist()
    with files["mixed"].open("w") as stream:
        stream.write("a,b,c,d,e,f,g,h,y\n")
        stream.writelines(
            ",".join([*map(str, row), *texts]) + "\n"
            for row, texts in zip(numbers, words, strict=True)
        )
    wide = random.normal(size=(200, 5_000)).round(5).tolist()
    with files["wide"].open("w") as stream:
        stream.write(",".join([*(f"c{at}" for at in range(5_000)), "y"]) + "\n")
        stream.writelines(",".join(map(str, row)) + f",{at % 2}\n" for at, row in enumerate(wide))
    return files


def measure(kind: str, file: Path) -> tuple[float, float]:
    """Return the CPU seconds and the additional megabytes of one process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, kind, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    took, memory = json.loads(done.stdout.splitlines()[-1])
    return took, memory


def main() -> int:
    """Measure, print, and check the bounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    kept = True
    print(f"{'':10}  pandas s  zoo s  ratio  bound  zoo MB")
    with tempfile.TemporaryDirectory() as folder:
        for name, file in make(Path(folder)).items():
            found: dict[str, list[tuple[float, float]]] = {"pandas": [], "zoo": []}
            for _ in range(repeat):
                for kind, values in found.items():
                    values.append(measure(kind, file))
            seconds = {k: statistics.median(v[0] for v in values) for k, values in found.items()}
            memory = statistics.median(value[1] for value in found["zoo"])
            ratio = seconds["zoo"] / seconds["pandas"]
            held = 200_000 * 20 * 4 / 2**20
            kept &= ratio <= BOUNDS[name] and (name != "numbers" or memory <= MEMORY_MB + held)
            print(
                f"{name:10}  {seconds['pandas']:8.2f}  {seconds['zoo']:5.2f}  {ratio:5.2f}  "
                f"{BOUNDS[name]:5.1f}  {memory:6.0f}"
            )
    print("bounds kept" if kept else "bounds NOT kept")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
