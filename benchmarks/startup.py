"""How much processor time the quick commands take, against Python itself.

Measured per process by the operating system (``resource``), medians of several calls in turn, so
that a busy machine disturbs all alike. With ``--installed`` so many distributions, one plugin
each, are made up as metadata and listed too; the ratio to the listing without them is printed.

    scripts/bench startup [--repeat 15] [--installed 1000]

Exits with 1 if a bound is not kept: 250 ms for ``zoo --help`` and ``zoo list``, twice the time
with 1,000 plugins more.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_MS = 250
LIMIT_RATIO = 2.0


def cpu_ms(code: str, path: str = "") -> float:
    """Return the processor time of one Python process, user and system, in milliseconds."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (_OWN, path)))}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


_OWN = os.environ.get("PYTHONPATH", "")


def zoo(*words: str) -> str:
    """Return the program that runs a command."""
    return f"from zoo.cli import main; main({list(words)!r})"


def install(folder: Path, count: int) -> None:
    """Write the metadata of so many distributions with one architecture each."""
    for number in range(count):
        name = f"stranger_{number:04d}"
        metadata = folder / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[zoo.architectures]\n{name} = {name}:Model\n")


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--installed", type=int, default=1000)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), arguments.installed)
        many = f"zoo list, {arguments.installed} more plugins"
        programs = {
            "python": ("pass", ""),
            "zoo --help": (zoo("--help"), ""),
            "zoo list": (zoo("list"), ""),
            many: (zoo("list"), folder),
        }
        times: dict[str, list[float]] = {name: [] for name in programs}
        for turn in range(arguments.repeat + 1):
            for name, (code, path) in programs.items():
                took = cpu_ms(code, path)
                if turn:  # the first writes bytecode
                    times[name].append(took)

    median = {name: statistics.median(values) for name, values in times.items()}
    print(f"{'':32}  CPU ms  against python")
    for name, took in median.items():
        print(f"{name:32}  {took:6.0f}  {took / median['python']:.1f}")
    ratio = median[many] / median["zoo list"]
    print(f"\n{many} / zoo list: {ratio:.2f}")
    kept = (
        median["zoo --help"] <= LIMIT_MS
        and median["zoo list"] <= LIMIT_MS
        and (ratio <= LIMIT_RATIO or arguments.installed > 1000)
    )
    print("bounds kept" if kept else f"NOT within {LIMIT_MS} ms and a ratio of {LIMIT_RATIO}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
