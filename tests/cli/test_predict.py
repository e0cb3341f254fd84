"""``zoo predict`` on the command line: what a model that writes is made to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zoo.cli import main

EXPORTS = Path(__file__).parents[2] / "exports"
WRITES, LOOKS = str(EXPORTS / "transformer" / "1"), str(EXPORTS / "cnn" / "1")


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as caught:
        main(["predict", *words, "--json"])
    streams = capsys.readouterr()
    return int(caught.value.code or 0), json.loads(streams.out or streams.err)


def test_a_text_goes_on_from_its_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    code, (answer,) = told(capsys, WRITES, "forty-two", "--prompt", "cuarenta y")

    assert code == 0
    assert answer["text"] == "dos"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ((WRITES, "forty-two", "--prompt", "?!"), "prompt"),
        ((WRITES, "forty-two", "--signature", "encode", "--prompt", "dos"), "prompt"),
        ((LOOKS, "seven.png", "--prompt", "a photo of"), "prompt"),
        ((LOOKS, "seven.png", "--beams", "2"), "beams"),
    ],
)
def test_a_text_is_not_asked_of_what_cannot_write_it(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], field: str
) -> None:
    code, error = told(capsys, *words)

    assert code == 4
    assert [finding["where"] for finding in error["findings"]] == [field]
