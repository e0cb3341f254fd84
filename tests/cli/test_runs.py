"""``zoo runs`` and ``zoo why``: output, exit codes and side effects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.hostile.support import Case, Outcome, call, check, listing

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
        "versions": {"python": "3.11.7", "zoo": "0.1.0"},
        "host": {"platform": "Linux", "cpus": 2},
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


def printed(capsys, *words: str, code: int = 0) -> Outcome:
    capsys.readouterr()
    assert call(*words).exit == code
    said = capsys.readouterr()
    return Outcome(code, said.out, said.err)


def test_the_list_is_a_table_for_people(here, capsys):
    write(here / "runs" / "cnn-1")
    write(here / "runs" / "cnn-2", status="running", epochs_done=1, best={})
    out = printed(capsys, "runs").out
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


def test_control_characters_in_records_do_not_reach_the_terminal(here, capsys):
    data = {**record()["data"], "source": "\x1b[2J\x1b]0;gone\x07"}  # type: ignore[dict-item]
    write(here / "runs" / "cnn-1", data=data, best={"val_loss": 0.1, "\x1b[31m": 1.0})
    write(here / "runs" / "cnn-2", status="\x1b[2J")
    for words in (("runs",), ("runs", "compare", "runs/cnn-1", "runs/cnn-1")):
        said = printed(capsys, *words)
        assert "\x1b" not in said.out + said.err


def test_the_list_is_data_for_programs(here, capsys):
    write(here / "runs" / "cnn-1")
    (entry,) = json.loads(printed(capsys, "runs", "--json").out)
    assert entry["path"] == "runs/cnn-1"
    assert entry["cpu_seconds"] == 7300.0
    assert entry["split"] == "validation"
    assert json.loads(printed(capsys, "runs", "--json", "--status", "failed").out) == []


def test_no_runs_are_no_error(here, capsys):
    said = printed(capsys, "runs")
    assert said.out == ""
    assert "zoo train NAME" in said.err


def test_an_unreadable_record_is_listed_with_a_warning(here, capsys):
    write(here / "runs" / "cnn-1", seconds="long")
    said = printed(capsys, "runs")
    assert "unreadable" in said.out
    assert "seconds" in said.err


def test_the_schema_is_json(capsys):
    schema = json.loads(printed(capsys, "runs", "--schema").out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(record()) <= set(schema["properties"])


def test_a_comparison_leaves_out_equal_values(here, capsys):
    write(here / "runs" / "cnn-1")
    write(here / "runs" / "cnn-2", config={"dropout": 0.5, "optimizer": {"learning_rate": 0.01}})
    said = printed(capsys, "runs", "compare", "runs/cnn-1", "runs/cnn-2")
    assert "dropout" in said.out
    assert "learning_rate" not in said.out
    assert "alike: architecture, plan, data" in said.out
    assert said.err.count("was not evaluated") == 2
    found = json.loads(printed(capsys, "runs", "compare", "runs/cnn-1", "runs/cnn-2", "--json").out)
    assert found["config"] == [{"what": "dropout", "values": [0.2, 0.5]}]
    assert found["same_data"] is True


def test_runs_of_one_name_are_distinguished_by_their_folders(here, capsys):
    write(here / "a" / "cnn-1")
    write(here / "b" / "cnn-1", seed=1, plan={"epochs": 5, "seed": 1, "monitor": "val_loss"})
    said = printed(capsys, "runs", "compare", "a/cnn-1", "b/cnn-1")
    assert "a/cnn-1" in said.out
    assert "b/cnn-1" in said.out


def test_pruning_asks_and_then_does_it(here, capsys):
    write(here / "runs" / "cnn-1")
    write(here / "runs" / "cnn-2", status="failed")
    before = listing(here)
    said = printed(capsys, "runs", "prune", "--status", "failed")
    assert "would be removed" in said.out
    assert "nothing was removed" in said.err
    assert listing(here) == before
    said = printed(capsys, "runs", "prune", "--status", "failed", "--yes")
    assert "1 of 1 removed: 2.0 MB" in said.out
    assert [path.name for path in (here / "runs").iterdir()] == ["cnn-1"]
    done = json.loads(
        printed(capsys, "runs", "prune", "--older-than", "1h", "--keep-best", "1", "--json").out
    )
    assert done["runs"] == []
    assert done["dry_run"] is True


def test_a_contradicted_origin_is_exit_code_1(here, capsys):
    folder = here / "exports" / "cnn"
    shutil.copytree(ROOT / "exports" / "cnn" / "1", folder / "1")
    write(here / "mine")
    said = printed(capsys, "why", "exports/cnn/1", "--run", "mine", code=1)
    assert "DIFFERS: plan" in said.out
    trace = json.loads(
        printed(capsys, "why", "exports/cnn/1", "--run", "mine", "--json", code=1).out
    )
    assert trace["holds"] is False


CASES = [
    Case("in-nowhere", "runs --in nowhere", 6, "ZOO-E400", ("nowhere",)),
    Case("status", "runs --status done", 4, "ZOO-E200", ("status", "interrupted")),
    Case("sort", "runs --sort speed", 4, "ZOO-E200", ("sort", "metric")),
    Case("no-command", "runs delete", 2, "", ("delete",)),
    Case("compare-one", "runs compare runs/a", 2, "", ("two or more runs",)),
    Case("compare-nothing", "runs compare runs/a nowhere", 6, "ZOO-E400", ("nowhere", "run.json")),
    Case("compare-torn", "runs compare runs/a torn", 6, "ZOO-E400", ("torn", "run.json")),
    Case("compare-odd", "runs compare runs/a odd", 6, "ZOO-E400", ("epochs_done",)),
    Case("compare-list", "runs compare runs/a list", 6, "ZOO-E400", ("run format None",)),
    Case("compare-newer", "runs compare runs/a newer", 6, "ZOO-E400", ("format 7", "--upgrade")),
    Case("prune-nothing", "runs prune", 4, "ZOO-E200", ("nothing is removed", "--older-than")),
    Case("prune-yes", "runs prune --yes", 4, "ZOO-E200", ("nothing is removed",)),
    Case("prune-age", "runs prune --older-than 30 --yes", 4, "ZOO-E200", ("12h, 30d, 4w",)),
    Case("prune-negative", "runs prune --keep-best -1 --yes", 2, "", ("keep-best",)),
    Case("prune-status", "runs prune --status gone --yes", 4, "ZOO-E200", ("status",)),
    Case("prune-elsewhere", "runs prune torn --yes", 6, "ZOO-E400", ("torn", "not the folder")),
    Case("prune-root", "runs prune / --force --yes", 6, "ZOO-E400", ("not the folder",)),
    Case("prune-up", "runs prune .. --force --yes", 6, "ZOO-E400", ("not the folder",)),
    Case("prune-runs", "runs prune runs --force --yes", 6, "ZOO-E400", ("not the folder",)),
    Case("prune-in", "runs prune --in nowhere --keep-best 0 --yes", 6, "ZOO-E400", ("nowhere",)),
    Case("why-nothing", "why nowhere", 8, "ZOO-E602", ("nowhere",)),
    Case("why-run", "why runs/a", 8, "ZOO-E602", ("manifest.json",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_it_is_refused_and_every_file_stays_as_it_was(case: Case, here, capsys):
    write(here / "runs" / "a")
    write(here / "odd", epochs_done="many")
    write(here / "newer", format_version=7)
    (write(here / "torn") / "run.json").write_text("{")
    (write(here / "list") / "run.json").write_text("[]")
    before = listing(here)
    capsys.readouterr()
    exit_code = call(*case.words.split()).exit
    said = capsys.readouterr()
    check(case, Outcome(exit_code, said.out, said.err))
    assert listing(here) == before
