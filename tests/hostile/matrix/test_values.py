"""Every option of every command, with values that nobody should give."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.matrix.harness import Row, Table, Usage, cases, row, run_row
from tests.hostile.support import good_table, photos, picture, table
from zoo.errors import (
    ArtifactError,
    BadRecord,
    ConfigError,
    DataError,
    Incompatible,
    RegistryError,
    TrainError,
    UnknownDataset,
    UnknownModel,
)

EXPORTS = Path(__file__).parents[3] / "exports"
HUGE = "9" * 400
LONG = "a" * 5_000


def a_picture(folder: Path) -> None:
    picture(folder / "digit.png")


# The configuration of a model, as --set gives it.
CONFIGURATION: Table = {
    "a share above its range": row("build cnn --set dropout=1.5", ConfigError, "dropout", "1.5"),
    "a share below its range": row("build cnn --set dropout=-.1", ConfigError, "dropout", "-0.1"),
    "a share that is no number": row("build cnn --set dropout=nan", ConfigError, "dropout", "nan"),
    "an endless share": row("build cnn --set dropout=.inf", ConfigError, "dropout"),
    "a share as text": row("build cnn --set dropout=half", ConfigError, "dropout", "'half'"),
    "a share as a list": row("build cnn --set dropout=[.5]", ConfigError, "dropout", "[0.5]"),
    "a share that is null": row("build cnn --set dropout=null", ConfigError, "dropout", "None"),
    "nothing behind the sign": row("build cnn --set dropout=", ConfigError, "dropout", "None"),
    "a number of 400 digits": row(f"build cnn --set dropout={HUGE}", ConfigError, "dropout"),
    "a number beyond floats": row("build cnn --set dropout=1e999", ConfigError, "dropout", "inf"),
    "a list where a number is": row("build rbm --set hidden=[64]", ConfigError, "hidden"),
    "a size of nothing": row("build rbm --set hidden=0", ConfigError, "hidden", "0"),
    "a negative size": row("build rbm --set hidden=-8", ConfigError, "hidden", "-8"),
    "a size of 400 digits": row(f"build rbm --set hidden={HUGE}", ConfigError, "hidden"),
    "a broken size": row("build rbm --set hidden=8.5", ConfigError, "hidden", "8.5"),
    "a number where a list is": row(
        "build mlp_classifier --set units=8", ConfigError, "units", "in brackets"
    ),
    "a list of texts": row("build mlp_classifier --set 'units=[a, b]'", ConfigError, "units.0"),
    "a list of lists": row("build mlp_classifier --set 'units=[[8]]'", ConfigError, "units.0"),
    "one wrong item of a list": row(
        "build mlp_classifier --set 'units=[8, -1]'", ConfigError, "units.1", "-1"
    ),
    "a list that is too long": row(
        f"build mlp_classifier --set 'units=[{', '.join(['8'] * 500)}]'", ConfigError, "units"
    ),
    "an empty list of sizes": row("build cnn --set filters=[]", ConfigError, "filters"),
    "a word that is none of those": row(
        "build cnn --set activation=step", ConfigError, "activation", "'relu'"
    ),
    "a word in another case": row("build cnn --set activation=RELU", ConfigError, "activation"),
    "a very long word": row(f"build cnn --set activation={LONG}", ConfigError, "activation"),
    "a flag that is a number": row(
        "build mlp_classifier --set batch_norm=2", ConfigError, "batch_norm"
    ),
    "a field that is not there": row(
        "build cnn --set dropuot=.5", ConfigError, "dropuot", "Did you mean 'dropout'?"
    ),
    "a field of another model": row("build cnn --set hidden=8", ConfigError, "hidden", "no such"),
    "a field with a dot too many": row(
        "build cnn --set dropout.rate=.5", ConfigError, "dropout.rate"
    ),
    "a dot and nothing": row("build cnn --set optimizer.=1", ConfigError, "optimizer."),
    "dots alone": row("build cnn --set ...=1", ConfigError, "..."),
    "a field of Python": row("build cnn --set __class__=1", ConfigError, "__class__"),
    "a key in other letters": row("build cnn --set dröpout=1", ConfigError, "dröpout"),
    "a group as a value": row("build cnn --set optimizer=adam", ConfigError, "optimizer", "'adam'"),
    "a group with a wrong field": row(
        "build cnn --set 'optimizer={{rate: 1}}'", ConfigError, "optimizer.rate"
    ),
    "a learning rate of nothing": row(
        "build cnn --set optimizer.learning_rate=0", ConfigError, "learning_rate", "greater than 0"
    ),
    "a learning rate without measure": row(
        "build cnn --set optimizer.learning_rate=1e6", ConfigError, "learning_rate"
    ),
    "a warmup that never ends": row(
        "build cnn --set optimizer.warmup=1", ConfigError, "optimizer.warmup", "less than 1"
    ),
    "a schedule that is not there": row(
        "build cnn --set optimizer.schedule=step", ConfigError, "schedule", "'cosine'"
    ),
    "a clipped norm of nothing": row(
        "build cnn --set optimizer.clip_norm=0", ConfigError, "clip_norm"
    ),
    "an augmentation without measure": row(
        "build cnn --set augmentation.rotation=720", ConfigError, "augmentation.rotation", "180"
    ),
    "three wrong values at once": row(
        "build cnn --set dropout=2 --set activation=x --set y=1", ConfigError, "3 wrong values"
    ),
    "heads that do not divide the width": row(
        "build transformer --set width=10 --set heads=3", ConfigError, "heads"
    ),
    "YAML that never ends": row("build cnn --set 'filters=[[8]'", Usage, "[[8]"),
    "a quote that never ends": row("""build cnn --set 'activation="relu'""", Usage, "--set"),
    "an alias of YAML": row("build cnn --set 'filters=[*a]'", Usage, "undefined alias"),
    "a tag of YAML": row(
        "build cnn --set 'filters=[!!python/object/apply:os.system [ls]]'", Usage, "constructor"
    ),
    "a key of YAML that is a list": row("build cnn --set 'filters={{[a]: 1}}'", Usage, "--set"),
    "a very deep list": row(f"build cnn --set 'filters={'[' * 4_000}'", Usage, "--set"),
    "no sign at all": row("build cnn --set dropout", Usage, "KEY=VALUE"),
    "no key": row("build cnn --set =1", Usage, "KEY=VALUE"),
    "a key twice": row("build cnn --set dropout=0 --set dropout=.1", Usage, "given twice"),
    "an option as a field": row("build cnn --set epochs=3", Usage, "--epochs"),
    "a word of the program's own": row("build cnn --set plan=1", Usage, "plan"),
}

# How data are read, as --data-option gives it.
DATA: Table = {
    "a seed below zero": row(
        "build cnn --data digits --data-option split_seed=-1", ConfigError, "split_seed"
    ),
    "a seed of 400 digits": row(
        f"build cnn --data digits --data-option split_seed={HUGE}", ConfigError, "split_seed"
    ),
    "a share of everything": row(
        "build cnn --data photos --data-option test_share=1",
        ConfigError,
        "test_share",
        setup=photos,
    ),
    "a share of nothing": row(
        "build cnn --data photos --data-option test_share=0",
        ConfigError,
        "test_share",
        setup=photos,
    ),
    "shares that leave nothing to train on": row(
        "build cnn --data photos --data-option test_share=.6 --data-option validation_share=.6",
        ConfigError,
        "a tenth to train on",
        setup=photos,
    ),
    "a side of nothing": row(
        "build cnn --data photos --data-option image_size=0",
        ConfigError,
        "image_size",
        setup=photos,
    ),
    "a side without measure": row(
        "build cnn --data photos --data-option image_size=1000000",
        ConfigError,
        "4096",
        setup=photos,
    ),
    "three sides": row(
        "build cnn --data photos --data-option image_size=8x8x8",
        ConfigError,
        "image_size",
        setup=photos,
    ),
    "two channels": row(
        "build cnn --data photos --data-option channels=2", ConfigError, "channels", setup=photos
    ),
    "an option of a table for pictures": row(
        "build cnn --data photos --data-option target=cat", ConfigError, "target", setup=photos
    ),
    "a target that is no column": row(
        "build mlp_classifier --data table.csv --data-option target=price",
        ConfigError,
        "price",
        "answer",
        setup=good_table,
    ),
    "a target with an odd name": row(
        "build mlp_classifier --data table.csv --data-option target=[a]",
        ConfigError,
        "target",
        setup=good_table,
    ),
    "a target that is left out": row(
        "build mlp_classifier --data table.csv --data-option drop=answer",
        ConfigError,
        "answer",
        setup=good_table,
    ),
    "every column left out": row(
        "build mlp_classifier --data table.csv --data-option drop=[a,b]",
        ConfigError,
        "beside the target",
        setup=good_table,
    ),
    "a column of both kinds": row(
        "build mlp_classifier --data table.csv --data-option numeric=a --data-option categorical=a",
        ConfigError,
        "not both",
        setup=good_table,
    ),
    "a task that is none": row(
        "build mlp_classifier --data table.csv --data-option task=guessing",
        ConfigError,
        "task",
        "'classification'",
        setup=good_table,
    ),
    "one fold": row(
        "build mlp_classifier --data table.csv --data-option folds=1",
        ConfigError,
        "folds",
        setup=good_table,
    ),
    "a fold that is not there": row(
        "build mlp_classifier --data table.csv --data-option folds=3 --data-option fold=3",
        ConfigError,
        "3 folds",
        setup=good_table,
    ),
    "more folds than rows": row(
        "train mlp_classifier --data table.csv --data-option folds=100",
        (ConfigError, DataError),
        "100",
        setup=good_table,
    ),
    "a group that is no column": row(
        "train mlp_classifier --data table.csv --group-by street",
        ConfigError,
        "street",
        setup=good_table,
    ),
    "a group that is the target": row(
        "train mlp_classifier --data table.csv --group-by answer",
        ConfigError,
        "answer",
        setup=good_table,
    ),
    "one group": row(
        "train mlp_classifier --data table.csv --group-by c",
        (ConfigError, DataError),
        "group",
        setup=lambda folder: table(
            folder, "a,c,answer", *[f"{i % 7},x,{'yes' if i % 2 else 'no'}" for i in range(60)]
        ),
    ),
    "a window of nothing": row(
        "train lstm --data daily_min_temperatures --data-option window=0", ConfigError, "window"
    ),
    "a horizon beyond the series": row(
        "train lstm --data daily_min_temperatures --data-option horizon=100000",
        (ConfigError, DataError),
        "horizon",
    ),
    "an encoding that is none": row(
        "train lstm --data t.csv --data-option text=text --data-option encoding=klingon",
        ConfigError,
        "encoding",
        setup=lambda folder: table(folder, "text,label", "a b,x", "c d,y", name="t.csv"),
    ),
    "a data option without a sign": row(
        "train cnn --data digits --data-option split_seed", Usage, "KEY=VALUE"
    ),
    "a data option twice": row(
        "train cnn --data digits --data-option a=1 --data-option a=2", Usage, "given twice"
    ),
    "a path of 5,000 letters": row(f"train cnn --data {LONG}", UnknownDataset, "a" * 100),
    "an empty name of data": row("train cnn --data ''", UnknownDataset, "''"),
    "data in the folder of a user that there is not": row(
        "train cnn --data ~nobody-here/data.csv", UnknownDataset, "~nobody-here"
    ),
    "a name of data with a line break": row("train cnn --data 'a\nb'", UnknownDataset, "a\\nb"),
}

# Names of models, and of what they answer.
NAMES: Table = {
    "an empty name": row("info ''", UnknownModel, "''"),
    "a name in capitals": row("info CNN", UnknownModel, "cnn"),
    "a name with a blank": row("info 'c n n'", UnknownModel, "c n n"),
    "a name of 5,000 letters": row(f"info {LONG}", UnknownModel, "zoo list"),
    "a name in other letters": row("info сnn", UnknownModel, "сnn"),
    "a name with two colons": row("info a:b:c", UnknownModel, "'c'"),
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
        "quantise {exports}/mlp_regressor/1 --metric beauty", ConfigError, "beauty"
    ),
    "a policy that is none": row(
        "quantise {exports}/mlp_regressor/1 --policy cheapest", ConfigError, "cheapest", "smallest"
    ),
    "a candidate that is none": row(
        "quantise {exports}/mlp_regressor/1 --candidate int4", ConfigError, "int4", "float16"
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
        "pictures",
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
    "options of data that are not given, to quantise": row(
        "quantise {exports}/cnn/1 --data-option image_size=8", Usage, "--data"
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
    "quantise {exports}/cnn/1": ("--version", "--seconds"),
    "serve {exports}": ("--threads", "--workers", "--max-request"),
    "demo": ("--epochs",),
}
NUMBERS: Table = {
    f"{name} {option} {value or 'empty'}": row(f"{command} {option} '{value}'", Usage, option)
    for command, options in _BELOW.items()
    for option in options
    for value in ("0", "-1", "many", "", "nan")
    for name in [command.split()[0]]
}
# A float takes nan: it is refused behind the command line, or not at all.
SIGNED: Table = {
    "a seed below zero": row("train cnn --seed -1", Usage, "--seed"),
    "a seed to draw below zero": row("sample {exports}/rbm/1 --seed -1", Usage, "--seed"),
    "a seed of a demonstration below zero": row("demo --seed -1", Usage, "--seed"),
    "a port below zero": row("serve --port -1", Usage, "--port"),
    "a port that is no port": row("serve {exports} --port 70000", Usage, "--port"),
    "a loss below zero": row("quantise {exports}/cnn/1 --max-loss -1", Usage, "--max-loss"),
    "an agreement above all": row(
        "quantise {exports}/cnn/1 --min-agreement 1.5", Usage, "--min-agreement"
    ),
    "an agreement that is no number": row(
        "quantise {exports}/cnn/1 --min-agreement nan", (Usage, ConfigError), "agreement"
    ),
    "a loss that is no number": row(
        "quantise {exports}/cnn/1 --max-loss nan", (Usage, ConfigError), "loss"
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
    "nothing to quantise": row("quantise", Usage, "PATH"),
    "nothing to ask": row("predict cnn", Usage, "INPUT"),
    "a word too many for info": row("info cnn lstm", Usage, "lstm"),
    "a word too many for list": row("list a b", Usage, "b"),
    "a word too many for plugins": row("plugins all", Usage, "all"),
    "a word too many for doctor": row("doctor all", Usage, "all"),
    "a word too many for serve": row("serve a b", Usage, "b"),
    "a word too many for demo": row("demo a", Usage, "a"),
    "a command that is none": row("fly", Usage, "fly"),
    "a command in capitals": row("TRAIN", Usage, "TRAIN"),
    "an option that is none": row("list --colour", Usage, "--colour"),
    "a short option that is none": row("train cnn -x", Usage, "-x"),
}


@pytest.fixture(autouse=True)
def _workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


@cases(CONFIGURATION)
def test_a_wrong_configuration_is_refused_field_by_field(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys)


@cases(DATA)
def test_a_wrong_option_of_data_is_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys)


@cases(NAMES)
def test_a_wrong_name_is_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys, exports=EXPORTS)


@cases(NUMBERS, SIGNED)
def test_a_wrong_number_is_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys, exports=EXPORTS)


@cases(CONFLICTS)
def test_words_that_make_no_command_are_refused(row: Row, tmp_path, capsys):
    run_row(row, tmp_path, capsys)
