"""Whether the files of a distribution are those it was installed as."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.registry.fakes import install, recorded
from zoo.registry.provenance import content_hash, editable_folder, verify

FILES = {"pack/__init__.py": "one = 1\n", "pack/inner.py": "two = 2\n", "pack/data.txt": "x\n"}


@pytest.fixture
def info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return install(tmp_path, "zoo-pack", files=FILES, record=True)


def installed() -> importlib.metadata.Distribution:
    return importlib.metadata.distribution("zoo-pack")


def test_what_was_installed_is_verified(info):
    found = verify(installed())
    assert (found.state, found.files, found.faults) == ("verified", 5, ())


def change(path: Path) -> None:
    path.write_text(path.read_text().replace("1", "9"))


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda site: change(site / "pack/__init__.py"), "pack/__init__.py was changed"),
        (lambda site: (site / "pack/inner.py").write_text(""), "pack/inner.py has 0 bytes"),
        (lambda site: (site / "pack/data.txt").unlink(), "pack/data.txt is missing"),
        (
            lambda site: (site / "pack/new.py").write_text("evil = 1"),
            "pack/new.py is not in RECORD",
        ),
        (
            lambda site: (
                (site / "pack/inner.py").unlink(),
                os.mkfifo(site / "pack/inner.py"),
            ),
            "pack/inner.py is no file",
        ),
    ],
    ids=["changed", "shorter", "missing", "extra", "pipe"],
)
def test_a_difference_is_found_and_named(info, tmp_path, harm, fault):
    harm(tmp_path)
    found = verify(installed())
    assert found.state == "differs"
    assert any(fault in one for one in found.faults), found.faults


def test_compiled_files_and_data_beside_the_code_are_no_difference(info, tmp_path):
    (tmp_path / "pack/__pycache__").mkdir()
    (tmp_path / "pack/__pycache__/inner.cpython-311.pyc").write_bytes(b"")
    (tmp_path / "pack/notes.md").write_text("")
    assert verify(installed()).state == "verified"


def test_code_of_another_distribution_in_a_shared_package_is_no_difference(info, tmp_path):
    install(tmp_path, "zoo-other", files={"pack/plugin.py": "three = 3\n"}, record=True)
    assert verify(installed()).state == "verified"


@pytest.mark.parametrize("text", [None, "", "pack/__init__.py,,\n", '"unfinished'])
def test_without_a_record_there_is_nothing_to_compare_with(info, text):
    (info / "RECORD").unlink()
    if text is not None:
        (info / "RECORD").write_text(text)
    assert verify(installed()).state == "no record"
    assert content_hash(installed()) is None


def test_a_weak_hash_is_not_trusted(info, tmp_path):
    line = recorded(tmp_path, "pack/data.txt")
    text = (info / "RECORD").read_text()
    (info / "RECORD").write_text(text.replace(line, "pack/data.txt,md5=AAAA,2"))
    assert "not trusted" in verify(installed()).faults[0]


def test_the_content_hash_is_that_of_the_wheel_and_not_of_the_installer(info, tmp_path):
    before = content_hash(installed())
    extra = ["../../../bin/tool,sha256=AAAA,1", f"{info.name}/INSTALLER,sha256=AAAA,4"]
    lines = (info / "RECORD").read_text().splitlines()
    (info / "RECORD").write_text("\n".join([*extra, *reversed(lines)]))
    assert content_hash(installed()) == before
    (info / "RECORD").write_text("\n".join([*lines, "pack/more.py,sha256=AAAA,1"]))
    assert content_hash(installed()) != before


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ('{"url": "file:///src/my%20pack", "dir_info": {"editable": true}}', "/src/my pack"),
        ('{"url": "file:///src/pack", "dir_info": {}}', None),
        ('{"url": "https://host/x.whl", "archive_info": {}}', None),
        ("[]", None),
        ("{", None),
    ],
)
def test_an_editable_install_says_where_its_code_lies(info, text, folder):
    (info / "direct_url.json").write_text(text)
    assert editable_folder(installed()) == folder


@pytest.mark.packaging
def test_a_wheel_that_pip_installed_is_verified_and_has_the_hash_of_its_own_record(tmp_path):
    wheel = tmp_path / "zoo_real-1.0-py3-none-any.whl"
    info = "zoo_real-1.0.dist-info"
    content = {
        "zoo_real/__init__.py": "raise SystemExit('imported')\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: zoo-real\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": "[zoo.architectures]\nreal = zoo_real:Real\n"
        "real@2 = zoo_real:RealTwo\n[console_scripts]\nreal-tool = zoo_real:main\n",
    }
    for path, text in content.items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text(text)
    record = "\n".join([recorded(tmp_path / "tree", path) for path in content])
    content[f"{info}/RECORD"] = f"{record}\n{info}/RECORD,,\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    site = tmp_path / "site"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
            *("--no-compile", "--disable-pip-version-check", "--target", site, wheel),
        ],
        check=True,
    )
    (found,) = importlib.metadata.distributions(path=[str(site)])

    assert verify(found).state == "verified"
    lines = "".join(f"{line.rpartition(',')[0]}\n" for line in sorted(record.splitlines())).encode()
    assert content_hash(found) == hashlib.sha256(lines).hexdigest()
    (site / "zoo_real/__init__.py").write_text("raise SystemExit('imported!')\n")
    (site / "zoo_real/more.py").write_text("")
    assert [fault.partition(" ")[2] for fault in verify(found).faults] == [
        "has 30 bytes instead of 29",
        "is not in RECORD",
    ]
