"""Measure what telemetry costs: CPU time of a training with it over that of one without.

Trainings take turns in one process, each kind first in every other pair, so that a busy machine
disturbs both alike; the ratio of the medians is printed, and that of two halves of the trainings
without, which shows the noise.

    scripts/bench telemetry [--repeat 8]

Exits with 1 if a ratio is above 1.10.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import zoo

LIMIT = 1.10
RUNS = (("mlp_classifier", 20), ("cnn", 5))


def cpu_seconds(name: str, epochs: int, *, telemetry: bool) -> float:
    """Return the CPU time of a training."""
    with tempfile.TemporaryDirectory() as folder:
        plan = {"telemetry": telemetry}
        began = time.process_time()
        zoo.train(name, epochs=epochs, plan=plan, run_dir=Path(folder) / "run")
        return time.process_time() - began


def main() -> int:
    """Measure, print, and check the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=8)
    repeat = parser.parse_args().repeat
    worst = 0.0
    for name, epochs in RUNS:
        cpu_seconds(name, 1, telemetry=True)  # the first training imports
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(repeat):
            for telemetry in (turn % 2 == 0, turn % 2 == 1):
                seconds[telemetry].append(cpu_seconds(name, epochs, telemetry=telemetry))
        without, with_it = (statistics.median(seconds[each]) for each in (False, True))
        halves = [statistics.median(seconds[False][start::2]) for start in (0, 1)]
        worst = max(worst, with_it / without)
        print(
            f"{name}: {epochs} epochs, {without:.1f} s, with telemetry {with_it / without:.3f} "
            f"times that (noise {halves[0] / halves[1]:.3f})"
        )
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
