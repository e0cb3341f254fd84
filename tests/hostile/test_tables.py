"""Tables and series in every wrong form."""

from __future__ import annotations

from tests.hostile.files import changed, good_table, lines, written
from tests.hostile.harness import Case, Table, case, cases, run_case
from zoo.errors import BadRecord, ConfigError, DataError

TABLE = "train mlp_classifier --data table.csv"
NUMBERS = "train mlp_regressor --data table.csv"
GOOD = [f"{i % 7},{i % 5},{'yes' if i % 2 else 'no'}" for i in range(60)]
PRICES = [f"{i % 7},{i * 1.5}" for i in range(60)]

TABLES: Table = {
    "a table of blanks": case(TABLE, BadRecord, "empty", setup=written("table.csv", " \n\n \t\n")),
    "a table of delimiters": case(
        TABLE, BadRecord, "no name", setup=written("table.csv", ",,,\n,,,\n")
    ),
    "a table with a mark and nothing": case(
        TABLE, BadRecord, "empty", setup=written("table.csv", b"\xef\xbb\xbf")
    ),
    "a table in UTF-16 without a mark": case(
        TABLE,
        BadRecord,
        "zero byte",
        "utf-16",
        setup=written("table.csv", "a,answer\n1,yes\n".encode("utf-16-le")),
    ),
    "a table in Latin-1": case(
        TABLE,
        BadRecord,
        "line 2",
        "latin-1",
        setup=written("table.csv", "a,answer\nä,yes\n".encode("latin-1")),
    ),
    "a table with a zero byte": case(
        TABLE, BadRecord, "line 3", "zero byte", setup=written("table.csv", "a,b\n1,2\n3,\x004\n")
    ),
    "a table that is a ZIP file": case(
        TABLE, BadRecord, "table.csv", setup=written("table.csv", b"PK\x03\x04" + bytes(60))
    ),
    "a header and no rows": case(
        TABLE, BadRecord, "no rows", setup=lines("table.csv", "a,b,answer")
    ),
    "a header of numbers": case(
        TABLE, BadRecord, "looks like data", setup=lines("table.csv", "1,2", "3,4")
    ),
    "two columns of one name": case(
        TABLE, BadRecord, "two columns are called 'a'", setup=lines("table.csv", "a,a", "1,2")
    ),
    "a row too short": case(TABLE, BadRecord, "line 9", "2 cells", setup=changed(9, "1,2")),
    "a row too long": case(TABLE, BadRecord, "line 9", "4 cells", setup=changed(9, "1,2,yes,no")),
    "a quote that never ends": case(TABLE, BadRecord, "line 9", setup=changed(9, '"1,2,yes')),
    "a quote in the middle": case(TABLE, BadRecord, "line 9", setup=changed(9, '1,"2"3,yes')),
    "a word among numbers": case(
        TABLE, BadRecord, "line 9", "'a'", "many", setup=changed(9, "many,1,no")
    ),
    "a number beyond float32": case(
        TABLE, BadRecord, "line 9", "range of float32", setup=changed(9, "1e99,1,no")
    ),
    "an answer that is missing": case(
        TABLE, BadRecord, "line 9", "'answer'", setup=changed(9, "1,1,")
    ),
    "one answer": case(
        TABLE, DataError, "only one class", setup=lines("table.csv", "a,answer", *["1,yes"] * 50)
    ),
    "an answer that is there once": case(
        TABLE, DataError, "'maybe'", setup=changed(9, "1,1,maybe")
    ),
    "a column that is empty": case(
        TABLE,
        BadRecord,
        "no values",
        setup=lines(
            "table.csv",
            "a,b,answer",
            *[f",{r}" for r in (f"{i},{'x' if i % 2 else 'y'}" for i in range(50))],
        ),
    ),
    "a column of identifiers": case(
        TABLE,
        BadRecord,
        "50 different texts",
        setup=lines(
            "table.csv", "id,answer", *[f"id{i}x,{'x' if i % 2 else 'y'}" for i in range(50)]
        ),
    ),
    "one column": case(
        TABLE, ConfigError, "beside the target", setup=lines("table.csv", "answer", "x", "y")
    ),
    "two rows": case(TABLE, DataError, "example", setup=lines("table.csv", "a,b", "1,x", "2,y")),
    "a price that is no number": case(
        NUMBERS,
        (BadRecord, ConfigError, DataError),
        "price",
        setup=lines("table.csv", "a,price", *PRICES[:-1], "1,dear"),
    ),
    "a price that is missing": case(
        NUMBERS,
        BadRecord,
        "line 61",
        "price",
        setup=lines("table.csv", "a,price", *PRICES[:-1], "1,"),
    ),
    "a price that is endless": case(
        NUMBERS, BadRecord, "price", setup=lines("table.csv", "a,price", *PRICES[:-1], "1,1e400")
    ),
    "one price": case(
        NUMBERS,
        DataError,
        "price",
        setup=lines("table.csv", "a,price", *[f"{i}.5,7.25" for i in range(50)]),
    ),
    "classes for a regression": case(
        "train mlp_regressor --data table.csv",
        ConfigError,
        "mlp_regressor",
        "classification",
        setup=good_table,
    ),
    "prices for a classifier": case(
        "train mlp_classifier --data table.csv",
        ConfigError,
        "no classes",
        setup=lines("table.csv", "a,price", *PRICES),
    ),
    "a table for pictures": case(
        "train cnn --data table.csv", ConfigError, "image", setup=good_table
    ),
    "a table for texts": case(
        "train transformer --data table.csv", ConfigError, "needs text", setup=good_table
    ),
    "groups that leave nothing for a split": case(
        f"{TABLE} --group-by g",
        (ConfigError, DataError),
        "group",
        setup=lines(
            "table.csv",
            "g,a,answer",
            *[f"{i % 2},{i % 9},{'x' if i % 3 else 'y'}" for i in range(60)],
        ),
    ),
}

SERIES = "train lstm --data load.csv --data-option task=forecasting"
DAYS = [f"2024-01-{day:02},{day % 7}" for day in range(1, 32)]
SERIES_TABLE: Table = {
    "a series with a day twice": case(
        SERIES, BadRecord, "2024-01-05", setup=lines("load.csv", "day,load", *DAYS[:5], *DAYS[4:])
    ),
    "a series that runs backwards": case(
        SERIES, BadRecord, "line 3", setup=lines("load.csv", "day,load", *DAYS[::-1])
    ),
    "a series with a gap": case(
        SERIES, BadRecord, "2024-01-1", setup=lines("load.csv", "day,load", *DAYS[:9], *DAYS[10:])
    ),
    "a series with a day that is not": case(
        SERIES, BadRecord, "2024-02-30", setup=lines("load.csv", "day,load", *DAYS, "2024-02-30,3")
    ),
    "a series with two kinds of dates": case(
        SERIES, BadRecord, "line 33", setup=lines("load.csv", "day,load", *DAYS, "02/01/2024,3")
    ),
    "a series that is too short": case(
        SERIES, (DataError, BadRecord), "load.csv", setup=lines("load.csv", "day,load", *DAYS[:4])
    ),
    "a series of one value": case(
        SERIES,
        BadRecord,
        "in every row",
        setup=lines("load.csv", "day,load", *[f"{d.split(',')[0]},7" for d in DAYS]),
    ),
    "a series with a word": case(
        SERIES,
        BadRecord,
        "line 9",
        setup=lines("load.csv", "day,load", *DAYS[:7], "2024-01-08,much", *DAYS[8:]),
    ),
    "a series with a hole": case(
        SERIES,
        BadRecord,
        "line 9",
        setup=lines("load.csv", "day,load", *DAYS[:7], "2024-01-08,", *DAYS[8:]),
    ),
    "a series with an endless value": case(
        SERIES,
        BadRecord,
        "load",
        setup=lines("load.csv", "day,load", *DAYS[:7], "2024-01-08,1e999", *DAYS[8:]),
    ),
    "a series without measurements": case(
        SERIES,
        (ConfigError, BadRecord),
        "load.csv",
        setup=lines("load.csv", "day", *[d.split(",")[0] for d in DAYS]),
    ),
    "a series without dates, with a calendar": case(
        f"{SERIES} --data-option calendar=[weekday]",
        ConfigError,
        "calendar",
        setup=lines("load.csv", "load", *[str(i % 7) for i in range(200)]),
    ),
    "a calendar of things that are not": case(
        f"{SERIES} --data-option calendar=[full_moon]",
        ConfigError,
        "full_moon",
        setup=lines("load.csv", "day,load", *DAYS),
    ),
    "a date column that is not there": case(
        f"{SERIES} --data-option date=when",
        ConfigError,
        "when",
        setup=lines("load.csv", "day,load", *DAYS),
    ),
    "a target that is the date": case(
        f"{SERIES} --data-option target=[day]",
        ConfigError,
        "day",
        setup=lines("load.csv", "day,load", *DAYS),
    ),
    "days beyond the calendar": case(
        SERIES,
        BadRecord,
        "load.csv",
        setup=lines("load.csv", "day,load", *[f"999999-01-{i:02},{i}" for i in range(1, 32)]),
    ),
}


@cases(TABLES, SERIES_TABLE)
def test_an_odd_table_is_refused_and_no_run_is_left(case: Case, tmp_path):
    run_case(case, tmp_path)
