"""Names, numbers and words that a command line must not have."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.hostile.files import picture
from tests.hostile.harness import (
    EXPORTS,
    Case,
    Table,
    Usage,
    call,
    case,
    cases,
    check_refusal,
    run_case,
)
from zoo.errors import (
    ArtifactError,
    BadRecord,
    ConfigError,
    DatasetUnavailable,
    Incompatible,
    RegistryError,
    TrainError,
    UnknownDataset,
    UnknownModel,
)

HUGE = "9" * 400
LONG = "a" * 5_000


def a_picture(folder: Path) -> None:
    picture(folder / "digit.png")


# Names of models, and of what they answer.
NAMES: Table = {
    "an empty name": case("info ''", UnknownModel, "''"),
    "a name in capitals": case("info CNN", UnknownModel, "cnn"),
    "a name with a blank": case("info 'c n n'", UnknownModel, "c n n"),
    "a name of 5,000 letters": case(f"info {LONG}", UnknownModel, "zoo list"),
    "a name in other letters": case("info сnn", UnknownModel, "сnn"),
    "a name with two colons": case("info a:b:c", UnknownModel, "'a:b:c'"),
    "a model of another package": case("info somebody:cnn", UnknownModel, "somebody"),
    "a path up": case("info ../../etc/passwd", UnknownModel, "zoo list"),
    "a name that steers a terminal": case("info 'c\x1b[31mnn'", UnknownModel, "'c\\x1b[31mnn'"),
    "a model to train that is none": case("train nope", UnknownModel, "'nope'", "zoo list"),
    "a misspelled model": case("train mlp_clasifier", UnknownModel, "mlp_classifier"),
    "a model to build that is none": case("build nope", UnknownModel, "'nope'"),
    "a model to export that is none": case("export nope", UnknownModel, "'nope'"),
    "a model to ask that is none": case("predict nope x.png", UnknownModel, "nope", "no model"),
    "data that are not there": case(
        "train cnn --data no/such", UnknownDataset, "no/such", "digits"
    ),
    "misspelled data": case("train cnn --data digit", UnknownDataset, "did you mean digits"),
    "data that must be downloaded, offline": case(
        "train cnn --data mnist", DatasetUnavailable, "mnist", "ZOO_OFFLINE"
    ),
    "a task that is none": case("list --task flying", RegistryError, "flying", "classification"),
    "an empty task": case("list --task ''", RegistryError, "classification"),
    "a signature that is none": case(
        "predict {exports}/cnn/1 digit.png --signature dream",
        Incompatible,
        "dream",
        "predict",
        setup=a_picture,
    ),
    "an empty signature": case(
        "predict {exports}/cnn/1 digit.png --signature ''", Incompatible, "''", setup=a_picture
    ),
    "an input of a name that is none": case("predict cnn ''", BadRecord, "file"),
    "weights that are none": case(
        "predict cnn digit.png --weights imagenet",
        ConfigError,
        "imagenet",
        "digits",
        setup=a_picture,
    ),
    "weights with an artifact": case(
        "predict {exports}/cnn/1 digit.png --weights digits",
        ConfigError,
        "weights",
        setup=a_picture,
    ),
    "weights with a run": case(
        "export runs/cnn-1 --weights digits", (UnknownModel, TrainError), "runs/cnn-1"
    ),
    "a setting with a run": case(
        "export ./runs/x --set dropout=0", (UnknownModel, TrainError, ConfigError), "runs/x"
    ),
    "a name that an artifact cannot have": case("export cnn --as ../up", ConfigError, "'../up'"),
    "an artifact without a name": case("export cnn --as ''", ConfigError, "''"),
    "an artifact with a long name": case(f"export cnn --as {'a' * 200}", ConfigError, "aaa"),
    "a metric that is none": case(
        "quantize {exports}/mlp_regressor/1 --metric beauty", ConfigError, "beauty"
    ),
    "a policy that is none": case(
        "quantize {exports}/mlp_regressor/1 --prefer cheapest", ConfigError, "cheapest", "smallest"
    ),
    "a candidate that is none": case(
        "quantize {exports}/mlp_regressor/1 --method int4", ConfigError, "int4", "float16"
    ),
    "a class that is none": case(
        "sample {exports}/rbm/1 --label seven", ConfigError, "label", "classes"
    ),
    "a model that draws nothing": case("sample {exports}/cnn/1", Incompatible, "cnn"),
    "a beam for a model that writes nothing": case(
        "predict {exports}/cnn/1 digit.png --beams 4",
        (ConfigError, Incompatible),
        "beam",
        setup=a_picture,
    ),
    "a prompt for a model that writes nothing": case(
        "predict {exports}/cnn/1 digit.png --prompt hello",
        (ConfigError, Incompatible),
        "prompt",
        setup=a_picture,
    ),
    "a classifier that classifies no pictures": case(
        "damage-report digit.png --classifier {exports}/mlp_regressor/1",
        Incompatible,
        "images",
        setup=a_picture,
    ),
    "a captioner that writes nothing": case(
        "damage-report digit.png --classifier {exports}/vgg16_damage/1 --captioner {exports}/cnn/1",
        Incompatible,
        "no texts",
        setup=a_picture,
    ),
    "a file of drawings of another kind": case(
        "sample {exports}/rbm/1 --steps 1 --out a.mp4", ConfigError, "a.mp4", ".png"
    ),
    "a table of drawn pictures": case(
        "sample {exports}/rbm/1 --steps 1 --out a.csv", ConfigError, "a.csv", ".npz"
    ),
    "an artifact compared with a run": case("diff {exports}/cnn/1 runs", ArtifactError, "runs"),
    "a page into a folder": case("report {exports}/cnn/1", TrainError, "cnn/1"),
    "an address that is none": case(
        "serve {exports}/cnn --host not.a.host.invalid --port 0", ConfigError, "not.a.host.invalid"
    ),
    "an address of 5,000 letters": case(
        f"serve {{exports}}/cnn --host {LONG} --port 0", ConfigError, "listen"
    ),
    "a split that is none": case("evaluate {exports}/cnn/1 --split all", Usage, "--split"),
    "a model file with another ending": case("build cnn --out model.h5", Usage, ".keras"),
    "options of data that are not given": case(
        "evaluate {exports}/cnn/1 --data-option image_size=8", Usage, "--data"
    ),
    "options of data that are not given, to quantize": case(
        "quantize {exports}/cnn/1 --data-option image_size=8", Usage, "--data"
    ),
}

# Numbers behind options: what each command refuses before it looks at anything else.
_BELOW = {
    "train cnn": ("--epochs", "--batch-size", "--patience"),
    "crossvalidate mlp_regressor": ("--folds", "--seeds", "--epochs"),
    "export cnn": ("--version",),
    "predict {exports}/cnn/1 a.png": ("--top", "--beams"),
    "bench {exports}/cnn/1": ("--batch", "--threads", "--seconds"),
    "sample {exports}/rbm/1": ("--count", "--steps"),
    "quantize {exports}/cnn/1": ("--version", "--seconds"),
    "serve {exports}": ("--threads", "--workers", "--max-request"),
    "demo": ("--epochs",),
}
NUMBERS: Table = {
    f"{name} {option} {value or 'empty'}": case(
        f"{command} {option} '{value}'",
        # A number that is a float may be NaN for the command line, and is refused behind it.
        Usage if value != "nan" else (Usage, ConfigError),
        option.strip("-"),
    )
    for command, options in _BELOW.items()
    for option in options
    for value in ("0", "-1", "many", "", "nan")
    for name in [command.split()[0]]
}
# A float takes nan: it is refused behind the command line, or not at all.
SIGNED: Table = {
    "a seed below zero": case("train cnn --seed -1", Usage, "--seed"),
    "a seed to draw below zero": case("sample {exports}/rbm/1 --seed -1", Usage, "--seed"),
    "a seed of a demonstration below zero": case("demo --seed -1", Usage, "--seed"),
    "a port below zero": case("serve --port -1", Usage, "--port"),
    "a port that is no port": case("serve {exports} --port 70000", Usage, "--port"),
    "a loss below zero": case("quantize {exports}/cnn/1 --max-loss -1", Usage, "--max-loss"),
    "an agreement above all": case(
        "quantize {exports}/cnn/1 --min-agreement 1.5", Usage, "--min-agreement"
    ),
    "an agreement that is no number": case(
        "quantize {exports}/cnn/1 --min-agreement nan", (Usage, ConfigError), "agreement"
    ),
    "a loss that is no number": case(
        "quantize {exports}/cnn/1 --max-loss nan", (Usage, ConfigError), "loss"
    ),
    "endless seconds": case("bench {exports}/cnn/1 --seconds inf", (Usage, ConfigError), "seconds"),
    "a seed of 400 digits": case(f"train cnn --seed {HUGE}", ConfigError, "seed"),
    "a seed beyond 32 bits": case("train cnn --seed 99999999999", ConfigError, "seed"),
    "epochs of 400 digits": case(f"train cnn --epochs {HUGE}", ConfigError, "epochs"),
    "a batch without measure": case("train cnn --batch-size 1000000", ConfigError, "batch_size"),
    "patience without measure": case("train cnn --patience 1000000", ConfigError, "patience"),
    "drawings without measure": case(
        "sample {exports}/rbm/1 --count 1000000000", ConfigError, "count"
    ),
    "steps without measure": case(
        "sample {exports}/rbm/1 --count 1 --steps 99999999999", ConfigError, "steps"
    ),
    "a batch of a bench without measure": case(
        "bench {exports}/cnn/1 --batch 1000000000000", ConfigError, "batch"
    ),
    "threads without measure": case(
        "bench {exports}/cnn/1 --threads 1000000000", ConfigError, "threads"
    ),
    "beams without measure": case(
        "predict {exports}/transformer/1 'one' --beams 1000000000", ConfigError, "beams"
    ),
    "workers without measure": case(
        "serve {exports}/cnn --port 0 --workers 99999999999999", ConfigError, "workers"
    ),
    "a request without measure": case(
        "serve {exports}/cnn --port 0 --max-request 99999999999999999999", ConfigError, "request"
    ),
    "a version without measure": case(f"export cnn --version {HUGE}", ConfigError, "version"),
    "folds without measure": case(
        "crossvalidate mlp_regressor --folds 100000", ConfigError, "folds"
    ),
    "seeds without measure": case(
        "crossvalidate mlp_regressor --seeds 99999999999 --folds 2", ConfigError, "seeds"
    ),
}

# Options that contradict each other, and words that are too many or too few.
CONFLICTS: Table = {
    "a resumed run in another folder": case("train --resume a --run-dir b", Usage, "--resume"),
    "a resumed run on other options": case(
        "train --resume a --data-option image_size=8", Usage, "--resume"
    ),
    "nothing to train": case("train", Usage, "which model"),
    "nothing to evaluate": case("evaluate", Usage, "RUN|ARTIFACT"),
    "nothing to export": case("export", Usage, "RUN|NAME"),
    "nothing to verify": case("verify", Usage, "PATH"),
    "nothing to bench": case("bench", Usage, "PATH"),
    "nothing to diff with": case("diff a", Usage, "B"),
    "nothing to report": case("report", Usage, "RUN"),
    "nothing to draw from": case("sample", Usage, "RUN|ARTIFACT"),
    "nothing to look at": case("damage-report --classifier a", Usage, "PHOTO"),
    "nobody who looks": case("damage-report a.png", Usage, "--classifier"),
    "nothing to quantize": case("quantize", Usage, "PATH"),
    "nothing to ask": case("predict cnn", Usage, "INPUT"),
    "a word too many for info": case("info cnn lstm", Usage, "lstm"),
    "a word too many for list": case("list a b", Usage, "b"),
    "a word too many for plugins": case("plugins all", Usage, "all"),
    "a word too many for doctor": case("doctor all", Usage, "all"),
    "a word too many for serve": case("serve a b", Usage, "b"),
    "a word too many for demo": case("demo a", Usage, "a"),
    "a command that is none": case("fly", Usage, "fly"),
    "a command in capitals": case("TRAIN", Usage, "TRAIN"),
    "an option that is none": case("list --color", Usage, "--color"),
    "a misspelled option": case("train cnn --epoch 3", Usage, "--epoch", "--epochs"),
    "a short option that is none": case("train cnn -x", Usage, "-x"),
}


@cases(NAMES)
def test_a_wrong_name_is_refused(case: Case, tmp_path):
    run_case(case, tmp_path, exports=EXPORTS)


@cases(NUMBERS, SIGNED)
def test_a_wrong_number_is_refused(case: Case, tmp_path):
    run_case(case, tmp_path, exports=EXPORTS)


@cases(CONFLICTS)
def test_words_that_make_no_command_are_refused(case: Case, tmp_path):
    run_case(case, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "a misspelled model",
        "an empty task",
        "misspelled data",
        "a name that an artifact cannot have",
    ],
)
def test_with_json_the_same_error_is_json(name: str):
    case = NAMES[name]
    outcome = call(*shlex.split(case.words), "--json")
    assert (outcome.exit, outcome.out) == (case.errors[0].exit_code, "")
    error = json.loads(outcome.err)
    assert error["code"] == case.errors[0].code
    assert error["what"] and error["fix"]


def test_with_json_a_wrong_command_line_is_text_on_standard_error():
    check_refusal(call("train", "--json"), Usage, "NAME")
