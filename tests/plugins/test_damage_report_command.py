"""``zoo damage-report`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from zoo.cli import main
from zoo.metrics.figures import encode_png

CLASSIFIER = str(Path(__file__).parents[2] / "exports" / "vgg16_damage" / "1")


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "wing.png"
    path.write_bytes(encode_png(np.random.default_rng(0).integers(0, 256, (50, 40, 3), "uint8")))
    return str(path)


def test_a_line_a_photo_and_two_files(photo: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as caught:
        main(["damage-report", photo, "--classifier", CLASSIFIER, "--out", str(out)])
    lines = capsys.readouterr().out.splitlines()

    assert not caught.value.code
    assert lines[0].split() == ["photo", "damage", "probability", "page"]
    assert lines[1].startswith("wing.png")
    assert sorted(path.name for path in out.iterdir()) == ["wing.html", "wing.json"]


def test_json_is_the_record_and_where_it_was_written(photo: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit):
        main(["damage-report", photo, "--classifier", CLASSIFIER, "--out", str(out), "--json"])
    (told,) = json.loads(capsys.readouterr().out)
    written = json.loads((out / "wing.json").read_text("utf-8"))

    assert {key: told[key] for key in written} == written
    assert told["page"] == str(out / "wing.html")


def test_an_image_that_is_none_is_an_error_of_the_data(tmp_path: Path, capsys) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no")
    with pytest.raises(SystemExit) as caught:
        main(["damage-report", str(bad), "--classifier", CLASSIFIER, "--out", str(tmp_path / "o")])

    assert caught.value.code == 5
    assert "bad.png" in capsys.readouterr().err
