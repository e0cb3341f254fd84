"""``zoo list``, ``info``, ``plugins``, ``doctor`` on what is installed."""

from __future__ import annotations

import json

import pytest

from zoo.cli import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(words)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_the_list_names_what_is_installed(capsys):
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    first = [line.split()[0] for line in out.splitlines() if line]
    assert first[0] == "name"
    assert [name for name in first if name in {"cnn", "mlp_classifier"}] == [
        "cnn",
        "mlp_classifier",
    ]


def test_the_list_takes_a_pattern_a_task_and_tags(capsys):
    for words in (["mlp_c*"], ["--task", "classification", "--tag", "tabular"]):
        _, out, _ = run(capsys, "list", "--json", *words)
        assert [model["name"] for model in json.loads(out)] == ["mlp_classifier"]


def test_nothing_that_matches_is_no_error_and_says_so_to_the_person(capsys):
    assert run(capsys, "list", "zzz*")[:2] == (0, "")
    assert run(capsys, "list", "zzz*", "--json")[1] == "[]\n"


def test_an_unknown_task_names_those_there_are(capsys):
    code, _, err = run(capsys, "list", "--task", "clasification")
    assert code == 3
    assert "classification" in err


def test_info_shows_every_field_with_its_range(capsys):
    code, out, _ = run(capsys, "info", "cnn")
    assert code == 0
    assert "optimizer.learning_rate" in out
    assert ">= 0, < 1" in out


def test_the_schema_is_a_json_schema_of_the_configuration(capsys):
    _, out, _ = run(capsys, "info", "mlp_classifier", "--schema")
    schema = json.loads(out)
    assert schema["type"] == "object"
    assert all("default" in field or "$ref" in field for field in schema["properties"].values())


def test_info_as_json_holds_the_schema_too(capsys):
    _, out, _ = run(capsys, "info", "cnn", "--json")
    assert json.loads(out)["schema"]["properties"]


def test_a_misspelt_model_is_an_error_with_the_nearest_name(capsys):
    code, out, err = run(capsys, "info", "cn")
    assert (code, out) == (3, "")
    assert "cnn" in err


def test_plugins_shows_where_each_comes_from(capsys):
    _, out, _ = run(capsys, "plugins", "--json")
    found = {plugin["name"]: plugin for plugin in json.loads(out)}
    assert found["cnn"]["distribution"] == "neural-zoo"
    assert found["cnn"]["value"].startswith("zoo_cnn:")
    assert "allowed" in run(capsys, "plugins")[1]


def test_the_doctor_says_in_json_whether_all_is_well(capsys):
    code, out, _ = run(capsys, "doctor", "--json")
    told = json.loads(out)
    assert told["healthy"] is (code == 0)
    assert {finding["status"] for finding in told["findings"]} <= {"ok", "warn", "fail"}
