"""What ``zoo new`` writes, as a stranger ships it: built, installed, listed, tested, trained."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests.docs.newcomer import Newcomer
from zoo_scaffold import MODELS, name_package

pytestmark = pytest.mark.packaging

NAMES = {kind: name_package(f"new-{kind.name}") for kind in MODELS}


@pytest.fixture(scope="module")
def author(tmp_path_factory, forks) -> Newcomer:
    """An environment of an author, with a package of every kind, installed from its wheel."""
    pytest.importorskip("tensorflow", reason="the models train")
    pytest.importorskip("sklearn", reason="some of the data comes with scikit-learn")
    pytest.importorskip("hatchling", reason="the packages are built and installed")
    author = Newcomer(tmp_path_factory.mktemp("author"), forks)
    words = "--author 'Ada Lovelace'"
    lines = [
        f"zoo new {names.model} --kind {kind.name} {words}\n"
        f"(cd {names.distribution} && python -m hatchling build -t wheel)"
        for kind, names in NAMES.items()
    ]
    done = author.run("sh", "\n".join([*lines, "pip install zoo-*/dist/*.whl"]))
    assert done.returncode == 0, done.stdout
    return author


def test_a_wheel_has_the_package_its_catalog_and_its_license_and_nothing_else(author):
    for names in NAMES.values():
        (wheel,) = (author.folder / names.distribution / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            listed = set(archive.namelist())
        package = {name for name in listed if ".dist-info/" not in name}
        files = ("__init__.py", "architecture.py", "config.py", "py.typed", "registry.yaml")
        assert package >= {f"{names.package}/{file}" for file in files}
        assert {name.partition("/")[0] for name in package} == {names.package}
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in listed)


def test_each_is_listed_with_its_task_and_its_license(author):
    done = author.run("sh", "zoo list 'new_*' --json")
    assert done.returncode == 0, done.stdout
    listed = {model["name"]: model for model in json.loads(done.stdout.partition("\n")[2])}
    assert set(listed) == {names.model for names in NAMES.values()}
    for kind, names in NAMES.items():
        model = listed[names.model]
        assert (model["status"], model["distribution"]) == ("ready", names.distribution)
        assert model["tasks"] == [kind.task]
        assert (model["summary"], model["license"]) == (kind.summary, "Apache-2.0")
        assert model["default_dataset"] == kind.dataset.format(model=names.model)


def test_each_passes_its_own_tests_and_learns(author):
    files = " ".join(
        f"{names.distribution}/tests/test_{names.model}.py" for names in NAMES.values()
    )
    config = f"-c {NAMES[MODELS[0]].distribution}/pyproject.toml --rootdir ."
    done = author.run("sh", f"python -m pytest -q -p no:cacheprovider {config} {files}")
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def test_one_passes_every_check_of_the_level_that_it_claims(author):
    names = NAMES[MODELS[0]]
    done = author.run(
        "sh",
        f"cd {names.distribution}\n"
        "pip install --force-reinstall -e .\n"
        "python -m pytest -q tests/test_conformance.py",
    )
    assert done.returncode == 0, done.stdout
    # What a fresh package claims nothing about is skipped with the reason, and nothing else is.
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("the catalog" in line for line in skipped), skipped


def test_one_goes_the_whole_way_from_a_run_to_an_answer(author):
    names = NAMES[MODELS[0]]
    done = author.run(
        "sh",
        f"cd {names.distribution}\n"
        f"zoo train {names.model} --epochs 1 --run-dir runs/one\n"
        f"zoo check {names.model} --level discoverable\n"
        "python examples/walkthrough.py",
    )
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    assert "level discoverable" in done.stdout
    # Of the last command: what the artifact answered for five images of ten classes.
    assert "{'probabilities': (5, 10), 'label': (5,)}" in done.stdout
