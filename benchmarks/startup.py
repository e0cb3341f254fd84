"""Measure the CPU time of the quick commands, against the same work written by hand.

The operating system measures each process (``resource``). Commands take turns, so that a busy
machine disturbs all alike; medians are printed. By hand is: the entry points of one group and
``registry.yaml`` by the C loader of PyYAML. With ``--installed`` so many distributions with one
plugin each are made up as metadata and listed too.

    scripts/bench startup [--repeat 15] [--installed 1000]

Exits with 1 if a limit is exceeded: ``zoo list`` 2.2 and ``zoo --help`` 1.6 times the time by hand,
1,000 plugins 1.5 times the listing without them.
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

LIMIT_HAND = {"zoo list": 2.2, "zoo --help": 1.6}
LIMIT_MANY = 1.5

ROOT = Path(__file__).parents[1]

BY_HAND = f"""
import importlib.metadata, yaml
importlib.metadata.entry_points(group="zoo.architectures")
with open({str(ROOT / "registry.yaml")!r}, encoding="utf-8") as stream:
    yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
"""


def cpu_ms(code: str, path: str = "") -> float:
    """Return the CPU time of one Python process, user and system, in milliseconds."""
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
    """Write the metadata of distributions with one architecture each."""
    for number in range(count):
        name = f"plugin_{number:04d}"
        metadata = folder / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[zoo.architectures]\n{name} = {name}:Model\n")


def main() -> int:
    """Measure, print, and check the limits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--installed", type=int, default=1000)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), arguments.installed)
        many = f"zoo list, {arguments.installed} more plugins"
        programs = {
            "python": ("pass", ""),
            "by hand": (BY_HAND, ""),
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
    print(f"{'':32}  CPU ms  against by hand")
    for name, took in median.items():
        print(f"{name:32}  {took:6.0f}  {took / median['by hand']:.2f}")
    ratio = median[many] / median["zoo list"]
    print(f"\n{many} / zoo list: {ratio:.2f}")
    kept = all(median[name] <= limit * median["by hand"] for name, limit in LIMIT_HAND.items())
    kept = kept and (ratio <= LIMIT_MANY or arguments.installed > 1000)
    print("within the limits" if kept else "NOT within the limits")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
