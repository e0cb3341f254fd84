"""Provenance of artifacts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import zoo
from tests.api.run_copies import copy
from zoo.api.artifacts import came_from
from zoo.errors import ArtifactError, DatasetUnavailable, Tampered, TrainError
from zoo.files import sha256_json

ROOT = Path(__file__).parents[2]
COMMITTED = sorted(path.parent for path in (ROOT / "exports").glob("*/*/manifest.json"))


def links(trace: zoo.Trace) -> dict[str, object]:
    return {link.kind: link for link in trace.links}


def checks(trace: zoo.Trace, kind: str) -> dict[str, bool | None]:
    return {check.what: check.holds for check in links(trace)[kind].checks}


@pytest.fixture
def found(run, artifact, here):
    """A folder with a run and its artifact, as a user has them."""
    copy(run, here / "runs" / "mine")
    copy(run, here / "runs" / "other", plan=run.record["plan"] | {"seed": 8})
    (here / "exports" / "mlp_classifier").mkdir(parents=True)
    shutil.copytree(artifact.path, here / "exports" / "mlp_classifier" / "1")
    return here


MINE = Path("exports/mlp_classifier/1")


class TestAnArtifactOfARun:
    def test_every_link_is_found_and_holds(self, found):
        trace = zoo.why(MINE)
        assert [link.kind for link in trace.links] == ["artifact", "run", "data", "config", "code"]
        assert trace.holds
        assert links(trace)["run"].where == "runs/mine"
        assert checks(trace, "run") | {"scores": True} == {
            "plan": True,
            "best epoch": True,
            "SHA-256 of model.keras": True,
            "SHA-256 of the weights": True,
            "scores": True,
        }
        assert checks(trace, "data") == {
            "fingerprint in the run": True,
            "fingerprint of the data": True,
        }
        assert checks(trace, "config") == {
            "SHA-256 in the manifest": True,
            "SHA-256 in the run": True,
            "every field at its origin": True,
        }
        assert checks(trace, "code") == {"source files of the plugin": True}

    def test_weights_that_were_changed_in_the_run_are_found(self, found):
        import keras

        file = found / "runs" / "mine" / "model.keras"
        model = keras.saving.load_model(file, compile=False)
        model.set_weights([weight + 0.25 for weight in model.get_weights()])
        model.save(file)
        trace = zoo.why(MINE)
        assert not trace.holds
        told = checks(trace, "run")
        assert told["SHA-256 of model.keras"] is False
        assert told["SHA-256 of the weights"] is False

    @pytest.mark.parametrize(
        ("change", "kind", "what"),
        [
            ({"config_hash": "0" * 64}, "config", "SHA-256 in the run"),
            ({"data": {"fingerprint": "0" * 64}}, "data", "fingerprint in the run"),
            ({"model": {"bytes": 1, "sha256": "0" * 64}}, "run", "SHA-256 of model.keras"),
        ],
        ids=["config", "data", "model"],
    )
    def test_a_record_that_was_changed_is_found(self, change, kind, what, found):
        file = found / "runs" / "mine" / "run.json"
        record = json.loads(file.read_text())
        for key, value in change.items():
            record[key] = record[key] | value if isinstance(value, dict) else value
        file.write_text(json.dumps(record))
        trace = zoo.why(MINE)
        assert not trace.holds
        assert checks(trace, kind)[what] is False

    def test_data_that_is_no_longer_the_same_is_found(self, found):
        file = found / "runs" / "mine" / "run.json"
        record = json.loads(file.read_text())
        record["data"]["options"] = {"split_seed": 4}
        file.write_text(json.dumps(record))
        assert checks(zoo.why(MINE), "data")["fingerprint of the data"] is False

    def test_data_is_not_compared_without_the_option(self, found):
        shutil.rmtree(found / "data", ignore_errors=True)
        told = checks(zoo.why(MINE, data=False), "data")
        assert told["fingerprint of the data"] is None
        assert told["fingerprint in the run"] is True

    def test_without_its_run_the_trace_has_the_facts_of_the_manifest(self, found):
        shutil.rmtree(found / "runs")
        trace = zoo.why(MINE)
        run = links(trace)["run"]
        assert trace.holds
        assert run.where == ""
        assert run.facts["plan"]["seed"] == 7
        assert checks(trace, "run") == {"its record": None}
        assert checks(trace, "config") == {"SHA-256 in the manifest": True}

    def test_a_run_that_lies_elsewhere_can_be_given(self, found):
        (found / "runs" / "mine").rename(found / "elsewhere")
        trace = zoo.why(MINE, run="elsewhere")
        assert trace.holds
        assert links(trace)["run"].where == "elsewhere"
        trace = zoo.why(MINE, run="runs/other")
        assert checks(trace, "run")["plan"] is False
        with pytest.raises(TrainError, match="not the folder of a run"):
            zoo.why(MINE, run="nowhere")

    def test_a_changed_artifact_is_refused_before_anything_is_followed(self, found):
        with (MINE / "card.md").open("a") as stream:
            stream.write("and it is 100 % accurate\n")
        with pytest.raises(Tampered, match=r"card\.md"):
            zoo.why(MINE)
        with pytest.raises(ArtifactError):
            zoo.why("nowhere")

    def test_a_missing_plugin_is_reported(self, found, monkeypatch):
        from zoo.api import provenance
        from zoo.errors import UnknownModel

        class Nothing:
            def get(self, name):
                raise UnknownModel(f"there is no model {name!r}")

        monkeypatch.setattr(provenance, "registry", Nothing)
        trace = zoo.why(MINE)
        assert trace.holds
        assert checks(trace, "code") == {"source files of the plugin": None}


class TestOrigins:
    def test_a_run_is_known_by_model_configuration_plan_and_epoch(self, run, artifact):
        manifest, record = dict(artifact.manifest), run.record
        assert came_from(manifest, record)
        assert not came_from(manifest, record | {"plan": record["plan"] | {"seed": 8}})
        assert not came_from(manifest, record | {"best_epoch": record["best_epoch"] + 1})
        assert not came_from(manifest, record | {"config": record["config"] | {"units": [1]}})
        assert not came_from(manifest, record | {"architecture": {"name": "cnn"}})
        assert not came_from({}, record)
        assert not came_from(manifest | {"origin": []}, record)
        # A plugin that has gained a field since exports it too.
        assert came_from(manifest | {"config": manifest["config"] | {"new": 1}}, record)


class TestCommittedArtifacts:
    @pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
    def test_the_manifest_agrees_with_the_catalog(self, path, monkeypatch):
        from zoo.api import provenance

        def not_here(source):
            raise DatasetUnavailable(f"{source} is not here")

        # Building and drawing everything takes minutes; two artifacts are followed whole below.
        monkeypatch.setattr(
            provenance, "_weights", lambda *_: provenance.Check("SHA-256 of the weights", None)
        )
        monkeypatch.setattr(provenance, "dataset", not_here)
        trace = zoo.why(path)
        assert trace.holds
        told = checks(trace, "weights")
        assert told.pop("SHA-256 of the weights") is None
        assert set(told.values()) == {True}
        assert set(checks(trace, "config").values()) == {True}
        assert checks(trace, "data") == {"fingerprint of the data": None}

    @pytest.mark.parametrize("name", ["cnn", pytest.param("transformer", marks=pytest.mark.slow)])
    def test_its_weights_are_those_of_the_packaged_file(self, name):
        trace = zoo.why(ROOT / "exports" / name / "1")
        assert checks(trace, "weights")["SHA-256 of the weights"] is True
        assert checks(trace, "data")["fingerprint of the data"] is True

    def test_a_packaged_file_that_was_changed_is_found(self, monkeypatch):
        from zoo.api import model_factory
        from zoo.errors import Tampered

        def changed(file, sha256):
            raise Tampered(f"{file} is not the file that the catalog describes")

        monkeypatch.setattr(model_factory, "_packaged", changed)
        trace = zoo.why(ROOT / "exports" / "cnn" / "1")
        assert checks(trace, "weights")["SHA-256 of the weights"] is False
        assert not trace.holds

    def test_scores_that_differ_from_the_catalog_are_found(self, tmp_path, monkeypatch):
        shutil.copytree(ROOT / "exports" / "cnn" / "1", tmp_path / "1")
        file = tmp_path / "1" / "manifest.json"
        manifest = json.loads(file.read_text())
        manifest.pop("sha256")
        manifest["metrics"]["scores"]["accuracy"]["value"] = 1.0
        manifest["sha256"] = sha256_json(manifest)
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=True)
        file.write_text(text + "\n")
        trace = zoo.why(tmp_path / "1")
        assert not trace.holds
        assert checks(trace, "weights")["scores"] is False


def test_a_variant_is_traced_to_its_source_and_its_run(found):
    zoo.quantize(MINE, max_loss=100, min_agreement=0, out="exports")
    (form,) = (path for path in Path("exports").iterdir() if path.name != "mlp_classifier")
    trace = zoo.why(form / "1")
    assert [link.kind for link in trace.links][:3] == ["artifact", "source", "run"]
    assert links(trace)["source"].where == str(MINE)
    assert checks(trace, "run")["SHA-256 of the weights"] is True
    assert trace.holds
    shutil.rmtree(MINE)
    assert checks(zoo.why(form / "1"), "source") == {"SHA-256 of its manifest": None}
