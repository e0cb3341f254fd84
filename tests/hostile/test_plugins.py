"""Third-party packages break in every way there is, and nothing else does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.forked import Forks
from tests.hostile.third_party import (
    ARCHITECTURE,
    ARCHITECTURES,
    BAD_PACKAGES,
    HOOKS,
    BadPackage,
    Home,
    Package,
)

LIMIT = "12"
"""Seconds that a plugin gets here."""


EVERY_KIND = tuple(bad.id for bad in BAD_PACKAGES)
ONE_OF_A_KIND = (
    *("raises", "exits", "segfault", "hangs", "prints", "patches", "closes", "forks", "stays"),
    *("later", "number", "misnamed", "escape", "binary", "hook_dies"),
)


@pytest.fixture
def home(tmp_path: Path, forks: Forks) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home", forks)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> dict[str, str]:
    """The output of commands where no third-party package is installed."""
    home = Home(tmp_path_factory.mktemp("alone"), forks)
    return {words: home.run(*words.split()).stdout for words in ("list --json", "info cnn --json")}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> tuple[Home, tuple[Path, ...]]:
    """A home in which every bad package is installed, each in a folder of its own."""
    sites = tuple(one.package.install(tmp_path_factory.mktemp(one.id)) for one in BAD_PACKAGES)
    return Home(tmp_path_factory.mktemp("crowd"), forks), sites


def listed(text: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(text)}


def findings(home: Home, *sites: Path, **variables: str) -> list[Any]:
    done = home.run("doctor", "--json", "--timeout", LIMIT, sites=sites, **variables)
    assert "Traceback" not in done.stderr
    result = json.loads(done.stdout)
    assert done.returncode == (0 if result["healthy"] else 1), done.stderr
    found: list[Any] = result["findings"]
    return found


def about(found: list[Any], distribution: str) -> list[Any]:
    return [finding for finding in found if f"{distribution} 1.0" in finding["what"]]


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(ONE_OF_A_KIND, id="one of a kind"),
        pytest.param(EVERY_KIND, id="all", marks=pytest.mark.slow),
    ],
)
def test_the_doctor_survives_all_of_them_at_once_and_names_each(crowd, kinds):
    home, installed = crowd
    sites = [site for site, bad in zip(installed, BAD_PACKAGES, strict=True) if bad.id in kinds]
    began = time.monotonic()
    found = findings(home, *sites)
    took = time.monotonic() - began

    wrong = []
    for bad in BAD_PACKAGES:
        if bad.id not in kinds:
            continue
        told = about(found, bad.distribution)
        statuses = {finding["status"] for finding in told}
        text = " ".join(finding["what"] for finding in told)
        fixes = " ".join(finding["fix"] for finding in told)
        if (
            statuses != ({bad.status} if bad.status else set())
            or not all(part in text for part in bad.says)
            or (bad.status == "fail" and (bad.fix or "pip") not in fixes)
        ):
            wrong.append((bad.id, told))
    assert not wrong
    assert any("model 'cnn' from neural-zoo" in finding["what"] for finding in found)
    # Two of them use up their seconds, at the same time as others.
    assert took < 200


def test_among_all_of_them_the_zoo_lists_describes_and_builds_as_ever(crowd, alone):
    home, sites = crowd
    names = {bad.name for bad in BAD_PACKAGES}

    entries = listed(home.run("list", "--json", sites=sites).stdout)
    own = {name: entry for name, entry in entries.items() if name not in names}
    assert own == listed(alone["list --json"])
    assert home.run("info", "cnn", "--json", sites=sites).stdout == alone["info cnn --json"]
    built = home.run("build", "cnn", "--json", sites=sites)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["name"] == "cnn"


@pytest.mark.parametrize(
    "kind",
    ["raises", "exits"]
    + [
        pytest.param(kind, marks=pytest.mark.slow)
        for kind in ("number", "misnamed", "needy", "steers")
    ],
)
def test_a_plugin_that_is_asked_for_and_broken_is_a_typed_error(crowd, kind):
    (bad,) = [one for one in BAD_PACKAGES if one.id == kind]
    home, sites = crowd
    done = home.run("build", bad.name, sites=sites)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert f"{bad.distribution} 1.0" in done.stderr
    assert bad.says[0] in done.stderr
    known = json.loads(home.run("info", bad.name, "--json", sites=sites).stdout)
    assert (known["status"], known["distribution"]) == ("broken", bad.distribution)


def test_nothing_that_the_doctor_started_is_left(home, tmp_path):
    mark = f"{os.getpid()}.{tmp_path.name}"
    source = (
        "import subprocess, sys, time\n"
        "for _ in range(3):\n"
        f"  subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {mark!r}])\n"
    )
    site = BadPackage("litters", source).package.install(tmp_path / "site")
    (told,) = about(findings(home, site), "zoo-bad-litters")
    assert told["status"] == "ok"

    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert mark not in running.stdout


@pytest.mark.slow
def test_a_distribution_with_many_plugins_is_tried_in_part(home, tmp_path):
    points = {ARCHITECTURES: {f"m{number}": "zoo_crowded:Model" for number in range(70)}}
    package = Package("zoo-crowded", points=points, files={"zoo_crowded.py": ""})
    found = about(findings(home, package.install(tmp_path / "site")), "zoo-crowded")
    assert "zoo-crowded 1.0 has 70 plugins, of which 50 were tried" in [f["what"] for f in found]
    assert len(found) == 51


def test_an_interrupt_ends_the_doctor_at_once_with_what_it_started(home, tmp_path):
    ready = tmp_path / "ready"
    source = f"open({str(ready)!r}, 'w').write(str(__import__('os').getpid()))\n"
    site = BadPackage("slow", source + "import time; time.sleep(300)\n").package.install(
        tmp_path / "site"
    )
    path = os.pathsep.join(map(str, (ROOT, ROOT / "plugins", site)))
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "doctor"],
        cwd=home.folder,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (ready.exists() and ready.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
    for _ in range(100):
        if not Path("/proc", ready.read_text()).exists():
            return
        time.sleep(0.1)
    pytest.fail("the plugin is still running")


def test_a_name_of_the_zoos_own_is_a_collision_and_both_can_be_had(home, tmp_path):
    site = Package(
        "zoo-thief",
        points={ARCHITECTURES: {"cnn ": "zoo_thief:Model"}},
        files={"zoo_thief.py": ARCHITECTURE.format(name="cnn")},
    ).install(tmp_path / "site")

    done = home.run("build", "cnn", sites=(site,))
    assert done.returncode == 3
    assert "zoo-thief 1.0" in done.stderr
    assert "neural-zoo" in done.stderr
    for words, variables in [(["neural-zoo:cnn"], {}), (["cnn"], {"ZOO_PIN": "cnn=neural-zoo"})]:
        known = json.loads(home.run("info", *words, "--json", sites=(site,), **variables).stdout)
        assert (known["status"], known["distribution"]) == ("ready", "neural-zoo")
    failed = [one["what"] for one in findings(home, site) if one["status"] == "fail"]
    assert len(failed) == 1
    assert "'cnn' is offered by 2 distributions" in failed[0]
    told = findings(home, site, ZOO_BLOCK="zoo-thief")
    assert not [one for one in told if one["status"] == "fail"]


def test_a_file_in_the_working_folder_is_not_imported_for_an_installed_plugin(home, tmp_path):
    good = Package(
        "zoo-genuine",
        points={ARCHITECTURES: {"genuine": "zoo_genuine:Model"}},
        files={"zoo_genuine.py": ARCHITECTURE.format(name="genuine")},
    ).install(tmp_path / "site")
    (home.folder / "zoo_genuine.py").write_text("open('ran', 'w')")
    (home.folder / "zoo_cnn.py").write_text("open('ran', 'w')")

    for name in ("genuine", "cnn"):
        done = home.run("build", name, sites=(good,))
        assert done.returncode == 3
        assert "may not run" in done.stderr
        assert str(home.folder / f"zoo_{name}.py") in done.stderr
    rows = json.loads(home.run("plugins", "--json", sites=(good,)).stdout)
    denied = {row["name"] for row in rows if row["status"] == "denied"}
    assert denied == {"genuine", "cnn"}
    assert not (home.folder / "ran").exists()


HOOK = "import zoo\n@zoo.hookimpl\ndef zoo_before_verify(path): {}\n"


def test_hook_packages_that_fail_cost_a_verification_nothing(home, tmp_path):
    artifact = str(ROOT / "exports" / "cnn" / "1")
    plain = home.run("verify", artifact)
    assert plain.returncode == 0
    packages = (
        BadPackage("h_exits", "import sys; sys.exit(0)", whole=True, group=HOOKS),
        BadPackage("h_prints", "print('loud')\n" + HOOK.format("pass"), whole=True, group=HOOKS),
        BadPackage("h_raises", HOOK.format("1 / 0"), whole=True, group=HOOKS),
        BadPackage("h_leaves", HOOK.format("raise SystemExit(3)"), whole=True, group=HOOKS),
        BadPackage(
            "h_works", HOOK.format("open('seen', 'w').write(str(path))"), whole=True, group=HOOKS
        ),
    )
    sites = tuple(one.package.install(tmp_path / one.id) for one in packages)
    done = home.run("verify", artifact, sites=sites)

    assert done.returncode == 0, done.stderr
    assert done.stdout == plain.stdout
    assert (home.folder / "seen").read_text() == artifact
    for name in ("zoo-bad-h-exits 1.0", "zoo-bad-h-raises 1.0", "zoo-bad-h-leaves 1.0"):
        assert name in done.stderr
    assert "ZeroDivisionError" in done.stderr
    strict = home.run("verify", artifact, sites=sites[2:3], ZOO_HOOK_FAILURES="fail")
    assert strict.returncode == 11
