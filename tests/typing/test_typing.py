"""What a type checker tells those who use the zoo."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def findings() -> dict[tuple[str, int], str]:
    """What mypy finds in the samples: the code of an error by file and line."""
    pytest.importorskip("mypy", reason="types are checked with the dev extra")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--hide-error-context",
            *sorted(str(path.relative_to(ROOT)) for path in SAMPLES.glob("*.py")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    pattern = re.compile(r"^(?:.*/)?(\w+\.py):(\d+): error: .* \[([\w-]+)\]$", re.MULTILINE)
    return {(file, int(line)): code for file, line, code in pattern.findall(done.stdout)}


def _of(findings: dict[tuple[str, int], str], name: str) -> dict[int, str]:
    return {line: code for (file, line), code in findings.items() if file == name}


def test_the_public_api_is_typed_as_it_is_used(findings):
    assert _of(findings, "usage.py") == {}


def test_mistakes_are_found_where_they_are_made(findings):
    lines = (SAMPLES / "mistakes.py").read_text().splitlines()
    expected = {
        number: match[1]
        for number, line in enumerate(lines, 1)
        if (match := re.search(r"# E: ([\w-]+)", line))
    }
    assert _of(findings, "mistakes.py") == expected
