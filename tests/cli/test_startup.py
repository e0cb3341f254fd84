"""Imports of the quick commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FRAMEWORKS = {
    "keras",
    "jax",
    "onnx",
    "onnxruntime",
    "tensorflow",
    "tf2onnx",
    "torch",
    "transformers",
}
LIBRARIES = {"PIL", "jinja2", "matplotlib", "numpy", "pandas", "scipy", "sklearn"}
SLOW = {"packaging", "pluggy", "pydantic"}
PLUGINS = {"zoo_cnn", "zoo_mlp_classifier"}

_CALL = """
import json, sys
words = json.loads(sys.argv[1])
try:
    from zoo.cli import main
    main(words)
except SystemExit as leaving:
    code = leaving.code or 0
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def imported_by(*words: str, path: Path | None = None) -> set[str]:
    environment = dict(os.environ)
    if path is not None:
        before = environment.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (before, str(path))))
    done = subprocess.run(
        [sys.executable, "-c", _CALL, json.dumps(words)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["code"] == 0, done.stderr
    return {module.partition(".")[0] for module in told["modules"]}


@pytest.mark.parametrize(
    "words",
    [("--help",), ("--version",), ("list",), ("list", "--json"), ("plugins",)],
    ids=" ".join,
)
def test_a_quick_command_imports_no_framework_no_arrays_and_no_plugin(words):
    assert not imported_by(*words) & (FRAMEWORKS | LIBRARIES | PLUGINS)


@pytest.mark.parametrize("words", [("--help",), ("train", "--help")], ids=" ".join)
def test_help_imports_neither_models_of_data_nor_pretty_printers(words):
    assert not imported_by(*words) & {"pydantic", "msgspec", "rich", "typer", "pluggy"}


@pytest.mark.parametrize("words", [("info", "cnn"), ("train", "--help")], ids=" ".join)
def test_asking_about_a_model_imports_no_framework(words):
    assert not imported_by(*words) & FRAMEWORKS


def test_importing_the_zoo_imports_next_to_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, zoo; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = FRAMEWORKS | LIBRARIES | PLUGINS | {"pydantic", "yaml", "typer", "rich"}
    assert not set(done.stdout.split()) & heavy


def test_listing_third_party_plugins_imports_none_of_them(tmp_path):
    metadata = tmp_path / "guest-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[zoo.architectures]\nodd = guest_zoo:Odd\n")
    (tmp_path / "guest_zoo.py").write_text("raise SystemExit('imported')\n")
    assert "guest_zoo" not in imported_by("list", path=tmp_path)


def test_the_registry_lists_models_without_validation_or_version_libraries():
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; from zoo.api.catalog import registry; registry().listings();"
            "print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(done.stdout.split()) & (FRAMEWORKS | LIBRARIES | PLUGINS | SLOW)
