"""Numbers, names and words behind the options of every command that nobody should give."""

from __future__ import annotations

from pathlib import Path

from tests.hostile.matrix.harness import Row, Table, Usage, cases, row, run_row
from tests.hostile.support import picture
from zoo.errors import (
    ArtifactError,
    BadRecord,
    ConfigError,
    Incompatible,
    RegistryError,
    TrainError,
    UnknownModel,
)

EXPORTS = Path(__file__).parents[3] / "exports"
HUGE = "9" * 400
LONG = "a" * 5_000


def a_picture(folder: Path) -> None:
    picture(folder / "digit.png")


# Names of models, and of what they answer.
NAMES: Table = {
    "an empty name": row("info ''", UnknownModel, "''"),
    "a name in capitals": row("info CNN", UnknownModel, "cnn"),
    "a name with a blank": row("info 'c n n'", UnknownModel, "c n n"),
    "a name of 5,000 letters": row(f"info {LONG}", UnknownModel, "zoo list"),
    "a name in other letters": row("info сnn", UnknownModel, "сnn"),
    "a name with two colons": row("info a:b:c", UnknownModel, "'a:b:c'"),
    "a model of another package": row("info somebody:cnn", UnknownModel, "somebody"),
    "a path up": row("info ../../etc/passwd", UnknownModel, "zoo list"),
    "a name that steers a terminal": row("info 'c\x1b[31mnn'", UnknownModel, "'c\\x1b[31mnn'"),
    "a task that is none": row("list --task flying", RegistryError, "flying", "classification"),
    "an empty task": row("list --task ''", RegistryError, "classification"),
    "a signature that is none": row(
        "predict {exports}/cnn/1 digit.png --signature dream",
        Incompatible,
        "dream",
        "predict",
        setup=a_picture,
    ),
    "an empty signature": row(
        "predict {exports}/cnn/1 digit.png --signature ''", Incompatible, "''", setup=a_picture
    ),
    "an input of a name that is none": row("predict cnn ''", BadRecord, "file"),
    "weights that are none": row(
        "predict cnn digit.png --weights imagenet",
        ConfigError,
        "imagenet",
        "digits",
        setup=a_picture,
    ),
    "weights with an artifact": row(
        "predict {exports}/cnn/1 digit.png --weights digits",
        ConfigError,
        "weights",
        setup=a_picture,
    ),
    "weights with a run": row(
        "export runs/cnn-1 --weights digits", (UnknownModel, TrainError), "runs/cnn-1"
    ),
    "a setting with a run": row(
        "export ./runs/x --set dropout=0", (UnknownModel, TrainError, ConfigError), "runs/x"
    ),
    "a name that an artifact cannot have": row("export cnn --as ../up", ConfigError, "'../up'"),
    "an artifact without a name": row("export cnn --as ''", ConfigError, "''"),
    "an artifact with a long name": row(f"export cnn --as {'a' * 200}", ConfigError, "aaa"),
    "a metric that is none": row(
        "quantize {exports}/mlp_regressor/1 --metric beauty", ConfigError, "beauty"
    ),
    "a policy that is none": row(
        "quantize {exports}/mlp_regressor/1 --prefer cheapest", ConfigError, "cheapest", "smallest"
    ),
    "a candidate that is none": row(
        "quantize {exports}/mlp_regressor/1 --method int4", ConfigError, "int4", "float16"
    ),
    "a class that is none": row(
        "sample {exports}/rbm/1 --label seven", ConfigError, "label", "classes"
    ),
    "a model that draws nothing": row("sample {exports}/cnn/1", Incompatible, "cnn"),
    "a beam for a model that writes nothing": row(
        "predict {exports}/cnn/1 digit.png --beams 4",
        (ConfigError, Incompatible),
        "beam",
        setup=a_picture,
    ),
    "a prompt for a model that writes nothing": row(
        "predict {exports}/cnn/1 digit.png --prompt hello",
        (ConfigError, Incompatible),
        "prompt",
        setup=a_picture,
    ),
    "a classifier that classifies no pictures": row(
        "damage-report digit.png --classifier {exports}/mlp_regressor/1",
        Incompatible,
        "images",
        setup=a_picture,
    ),
    "a captioner that writes nothing": row(
        "damage-report digit.png --classifier {exports}/vgg16_damage/1 --captioner {exports}/cnn/1",
        Incompatible,
        "no texts",
        setup=a_picture,
    ),
    "a file of drawings of another kind": row(
        "sample {exports}/rbm/1 --steps 1 --out a.mp4", ConfigError, "a.mp4", ".png"
    ),
    "a table of drawn pictures": row(
        "sample {exports}/rbm/1 --steps 1 --out a.csv", ConfigError, "a.csv", ".npz"
    ),
    "an artifact compared with a run": row("diff {exports}/cnn/1 runs", ArtifactError, "runs"),
    "a page into a folder": row("report {exports}/cnn/1", TrainError, "cnn/1"),
    "an address that is none": row(
        "serve {exports}/cnn --host not.a.host.invalid --port 0", ConfigError, "not.a.host.invalid"
    ),
    "an address of 5,000 letters": row(
        f"serve {{exports}}/cnn --host {LONG} --port 0", ConfigError, "listen"
    ),
    "a split that is none": row("evaluate {exports}/cnn/1 --split all", Usage, "--split"),
    "a model file with another ending": row("build cnn --out model.h5", Usage, ".keras"),
    "options of data that are not given": row(
        "evaluate {exports}/cnn/1 --data-option image_size=8", Usage, "--data"
    ),
    "options of data that are not given, to quantize": row(
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
    f"{name} {option} {value or 'empty'}": row(f"{command} {option} '{value}'", Usage, option)
    for command, options in _BELOW.items()
    for option in options
    for value in ("0", "-1", "many", "", "nan")
    for name in [command.split()[0]]
    if (option, value) != ("--seconds", "nan")
}
# A float takes nan: it is refused behind the command line, or not at all.
SIGNED: Table = {
    "a seed below zero": row("train cnn --seed -1", Usage, "--seed"),
    "a seed to draw below zero": row("sample {exports}/rbm/1 --seed -1", Usage, "--seed"),
    "a seed of a demonstration below zero": row("demo --seed -1", Usage, "--seed"),
    "a port below zero": row("serve --port -1", Usage, "--port"),
    "a port that is no port": row("serve {exports} --port 70000", Usage, "--port"),
    "a loss below zero": row("quantize {exports}/cnn/1 --max-loss -1", Usage, "--max-loss"),
    "an agreement above all": row(
        "quantize {exports}/cnn/1 --min-agreement 1.5", Usage, "--min-agreement"
    ),
    "an agreement that is no number": row(
        "quantize {exports}/cnn/1 --min-agreement nan", (Usage, ConfigError), "agreement"
    ),
    "a loss that is no number": row(
        "quantize {exports}/cnn/1 --max-loss nan", (Usage, ConfigError), "loss"
    ),
    "seconds that are no number": row(
        "bench {exports}/cnn/1 --seconds nan", (Usage, ConfigError), "seconds"
    ),
    "seconds that are no number, to quantize": row(
        "quantize {exports}/cnn/1 --seconds nan", (Usage, ConfigError), "seconds"
    ),
    "endless seconds": row("bench {exports}/cnn/1 --seconds inf", (Usage, ConfigError), "seconds"),
    "a seed of 400 digits": row(f"train cnn --seed {HUGE}", ConfigError, "seed"),
    "a seed beyond 32 bits": row("train cnn --seed 99999999999", ConfigError, "seed"),
    "epochs of 400 digits": row(f"train cnn --epochs {HUGE}", ConfigError, "epochs"),
    "a batch without measure": row("train cnn --batch-size 1000000", ConfigError, "batch_size"),
    "patience without measure": row("train cnn --patience 1000000", ConfigError, "patience"),
    "drawings without measure": row(
        "sample {exports}/rbm/1 --count 1000000000", ConfigError, "count"
    ),
    "steps without measure": row(
        "sample {exports}/rbm/1 --count 1 --steps 99999999999", ConfigError, "steps"
    ),
    "a batch of a bench without measure": row(
        "bench {exports}/cnn/1 --batch 1000000000000", ConfigError, "batch"
    ),
    "threads without measure": row(
        "bench {exports}/cnn/1 --threads 1000000000", ConfigError, "threads"
    ),
    "beams without measure": row(
        "predict {exports}/transformer/1 'one' --beams 1000000000", ConfigError, "beams"
    ),
    "workers without measure": row(
        "serve {exports}/cnn --port 0 --workers 99999999999999", ConfigError, "workers"
    ),
    "a request without measure": row(
        "serve {exports}/cnn --port 0 --max-request 99999999999999999999", ConfigError, "request"
    ),
    "a version without measure": row(f"export cnn --version {HUGE}", ConfigError, "version"),
    "folds without measure": row(
        "crossvalidate mlp_regressor --folds 100000", ConfigError, "folds"
    ),
    "seeds without measure": row(
        "crossvalidate mlp_regressor --seeds 99999999999 --folds 2", ConfigError, "seeds"
    ),
}

# Options that contradict each other, and words that are too many or too few.
CONFLICTS: Table = {
    "a resumed run in another folder": row("train --resume a --run-dir b", Usage, "--resume"),
    "a resumed run on other options": row(
        "train --resume a --data-option image_size=8", Usage, "--resume"
    ),
    "nothing to train": row("train", Usage, "which model"),
    "nothing to evaluate": row("evaluate", Usage, "RUN|ARTIFACT"),
    "nothing to export": row("export", Usage, "RUN|NAME"),
    "nothing to verify": row("verify", Usage, "PATH"),
    "nothing to bench": row("bench", Usage, "PATH"),
    "nothing to diff with": row("diff a", Usage, "B"),
    "nothing to report": row("report", Usage, "RUN"),
    "nothing to draw from": row("sample", Usage, "RUN|ARTIFACT"),
    "nothing to look at": row("damage-report --classifier a", Usage, "PHOTO"),
    "nobody who looks": row("damage-report a.png", Usage, "--classifier"),
    "nothing to quantize": row("quantize", Usage, "PATH"),
    "nothing to ask": row("predict cnn", Usage, "INPUT"),
    "a word too many for info": row("info cnn lstm", Usage, "lstm"),
    "a word too many for list": row("list a b", Usage, "b"),
    "a word too many for plugins": row("plugins all", Usage, "all"),
    "a word too many for doctor": row("doctor all", Usage, "all"),
    "a word too many for serve": row("serve a b", Usage, "b"),
    "a word too many for demo": row("demo a", Usage, "a"),
    "a command that is none": row("fly", Usage, "fly"),
    "a command in capitals": row("TRAIN", Usage, "TRAIN"),
    "an option that is none": row("list --color", Usage, "--color"),
    "a short option that is none": row("train cnn -x", Usage, "-x"),
}


@cases(NAMES)
def test_a_wrong_name_is_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys, exports=EXPORTS)


@cases(NUMBERS, SIGNED)
def test_a_wrong_number_is_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys, exports=EXPORTS)


@cases(CONFLICTS)
def test_words_that_make_no_command_are_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys)
