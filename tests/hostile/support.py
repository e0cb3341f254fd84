"""Run the program on bad input, and see what it says, how it exits, what it leaves."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo.cli import main

Setup = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One command line that must fail well.

    Attributes:
        words: The command, without ``zoo``.
        exit: The exit code.
        code: The error's code; empty where the command line itself is wrong.
        says: What the message must hold.
        setup: Makes the files it needs in an empty folder.
    """

    id: str
    words: str
    exit: int
    code: str
    says: tuple[str, ...]
    setup: Setup = field(default=lambda _: None)


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    exit: int
    out: str
    err: str


def call(*words: str) -> Outcome:
    """Run a command in this process; the caller's ``capsys`` reads what it printed."""
    try:
        main(words)
    except SystemExit as stop:
        code = stop.code
        return Outcome(code if isinstance(code, int) else 0, "", "")
    raise AssertionError("the program did not exit")


def program(
    *words: str | Path,
    cwd: Path,
    without: tuple[str, ...] = (),
    before: str = "",
    **variables: str,
) -> Outcome:
    """Run a command in a process of its own, where some packages cannot be imported."""
    text = (
        f"import sys\nfor name in {without!r}: sys.modules[name] = None\n{before}\n"
        "from zoo.cli import main\nmain(sys.argv[1:])"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    done = subprocess.run(
        [sys.executable, "-c", text, *map(str, words)],
        cwd=cwd,
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def listing(folder: Path) -> dict[str, str]:
    """Return every name below a folder with what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder"
    return found


def check(case: Case, outcome: Outcome) -> None:
    """Check what a case said."""
    err = outcome.err
    assert outcome.exit == case.exit, err or outcome.out
    assert outcome.out == ""
    for trace in ("Traceback", "internal error", "\n  File "):
        assert trace not in err
    for part in case.says:
        assert part in err
    if case.code:
        lines = err.splitlines()
        first = next(at for at, line in enumerate(lines) if line.startswith("error: "))
        # Before it there may be notes of what was done so far.
        assert not any(line.startswith("  ") for line in lines[:first])
        rest = lines[first:]
        # Of a bad record the place and the value are all there is to say.
        if case.code != "ZOO-E304":
            assert any(line.startswith("  why: ") for line in rest), err
            assert any(line.startswith("  try: ") for line in rest), err
        assert f"({case.code}" in err
    else:
        assert "-h" in err  # of a wrong command line


def picture(path: Path, *, side: int = 8, color: bool = False) -> bytes:
    """Write a picture and return its bytes."""
    from PIL import Image

    random = np.random.default_rng(len(path.name))
    shape = (side, side, 3) if color else (side, side)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(random.integers(0, 255, shape, dtype=np.uint8)).save(path)
    return path.read_bytes()


def photos(folder: Path, *, classes: tuple[str, ...] = ("cat", "dog"), side: int = 8) -> Path:
    """Write a folder of class folders of ten pictures each."""
    for name in classes:
        for number in range(10):
            picture(folder / "photos" / name / f"{number}.png", side=side)
    return folder / "photos"


def captioned(folder: Path, *lines: str) -> Path:
    """Write a folder of four pictures and, if no others are given, a caption of each."""
    photos = folder / "photos"
    for number in range(4):
        picture(photos / f"{number}.png")
    whole = [json.dumps({"image": f"{n}.png", "caption": f"number {n}"}) for n in range(4)]
    text = "".join(f"{line}\n" for line in lines or whole)
    (photos / "captions.jsonl").write_text(text, encoding="utf-8")
    return photos


def table(folder: Path, *rows: str, name: str = "table.csv") -> Path:
    """Write a CSV file."""
    (folder / name).write_text("".join(f"{row}\n" for row in rows))
    return folder / name


def good_table(folder: Path) -> Path:
    """Write a CSV file that is in order."""
    rows = [f"{i % 7},{i % 5},{'yes' if i % 2 else 'no'}" for i in range(60)]
    return table(folder, "a,b,answer", *rows)


def change_record(run: Path, **changes: object) -> None:
    """Change a run's record."""
    file = run / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
