"""Remember, between processes, what was seen of each plugin.

One small JSON file an announcement, replaced whole, so that two processes never write into one
another. Beside it stands a marker for as long as a process is importing the plugin: where the
process is gone and the marker is not, the plugin ended it.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoo.environment import cache_dir
from zoo.errors import StorageError
from zoo.files import write_json
from zoo.registry.identity import Identity, surroundings
from zoo.registry.verdict import Verdict

_MOST_BYTES = 64 * 2**10


class Ledger:
    """The verdicts on plugins, kept in a folder.

    A folder that cannot be written, or a file that cannot be read, costs the memory and nothing
    else: the plugin is looked at again.

    Args:
        folder: Where they are kept; ``plugins`` in the zoo's cache by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_dir() / "plugins"
        self._fresh: dict[str, tuple[str, Verdict]] = {}
        self.writable = True

    def recall(self, identity: Identity) -> Verdict | None:
        """Return what is known of a plugin in its present state, or ``None``.

        What merely failed is forgotten when anything else was installed or removed meanwhile.
        """
        self._judge_markers(identity)
        if identity.key in self._fresh:
            digest, verdict = self._fresh[identity.key]
            return verdict if digest == identity.digest else None
        record = _read(self._file(identity))
        if record is None or record.get("digest") != identity.digest:
            return None
        try:
            verdict = Verdict.model_validate(record.get("verdict"))
        except ValidationError:
            return None
        if verdict.kind == "failed" and record.get("surroundings") != surroundings():
            return None
        return verdict

    def remember(self, identity: Identity, verdict: Verdict) -> Verdict:
        """Keep a verdict, and return it with its day."""
        verdict = verdict.model_copy(update={"when": datetime.now(UTC).date().isoformat()})
        self._fresh[identity.key] = (identity.digest, verdict)
        self._known.setdefault(identity.key, set()).add(self._file(identity).name)
        record = {
            "digest": identity.digest,
            "distribution": identity.provider.distribution[:200],
            "name": identity.provider.name[:200],
            "surroundings": surroundings(),
            "verdict": verdict.model_dump(mode="json"),
            "version": identity.provider.version[:200],
        }
        try:
            write_json(self._file(identity), record)
        except (StorageError, OSError, UnicodeError):
            self.writable = False
        return verdict

    def may_know(self, key: str) -> bool:
        """Return whether something may be remembered under a key; costs no look at the disk."""
        return key in self._known

    def forget(self) -> None:
        """Forget every verdict and every marker of a process that is gone."""
        self._fresh.clear()
        for file in _listing(self.folder):
            if file.suffix == ".json" or (file.suffix == ".loading" and _is_gone(_read(file))):
                with contextlib.suppress(OSError):
                    file.unlink()
        self.__dict__.pop("_known", None)

    @contextlib.contextmanager
    def marked(self, identity: Identity) -> Iterator[None]:
        """Leave a marker while a plugin is imported in this process.

        An exception takes it away again, an interrupt of the user's included: only a process that
        had no time to do so leaves it behind.
        """
        marker = self.folder / f"{identity.key}.{os.getpid()}.loading"
        text = json.dumps({"digest": identity.digest, **_this_process()})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Not synced: what counts is the end of a process, not of the machine.
            marker.write_text(text, encoding="utf-8")
        except OSError:
            self.writable = False
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                marker.unlink()

    @cached_property
    def _known(self) -> dict[str, set[str]]:
        """The names of the files in the folder, by the key that they begin with."""
        known: dict[str, set[str]] = {}
        for file in _listing(self.folder):
            known.setdefault(file.name.partition(".")[0], set()).add(file.name)
        return known

    def _file(self, identity: Identity) -> Path:
        return self.folder / f"{identity.key}.json"

    def _judge_markers(self, identity: Identity) -> None:
        names = self._known.get(identity.key, set())
        for name in sorted(names):
            marker = self.folder / name
            if marker.suffix != ".loading":
                continue
            record = _read(marker)
            if record is None or not _is_gone(record):
                continue
            names.discard(name)
            with contextlib.suppress(OSError):
                marker.unlink()
            if record.get("digest") == identity.digest and record.get("boot") == _boot():
                self.remember(
                    identity,
                    Verdict(
                        kind="died",
                        reason="a process that was importing it ended before it was done",
                    ),
                )


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read(file: Path) -> dict[str, Any] | None:
    """Return the object in a file of JSON, or ``None`` if there is none that can be read."""
    try:
        with file.open("rb") as stream:
            value = json.loads(stream.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _this_process() -> dict[str, Any]:
    return {
        "boot": _boot(),
        "host": platform.node(),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
    }


def _is_gone(record: dict[str, Any] | None) -> bool:
    """Return whether the process of a marker has ended; of another machine's none is known."""
    if record is None:
        return True
    pid = record.get("pid")
    if record.get("host") != platform.node() or not isinstance(pid, int) or pid <= 0:
        return False
    if record.get("boot") != _boot():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    # The number may have been given to another process since.
    return record.get("started") != _started(pid)


def _boot() -> str:
    """Name this start of the machine, where the system has a name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process started, in the system's own words, or nothing if it does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return ""
    # The second field is the program's name in brackets, and may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    if fields and fields[0] == "Z":
        return "ended"
    return fields[19] if len(fields) > 19 else ""


__all__ = ["Ledger"]
