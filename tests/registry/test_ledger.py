"""What is remembered holds for one state of a plugin, and a marker only for a dead process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.registry.fakes import architecture, install
from zoo.registry import Policy, Registry
from zoo.registry.entrypoints import ARCHITECTURES, scan
from zoo.registry.identity import Identity, identify
from zoo.registry.ledger import Ledger
from zoo.registry.verdict import Verdict

BAD = Verdict(kind="died", reason="it fell over")


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    install(
        tmp_path,
        "zoo-known",
        points={ARCHITECTURES: {"known": "known_module:Model"}},
        files={"known_module.py": architecture("known")},
    )
    monkeypatch.syspath_prepend(tmp_path)
    return identity()


def identity() -> Identity:
    (provider,) = [one for one in scan()[ARCHITECTURES] if one.name == "known"]
    return identify(provider, ARCHITECTURES)


def test_another_process_reads_what_one_remembered(stranger: Identity) -> None:
    written = Ledger().remember(stranger, BAD)
    assert written.when
    assert Ledger().recall(stranger) == written


def test_who_a_plugin_is_follows_its_code_and_nothing_else(
    stranger: Identity, tmp_path: Path
) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "notes.txt").write_text("nothing to do with it")
    assert identity() == stranger

    module = tmp_path / "known_module.py"
    kept = module.read_text()
    module.write_text(kept + "#")
    assert identity().digest != stranger.digest
    assert identity().key == stranger.key


def test_a_package_of_many_files_is_told_in_milliseconds_whole(
    stranger: Identity, tmp_path: Path
) -> None:
    package = tmp_path / "known_module"
    for number in range(300):
        inner = package / f"part{number % 7}"
        inner.mkdir(parents=True, exist_ok=True)
        (inner / f"file{number}.py").write_text("")
    (package / "__init__.py").write_text("")
    before = identity()
    assert before.digest != stranger.digest
    (package / "part3" / "file3.py").write_text("x = 1")
    assert identity().digest != before.digest


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def marker(ledger: Ledger, of: Identity, **changes: Any) -> Path:
    """Leave a marker as this process would, changed so that another left it."""
    with ledger.marked(of):
        (file,) = ledger.folder.glob(f"{of.key}.*.loading")
        record = json.loads(file.read_text())
    file.write_text(json.dumps(record | changes))
    return file


def test_a_marker_is_gone_when_the_import_is_over(stranger: Identity) -> None:
    ledger = Ledger()
    with pytest.raises(KeyboardInterrupt), ledger.marked(stranger):
        assert len(list(ledger.folder.iterdir())) == 1
        raise KeyboardInterrupt
    assert list(ledger.folder.iterdir()) == []


def test_the_marker_of_a_dead_process_convicts(stranger: Identity, dead: int) -> None:
    file = marker(Ledger(), stranger, pid=dead)
    verdict = Ledger().recall(stranger)
    assert verdict is not None
    assert verdict.kind == "died"
    assert not file.exists()
    assert Registry(Policy()).listing("known").status == "broken"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="a living process"),
        pytest.param({"host": "another machine", "pid": 2**22}, id="another machine"),
        pytest.param({"boot": "before", "pid": 2**22}, id="a machine that was restarted"),
        pytest.param({"digest": "0", "pid": 2**22}, id="another state of the plugin"),
        pytest.param({"pid": "none"}, id="nonsense"),
    ],
)
def test_a_marker_convicts_nobody_where_it_is_of(
    changes: dict[str, Any], stranger: Identity
) -> None:
    marker(Ledger(), stranger, **changes)
    assert Ledger().recall(stranger) is None


def test_a_number_that_was_given_to_another_process_means_that_the_first_is_dead(
    stranger: Identity,
) -> None:
    marker(Ledger(), stranger, pid=os.getpid(), started="long ago")
    verdict = Ledger().recall(stranger)
    assert verdict is not None
    assert verdict.kind == "died"


def test_forgetting_leaves_the_markers_of_living_processes(stranger: Identity, dead: int) -> None:
    ledger = Ledger()
    ledger.remember(stranger, BAD)
    alive = marker(ledger, stranger)
    gone = alive.with_name(alive.name.replace(str(os.getpid()), str(dead)))
    gone.write_text(json.dumps(json.loads(alive.read_text()) | {"pid": dead}))

    ledger.forget()

    assert list(ledger.folder.iterdir()) == [alive]
    assert ledger.recall(stranger) is None
