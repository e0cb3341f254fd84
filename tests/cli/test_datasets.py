"""``zoo datasets``, and ``zoo info`` of a dataset."""

from __future__ import annotations

import json

import pytest

from zoo.cli import main


def run(capsys, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(words)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_datasets_are_listed_with_task_size_license_and_access(capsys):
    code, out, _ = run(capsys, "datasets")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0
    assert all(word in rows["mnist"] for word in ("classification", "70,000 images", "download"))
    assert "offline" in rows["digits"]
    code, out, _ = run(capsys, "datasets", "--task", "regression", "--offline", "--json")
    assert [entry["name"] for entry in json.loads(out)] == ["adding", "diabetes"]


def test_info_describes_a_dataset(capsys):
    code, out, _ = run(capsys, "info", "concrete")
    assert code == 0
    assert all(word in out for word in ("Yeh 1998", "strength", "MPa", "group_by", "CC BY 4.0"))
    assert json.loads(run(capsys, "info", "concrete", "--json")[1])["offline"] is False
    assert "fold" in json.loads(run(capsys, "info", "concrete", "--schema")[1])["properties"]


def test_info_of_an_unknown_name_suggests_datasets_too(capsys):
    code, _, err = run(capsys, "info", "concret")
    assert code == 3
    assert "did you mean the dataset concrete?" in err
    assert "zoo info concrete" in err
