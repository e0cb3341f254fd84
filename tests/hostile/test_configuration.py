"""Wrong fields of configurations, and wrong options of data."""

from __future__ import annotations

from tests.hostile.files import good_table, photos, table
from tests.hostile.harness import Case, Table, Usage, case, cases, run_case
from zoo.errors import (
    ConfigError,
    DataError,
    UnknownDataset,
)

HUGE = "9" * 400
LONG = "a" * 5_000


# The configuration of a model, as --set gives it.
CONFIGURATION: Table = {
    "a share above its range": case("build cnn --set dropout=1.5", ConfigError, "dropout", "1.5"),
    "a share below its range": case("build cnn --set dropout=-.1", ConfigError, "dropout", "-0.1"),
    "a share that is no number": case("build cnn --set dropout=nan", ConfigError, "dropout", "nan"),
    "an endless share": case("build cnn --set dropout=.inf", ConfigError, "dropout"),
    "a share as text": case("build cnn --set dropout=half", ConfigError, "dropout", "'half'"),
    "a share as a list": case("build cnn --set dropout=[.5]", ConfigError, "dropout", "[0.5]"),
    "a share that is null": case("build cnn --set dropout=null", ConfigError, "dropout", "None"),
    "nothing behind the sign": case("build cnn --set dropout=", ConfigError, "dropout", "None"),
    "a number of 400 digits": case(f"build cnn --set dropout={HUGE}", ConfigError, "dropout"),
    "a number beyond floats": case("build cnn --set dropout=1e999", ConfigError, "dropout", "inf"),
    "a list where a number is": case("build rbm --set hidden=[64]", ConfigError, "hidden"),
    "a size of nothing": case("build rbm --set hidden=0", ConfigError, "hidden", "0"),
    "a negative size": case("build rbm --set hidden=-8", ConfigError, "hidden", "-8"),
    "a size of 400 digits": case(f"build rbm --set hidden={HUGE}", ConfigError, "hidden"),
    "a broken size": case("build rbm --set hidden=8.5", ConfigError, "hidden", "8.5"),
    "a number where a list is": case(
        "build mlp_classifier --set units=8", ConfigError, "units", "in brackets"
    ),
    "a list of texts": case("build mlp_classifier --set 'units=[a, b]'", ConfigError, "units.0"),
    "a list of lists": case("build mlp_classifier --set 'units=[[8]]'", ConfigError, "units.0"),
    "one wrong item of a list": case(
        "build mlp_classifier --set 'units=[8, -1]'", ConfigError, "units.1", "-1"
    ),
    "a list that is too long": case(
        f"build mlp_classifier --set 'units=[{', '.join(['8'] * 500)}]'", ConfigError, "units"
    ),
    "an empty list of sizes": case("build cnn --set filters=[]", ConfigError, "filters"),
    "a word that is none of those": case(
        "build cnn --set activation=step", ConfigError, "activation", "'relu'"
    ),
    "a word in another case": case("build cnn --set activation=RELU", ConfigError, "activation"),
    "a very long word": case(f"build cnn --set activation={LONG}", ConfigError, "activation"),
    "a flag that is a number": case(
        "build mlp_classifier --set batch_norm=2", ConfigError, "batch_norm"
    ),
    "a field that is not there": case(
        "build cnn --set dropuot=.5", ConfigError, "dropuot", "Did you mean 'dropout'?"
    ),
    "a misspelled field of a group": case(
        "build cnn --set optimizer.learning_rat=1",
        ConfigError,
        "Did you mean 'optimizer.learning_rate'?",
    ),
    "a field of another model": case("build cnn --set hidden=8", ConfigError, "hidden", "no such"),
    "a field with a dot too many": case(
        "build cnn --set dropout.rate=.5", ConfigError, "dropout.rate"
    ),
    "a dot and nothing": case("build cnn --set optimizer.=1", ConfigError, "optimizer."),
    "dots alone": case("build cnn --set ...=1", ConfigError, "..."),
    "a field of Python": case("build cnn --set __class__=1", ConfigError, "__class__"),
    "a key in other letters": case("build cnn --set dröpout=1", ConfigError, "dröpout"),
    "a group as a value": case(
        "build cnn --set optimizer=adam", ConfigError, "optimizer", "'adam'"
    ),
    "a group with a wrong field": case(
        "build cnn --set 'optimizer={{rate: 1}}'", ConfigError, "optimizer.rate"
    ),
    "a learning rate of nothing": case(
        "build cnn --set optimizer.learning_rate=0", ConfigError, "learning_rate", "greater than 0"
    ),
    "a learning rate without measure": case(
        "build cnn --set optimizer.learning_rate=1e6", ConfigError, "learning_rate"
    ),
    "a warmup that never ends": case(
        "build cnn --set optimizer.warmup=1", ConfigError, "optimizer.warmup", "less than 1"
    ),
    "a schedule that is not there": case(
        "build cnn --set optimizer.schedule=step", ConfigError, "schedule", "'cosine'"
    ),
    "a clipped norm of nothing": case(
        "build cnn --set optimizer.global_clipnorm=0", ConfigError, "global_clipnorm"
    ),
    "an augmentation without measure": case(
        "build cnn --set augmentation.rotation=720", ConfigError, "augmentation.rotation", "180"
    ),
    "three wrong values at once": case(
        "build cnn --set dropout=2 --set activation=x --set y=1", ConfigError, "3 wrong values"
    ),
    "heads that do not divide the width": case(
        "build transformer --set width=10 --set heads=3", ConfigError, "heads"
    ),
    "YAML that never ends": case("build cnn --set 'filters=[[8]'", Usage, "[[8]"),
    "a quote that never ends": case("""build cnn --set 'activation="relu'""", Usage, "--set"),
    "an alias of YAML": case("build cnn --set 'filters=[*a]'", Usage, "undefined alias"),
    "a tag of YAML": case(
        "build cnn --set 'filters=[!!python/object/apply:os.system [ls]]'", Usage, "constructor"
    ),
    "a key of YAML that is a list": case("build cnn --set 'filters={{[a]: 1}}'", Usage, "--set"),
    "a very deep list": case(f"build cnn --set 'filters={'[' * 4_000}'", Usage, "--set"),
    "no sign at all": case("build cnn --set dropout", Usage, "KEY=VALUE"),
    "no key": case("build cnn --set =1", Usage, "KEY=VALUE"),
    "a key twice": case("build cnn --set dropout=0 --set dropout=.1", Usage, "given twice"),
    "an option as a field": case("build cnn --set epochs=3", Usage, "--epochs"),
    "a word of the program's own": case("build cnn --set plan=1", Usage, "plan"),
}

# How data are read, as --data-option gives it.
DATA: Table = {
    "a seed below zero": case(
        "build cnn --data digits --data-option split_seed=-1", ConfigError, "split_seed"
    ),
    "a seed of 400 digits": case(
        f"build cnn --data digits --data-option split_seed={HUGE}", ConfigError, "split_seed"
    ),
    "a share of everything": case(
        "build cnn --data photos --data-option test_split=1",
        ConfigError,
        "test_split",
        setup=photos,
    ),
    "a share of nothing": case(
        "build cnn --data photos --data-option test_split=0",
        ConfigError,
        "test_split",
        setup=photos,
    ),
    "shares that leave nothing to train on": case(
        "build cnn --data photos --data-option test_split=.6 --data-option validation_split=.6",
        ConfigError,
        "a tenth to train on",
        setup=photos,
    ),
    "a side of nothing": case(
        "build cnn --data photos --data-option image_size=0",
        ConfigError,
        "image_size",
        setup=photos,
    ),
    "a side without measure": case(
        "build cnn --data photos --data-option image_size=1000000",
        ConfigError,
        "4096",
        setup=photos,
    ),
    "three sides": case(
        "build cnn --data photos --data-option image_size=8x8x8",
        ConfigError,
        "image_size",
        setup=photos,
    ),
    "two channels": case(
        "build cnn --data photos --data-option channels=2", ConfigError, "channels", setup=photos
    ),
    "an option of a table for pictures": case(
        "build cnn --data photos --data-option target=cat", ConfigError, "target", setup=photos
    ),
    "an option of images for a named dataset": case(
        "train cnn --data digits --data-option image_size=16",
        ConfigError,
        *("image_size", "split_seed"),
    ),
    "a target that is no column": case(
        "build mlp_classifier --data table.csv --data-option target=price",
        ConfigError,
        "price",
        "answer",
        setup=good_table,
    ),
    "a target with an odd name": case(
        "build mlp_classifier --data table.csv --data-option target=[a]",
        ConfigError,
        "target",
        setup=good_table,
    ),
    "a target that is left out": case(
        "build mlp_classifier --data table.csv --data-option drop=answer",
        ConfigError,
        "answer",
        setup=good_table,
    ),
    "every column left out": case(
        "build mlp_classifier --data table.csv --data-option drop=[a,b]",
        ConfigError,
        "beside the target",
        setup=good_table,
    ),
    "a column of both kinds": case(
        "build mlp_classifier --data table.csv --data-option numeric=a --data-option categorical=a",
        ConfigError,
        "not both",
        setup=good_table,
    ),
    "a task that is none": case(
        "build mlp_classifier --data table.csv --data-option task=guessing",
        ConfigError,
        "task",
        "'classification'",
        setup=good_table,
    ),
    "one fold": case(
        "build mlp_classifier --data table.csv --data-option folds=1",
        ConfigError,
        "folds",
        setup=good_table,
    ),
    "a fold that is not there": case(
        "build mlp_classifier --data table.csv --data-option folds=3 --data-option fold=3",
        ConfigError,
        "3 folds",
        setup=good_table,
    ),
    "more folds than rows": case(
        "train mlp_classifier --data table.csv --data-option folds=100",
        (ConfigError, DataError),
        "100",
        setup=good_table,
    ),
    "a group that is no column": case(
        "train mlp_classifier --data table.csv --group-by street",
        ConfigError,
        "street",
        setup=good_table,
    ),
    "a group that is the target": case(
        "train mlp_classifier --data table.csv --group-by answer",
        ConfigError,
        "answer",
        setup=good_table,
    ),
    "one group": case(
        "train mlp_classifier --data table.csv --group-by c",
        (ConfigError, DataError),
        "group",
        setup=lambda folder: table(
            folder, "a,c,answer", *[f"{i % 7},x,{'yes' if i % 2 else 'no'}" for i in range(60)]
        ),
    ),
    "a window of nothing": case(
        "train lstm --data daily_min_temperatures --data-option window=0", ConfigError, "window"
    ),
    "a horizon beyond the series": case(
        "train lstm --data daily_min_temperatures --data-option horizon=100000",
        (ConfigError, DataError),
        "horizon",
    ),
    "an encoding that is none": case(
        "train lstm --data t.csv --data-option text=text --data-option encoding=klingon",
        ConfigError,
        "encoding",
        setup=lambda folder: table(folder, "text,label", "a b,x", "c d,y", name="t.csv"),
    ),
    "a data option without a sign": case(
        "train cnn --data digits --data-option split_seed", Usage, "KEY=VALUE"
    ),
    "a data option twice": case(
        "train cnn --data digits --data-option a=1 --data-option a=2", Usage, "given twice"
    ),
    "a path of 5,000 letters": case(f"train cnn --data {LONG}", UnknownDataset, "a" * 100),
    "an empty name of data": case("train cnn --data ''", UnknownDataset, "''"),
    "data in the folder of a user that there is not": case(
        "train cnn --data ~nobody-here/data.csv", UnknownDataset, "~nobody-here"
    ),
    "a name of data with a line break": case("train cnn --data 'a\nb'", UnknownDataset, "a\\nb"),
}


@cases(CONFIGURATION)
def test_a_wrong_configuration_is_refused_field_by_field(case: Case, tmp_path):
    run_case(case, tmp_path)


@cases(DATA)
def test_a_wrong_option_of_data_is_refused(case: Case, tmp_path):
    run_case(case, tmp_path)
