"""Files as people publish them: the shapes and quirks of well-known ones, with made-up values."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Rows = Iterable[Iterable[Any]]


@dataclass(frozen=True)
class Published:
    """A file, and what a careful person expects of it.

    Attributes:
        name: Its name.
        content: Its text or its bytes.
        refused: What the error says without options; empty if it is read as it is.
        advice: What the error advises.
        options: The options that it is then read with; ``None`` if no option reads it.
        task: The task, and the number of examples or windows in all splits together.
        kinds: What its columns are, as far as it matters.
        said: What the notes say.
    """

    name: str
    content: str | bytes
    refused: str = ""
    advice: str = ""
    options: Mapping[str, Any] | None = field(default_factory=dict)
    task: str = ""
    examples: int = 0
    kinds: Mapping[str, str] = field(default_factory=dict)
    said: str = ""


PUBLISHED: dict[str, Callable[[], Published]] = {}
CLASSES, NUMBERS = "classification", "regression"
R = random.Random(7)


def published(make: Callable[[], Published]) -> Callable[[], Published]:
    """Add a file to the list."""
    PUBLISHED[make.__name__.replace("_", " ")] = make
    return make


def cells(rows: Rows, mark: str = ",") -> str:
    """Return rows as lines, with a mark between the cells."""
    return "".join(mark.join(map(str, row)) + "\n" for row in rows)


def real(low: float, high: float, digits: int = 2) -> str:
    """Return a random number."""
    return f"{low + (high - low) * R.random():.{digits}f}"


def days(count: int, start: dt.date = dt.date(2020, 1, 1), step: int = 1) -> list[dt.date]:
    """Return dates."""
    return [start + dt.timedelta(days=step * at) for at in range(count)]


# Without a header


@published
def flowers() -> Published:
    rows = [[real(5, 6), real(3, 4), 1 + i % 3, "Iris-" + "abc"[i % 3]] for i in range(150)]
    kinds = {"x0": "numeric", "x3": "class"}
    return Published(
        "iris.data",
        cells(rows) + "\n",
        "looks like data",
        "header=false",
        {"header": False},
        CLASSES,
        150,
        kinds,
        "no header",
    )


@published
def a_census_with_question_marks() -> Published:
    rows = [
        [20 + i % 50, R.choice(["Private", "State-gov", "?"]), 7 * i, "<=50K" if i % 4 else ">50K"]
        for i in range(300)
    ]
    names = ["age", "workclass", "weight", "income"]
    kinds = {"age": "numeric", "workclass": "categorical", "income": "class"}
    return Published(
        "adult.data",
        cells(rows, ", "),
        "looks like data",
        "names=[...]",
        {"names": names},
        CLASSES,
        300,
        kinds,
    )


@published
def shells_with_their_sex() -> Published:
    rows = [[R.choice("MFI"), real(0, 1, 3), real(0, 1, 3), R.randint(1, 29)] for i in range(300)]
    kinds = {"x0": "categorical", "x1": "numeric", "x3": "measurement"}
    return Published(
        "abalone.data",
        cells(rows),
        "looks like data",
        "header=false",
        {"header": False},
        NUMBERS,
        300,
        kinds,
    )


@published
def hearts_with_missing_codes() -> Published:
    rows = [
        [f"{30 + i % 45}.0", real(200, 280, 1), R.choice(["3.0", "?"]), i % 5] for i in range(300)
    ]
    kinds = {"x2": "numeric", "x3": "class"}
    return Published(
        "cleveland.data",
        cells(rows),
        "looks like data",
        "header=false",
        {"header": False},
        CLASSES,
        300,
        kinds,
    )


@published
def cars_of_words_alone() -> Published:
    rows = [
        [R.choice(["vhigh", "low"]), R.choice(["2", "5more"]), R.choice(["unacc", "acc"])]
        for i in range(300)
    ]
    return Published(
        "car.data",
        cells(rows),
        "looks like data",
        "header=false",
        {"header": False, "categorical": "x1"},
        CLASSES,
        300,
        {"x0": "categorical", "x2": "class"},
    )


@published
def mushrooms_of_letters() -> Published:
    rows = [[R.choice("pe"), "y", "y", R.choice("ebc?r")] for i in range(300)]
    rows = [[a, R.choice("xbs"), R.choice("xy"), d] for a, _, _, d in rows]
    rows[0] = ["p", "x", "x", "e"]
    return Published(
        "mushrooms.data",
        cells(rows),
        "two columns are called 'x'",
        "header=false",
        {"header": False, "target": "x0"},
        CLASSES,
        300,
        {"x0": "class", "x3": "categorical"},
    )


@published
def forests_of_many_indicators() -> Published:
    rows = [
        [2500 + R.randint(0, 900), *(int(k == i % 10) for k in range(10)), 1 + i % 7]
        for i in range(350)
    ]
    return Published(
        "covtype.data",
        cells(rows),
        "looks like data",
        "header=false",
        {"header": False},
        CLASSES,
        350,
        {"x11": "class"},
    )


@published
def sunspots_by_month() -> Published:
    text = "".join(
        f"{1749 + i // 12};{1 + i % 12:02};{80 + 60 * math.sin(i / 20):5.1f};{-1:4};1\n"
        for i in range(400)
    )
    names = ["year", "month", "spots", "error", "final"]
    return Published(
        "sunspots.csv",
        text,
        "looks like data",
        "names=[...]",
        {"names": names, "target": "spots", "categorical": "month"},
        NUMBERS,
        400,
        {"spots": "measurement", "month": "categorical"},
    )


@published
def cells_with_spaces_between_them() -> Published:
    text = "".join(
        f"{real(9, 40, 1)}   {R.choice('468')}   {3000 + i}.\tford {i}\n" for i in range(90)
    )
    return Published("auto-mpg.data", text, "looks like data", options=None)


@published
def messages_without_a_header() -> Published:
    said = ["Free entry in 2 a wkly comp", 'I said "hi', "Nah, he lives there"]
    text = "".join(f"{'ham' if i % 6 else 'spam'}\t{R.choice(said)} {i}\n" for i in range(300))
    options = {"names": ["label", "message"], "text": "message"}
    return Published(
        "SMSSpamCollection.tsv",
        text.replace('"', "'"),
        "looks like data",
        "names=[...]",
        options,
        CLASSES,
        300,
    )


@published
def news_with_classes_in_front() -> Published:
    rows = [
        [f'"{1 + i % 4}"', f'"Wall St. {i}"', f'"Short sellers no {i}, again."'] for i in range(200)
    ]
    options = {"names": ["class", "title", "text"], "text": "text", "target": "class"}
    return Published(
        "ag_news.csv", cells(rows), "looks like data", "names=[...]", options, CLASSES, 200
    )


# Marks, encodings and lines that are no rows


@published
def wines_with_semicolons() -> Published:
    head = '"fixed acidity";"alcohol";"quality"\n'
    rows = [[real(7, 8), real(9, 13), 3 + i % 6] for i in range(200)]
    return Published(
        "winequality-red.csv",
        head + cells(rows, ";"),
        task=CLASSES,
        examples=200,
        kinds={"fixed acidity": "numeric", "quality": "class"},
    )


@published
def a_bank_with_quotes_around_words() -> Published:
    rows = [
        [
            20 + i % 60,
            R.choice(['"admin."', '"unknown"']),
            R.randint(-500, 9000),
            '"yes"' if i % 8 else '"no"',
        ]
        for i in range(300)
    ]
    return Published(
        "bank-full.csv",
        '"age";"job";"balance";"y"\n' + cells(rows, ";"),
        task=CLASSES,
        examples=300,
        kinds={"job": "categorical", "balance": "numeric", "y": "class"},
    )


@published
def a_first_line_that_names_the_mark() -> Published:
    rows = [["a", "b", "y"], *([i % 7, real(0, 1), R.choice("uv")] for i in range(100))]
    return Published(
        "sep.csv", "sep=;\n" + cells(rows, ";"), task=CLASSES, examples=100, kinds={"y": "class"}
    )


@published
def words_in_the_code_page_of_windows() -> Published:
    rows = [["Straße", "Größe", "Preis"]]
    rows += [
        [
            R.choice(["Müllerweg", "Am Höhenzug"]),
            real(40, 90, 1).replace(".", ","),
            f"{R.randint(100, 900)}.000,00",
        ]
        for i in range(120)
    ]
    options = {"encoding": "cp1252", "decimal": ",", "thousands": "."}
    return Published(
        "preise.csv",
        cells(rows, ";").encode("cp1252"),
        "not UTF-8",
        "encoding=",
        options,
        NUMBERS,
        120,
        {"Straße": "categorical", "Größe": "numeric", "Preis": "measurement"},
    )


@published
def unicode_text_of_a_spreadsheet() -> Published:
    rows = [["größe", "art"], *([real(0, 1), R.choice("ab")] for i in range(100))]
    return Published(
        "unicode.txt",
        cells(rows, "\t").encode("utf-16"),
        "without a task",
        "target=COLUMN",
        {"target": "art"},
        CLASSES,
        100,
        {"größe": "numeric"},
    )


@published
def line_ends_of_old_computers() -> Published:
    rows = [["x", "y"], *([real(0, 1), "ab"[i % 2]] for i in range(100))]
    return Published("old.csv", cells(rows).replace("\n", "\r"), task=CLASSES, examples=100)


@published
def indicators_below_a_preamble() -> Published:
    head = '\ufeff"Data Source","Indicators",\n\n"Last Updated","2024-06-28",\n\n'
    rows = [['"Country"', '"Code"', *(f'"{year}"' for year in range(1990, 1996)), ""]]
    rows += [
        [f'"Land {i}"', f'"L{i}"', *(f'"{real(9, 99)}"' for _ in range(6)), ""] for i in range(120)
    ]
    options = {"skip": 4, "drop": ["Country", "Code"]}
    return Published(
        "API_indicator.csv",
        head + cells(rows),
        "line 5: the row has 9 cells",
        "skip=4",
        options,
        NUMBERS,
        120,
        {"1995": "measurement"},
        "4 lines before the header",
    )


@published
def searches_below_a_title() -> Published:
    rows = [[day, R.randint(20, 100)] for day in days(260, dt.date(2019, 1, 6), 7)]
    head = "Category: All categories\n\nWeek,keras: (Worldwide)\n"
    return Published(
        "multiTimeline.csv",
        head + cells(rows),
        "the row has 2 cells, the header has 1",
        "skip=2",
        {"skip": 2},
        "forecasting",
        said="weekly",
    )


@published
def comments_above_the_header() -> Published:
    rows = [
        ["depth", "salt", "layer"],
        *([real(0, 9), real(30, 40), "up" if i % 3 else "low"] for i in range(90)),
    ]
    return Published(
        "cruise.csv",
        "# cruise 12\n# units: m, psu\n" + cells(rows),
        task=CLASSES,
        examples=90,
        said="2 comment lines",
    )


# Columns and rows that are no data


@published
def empty_columns_and_rows_of_a_spreadsheet() -> Published:
    rows = [["X1", "X2", "Y1", "", ""]]
    rows += [[real(0.6, 1), R.choice(["3.5", "7"]), real(15, 35), "", ""] for i in range(200)]
    return Published(
        "energy.csv",
        cells(rows) + ",,,,\n" * 30,
        task=NUMBERS,
        examples=200,
        kinds={"X2": "numeric", "Y1": "measurement"},
        said="30 empty rows",
    )


@published
def numbers_of_the_rows() -> Published:
    rows = [["", "x", "kind"], *([i, real(0, 1, 3), R.choice("ab")] for i in range(100))]
    return Published(
        "frame.csv",
        cells(rows),
        task=CLASSES,
        examples=100,
        kinds={"x": "numeric"},
        said="column 1 has no name: it numbers the rows",
    )


@published
def names_of_the_rows() -> Published:
    rows = [
        ['""', '"mpg"', '"cyl"'],
        *([f'"Mazda {i}"', real(15, 30, 1), R.choice("468")] for i in range(100)),
    ]
    return Published(
        "mtcars.csv",
        cells(rows),
        "column 'column_1'",
        "drop=['column_1']",
        {"drop": "column_1"},
        CLASSES,
        100,
        {"mpg": "numeric", "cyl": "class"},
    )


@published
def two_columns_of_one_name() -> Published:
    rows = [["x", "x", "y"], *([i % 7, i % 5, i % 2] for i in range(100))]
    return Published("twice.csv", cells(rows), "two columns are called 'x'", "rename", options=None)


@published
def passengers_with_numbers_and_names() -> Published:
    rows = [["PassengerId", "Survived", "Name", "Age", "Cabin", "Embarked"]]
    rows += [
        [
            i + 1,
            i % 3 // 2,
            f'"Sur{i}, Mr. Owen"',
            R.choice(["", "31", "47", "0.42"]),
            f"C{i}" if i % 5 == 0 else "",
            R.choice("SCQ"),
        ]
        for i in range(300)
    ]
    options = {"target": "Survived", "drop": ["PassengerId", "Name", "Cabin"]}
    return Published(
        "titanic.csv",
        cells(rows),
        "'PassengerId': the column identifies",
        "drop=",
        options,
        CLASSES,
        300,
        {"Age": "numeric", "Embarked": "categorical", "Survived": "class"},
    )


@published
def customers_with_blanks_for_missing() -> Published:
    rows = [["customerID", "tenure", "TotalCharges", "Churn"]]
    rows += [
        [
            f"{7000 + i}-VHVEG",
            i % 70,
            " " if i % 70 == 0 else f"{i % 70 * 9.5:.2f}",
            R.choice(["Yes", "No"]),
        ]
        for i in range(300)
    ]
    return Published(
        "churn.csv",
        cells(rows),
        "'customerID': the column has 300",
        "drop=",
        {"drop": "customerID"},
        CLASSES,
        300,
        {"TotalCharges": "numeric"},
    )


@published
def countries_without_provinces() -> Published:
    rows = [
        ["Province", "Country", "1/22/20", "1/23/20"],
        *(["", f"Land {i % 9}", 2 * i, 3 * i] for i in range(150)),
    ]
    return Published(
        "covid.csv",
        cells(rows),
        "'Province': the column has no values",
        "drop=['Province']",
        {"drop": "Province"},
        NUMBERS,
        150,
        {"Country": "categorical"},
    )


# Numbers that are written in another way, and codes


@published
def prices_with_a_currency_and_thousands() -> Published:
    rows = [
        ["superhost", "beds", "price"],
        *(
            [R.choice("tf"), R.choice(["1.0", ""]), f'"${R.randint(900, 1999):,}.00"']
            for i in range(300)
        ),
    ]
    options = {"thousands": ",", "numeric": "price"}
    return Published(
        "listings.csv",
        cells(rows),
        "written in another way",
        'thousands=","',
        options,
        NUMBERS,
        300,
        {"superhost": "categorical", "price": "measurement"},
    )


@published
def rates_in_percent() -> Published:
    rows = [["term", "int_rate", "emp_length", "status"]]
    rows += [
        [
            R.choice([" 36 months", " 60 months"]),
            f" {real(8, 17)}%",
            R.choice(["10+ years", "n/a"]),
            R.choice(["Paid", "Off"]),
        ]
        for i in range(300)
    ]
    return Published(
        "loans.csv",
        cells(rows),
        "'int_rate': cells like",
        "numeric=['int_rate']",
        {"numeric": "int_rate"},
        CLASSES,
        300,
        {"term": "categorical", "int_rate": "numeric"},
    )


@published
def air_with_decimal_commas() -> Published:
    rows = [["CO(GT)", "C6H6(GT)", "T", "", ""]]
    rows += [
        [
            real(1, 3, 1).replace(".", ","),
            real(9, 19, 1).replace(".", ","),
            real(5, 30, 1).replace(".", ","),
            "",
            "",
        ]
        for i in range(200)
    ]
    return Published(
        "AirQuality.csv",
        cells(rows, ";"),
        "written in another way",
        'decimal=","',
        {"decimal": ","},
        NUMBERS,
        200,
        {"CO(GT)": "numeric", "T": "measurement"},
        "no value",
    )


@published
def codes_with_leading_zeros() -> Published:
    rows = [
        ["zip", "area", "price"],
        *(
            [f"{R.randint(501, 540):05}", R.randint(40, 200), R.randint(100, 900)]
            for i in range(300)
        ),
    ]
    return Published(
        "zip.csv", cells(rows), task=NUMBERS, examples=300, kinds={"zip": "categorical"}
    )


@published
def years_with_words_at_both_ends() -> Published:
    rows = [["Language", "YearsCode", "Salary"]]
    rows += [
        [
            R.choice(["C;Python", "R;Java"]),
            R.choice(["Less than 1 year", "3", "12", "7", "9"]),
            R.randint(10_000, 90_000),
        ]
        for i in range(300)
    ]
    return Published(
        "survey.csv",
        cells(rows),
        "'YearsCode'",
        "categorical=",
        {"categorical": "YearsCode"},
        NUMBERS,
        300,
        {"Language": "categorical", "YearsCode": "categorical"},
    )


@published
def a_target_that_is_sometimes_missing() -> Published:
    rows = [
        ["Age", "Salary"],
        *([R.randint(20, 60), "NA" if i == 40 else R.randint(9_000, 90_000)] for i in range(200)),
    ]
    return Published("salaries.csv", cells(rows), "the target is 'NA'", "fill it in", options=None)


@published
def pixels_with_the_label_in_front() -> Published:
    rows = [["label", *(f"1x{k}" for k in range(1, 28))]]
    rows += [
        [i % 10, *(R.choice([0, 0, R.randint(0, 255)]) for _ in range(27))] for i in range(200)
    ]
    return Published(
        "mnist_train.csv",
        cells(rows),
        "'label', or the last, '1x27'",
        "target=label",
        {"target": "label"},
        CLASSES,
        200,
        {"label": "class", "1x1": "numeric"},
    )


@published
def frauds_that_are_rare() -> Published:
    rows = [['"Time"', '"V1"', '"Amount"', '"Class"']]
    rows += [
        [i * 3, -1.3598071336738 * R.random(), real(0, 99), '"0"' if i % 80 else '"1"']
        for i in range(500)
    ]
    return Published(
        "creditcard.csv",
        cells(rows),
        task=CLASSES,
        examples=500,
        kinds={"Time": "numeric", "Class": "class"},
    )


# Texts


@published
def reviews_with_quotes_and_tags() -> Published:
    good = ["wonderful", "terrible"]
    rows = [["review", "sentiment"]]
    rows += [
        [
            f'"A {good[i % 2]} film no {i}.<br />He said ""wow"", twice."',
            "positive" if i % 3 else "negative",
        ]
        for i in range(200)
    ]
    return Published(
        "IMDB.csv",
        cells(rows),
        "'review': the column has 200",
        "text=review",
        {"text": "review"},
        CLASSES,
        200,
    )


@published
def comments_of_several_lines() -> Published:
    rows = [
        ["id", "comment", "toxic"],
        *(
            [f"{R.getrandbits(64):016x}", f'"Edit {i}\nWhy?\n\n""Fan"" no {i}"', int(i % 9 == 0)]
            for i in range(200)
        ),
    ]
    return Published(
        "toxic.csv",
        cells(rows),
        "'id': the column has 200",
        "drop=['id']",
        {"text": "comment"},
        CLASSES,
        200,
    )


# Series


@published
def unemployment_by_month() -> Published:
    rows = [
        ["observation_date", "UNRATE"],
        *([f"{1990 + i // 12}-{1 + i % 12:02}-01", real(4, 9, 1)] for i in range(360)),
    ]
    return Published("UNRATE.csv", cells(rows), task="forecasting", said="monthly")


@published
def passengers_by_month() -> Published:
    rows = [
        ["Month", "Passengers"],
        *([f"{1949 + i // 12}-{1 + i % 12:02}", 100 + 2 * i] for i in range(144)),
    ]
    return Published("airline.csv", cells(rows), task="forecasting", said="monthly")


@published
def births_by_year() -> Published:
    rows = [["Year", "Births"], *([1885 + i, 3000 + i * i % 91] for i in range(130))]
    return Published(
        "births.csv", cells(rows), options={"date": "Year"}, task="forecasting", said="yearly"
    )


@published
def load_by_hour_in_utc() -> Published:
    start = dt.datetime(2021, 3, 1)  # noqa: DTZ001 - written as text
    rows = [["utc_timestamp", "load"]]
    rows += [
        [f"{start + dt.timedelta(hours=i):%Y-%m-%dT%H:%M:%SZ}", R.randint(40_000, 60_000)]
        for i in range(960)
    ]
    return Published("load.csv", cells(rows), task="forecasting", said="hourly")


@published
def prices_of_working_days() -> Published:
    rows = [["Date", "Close"], *([day, real(90, 110)] for day in days(700) if day.weekday() < 5)]
    return Published("stock.csv", cells(rows), task="forecasting", said="business")


@published
def prices_with_a_null_row() -> Published:
    rows = [
        ["Date", "Close"],
        *([day, "null" if day.day == 7 else real(90, 110)] for day in days(500)),
    ]
    return Published(
        "GSPC.csv",
        cells(rows),
        "the value is missing",
        "gaps=interpolate",
        {"gaps": "interpolate"},
        "forecasting",
        said="interpolated",
    )


@published
def an_hour_that_comes_twice() -> Published:
    start = dt.datetime(2021, 10, 30)  # noqa: DTZ001 - written as text
    hours = sorted([*range(600), 26])
    rows = [
        ["time", "kwh"],
        *([f"{start + dt.timedelta(hours=at):%Y-%m-%d %H:%M}", real(0, 3)] for at in hours),
    ]
    return Published("meter.csv", cells(rows), "is repeated", "keep one of the rows", options=None)


@published
def dates_with_the_month_in_front() -> Published:
    rows = [["Date", "Visitors"], *([f"{day:%m/%d/%Y}", R.randint(100, 900)] for day in days(300))]
    return Published(
        "visitors.csv",
        cells(rows),
        "holds dates, such as '01/01/2020'",
        "drop=['Date']",
        options=None,
    )


@published
def sales_of_several_stores() -> Published:
    rows = [
        ["date", "store", "sales"],
        *([day, f"s{store}", R.randint(5, 50)] for day in days(300) for store in range(3)),
    ]
    return Published(
        "sales.csv",
        cells(rows),
        "the column holds dates",
        "group_by=store",
        {"group_by": "store"},
        "forecasting",
        said="3 series",
    )


@published
def sales_of_items_in_several_stores() -> Published:
    rows: list[Any] = [["date", "store", "item", "sales"]]
    rows += [
        [day, 1 + store, 1 + item, R.randint(5, 50)]
        for day in days(200)
        for store in range(2)
        for item in range(3)
    ]
    return Published(
        "train.csv",
        cells(rows),
        "is repeated",
        "group_by=store,item",
        {"group_by": "store,item"},
        "forecasting",
        said="6 series",
    )


# Files of other kinds


@published
def attributes_above_the_data() -> Published:
    return Published(
        "weather.arff",
        "@relation weather\n@attribute temp numeric\n@data\n1\n2\n",
        "is not a kind of file",
        "convert it",
        options=None,
    )


@published
def ratings_with_two_colons() -> Published:
    rows = [[1 + i // 20, R.randint(1, 3000), R.randint(1, 5)] for i in range(200)]
    return Published(
        "ratings.dat", cells(rows, "::"), "is not a kind of file", "rename it", options=None
    )
