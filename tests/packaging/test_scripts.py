"""The developer scripts, with a Python that only writes down what it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.support import ROOT

SCRIPTS = (
    "bench",
    "check",
    "course",
    "demo",
    "exports",
    "figures",
    "kills",
    "lock",
    "measure",
    "test",
)

# Stands in for an interpreter: makes an environment of copies of itself.
_PYTHON = """#!/bin/sh
echo "$@" >> "$ZOO_TEST_LOG"
case "$*" in
    *sys.version_info*) exit "${OLD:-0}" ;;
    "--version") echo "Python 3.9.1" ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"
                 printf '#!/bin/sh\\necho ran "$@"\\n' > "$3/bin/zoo"; chmod +x "$3/bin/zoo" ;;
    *"pip install"*) exit "${PIP:-0}" ;;
    *pytest*) echo "tested $*" ;;
esac
"""


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        shutil.copytree(ROOT / "scripts", self.folder / "scripts")
        shutil.copytree(ROOT / "requirements", self.folder / "requirements")
        shutil.copyfile(ROOT / "pyproject.toml", self.folder / "pyproject.toml")
        self.log = folder / "log"
        self.python = folder / "python"
        self.python.write_text(_PYTHON)
        self.python.chmod(0o755)

    def run(self, script: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        return subprocess.run(
            [str(self.folder / "scripts" / script), *words],
            cwd="/",
            env={**os.environ, "PYTHON": str(self.python), "ZOO_TEST_LOG": str(self.log)}
            | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def installs(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if "pip install" in line]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_demo_makes_its_environment_from_pinned_hashes_and_runs(checkout):
    done = checkout.run("demo", "--epochs", "3")
    assert done.stdout == "ran demo --epochs 3\n", done.stderr
    pinned, editable = checkout.installs()
    assert "--require-hashes" in pinned
    assert "requirements/all.txt" in pinned
    assert "--no-deps" in editable
    assert "--no-build-isolation" in editable


def test_a_second_run_installs_nothing(checkout):
    checkout.run("demo")
    assert checkout.run("demo").returncode == 0
    assert checkout.installs() == []


def test_a_demo_after_the_tests_installs_nothing(checkout):
    assert "tested" in checkout.run("test", "-k", "json").stdout
    assert checkout.run("demo").stdout == "ran demo\n"
    assert checkout.installs() == []


def test_new_pins_are_installed(checkout):
    checkout.run("demo")
    with (checkout.folder / "requirements" / "all.txt").open("a") as stream:
        stream.write("# newer\n")
    checkout.run("demo")
    assert len(checkout.installs()) == 2


def test_a_checkout_that_moved_is_installed_again(checkout):
    checkout.run("demo")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("elsewhere"))
    checkout.run("demo")
    assert len(checkout.installs()) == 2


def test_an_install_that_failed_is_tried_again(checkout):
    done = checkout.run("demo", PIP="1")
    assert done.returncode == 1
    assert "pip could not install" in done.stderr
    assert checkout.run("demo").stdout == "ran demo\n"


def test_an_old_python_is_refused_with_the_remedy(checkout):
    done = checkout.run("test", OLD="1")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "PYTHON=/path/to/python3.12" in done.stderr


def test_a_python_that_is_not_there_is_named(checkout):
    done = checkout.run("test", PYTHON="/nowhere/python")
    assert done.returncode == 1
    assert "/nowhere/python" in done.stderr


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_scripts_are_clean_for_shellcheck():
    files = [f"scripts/{name}" for name in (*SCRIPTS, "_venv.sh")] + [".ci/run"]
    done = subprocess.run(
        ["shellcheck", "-x", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_run_and_says_what_it_is_for(name):
    file = ROOT / "scripts" / name
    assert os.access(file, os.X_OK)
    first, second, *_ = file.read_text().splitlines()
    assert first == "#!/bin/sh"
    assert second.startswith("# ")
