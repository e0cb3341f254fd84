"""What a run writes down: a schema, costs by session, code, and nothing of this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.api.run_copies import copy
from tests.training.killing import kill_after
from zoo.api.environment import code_of
from zoo.api.evaluation import write_report
from zoo.api.run import run_schema
from zoo.errors import ConfigError, DataError, TrainError, ZooWarning
from zoo.training import run_record
from zoo.training.run_record import RunRecord

ZOO = [sys.executable, "-m", "zoo"]


def tiny(**options):
    return zoo.train("mlp_classifier", **{"epochs": 2, "units": []} | options)


def follows_schema(record: dict) -> None:
    """Check a record: against the model, and against the published schema, key by key."""
    RunRecord.model_validate(record)
    schema = run_schema()
    _follows(record, schema, schema["$defs"])
    assert set(record) <= set(schema["properties"])
    assert set(schema["required"]) <= set(record)


def _follows(value, schema, definitions) -> None:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        chosen = [s for s in schema["anyOf"] if (s.get("type") == "null") == (value is None)]
        assert chosen, (value, schema)
        return _follows(value, chosen[0], definitions) if value is not None else None
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), (value, schema)
        assert not isinstance(value, bool)
    if "enum" in schema:
        assert value in schema["enum"]
    if "const" in schema:
        assert value == schema["const"]
    if schema.get("type") == "object":
        assert set(schema.get("required", ())) <= set(value)
        for key, item in value.items():
            inside = schema.get("properties", {}).get(key)
            if inside is not None:
                _follows(item, inside, definitions)
    if schema.get("type") == "array" and "items" in schema:
        for item in value:
            _follows(item, schema["items"], definitions)
    return None


class TestTheSchema:
    def test_it_refuses_what_no_run_writes(self, run):
        for key, wrong in (
            ("status", "done"),
            ("seconds", -1),
            ("config_hash", "abc"),
            ("started", "yesterday"),
            ("data", {}),
            ("sessions", [{"started": 3}]),
            ("format_version", True),
        ):
            with pytest.raises((AssertionError, ValueError)):
                follows_schema(run.record | {key: wrong})

    def test_a_finished_run_follows_it(self, run):
        follows_schema(run.record)
        assert [session["status"] for session in run.record["sessions"]] == ["finished"]
        assert all(run.record["code"].values())

    def test_a_failed_run_follows_it(self, here):
        with pytest.raises(ConfigError, match="val_f1"):
            tiny(run_dir="run", plan={"monitor": "val_f1"})
        record = zoo.Run("run").record
        follows_schema(record)
        assert record["status"] == record["sessions"][-1]["status"] == "failed"
        assert "model" not in record

    def test_a_stopped_and_a_resumed_run_follow_it(self, here):
        stop = {"done": False}

        class Impatient(zoo.Progress):
            def on_epoch_end(self, epoch, logs):
                if not stop["done"]:
                    stop["done"] = True
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            tiny(run_dir="run", progress=Impatient())
        stopped = zoo.Run("run").record
        follows_schema(stopped)
        assert stopped["status"] == "stopped"
        done = zoo.train(resume="run").record
        follows_schema(done)
        first, second = done["sessions"]
        assert (first["status"], second["status"]) == ("stopped", "finished")
        assert (first["epochs_done"], second["epochs_done"]) == (1, 2)
        for key in ("seconds", "cpu_seconds"):
            assert done[key] == pytest.approx(first[key] + second[key], abs=2e-3)
        assert done["peak_memory_bytes"] == max(
            session["peak_memory_bytes"] for session in done["sessions"]
        )
        assert done["started"] == first["started"] <= first["ended"] <= done["ended"]

    @pytest.mark.slow
    def test_a_killed_run_has_a_cost_and_its_resumption_says_what_changed(self, here):
        words = ["train", "cnn", "--epochs", "400", "--set", "filters=[[4],[6]]", "--quiet"]
        # Every epoch is noted, so that the test need not wait for seconds to pass.
        program = (
            "import sys; from zoo.training import run_record; run_record.RECORD_SECONDS = 0.0\n"
            "from zoo.cli import main; main(sys.argv[1:])"
        )
        command = [sys.executable, "-c", program, *words, "--run-dir", "run"]
        kill_after(command, here / "run" / "checkpoints")
        killed = json.loads(Path("run/run.json").read_text())
        follows_schema(killed)
        assert killed["status"] == "running"
        assert killed["sessions"][0]["epochs_done"] >= 1
        assert killed["cpu_seconds"] > 0
        assert [entry.status for entry in zoo.runs(".")] == ["interrupted"]
        change = killed["host"] | {"cpu": "another"}
        Path("run/run.json").write_text(
            json.dumps(killed | {"host": change, "plan": killed["plan"] | {"epochs": 5}})
        )
        resumed = zoo.train(resume="run").record
        follows_schema(resumed)
        first, second = resumed["sessions"]
        assert (first["status"], second["status"]) == ("interrupted", "finished")
        assert set(second["changed"]) == {"host"}
        assert resumed["cpu_seconds"] > killed["cpu_seconds"]


class TestReading:
    @pytest.mark.parametrize(
        ("version", "fix"),
        [(2, "upgrade"), (0, "train again"), (-1, "train again"), ("1", "train again"),
         (None, "train again"), (True, "train again"), (1.0, "train again")],
    )  # fmt: skip
    def test_another_format_is_refused_with_what_to_do(self, version, fix, run, here):
        copy(run, here / "run", format_version=version)
        with pytest.raises(TrainError, match="run format") as caught:
            zoo.Run(here / "run")
        assert fix in caught.value.fix

    def test_fields_of_a_later_zoo_are_let_be(self, run, here):
        copy(run, here / "run", mood="good")
        assert zoo.Run(here / "run").record["mood"] == "good"

    @pytest.mark.parametrize("key", ["data", "plan", "status", "config", "best", "seconds", "host"])
    def test_a_record_that_lacks_something_is_named(self, key, run, here):
        path = copy(run, here / "run")
        record = {name: value for name, value in run.record.items() if name != key}
        (path / "run.json").write_text(json.dumps(record))
        with pytest.raises(TrainError, match="not the record of a run") as caught:
            zoo.Run(path)
        assert caught.value.why.startswith(f"{key}: ")

    def test_a_record_without_an_end_is_refused(self, run, here):
        path = copy(run, here / "run")
        (path / "run.json").write_text("[" * 100_000)
        with pytest.raises(TrainError, match="not the folder of a run"):
            zoo.Run(path)


class TestAnotherMachine:
    def test_nothing_in_the_folder_names_this_one(self, run):
        zoo.evaluate(run)
        names = {socket.gethostname(), str(Path.cwd()), str(run.path), str(Path.home() / ".cache")}
        for path in run.path.rglob("*"):
            if path.suffix in {".json", ".csv", ".sha256"}:
                text = path.read_text()
                # A name that is a common word would be found by chance.
                assert not [name for name in names if len(name) > 4 and name in text], path

    def test_a_moved_run_is_measured_reported_on_and_exported(self, run, here):
        pytest.importorskip("matplotlib", reason="a report has pictures")
        zoo.evaluate(run)
        moved = copy(run, here / "far" / "away")
        assert zoo.evaluate(moved).scores == zoo.evaluate(run).scores
        assert write_report(moved).is_file()
        one, two = zoo.export(moved, here / "a"), zoo.export(run, here / "b")
        for file in one.path.iterdir():
            assert file.read_bytes() == (two.path / file.name).read_bytes()

    def test_a_read_only_run_is_measured_and_says_that_nothing_is_kept(self, run, here):
        disk = here / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True)
        if mounted.returncode and os.geteuid() == 0:
            pytest.skip("root may write everywhere, and this process may mount nothing")
        try:
            path = copy(run, disk / "run")
            (path / "metrics.json").unlink(missing_ok=True)
            if mounted.returncode:
                path.chmod(0o555)
            else:
                subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            with pytest.warns(ZooWarning, match="cannot be written"):
                measured = zoo.evaluate(path)
            assert measured.examples == 269
            assert not (path / "metrics.json").exists()
            assert zoo.export(path, here / "exports").path.is_dir()
            assert [entry.status for entry in zoo.runs(disk)] == ["finished"]
        finally:
            if mounted.returncode == 0:
                subprocess.run(["umount", disk], check=True)

    def test_data_that_was_moved_is_given_anew(self, here):
        random = np.random.default_rng(1)
        rows = [f"{a:.4f},{b:.4f},{'yes' if a > b else 'no'}" for a, b in random.random((90, 2))]
        Path("here.csv").write_text("\n".join(["a,b,answer", *rows, ""]))
        run = zoo.train(
            "mlp_classifier",
            "here.csv",
            data_options={"target": "answer", "split_seed": 5},
            run_dir="run",
            epochs=1,
            units=[4],
        )
        before = zoo.evaluate(run)
        Path("run/metrics.json").unlink()
        Path("there").mkdir()
        shutil.move("here.csv", "there/now.csv")
        with pytest.raises(DataError, match=r"not at .*here\.csv") as caught:
            zoo.evaluate("run")
        assert "--data" in caught.value.fix
        assert zoo.evaluate("run", "there/now.csv") == before
        assert zoo.Run("run").metrics == before
        assert (
            zoo.export("run", data="there/now.csv").manifest["data_fingerprint"]
            == (run.record["data"]["fingerprint"])
        )
        # Of other data the figures are not the run's.
        Path("run/metrics.json").unlink()
        Path("other.csv").write_text("\n".join(["a,b,answer", *rows[::-1], ""]))
        assert zoo.evaluate("run", "other.csv").examples > 0
        assert zoo.Run("run").metrics is None


class TestCode:
    def test_a_changed_source_file_is_another_code(self, tmp_path, monkeypatch):
        package = tmp_path / "my_models"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "net.py").write_text("class Net: pass\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        from my_models.net import Net

        before = code_of(Net)
        assert before is not None
        assert (before["package"], before["files"]) == ("my_models", 2)
        assert code_of(Net) == before
        (package / "net.py").write_text("class Net: pass  # better\n")
        assert code_of(Net)["sha256"] != before["sha256"]

    def test_a_module_of_its_own_is_one_file(self, tmp_path, monkeypatch):
        (tmp_path / "lonely_model.py").write_text("class Net: pass\n")
        (tmp_path / "unrelated.py").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path))
        from lonely_model import Net

        found = code_of(Net)
        assert found is not None
        assert (found["package"], found["files"]) == ("lonely_model", 1)

    def test_code_that_has_no_file_is_unknown(self):
        program = (
            "from zoo.api.environment import code_of\nclass Net: pass\nassert code_of(Net) is None"
        )
        subprocess.run([sys.executable, "-c", program], check=True)


def test_the_peak_is_of_this_process_and_grows_with_what_it_holds():
    program = (
        "from zoo.training.run_record import peak_memory\nbefore = peak_memory()\n"
        "held = bytearray(b'x') * 200_000_000\nprint(peak_memory() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert 190_000_000 < int(done.stdout) < 260_000_000


def test_the_time_of_children_counts():
    before = run_record.cpu_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    assert run_record.cpu_seconds() - before > 0.1
