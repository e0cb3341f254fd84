"""What the base install can do, without a framework: it lists, explains, verifies and answers."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.packaging.support import ROOT

pytestmark = pytest.mark.packaging

ARTIFACT = ROOT / "exports" / "cnn" / "1"
needs_artifact = pytest.mark.skipif(
    not (ARTIFACT / "model.onnx").exists(), reason="this checkout holds no exports/cnn/1"
)


def _write_png(path: Path, side: int = 8) -> Path:
    """Write a gray picture with the standard library alone."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(
        b"\0" + bytes(16 * (row + column) for column in range(side)) for row in range(side)
    )
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return path


def test_the_pinned_base_is_all_that_the_metadata_asks_for(base_install):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(base_install.python), "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_no_framework_is_in_it(base_install):
    code = (
        "import importlib.util as u; "
        "print([m for m in ('keras', 'tensorflow', 'onnx') if u.find_spec(m)])"
    )
    assert base_install.run("python", "-c", code).stdout.strip() == "[]"


def test_it_lists_the_models(base_install):
    done = base_install.run("zoo", "list", "--json")
    assert done.returncode == 0, done.stderr
    models = {model["name"]: model["status"] for model in json.loads(done.stdout)}
    assert models.items() >= {"cnn": "ready", "mlp_classifier": "ready"}.items()


def test_it_explains_a_model_and_its_configuration(base_install):
    done = base_install.run("zoo", "info", "cnn")
    assert done.returncode == 0, done.stderr
    assert "dropout" in done.stdout


def test_it_gives_the_schema_of_a_configuration(base_install):
    schema = json.loads(base_install.run("zoo", "info", "cnn", "--schema").stdout)
    assert schema["additionalProperties"] is False


def test_the_doctor_finds_it_healthy(base_install):
    done = base_install.run("zoo", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "words", [("train", "cnn"), ("build", "cnn"), ("demo",)], ids=lambda words: words[0]
)
def test_what_needs_a_framework_says_which_extra_brings_it(base_install, words):
    done = base_install.run("zoo", *words)
    assert done.returncode == 9, done.stderr
    assert 'pip install "neural-zoo[' in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_command_that_failed_for_want_of_an_extra_leaves_nothing_behind(base_install):
    before = sorted(base_install.folder.iterdir())
    base_install.run("zoo", "train", "cnn", "--run-dir", "runs/mine")
    base_install.run("zoo", "demo")
    assert sorted(base_install.folder.iterdir()) == before


@needs_artifact
def test_it_verifies_a_published_artifact(base_install):
    done = base_install.run("zoo", "verify", ARTIFACT)
    assert done.returncode == 0, done.stderr


@needs_artifact
def test_it_answers_with_a_published_artifact(base_install, tmp_path):
    picture = _write_png(tmp_path / "digit.png")
    done = base_install.run("zoo", "predict", ARTIFACT, picture, "--json")
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["label"] in set("0123456789")
