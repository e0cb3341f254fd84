"""``zoo runs`` and ``zoo why``: output, exit codes and side effects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.hostile.harness import (
    Case,
    Outcome,
    Table,
    Usage,
    call,
    case,
    cases,
    listing,
    run_case,
)
from zoo.errors import ConfigError, Incompatible, TrainError

ROOT = Path(__file__).parents[2]
SHA = "ab" * 32


def record(**changes: object) -> dict[str, object]:
    """Return a record as training writes it."""
    return {
        "format_version": 1,
        "id": "cnn-1",
        "status": "finished",
        "stopped_because": "all epochs are done",
        "architecture": {"name": "cnn", "distribution": "neural-zoo", "version": "0.1.0"},
        "config": {"dropout": 0.2, "optimizer": {"learning_rate": 0.01}},
        "config_hash": SHA,
        "plan": {"epochs": 5, "seed": 0, "monitor": "val_loss"},
        "seed": 0,
        "data": {
            "source": "digits",
            "options": {},
            "spec": {},
            "fingerprint": SHA,
            "sizes": {"train": 10, "validation": 2},
        },
        "epochs_done": 5,
        "best_epoch": 4,
        "best": {"val_loss": 0.25},
        "parameters": 100,
        "started": "2026-01-31T10:00:00+00:00",
        "ended": "2026-01-31T11:00:00+00:00",
        "seconds": 4000.0,
        "cpu_seconds": 7300.0,
        "peak_memory_bytes": None,
        "versions": {"python": "3.11.7", "zoo": "0.1.0"},
        "host": {"platform": "Linux", "cpus": 2, "cpu": None, "usable_cpus": 2, "threads": 2},
        "sessions": [],
        "code": {"plugin": None, "zoo": None},
        **changes,
    }


def write(path: Path, **changes: object) -> Path:
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps(record(**changes)))
    (path / "model.keras").write_bytes(bytes(2_000_000))
    return path


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(*words: str, code: int = 0) -> Outcome:
    outcome = call(*words)
    assert outcome.exit == code, outcome.err
    return outcome


def test_the_list_is_a_table_for_people(here):
    write(here / "runs" / "cnn-1")
    write(here / "runs" / "cnn-2", status="running", epochs_done=1, best={})
    out = printed("runs").out
    header, first, second = out.splitlines()
    assert header.split() == [
        *("run", "status", "epochs", "metric", "CPU", "time", "size", "started", "data")
    ]
    assert first.split()[:5] == ["cnn-1", "finished", "5", "of", "5"]
    assert "val_loss 0.25 (validation)" in first
    assert "2.0 h" in first
    assert "2.0 MB" in first
    assert "2026-01-31 10:00" in first
    assert second.split()[1] == "interrupted"


def test_control_characters_in_records_do_not_reach_the_terminal(here):
    data = {**record()["data"], "source": "\x1b[2J\x1b]0;gone\x07"}  # type: ignore[dict-item]
    write(here / "runs" / "cnn-1", data=data, best={"val_loss": 0.1, "\x1b[31m": 1.0})
    write(here / "runs" / "cnn-2", status="\x1b[2J")
    for words in (("runs",), ("runs", "compare", "runs/cnn-1", "runs/cnn-1")):
        said = printed(*words)
        assert "\x1b" not in said.out + said.err


def test_the_list_is_data_for_programs(here):
    write(here / "runs" / "cnn-1")
    (entry,) = json.loads(printed("runs", "--json").out)
    assert entry["path"] == "runs/cnn-1"
    assert entry["cpu_seconds"] == 7300.0
    assert entry["split"] == "validation"
    assert json.loads(printed("runs", "--json", "--status", "failed").out) == []


def test_no_runs_are_no_error(here):
    said = printed("runs")
    assert said.out == ""
    assert "zoo train NAME" in said.err


def test_an_unreadable_record_is_listed_with_a_warning(here):
    write(here / "runs" / "cnn-1", seconds="long")
    said = printed("runs")
    assert "unreadable" in said.out
    assert "seconds" in said.err


def test_the_schema_is_json(capsys):
    schema = json.loads(printed("runs", "--schema").out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(record()) <= set(schema["properties"])


def test_a_comparison_leaves_out_equal_values(here):
    write(here / "runs" / "cnn-1")
    write(here / "runs" / "cnn-2", config={"dropout": 0.5, "optimizer": {"learning_rate": 0.01}})
    said = printed("runs", "compare", "runs/cnn-1", "runs/cnn-2")
    assert "dropout" in said.out
    assert "learning_rate" not in said.out
    assert "alike: architecture, plan, data" in said.out
    assert said.err.count("was not evaluated") == 2
    found = json.loads(printed("runs", "compare", "runs/cnn-1", "runs/cnn-2", "--json").out)
    assert found["differences"]["config"] == [{"what": "dropout", "values": [0.2, 0.5]}]
    assert found["same_data"] is True


def test_runs_of_one_name_are_distinguished_by_their_folders(here):
    write(here / "a" / "cnn-1")
    write(here / "b" / "cnn-1", seed=1, plan={"epochs": 5, "seed": 1, "monitor": "val_loss"})
    said = printed("runs", "compare", "a/cnn-1", "b/cnn-1")
    assert "a/cnn-1" in said.out
    assert "b/cnn-1" in said.out


def test_pruning_asks_and_then_does_it(here):
    write(here / "runs" / "cnn-1")
    write(here / "runs" / "cnn-2", status="failed")
    before = listing(here)
    said = printed("runs", "prune", "--status", "failed")
    assert "would be removed" in said.out
    assert "nothing was removed" in said.err
    assert listing(here) == before
    said = printed("runs", "prune", "--status", "failed", "--yes")
    assert "1 of 1 removed: 2.0 MB" in said.out
    assert [path.name for path in (here / "runs").iterdir()] == ["cnn-1"]
    done = json.loads(
        printed("runs", "prune", "--older-than", "1h", "--keep-best", "1", "--json").out
    )
    assert done["runs"] == []
    assert done["dry_run"] is True


def test_a_contradicted_origin_is_exit_code_1(here):
    folder = here / "exports" / "cnn"
    shutil.copytree(ROOT / "exports" / "cnn" / "1", folder / "1")
    write(here / "mine")
    said = printed("why", "exports/cnn/1", "--run", "mine", code=1)
    assert "DIFFERS: plan" in said.out
    trace = json.loads(printed("why", "exports/cnn/1", "--run", "mine", "--json", code=1).out)
    assert trace["holds"] is False


CASES: Table = {
    "runs of a folder that is not there": case("runs --in nowhere", TrainError, "nowhere"),
    "a status that is none": case("runs --status done", ConfigError, "status", "interrupted"),
    "an order that is none": case("runs --sort speed", ConfigError, "sort", "metric"),
    "a command that is none": case("runs delete", Usage, "delete"),
    "one run to compare": case("runs compare runs/a", Usage, "two or more runs"),
    "a run that is not there": case(
        "runs compare runs/a nowhere", TrainError, "nowhere", "run.json"
    ),
    "a record that is cut off": case("runs compare runs/a torn", TrainError, "torn", "run.json"),
    "a record with a wrong field": case("runs compare runs/a odd", TrainError, "epochs_done"),
    "a record that is a list": case("runs compare runs/a list", TrainError, "run format None"),
    "a record of a newer version": case(
        "runs compare runs/a newer", TrainError, "format 7", "--upgrade"
    ),
    "pruning without conditions": case(
        "runs prune", ConfigError, "nothing is removed", "--older-than"
    ),
    "pruning without conditions, confirmed": case(
        "runs prune --yes", ConfigError, "nothing is removed"
    ),
    "an age without a unit": case("runs prune --older-than 30 --yes", ConfigError, "12h, 30d, 4w"),
    "fewer than no best runs": case("runs prune --keep-best -1 --yes", Usage, "keep-best"),
    "pruning by a status that is none": case(
        "runs prune --status gone --yes", ConfigError, "status"
    ),
    "pruning in a folder that is not there": case(
        "runs prune --in nowhere --keep-best 0 --yes", TrainError, "nowhere"
    ),
    "the origin of nothing": case("why nowhere", Incompatible, "nowhere"),
    "the origin of a run": case("why runs/a", Incompatible, "manifest.json"),
}


@cases(CASES)
def test_a_wrong_command_is_refused_and_changes_no_file(case: Case, here):
    write(here / "runs" / "a")
    write(here / "odd", epochs_done="many")
    write(here / "newer", format_version=7)
    (write(here / "torn") / "run.json").write_text("{")
    (write(here / "list") / "run.json").write_text("[]")
    run_case(case, here)
