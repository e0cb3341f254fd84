"""Texts and captions in every wrong form."""

from __future__ import annotations

from tests.hostile.files import captioned, captions, lines, written
from tests.hostile.harness import Case, Table, case, cases, run_case
from zoo.errors import BadRecord, ConfigError, DataError

PAIRS = "train transformer --data pairs.tsv --data-option task=sequence-to-sequence"
PROSE = "train lstm --data prose.csv --data-option text=text"
TEXTS: Table = {
    "pairs without a tab": case(PAIRS, BadRecord, "line 1", setup=lines("pairs.tsv", "a b c")),
    "pairs with an empty half": case(
        PAIRS, BadRecord, "line 2", setup=lines("pairs.tsv", "a\tb", "c\t")
    ),
    "pairs in another encoding": case(
        PAIRS, BadRecord, "line 1", setup=written("pairs.tsv", "ä\tb\n".encode("latin-1"))
    ),
    "pairs in a wrong encoding that was asked for": case(
        f"{PAIRS} --data-option encoding=utf-16",
        BadRecord,
        "UTF-16",
        setup=written("pairs.tsv", b"a\tb\n\n"),
    ),
    "pairs with a zero byte": case(
        PAIRS, BadRecord, "zero byte", setup=written("pairs.tsv", b"a\tb\0\n")
    ),
    "pairs by another name": case(
        "train transformer --data pairs.csv --data-option task=sequence-to-sequence",
        DataError,
        ".tsv",
        setup=lines("pairs.csv", "a,b"),
    ),
    "a text file without a word what it is": case(
        "train transformer --data a.txt",
        DataError,
        "task=sequence-to-sequence",
        setup=lines("a.txt", "a b"),
    ),
    "prose without its column": case(
        PROSE, ConfigError, "text", setup=lines("prose.csv", "a,b", "c d,e")
    ),
    "prose that is empty": case(
        PROSE, BadRecord, "line 3", setup=lines("prose.csv", "text,label", "c d,e", ",e")
    ),
    "prose without a label": case(
        PROSE, BadRecord, "line 3", setup=lines("prose.csv", "text,label", "c d,e", "f,")
    ),
    "prose of one label": case(
        PROSE,
        DataError,
        "one class",
        setup=lines("prose.csv", "text,label", *[f"a {i},e" for i in range(50)]),
    ),
    "prose of which no more than one is there": case(
        PROSE,
        DataError,
        "'b'",
        setup=lines("prose.csv", "text,label", *[f"w {i},a" for i in range(50)], "x,b"),
    ),
    "a folder of an empty text": case(
        "train lstm --data reviews",
        BadRecord,
        "0.txt",
        setup=lambda folder: [
            (folder / "reviews" / kind).mkdir(parents=True)
            or [
                (folder / "reviews" / kind / f"{n}.txt").write_text("" if n == 0 else f"so {n}")
                for n in range(9)
            ]
            for kind in ("good", "bad")
        ],
    ),
}

SEEN = "train blip_captioner --data photos"
CAPTIONS: Table = {
    "captions that are no JSON": case(
        SEEN, BadRecord, "line 1", "not JSON", setup=captions("{image: 0.png}")
    ),
    "captions that are a list": case(
        SEEN, BadRecord, "no JSON object", setup=captions(["0.png", "a"])
    ),
    "captions that are a number": case(SEEN, BadRecord, "no JSON object", setup=captions(7)),
    "captions two a line": case(
        SEEN,
        BadRecord,
        "line 1",
        setup=captions('{"image": "0.png", "caption": "a"} {"image": "1.png"}'),
    ),
    "captions without end": case(SEEN, BadRecord, "line 1", setup=captions("[" * 100_000)),
    "captions without a picture": case(
        SEEN, BadRecord, "'image'", setup=captions({"caption": "a"})
    ),
    "captions without a text": case(
        SEEN, BadRecord, "'caption'", setup=captions({"image": "0.png"})
    ),
    "captions with a key twice": case(
        SEEN,
        BadRecord,
        "twice",
        setup=captions('{"image": "0.png", "image": "1.png", "caption": "a"}'),
    ),
    "captions with two names of a picture": case(
        SEEN,
        BadRecord,
        "file_name",
        setup=captions({"image": "0.png", "file_name": "0.png", "caption": "a"}),
    ),
    "captions of a number": case(
        SEEN, BadRecord, "no text", setup=captions({"image": "0.png", "caption": 7})
    ),
    "captions of blanks": case(
        SEEN, BadRecord, "empty", setup=captions({"image": "0.png", "caption": " \t"})
    ),
    "captions of half a character": case(
        SEEN,
        BadRecord,
        "half a character",
        setup=captions('{"image": "0.png", "caption": "\\ud800"}'),
    ),
    "captions with a zero byte": case(
        SEEN, BadRecord, "zero byte", setup=captions({"image": "0.png", "caption": "a\0b"})
    ),
    "captions of a picture outside": case(
        SEEN, BadRecord, "outside", setup=captions({"image": "../0.png", "caption": "a"})
    ),
    "captions of a picture by its whole path": case(
        SEEN, BadRecord, "outside", setup=captions({"image": "/etc/passwd", "caption": "a"})
    ),
    "captions of a picture that is not there": case(
        SEEN, BadRecord, "did you mean '0.png'", setup=captions({"image": "0.pgn", "caption": "a"})
    ),
    "captions of a folder": case(
        SEEN, BadRecord, "no regular file", setup=captions({"image": ".", "caption": "a"})
    ),
    "captions of themselves": case(
        SEEN,
        BadRecord,
        "not an image",
        setup=captions(*[{"image": "captions.jsonl", "caption": f"a {n}"} for n in range(4)]),
    ),
    "captions of a name without end": case(
        SEEN, BadRecord, "line 1", setup=captions({"image": "a" * 5000, "caption": "a"})
    ),
    "one caption": case(
        SEEN, DataError, "photos", setup=captions({"image": "0.png", "caption": "a"})
    ),
    "a summary of some": case(
        SEEN,
        BadRecord,
        "summary",
        setup=captions(
            {"image": "0.png", "caption": "a", "summary": "b"}, {"image": "1.png", "caption": "a"}
        ),
    ),
    "two files of captions": case(
        SEEN,
        DataError,
        "metadata.jsonl",
        setup=lambda folder: (captioned(folder) / "metadata.jsonl").write_text("{}"),
    ),
}


@cases(TEXTS, CAPTIONS)
def test_odd_texts_are_refused_and_no_run_is_left(case: Case, tmp_path):
    run_case(case, tmp_path)
