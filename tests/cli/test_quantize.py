"""``zoo quantize`` on a committed classifier of the digits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import zoo
from tests.conftest import ROOT
from zoo.cli import main
from zoo.errors import ConfigError, DataError, QuantizationRejected

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


def call(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("variants") / "exports" / "mlp_classifier"
    shutil.copytree(ROOT / "exports" / "mlp_classifier" / "1", folder / "1")
    return folder / "1"


def test_a_variant_is_published_beside_its_source(artifact, tmp_path, capsys):
    words = ("--prefer", "smallest", "--seconds", "0.02", "--max-loss", "1", "--json")
    assert call("quantize", artifact, *words) == 0
    told = json.loads(capsys.readouterr().out)
    variant = Path(told["path"])
    assert variant == artifact.parents[1] / "mlp_classifier_int8" / "1"
    assert told["manifest"]["variant"]["method"] == told["report"]["best"]
    assert len(told["report"]["candidates"]) == 4
    assert call("verify", variant) == 0
    before, after = (zoo.evaluate(path).scores["accuracy"].value for path in (artifact, variant))
    assert after == told["report"]["test"]["variant"]
    assert before == told["report"]["test"]["source"]
    assert before - after <= 0.02


def test_a_table_of_all_candidates_is_printed(artifact, tmp_path, capsys):
    words = ("--prefer", "smallest", "--seconds", "0.02", "--max-loss", "1")
    assert call("quantize", artifact, "--out", tmp_path, *words) == 0
    out = capsys.readouterr().out
    for word in ("source", "optimized", "int8_dynamic", "int8_static", "float16", "published"):
        assert word in out


def test_if_no_candidate_is_good_enough_the_table_is_printed_and_nothing_published(
    artifact, tmp_path, capsys
):
    # Half precision saves half; nothing saves all.
    words = ("--method", "optimized", "--prefer", "smallest", "--seconds", "0.02")
    assert call("quantize", artifact, "--out", tmp_path / "out", *words) == 7
    told = capsys.readouterr()
    assert "rejected: costs" in told.out
    assert "no variant of" in told.err
    assert not (tmp_path / "out").exists()
    assert call("quantize", artifact, "--out", tmp_path / "out", *words, "--json") == 7
    told = capsys.readouterr()
    assert told.out == ""
    error = json.loads(told.err)
    assert error["error"] == "QuantizationRejected"
    assert error["report"]["candidates"][0]["method"] == "optimized"


def test_the_exception_in_python_has_the_report(artifact, tmp_path):
    with pytest.raises(QuantizationRejected) as caught:
        zoo.quantize(artifact, out=tmp_path, methods=["optimized"], prefer="smallest", seconds=0.02)
    assert caught.value.report.candidates[0].method == "optimized"
    with pytest.raises(ConfigError, match="'balanced', 'fastest' or 'smallest'"):
        zoo.quantize(artifact, prefer="cheapest")


def test_data_of_another_kind_is_refused(artifact, tmp_path):
    with pytest.raises(DataError, match="not those that the model was made for"):
        zoo.quantize(artifact, out=tmp_path, data="mnist")


def test_data_options_without_data_are_a_usage_error(artifact, capsys):
    assert call("quantize", artifact, "--data-option", "target=x") == 2
    assert "--data" in capsys.readouterr().err
