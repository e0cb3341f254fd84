"""Bad names, bad values, bad options: refused before anything is built or written."""

from __future__ import annotations

import json

import pytest

from tests.hostile.support import Case, Outcome, call, check, good_table, listing, photos

CASES = [
    # names
    Case("train-unknown", "train nope", 3, "ZOO-E101", ("'nope'", "zoo list")),
    Case("train-misspelled", "train mlp_clasifier", 3, "ZOO-E101", ("mlp_classifier",)),
    Case("info-unknown", "info nope", 3, "ZOO-E101", ("'nope'",)),
    Case("build-unknown", "build nope", 3, "ZOO-E101", ("'nope'",)),
    Case("export-unknown", "export nope", 3, "ZOO-E101", ("'nope'",)),
    Case("export-no-run", "export runs/nope-1", 6, "ZOO-E400", ("runs/nope-1",)),
    Case("other-dist", "info nothing:cnn", 3, "ZOO-E101", ("nothing", "neural-zoo")),
    Case("list-task", "list --task clasification", 3, "ZOO-E100", ("classification",)),
    # configuration
    Case(
        "unknown-key",
        "train cnn --set dropuot=0.5",
        4,
        "ZOO-E200",
        ("dropuot", "Did you mean 'dropout'?", "zoo info cnn"),
    ),
    Case("out-of-range", "train cnn --set dropout=1.5", 4, "ZOO-E200", ("dropout", "less than 1")),
    Case("wrong-type", "train cnn --set dropout=much", 4, "ZOO-E200", ("dropout", "'much'")),
    Case("infinite", "train cnn --set dropout=inf", 4, "ZOO-E200", ("dropout",)),
    Case(
        "huge",
        "build mlp_classifier --set units=[1000000000000]",
        4,
        "ZOO-E200",
        ("units", "16384"),
    ),
    Case(
        "nested",
        "train cnn --set optimizer.learning_rat=1",
        4,
        "ZOO-E200",
        ("Did you mean 'optimizer.learning_rate'?",),
    ),
    Case(
        "group-as-value", "train cnn --set optimizer=adam", 4, "ZOO-E200", ("optimizer", "'adam'")
    ),
    Case(
        "two-at-once",
        "train cnn --set dropout=2 --set activation=step",
        4,
        "ZOO-E200",
        ("2 wrong values", "dropout", "activation", "relu"),
    ),
    Case("weights", "build cnn --weights imagenet", 4, "ZOO-E200", ("imagenet", "zoo info cnn")),
    Case("seed", "train cnn --seed 99999999999", 4, "ZOO-E200", ("seed",)),
    # the data's name and options
    Case("data-unknown", "train cnn --data no/such", 5, "ZOO-E301", ("no/such", "digits")),
    Case("data-misspelled", "train cnn --data digit", 5, "ZOO-E301", ("did you mean digits",)),
    Case(
        "data-option",
        "train cnn --data digits --data-option image_size=16",
        4,
        "ZOO-E200",
        ("image_size", "split_seed"),
    ),
    Case(
        "data-option-range",
        "train cnn --data photos --data-option test_split=2",
        4,
        "ZOO-E200",
        ("test_split", "less than 0.9"),
        setup=photos,
    ),
    Case(
        "data-option-type",
        "train mlp_classifier --data table.csv --data-option target=nope",
        4,
        "ZOO-E200",
        ("nope", "answer"),
        setup=good_table,
    ),
    # the command line itself
    Case("no-command", "frobnicate", 2, "", ("frobnicate",)),
    Case("no-name", "train", 2, "", ("model",)),
    Case("no-option", "train cnn --epoch 3", 2, "", ("--epoch", "--epochs")),
    Case("zero-epochs", "train cnn --epochs 0", 2, "", ("--epochs", "greater than or equal to 1")),
    Case("no-number", "train cnn --epochs three", 2, "", ("--epochs", "integer")),
    Case("set-no-value", "train cnn --set dropout", 2, "", ("dropout", "KEY=VALUE")),
    Case("set-no-key", "train cnn --set =1", 2, "", ("=1", "KEY=VALUE")),
    Case("set-twice", "train cnn --set dropout=0 --set dropout=1", 2, "", ("twice",)),
    Case("set-not-yaml", "train cnn --set filters=[[8]", 2, "", ("[[8]", "--set")),
    Case("set-epochs", "train cnn --set epochs=3", 2, "", ("--epochs",)),
    Case("set-own-name", "train cnn --set progress=1", 2, "", ("progress",)),
    Case("data-option-form", "train cnn --data-option target", 2, "", ("KEY=VALUE",)),
    Case("version-zero", "export cnn --version 0", 2, "", ("--version",)),
    Case("split", "evaluate runs/x --split all", 2, "", ("--split", "validation")),
    Case("out-ending", "build cnn --out model.h5", 2, "", (".keras",)),
    Case("no-input", "predict exports/cnn/1", 2, "", ("INPUT",)),
    Case("resume-and-dir", "train --resume a --run-dir b", 2, "", ("--resume",)),
]


@pytest.fixture(autouse=True)
def _workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_bad_word_is_refused_and_nothing_is_written(case: Case, tmp_path, capsys):
    if case.setup is photos:
        pytest.importorskip("PIL", reason="the pictures are made with Pillow")
    case.setup(tmp_path)
    before = listing(tmp_path)
    exit_code = call(*case.words.split()).exit
    printed = capsys.readouterr()
    check(case, Outcome(exit_code, printed.out, printed.err))
    assert listing(tmp_path) == before


@pytest.mark.parametrize("case", [case for case in CASES if case.code], ids=lambda case: case.id)
def test_with_json_the_same_error_is_json(case: Case, tmp_path, capsys):
    if case.setup is photos:
        pytest.importorskip("PIL", reason="the pictures are made with Pillow")
    case.setup(tmp_path)
    assert call(*case.words.split(), "--json").exit == case.exit
    printed = capsys.readouterr()
    assert printed.out == ""
    error = json.loads(printed.err)
    assert error["code"] == case.code
    assert error["what"]
    assert error["fix"]
    if case.exit == 4:
        assert error["findings"] or error["why"]


def test_a_wrong_command_line_is_told_on_standard_error_also_with_json(capsys):
    assert call("train", "--json").exit == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "NAME" in printed.err
