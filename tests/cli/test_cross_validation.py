"""``zoo crossvalidate`` and ``--group-by`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from zoo.api.cross_validation import CrossValidation
from zoo.cli import main

SMALL = ["--set", "units=[8]", "--set", "members=2", "--set", "embedding=none"]


@pytest.fixture
def table(tmp_path: Path, monkeypatch) -> str:
    random = np.random.default_rng(0)
    rows = [f"w{i % 12},{random.normal():.3f},{random.normal():.3f}" for i in range(150)]
    (tmp_path / "people.csv").write_text("\n".join(["who,x,y", *rows]))
    monkeypatch.chdir(tmp_path)
    return "people.csv"


def zoo(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def test_crossvalidate_prints_means_and_json(table: str, capsys, monkeypatch) -> None:
    words = ["crossvalidate", "mlp_regressor", "--data", table, "--folds", "2", "--epochs", "1"]
    assert zoo(*words, "--group-by", "who", *SMALL, "--json") == 0
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    assert record["group_by"] == ["who"] and len(record["results"]) == 2
    assert record["scores"]["rmse"]["value"] > 0
    assert "seed 0 fold 1: rmse" in captured.err
    assert not list(Path().glob("runs*"))
    del record["scores"]
    found = CrossValidation.model_validate(record)
    monkeypatch.setattr("zoo.crossvalidate", lambda *_, **__: found)
    assert zoo(*words, *SMALL, "--quiet") == 0
    captured = capsys.readouterr()
    assert "rmse" in captured.out and "means over 2 folds" in captured.out
    assert "fold" not in captured.err


def test_train_takes_groups(table: str, capsys) -> None:
    words = ["train", "mlp_regressor", "--data", table, "--epochs", "1", "-q", *SMALL]
    assert zoo(*words, "--group-by", "who,x", "--run-dir", "one") == 0
    assert json.loads(Path("one/run.json").read_text())["data"]["options"]["group_by"] == "who,x"
    assert zoo(*words, "--group-by", "whom", "--run-dir", "two") == 4
    assert "Did you mean 'who'?" in capsys.readouterr().err


def test_one_fold_is_a_wrong_command_line(table: str, capsys) -> None:
    assert zoo("crossvalidate", "mlp_regressor", "--data", table, "--folds", "1") == 2
