"""Lists and comparisons of runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from tests.api.run_copies import copy
from zoo.api.run import Difference
from zoo.errors import ConfigError, TrainError
from zoo.training.run_folder import RunFolder


class TestListing:
    def test_a_run_is_listed_with_its_metric_and_its_cost(self, run, here):
        copy(run, here / "runs" / "a")
        (entry,) = zoo.runs()
        assert entry.path == Path("runs/a")
        assert (entry.status, entry.architecture, entry.data) == (
            "finished",
            "mlp_classifier",
            "digits",
        )
        assert (entry.epochs, entry.planned) == (3, 3)
        assert entry.cpu_seconds == run.record["cpu_seconds"]
        assert entry.peak_memory_bytes == run.record["peak_memory_bytes"]
        files = [file for file in (here / "runs").rglob("*") if file.is_file()]
        assert entry.bytes == sum(file.stat().st_size for file in files)
        assert entry.problem == ""

    def test_before_an_evaluation_the_metric_is_the_monitored_one(self, run, here):
        path = copy(run, here / "runs" / "a")
        (path / "metrics.json").unlink(missing_ok=True)
        (entry,) = zoo.runs()
        assert (entry.metric, entry.split) == ("val_loss", "validation")
        assert entry.value == run.record["best"]["val_loss"]
        measured = zoo.evaluate(path)
        (entry,) = zoo.runs()
        score = measured.scores["accuracy"]
        assert (entry.metric, entry.split) == ("accuracy", "test")
        assert (entry.value, entry.low, entry.high) == (score.value, score.low, score.high)

    def test_a_run_without_a_process_is_interrupted(self, run, here, holding):
        copy(run, here / "runs" / "held", status="running", epochs_done=0)
        copy(run, here / "runs" / "died", status="running", epochs_done=0)
        holding(here / "runs" / "held")
        found = {entry.path.name: entry for entry in zoo.runs()}
        assert (found["held"].status, found["died"].status) == ("running", "interrupted")
        # The record of a killed run may be older than its history.
        assert found["died"].epochs == 3

    def test_checking_the_lock_of_a_run_does_not_take_it(self, run, here):
        path = copy(run, here / "runs" / "a")
        looker = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path\n"
                "from zoo.training.run_folder import RunFolder\n"
                "folder = RunFolder(Path(sys.argv[1])); print('looking', flush=True)\n"
                "while True: folder.is_locked()",
                path,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert looker.stdout is not None
            assert looker.stdout.readline() == "looking\n"
            for _ in range(200):
                with RunFolder(path).locked():
                    pass
        finally:
            looker.kill()
            looker.communicate()

    def test_damaged_runs_are_listed_and_other_folders_are_not(self, run, here):
        runs = here / "runs"
        copy(run, runs / "good")
        (runs / "notes").mkdir()
        (runs / ".zoo-trash-x" / "removed").mkdir(parents=True)
        shutil.copy(run.path / "run.json", runs / ".zoo-trash-x" / "removed")
        (runs / "file.txt").write_text("mine")
        torn = copy(run, runs / "torn")
        (torn / "run.json").write_text((run.path / "run.json").read_text()[:200])
        odd = copy(run, runs / "odd", epochs_done="many")
        spoiled = copy(run, runs / "spoiled")
        (spoiled / "metrics.json").write_text("{")
        found = {entry.path: entry for entry in zoo.runs(runs)}
        assert set(found) == {runs / "good", torn, odd, spoiled}
        assert found[torn].status == found[odd].status == "unreadable"
        assert "epochs_done" in found[odd].problem
        assert found[spoiled].status == "finished"
        assert "metrics.json" in found[spoiled].problem

    def test_the_runs_of_a_cross_validation_are_found_one_folder_below(self, run, here):
        for fold in range(2):
            copy(run, here / "runs" / "folds" / f"seed-0-fold-{fold}")
        assert [entry.path.name for entry in zoo.runs()] == ["seed-0-fold-0", "seed-0-fold-1"]

    def test_runs_are_filtered_by_model_status_and_data(self, run, here):
        data = run.record["data"]
        copy(run, here / "runs" / "a")
        copy(run, here / "runs" / "b", status="failed")
        mine = str(here / "flowers.csv")
        copy(run, here / "runs" / "c", data={**data, "source": mine})
        names = {
            "architecture": {"mlp_*": "abc", "cnn": ""},
            "status": {"failed": "b", "finished": "ac", "running": ""},
            "data": {
                "digits": "ab",
                mine: "c",
                "*/flowers.csv": "c",
                "flowers.csv": "",
            },
        }
        for key, expected in names.items():
            for value, runs in expected.items():
                found = zoo.runs(**{key: value})
                assert "".join(entry.path.name for entry in found) == runs, (key, value)

    def test_runs_are_sorted_by_the_given_key(self, run, here):
        for number, (name, loss) in enumerate((("r10", 0.5), ("r2", 0.9), ("r1", 0.1))):
            path = copy(
                run,
                here / "runs" / name,
                best={"val_loss": loss},
                cpu_seconds=float(number),
                epochs_done=3 - number,
                started=f"2026-01-0{3 - number}T00:00:00+00:00",
                status=("failed", "stopped", "finished")[number],
            )
            (path / "metrics.json").unlink(missing_ok=True)
            (path / "history.csv").unlink()
        orders = {
            "name": ["r1", "r2", "r10"],
            "metric": ["r1", "r10", "r2"],
            "cost": ["r10", "r2", "r1"],
            "started": ["r1", "r2", "r10"],
            "epochs": ["r1", "r2", "r10"],
            "status": ["r1", "r2", "r10"],
        }
        for sort, names in orders.items():
            assert [entry.path.name for entry in zoo.runs(sort=sort)] == names, sort

    def test_the_largest_score_comes_first_if_higher_is_better(self, run, here):
        for name, value in (("a", 0.5), ("b", 0.9)):
            plan = run.record["plan"] | {"monitor": "val_accuracy", "mode": "max"}
            path = copy(run, here / "runs" / name, plan=plan, best={"val_accuracy": value})
            (path / "metrics.json").unlink(missing_ok=True)
        assert [entry.path.name for entry in zoo.runs(sort="metric")] == ["b", "a"]

    def test_a_missing_default_folder_is_an_empty_list_and_any_other_an_error(self, here):
        assert zoo.runs() == []
        with pytest.raises(TrainError, match="no folder elsewhere"):
            zoo.runs("elsewhere")
        with pytest.raises(ConfigError) as caught:
            zoo.runs(status="done", sort="size_")
        assert [finding.where for finding in caught.value.findings] == ["status", "sort"]

    def test_circular_links_are_not_followed_forever(self, run, here):
        runs = here / "runs"
        copy(run, runs / "a")
        (runs / "loop").symlink_to(runs)
        (runs / "linked").symlink_to(runs / "a")
        os.mkfifo(runs / "pipe")
        assert [entry.path.name for entry in zoo.runs()] == ["a", "linked"]

    def test_a_record_that_is_a_pipe_or_huge_is_refused_at_once(self, here):
        for name in ("pipe", "huge"):
            (here / name).mkdir()
        os.mkfifo(here / "pipe" / "run.json")
        with (here / "huge" / "run.json").open("wb") as stream:
            stream.truncate(2**40)
        for name in ("pipe", "huge"):
            with pytest.raises(TrainError, match="not the folder of a run"):
                zoo.Run(here / name)


class TestComparing:
    def test_equal_values_are_left_out(self, run, here):
        other = copy(
            run,
            here / "other",
            config=run.record["config"] | {"units": [8]},
            plan=run.record["plan"] | {"seed": 9},
            versions=run.record["versions"] | {"keras": "9.9"},
        )
        found = zoo.compare(run, other)
        assert {part: rows for part, rows in found.differences.items() if rows} == {
            "config": (Difference("units", ([16], [8])),),
            "plan": (Difference("seed", (7, 9)),),
            "versions": (Difference("keras", (run.record["versions"]["keras"], "9.9")),),
        }
        assert found.same_data

    def test_nested_values_have_dotted_names(self, run, here):
        optimizer = run.record["config"]["optimizer"] | {"learning_rate": 0.5}
        config = run.record["config"] | {"optimizer": optimizer}
        found = zoo.compare(run, copy(run, here / "other", config=config))
        (row,) = found.differences["config"]
        assert row.what == "optimizer.learning_rate"

    def test_scores_have_intervals_and_a_significance(self, run, here):
        measured = zoo.evaluate(run)
        near, far = copy(run, here / "near"), copy(run, here / "far")
        told = json.loads((run.path / "metrics.json").read_text())
        accuracy = told["scores"]["accuracy"]
        told["scores"]["accuracy"] = dict.fromkeys(("value", "low", "high"), 0.01) | {
            "unit": accuracy["unit"]
        }
        (far / "metrics.json").write_text(json.dumps(told))
        row = next(row for row in zoo.compare(run, near, far).scores if row.name == "accuracy")
        assert row.scores[0] == row.scores[1] == measured.scores["accuracy"]
        assert row.noise == ("within noise", "beyond noise")

    def test_scores_on_different_data_are_not_compared(self, run, here):
        zoo.evaluate(run)
        other = copy(run, here / "b", data=run.record["data"] | {"fingerprint": "0" * 64})
        found = zoo.compare(run, other)
        assert not found.same_data
        assert "cannot be compared" in found.notices[0]
        assert {verdict for row in found.scores for verdict in row.noise} == {"unknown"}
        assert [row.what for row in found.differences["data"]] == ["fingerprint"]

    def test_a_run_without_an_evaluation_is_named(self, run, here):
        zoo.evaluate(run)
        other = copy(run, here / "b")
        (other / "metrics.json").unlink()
        found = zoo.compare(run, other)
        assert found.notices == (f"{other} was not evaluated: zoo evaluate {other}",)
        assert all(row.scores[1] is None for row in found.scores)

    def test_one_run_is_not_compared(self, run):
        with pytest.raises(ConfigError, match="nothing to compare"):
            zoo.compare(run)
