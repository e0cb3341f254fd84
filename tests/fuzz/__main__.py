"""Fuzz one parser with atheris, guided by what of the zoo's code is reached: ``scripts/fuzz``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

# Only what is imported in here is watched.
with atheris.instrument_imports(include=["zoo"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS

LONGEST = 5
"""Seconds that one input may take."""
MEMORY = 1_500
"""MiB that the process may take: frameworks, the corpus, and what one input needs."""


def main() -> None:
    """Run one target until the time is over or a fault is found."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS, help="what is read")
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--seed", type=int, default=0, help="source of everything random (0: any)")
    parser.add_argument(
        "--corpus", type=Path, default=Path("build/fuzz"), help="where inputs are kept (build/fuzz)"
    )
    asked = parser.parse_args()
    target = TARGETS[asked.target]
    corpus, found = asked.corpus / asked.target, asked.corpus / f"{asked.target}-found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for place, seed in enumerate(target.seeds()):
        (corpus / f"seed-{place}").write_bytes(seed)
    words = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={asked.seconds}",
        f"-timeout={LONGEST}",
        f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={found}/",
        "-max_len=32768",
        "-print_final_stats=1",
        *([f"-seed={asked.seed}"] if asked.seed else []),
        *(["-only_ascii=0"] if not target.text else []),
    ]
    atheris.Setup(words, target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
