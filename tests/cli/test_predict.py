"""``zoo predict`` on the command line: what a model that writes is made to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.cli import main
from zoo.spec import TensorSpec

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


KIND = TensorSpec(name="kind", shape=(2,), role="probabilities", labels=("flat", "house"))
SIDE = TensorSpec(name="side", shape=(2,), role="probabilities", labels=("left", "right"))
PRICE = TensorSpec(name="price")
OUTPUTS = {
    "kind": np.array([[0.25, 0.75]]),
    "side": np.array([[0.5, 0.5]]),
    "price": np.array([320.5]),
}


@pytest.mark.parametrize(
    ("specs", "shown"),
    [
        ((KIND, PRICE), ["house", "0.7500", "flat 0.2500", "320.5"]),
        ((KIND, SIDE, PRICE), ["house 0.7500", "left 0.5000", "320.5"]),
    ],
    ids=["a class and a number", "two classes and a number"],
)
def test_every_output_of_a_model_is_shown(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    specs: tuple[TensorSpec, ...],
    shown: list[str],
) -> None:
    found = zoo.Prediction({spec.name: OUTPUTS[spec.name] for spec in specs}, specs)
    monkeypatch.setattr(zoo, "predict", lambda *_, **__: found)
    with pytest.raises(SystemExit) as caught:
        main(["predict", LOOKS, "photo.png"])

    lines = capsys.readouterr().out.splitlines()
    assert not caught.value.code
    assert all(text in lines[1] for text in shown)
    assert "price" in lines[0]
