"""Packages of ``zoo new``: names, licenses, files, atomic writes."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

import zoo
from tests.docs.pages import ROOT
from tests.registry.fakes import install
from zoo.errors import ConfigError, StorageError
from zoo.registry.catalog import parse_catalog
from zoo_scaffold import (
    KINDS,
    LICENSES,
    MODELS,
    Author,
    find_kind,
    name_package,
    new_package,
)

ADA = Author("Ada Lovelace", "MIT", 1843)
SHORTEST, LONGEST = "ab", "a_model_with_as_long_a_name_as_i"


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[tuple[str, str], Path]:
    """Every kind under the shortest and the longest name."""
    root = tmp_path_factory.mktemp("packages")
    return {
        (kind.name, name): new_package(
            name_package(name), kind, ADA, root / f"{kind.name}-{len(name)}"
        )
        for kind in KINDS
        for name in (SHORTEST, LONGEST)
    }


@pytest.mark.parametrize(
    ("given_name", "model", "distribution", "cls"),
    [
        ("my-model", "my_model", "zoo-my-model", "MyModel"),
        ("my_model", "my_model", "zoo-my-model", "MyModel"),
        ("zoo-my-model", "my_model", "zoo-my-model", "MyModel"),
        (" net2 ", "net2", "zoo-net2", "Net2"),
    ],
)
def test_one_name_becomes_four(given_name, model, distribution, cls):
    names = name_package(given_name)
    assert (names.model, names.distribution, names.cls) == (model, distribution, cls)
    assert names.package == f"zoo_{model}"


@pytest.mark.parametrize(
    "name",
    [
        *("", "-", "My Model", "2fast", "../escape", "a/b", ".hidden", "zoo-", "a--b", "naïve"),
        *("сnn", "a" * 33, "con", "nul", "true", "none", "a\nb", "cnn", "zoo-cnn", "lstm"),
    ],
)
def test_an_invalid_name_is_refused_with_a_valid_proposal(name, tmp_path):
    with pytest.raises(ConfigError) as caught:
        name_package(name)
    proposal = caught.value.fix.partition(";")[0].removeprefix("zoo new ")
    assert name_package(proposal)
    assert repr(name) in caught.value.what


@given(st.text(max_size=40))
def test_every_accepted_name_is_an_identifier_and_a_path_component(text):
    try:
        names = name_package(text)
    except ConfigError:
        return
    assert names.model.isidentifier()
    assert names.model.isascii()
    assert names.cls.isidentifier()
    assert Path(names.distribution).name == names.distribution


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", [SHORTEST, LONGEST])
def test_a_package_has_all_files_and_each_is_valid(packages, kind, name):
    folder = packages[kind.name, name]
    files = everything(folder)
    names = name_package(name)
    source = f"src/{names.package}"
    assert {
        *(".gitignore", ".github/workflows/tests.yml", "CARD.md", "LICENSE", "README.md"),
        *("examples/walkthrough.py", "pyproject.toml", "tests/test_conformance.py"),
        *(f"tests/test_{name}.py", f"{source}/__init__.py", f"{source}/architecture.py"),
        *(f"{source}/config.py", f"{source}/py.typed", f"{source}/registry.yaml"),
    } <= set(files)
    for path, raw in files.items():
        text = raw.decode()
        # The workflow alone has placeholders of its own format, and uses none.
        assert "${" not in text, path
        assert text.endswith("\n") or path.endswith("py.typed")
        if path.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads(files["pyproject.toml"].decode())["project"]
    assert project["entry-points"]["zoo.architectures"] == {name: f"{names.package}:{names.cls}"}
    assert (project["license"], project["authors"]) == ("MIT", [{"name": "Ada Lovelace"}])
    catalog = parse_catalog(files[f"{source}/registry.yaml"].decode(), source=path)
    (entry,) = catalog.models
    assert (entry.name, entry.distribution) == (name, names.distribution)
    brought = project["entry-points"].get("zoo.datasets", {})
    assert set(brought) == {dataset.name for dataset in catalog.datasets}
    if "{model}" in kind.dataset:
        assert entry.default_dataset in brought
    # Each file of the package is in the table that explains the package.
    readme = files["README.md"].decode()
    modules = [Path(path).name for path in files if path.startswith(source)]
    assert all(module in readme for module in modules if module not in ("__init__.py", "py.typed"))
    workflow = yaml.safe_load(files[".github/workflows/tests.yml"])
    used = [step["uses"] for step in workflow["jobs"]["tests"]["steps"] if "uses" in step]
    assert used == ["actions/checkout@v4"]


def test_every_package_passes_the_linter(packages):
    for command in (("check", "--output-format", "concise"), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *map(str, packages.values())],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_every_kind_passes_the_type_checker(packages, tmp_path):
    pytest.importorskip("mypy", reason="the developer's tools are not installed")
    chosen = {kind.name: packages[kind.name, LONGEST] for kind in MODELS}
    sources = []
    for number, folder in enumerate(chosen.values()):
        # All have one name; side by side they need one each.
        for file in (folder / "src").glob("*/*.py"):
            target = tmp_path / f"kind{number}" / file.name
            target.parent.mkdir(exist_ok=True)
            text = file.read_text().replace(name_package(LONGEST).package, target.parent.name)
            target.write_text(text)
            sources.append(target)
    environment = _environment(tmp_path / "environment")
    config = next(iter(chosen.values())) / "pyproject.toml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(config)),
            *("--cache-dir", str(tmp_path / "cache"), "--python-executable", str(environment)),
            *map(str, sources),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert f"no issues found in {len(sources)} source files" in done.stdout


def _environment(folder: Path) -> Path:
    """Return a Python in whose environment the zoo is installed, as a type checker looks for it."""
    import sysconfig
    import venv

    venv.create(folder, with_pip=False, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    places = (ROOT, ROOT / "plugins", sysconfig.get_path("purelib"))
    (packages / "zoo.pth").write_text("".join(f"{place}\n" for place in places))
    return folder / "bin" / "python"


@pytest.mark.parametrize("license", LICENSES)
def test_each_license_has_its_text(license, tmp_path):
    author = Author("Ada Lovelace", license, 1843)
    folder = new_package(name_package("ab"), find_kind("command"), author, tmp_path)
    text = (folder / "LICENSE").read_text()
    if license == "Apache-2.0":
        assert text == (ROOT / "LICENSE").read_text()
    else:
        assert "1843" in text
        assert "Ada Lovelace" in text
    assert f'license = "{license}"' in (folder / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", 'a "quote"', "back\\slash", "x" * 201])
def test_an_invalid_author_is_refused(name):
    with pytest.raises(ConfigError) as caught:
        Author(name)
    assert caught.value.findings[0].where == "author"


def test_an_unknown_license_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'BSD-3-Clause'") as caught:
        Author("Ada", "bsd")
    assert caught.value.findings[0].where == "license"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_is_found_by_its_name(kind):
    assert find_kind(kind.name) is kind


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (None, "image-classification"),
        ("segmentation", "image-segmentation"),
        ("mutlimodal", "multimodal"),
        ("poetry", "image-classification"),
    ],
)
def test_an_unknown_kind_is_refused_with_the_known_ones_and_the_nearest(name, meant):
    with pytest.raises(ConfigError, match="series-forecasting") as caught:
        find_kind(name)
    assert caught.value.fix == f"--kind {meant}"


@pytest.mark.parametrize(
    "kind",
    [kind for kind in MODELS if "{model}" not in kind.dataset],
    ids=lambda kind: kind.name,
)
def test_the_dataset_of_a_kind_fits_its_task_and_works_offline(kind, monkeypatch):
    pytest.importorskip("sklearn", reason="some of the data comes with scikit-learn")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    data = zoo.dataset(kind.dataset)
    # A generator learns from the images of any task.
    assert data.spec.task == kind.task or "generative" in kind.tags
    assert len(data.split("test")) > 50


def test_nothing_is_overwritten(tmp_path):
    kind, names = find_kind("command"), name_package("ab")
    folder = new_package(names, kind, ADA, tmp_path)
    (folder / "README.md").write_text("mine now\n")
    before = everything(tmp_path)
    with pytest.raises(StorageError, match="is there already"):
        new_package(names, kind, ADA, tmp_path)
    assert everything(tmp_path) == before
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "zoo-ab").symlink_to("nowhere")
    with pytest.raises(StorageError, match="is there already"):
        new_package(names, kind, ADA, tmp_path / "elsewhere")


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    written = []
    real = Path.write_text

    def full(self, text, encoding=None):
        written.append(self)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        return real(self, text, encoding)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StorageError, match="no space left"):
        new_package(name_package("ab"), find_kind("command"), ADA, tmp_path / "new" / "folder")
    assert len(written) == 5
    assert not list(tmp_path.rglob("*"))


def test_the_same_answers_give_the_same_bytes(tmp_path):
    kind, names = find_kind("image-segmentation"), name_package("ab")
    first, second = (new_package(names, kind, ADA, tmp_path / name) for name in "xy")
    assert everything(first) == everything(second)


def test_writing_a_package_needs_neither_keras_nor_numpy(tmp_path):
    code = (
        "import sys\n"
        "from zoo.cli import main\n"
        "try:\n    main(['new', 'my-model', '--kind', 'multimodal', '--json'])\n"
        "except SystemExit as done:\n    assert not done.code, done.code\n"
        "assert not {'keras', 'numpy', 'tensorflow', 'jinja2'} & set(sys.modules)\n"
    )
    path = f"{ROOT}:{ROOT / 'plugins'}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["name"], told["path"]) == ("my_model", "zoo-my-model")
    assert all((tmp_path / "zoo-my-model" / file).is_file() for file in told["files"])


@pytest.mark.parametrize(
    ("kind", "group"), [("dataset", "zoo.datasets"), ("command", "zoo.commands")]
)
def test_a_package_of_a_dataset_or_a_command_has_all_files(packages, kind, group):
    files = everything(packages[kind, LONGEST])
    source = f"src/{name_package(LONGEST).package}"
    assert set(files) == {
        *(".gitignore", ".github/workflows/tests.yml", "LICENSE", "README.md", "pyproject.toml"),
        *("tests/test_conformance.py", f"tests/test_{LONGEST}.py"),
        *(f"{source}/__init__.py", f"{source}/py.typed", f"{source}/registry.yaml"),
    }
    assert not [path for path, raw in files.items() if b"${" in raw]
    project = tomllib.loads(files["pyproject.toml"].decode())["project"]
    assert len(project["entry-points"][group]) == 1
    catalog = parse_catalog(files[f"{source}/registry.yaml"].decode(), source="it")
    (entry,) = catalog.datasets or catalog.commands
    assert entry.name == next(iter(project["entry-points"][group]))


def installed(folder: Path, site: Path) -> dict[str, str]:
    """Install a package, and return an environment that finds it."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = install(
        site,
        project["name"],
        points=project["entry-points"],
        requires=project["dependencies"],
        editable=folder,
    )
    stated = (
        f"Summary: {project['description']}\nLicense-Expression: {project['license']}\n"
        f"Requires-Python: {project['requires-python']}\n"
    )
    metadata = info / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0\n", f"Version: 1.0\n{stated}"))
    places = (site, folder / "src", ROOT, ROOT / "plugins")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind.name == "command" else pytest.mark.slow, id=kind.name)
        for kind in KINDS
    ],
)
def test_every_kind_passes_its_own_tests_and_its_checks_to_gold(packages, kind, tmp_path):
    folder = packages[kind.name, LONGEST]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests")],
        cwd=folder,
        env=installed(folder, tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    # What a fresh package claims nothing about, and a task without a class or number to permute.
    known = ("the catalog has no", "the catalog claims no", "it is for")
    assert all(any(reason in line for reason in known) for line in skipped), skipped
