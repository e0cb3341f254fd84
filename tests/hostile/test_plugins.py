"""Packages of strangers break in every way there is, and nothing else does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.hostile.strangers import (
    ARCHITECTURE,
    ARCHITECTURES,
    HOOKS,
    STRANGERS,
    Home,
    Package,
    Stranger,
)

LIMIT = "5"
"""Seconds that a plugin gets here."""

SLOW = "policy"
"""The one that imports keras, which a busy machine takes longer for than hanging is given."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the program prints where there is no stranger."""
    home = Home(tmp_path_factory.mktemp("alone"))
    return {words: home.run(*words.split()).stdout for words in ("list --json", "info cnn --json")}


def listed(text: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads(text)}


def info(home: Home, name: str, *sites: Path, **variables: str) -> dict[str, Any]:
    done = home.run("info", name, "--json", sites=sites, **variables)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    known: dict[str, Any] = json.loads(done.stdout)
    return known


def findings(home: Home, *words: str, sites: tuple[Path, ...], **variables: str) -> list[Any]:
    done = home.run("doctor", "--json", *words, sites=sites, **variables)
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["healthy"] else 1), done.stderr
    found: list[Any] = told["findings"]
    return found


def about(found: list[Any], distribution: str) -> list[Any]:
    return [finding for finding in found if f"{distribution} 1.0" in finding["what"]]


@pytest.mark.parametrize(
    "stranger", [one for one in STRANGERS if one.id != SLOW], ids=lambda stranger: stranger.id
)
def test_a_stranger_changes_nothing_but_its_own_line(
    stranger: Stranger, home: Home, alone: dict[str, str], tmp_path: Path
):
    site = stranger.package.install(tmp_path / "site")
    announces = stranger.group == ARCHITECTURES and not stranger.announced

    if announces:
        known = info(home, stranger.name, site, ZOO_PROBE_SECONDS=LIMIT)
        assert known["distribution"] == stranger.distribution
        assert known["status"] == ("broken" if stranger.status == "fail" else "ready")
        for part in stranger.says if stranger.status == "fail" else ():
            assert part in known["problem"]

    after = home.run("list", "--json", sites=(site,))
    assert after.stderr == ""
    entries = listed(after.stdout)
    own = entries.pop(stranger.name, None)
    assert entries == listed(alone["list --json"])
    if announces:
        assert own is not None
        assert own["status"] == known["status"], "what was learned is known to the next process"
    assert home.run("info", "cnn", "--json", sites=(site,)).stdout == alone["info cnn --json"]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, tuple[Path, ...]]:
    """A home in which every stranger is installed, each in a folder of its own."""
    sites = tuple(
        stranger.package.install(tmp_path_factory.mktemp(stranger.id)) for stranger in STRANGERS
    )
    return Home(tmp_path_factory.mktemp("crowd")), sites


def test_the_doctor_survives_all_of_them_at_once_and_names_each(crowd):
    home, sites = crowd
    assert info(home, f"bad_{SLOW}", *sites, ZOO_PROBE_SECONDS="120")["status"] == "ready"
    began = time.monotonic()
    found = findings(home, sites=sites, ZOO_PROBE_SECONDS="8")
    took = time.monotonic() - began

    for stranger in STRANGERS:
        told = about(found, stranger.distribution)
        assert [finding["status"] for finding in told] == [stranger.status] * len(told)
        assert len(told) == (1 if stranger.status else 0), stranger.id
        for finding in told:
            assert all(part in finding["what"] for part in stranger.says), finding
            assert stranger.fix in finding["fix"]
            if stranger.status == "fail" and not stranger.fix:
                assert f"pip uninstall {stranger.distribution}" in finding["fix"]
    assert any("model 'cnn' from neural-zoo" in finding["what"] for finding in found)
    # Two of them use up their eight seconds, at the same time as others.
    assert took < 120


def test_among_all_of_them_the_zoo_lists_describes_and_builds_as_ever(crowd, alone):
    home, sites = crowd
    names = {stranger.name for stranger in STRANGERS}

    entries = listed(home.run("list", "--json", sites=sites).stdout)
    own = {name: entry for name, entry in entries.items() if name not in names}
    assert own == listed(alone["list --json"])
    assert home.run("info", "cnn", "--json", sites=sites).stdout == alone["info cnn --json"]
    built = home.run("build", "cnn", "--json", sites=sites)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["name"] == "cnn"
    assert json.loads(built.stdout)["parameters"] > 10_000


def test_nothing_that_a_probe_started_is_left(home, tmp_path):
    mark = f"{os.getpid()}.{tmp_path.name}"
    source = (
        "import subprocess, sys, time\n"
        "for _ in range(3):\n"
        f"  subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {mark!r}])\n"
        "time.sleep(60)\n"
    )
    site = Stranger("litters", source).package.install(tmp_path / "site")
    assert info(home, "bad_litters", site, ZOO_PROBE_SECONDS="3")["status"] == "broken"

    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert mark not in running.stdout


def test_a_name_of_ours_is_contested_and_both_can_be_had(home, tmp_path):
    site = Package(
        "zoo-thief",
        points={ARCHITECTURES: {"cnn ": "zoo_thief:Model"}},
        files={"zoo_thief.py": ARCHITECTURE.format(name="cnn")},
    ).install(tmp_path / "site")

    done = home.run("build", "cnn", sites=(site,))
    assert done.returncode == 3
    assert "zoo-thief 1.0" in done.stderr
    assert "neural-zoo" in done.stderr
    assert info(home, "neural-zoo:cnn", site)["status"] == "ready"
    assert info(home, "cnn", site, ZOO_PIN="cnn=neural-zoo")["distribution"] == "neural-zoo"
    failed = [one["what"] for one in findings(home, sites=(site,)) if one["status"] == "fail"]
    assert len(failed) == 1
    assert "'cnn' is offered by 2 distributions" in failed[0]
    told = findings(home, sites=(site,), ZOO_BLOCK="zoo-thief")
    assert not [one for one in told if one["status"] == "fail"]


# Memory.


def counting(file: Path) -> str:
    """Source that writes down how often it was imported."""
    return f"open({str(file)!r}, 'a').write('x')\n"


def imports(file: Path) -> int:
    return len(file.read_text()) if file.exists() else 0


def test_what_killed_a_process_is_skipped_until_its_files_change(home, tmp_path):
    count = tmp_path / "count"
    stranger = Stranger("kills", counting(count) + "import os; os.abort()")
    site = stranger.package.install(tmp_path / "site")

    first = info(home, "bad_kills", site)
    assert "SIGABRT" in first["problem"]
    assert imports(count) == 1
    second = home.run("build", "bad_kills", sites=(site,))
    assert second.returncode == 3
    for part in ("zoo-bad-kills 1.0", "SIGABRT", "skipped since", "pip uninstall", "--retry"):
        assert part in second.stderr
    assert imports(count) == 1
    rows = json.loads(home.run("plugins", "--json", sites=(site,)).stdout)
    (row,) = [row for row in rows if row["name"] == "bad_kills"]
    assert row["verdict"] == "broken"
    assert row["rule"].startswith("it killed the process")
    assert "skipped since" in row["rule"]

    file = site / "zoo_bad_kills" / "__init__.py"
    file.write_text(counting(count) + ARCHITECTURE.format(name="bad_kills"))
    assert info(home, "bad_kills", site)["status"] == "ready"


def test_another_version_is_looked_at_anew(home, tmp_path):
    broken = Package(
        "zoo-wavers",
        points={ARCHITECTURES: {"wavers": "zoo_wavers:Model"}},
        files={"zoo_wavers.py": "import os; os._exit(1)"},
    )
    site = broken.install(tmp_path / "site")
    assert info(home, "wavers", site)["status"] == "broken"
    for file in site.glob("zoo_wavers-1.0.dist-info/*"):
        file.unlink()
    Package(
        broken.name,
        "1.1",
        points=broken.points,
        files={"zoo_wavers.py": ARCHITECTURE.format(name="wavers")},
    ).install(site)
    assert info(home, "wavers", site)["version"] == "1.1"
    assert info(home, "wavers", site)["status"] == "ready"


def test_what_only_missed_something_is_tried_again_when_that_is_installed(home, tmp_path):
    site = Stranger("hungry", "import zoo_food").package.install(tmp_path / "site")
    assert "No module named 'zoo_food'" in info(home, "bad_hungry", site)["problem"]
    Package("zoo-food", files={"zoo_food.py": ""}).install(site)
    assert info(home, "bad_hungry", site)["status"] == "ready"


def test_a_good_plugin_is_probed_once(home, tmp_path):
    count = tmp_path / "count"
    site = Stranger("tidy", counting(count)).package.install(tmp_path / "site")
    for expected in (2, 3, 4):  # the probe and the process itself; then the process alone
        assert info(home, "bad_tidy", site)["status"] == "ready"
        assert imports(count) == expected


ONLY_HERE = "import os, sys\nif 'zoo.registry.inspection' not in sys.modules:\n"


def test_what_passes_the_probe_and_kills_the_process_is_convicted_by_its_marker(home, tmp_path):
    site = Stranger("sly", f"{ONLY_HERE}  os._exit(7)\n").package.install(tmp_path / "site")

    assert home.run("info", "bad_sly", sites=(site,)).returncode == 7
    known = info(home, "bad_sly", site)
    assert known["status"] == "broken"
    assert "a process that was importing it ended before it was done" in known["problem"]
    (told,) = about(findings(home, sites=(site,)), "zoo-bad-sly")
    assert told["status"] == "fail"
    assert "pip uninstall zoo-bad-sly" in told["fix"]
    (told,) = about(findings(home, "--retry", sites=(site,)), "zoo-bad-sly")
    assert told["status"] == "ok"


def test_an_interrupt_is_not_held_against_the_plugin_that_was_being_imported(home, tmp_path):
    ready = tmp_path / "ready"
    source = f"{ONLY_HERE}  import time; open({str(ready)!r}, 'w').close(); time.sleep(60)\n"
    site = Stranger("dawdles", source).package.install(tmp_path / "site")
    path = os.pathsep.join(map(str, (ROOT, ROOT / "plugins", site)))
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "info", "bad_dawdles"],
        cwd=home.folder,
        env=os.environ | {"PYTHONPATH": path, "ZOO_CACHE": str(home.folder / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130

    assert listed(home.run("list", "--json", sites=(site,)).stdout)["bad_dawdles"]["status"] == (
        "ready"
    )


def test_a_memory_of_garbage_costs_a_second_look_and_nothing_else(home, tmp_path):
    site = Stranger("odd", "import os; os._exit(1)").package.install(tmp_path / "site")
    assert info(home, "bad_odd", site)["status"] == "broken"
    (file,) = (home.folder / "cache" / "plugins").glob("*.json")
    for garbage in (b"", b"\x00\xff", b"[" * 100_000, b'{"digest": 3}', file.read_bytes()[:-30]):
        file.write_bytes(garbage)
        assert info(home, "bad_odd", site)["status"] == "broken"
        assert json.loads(file.read_bytes())["verdict"]["kind"] == "died"


def test_where_nothing_can_be_remembered_everything_works_and_the_doctor_says_so(home, tmp_path):
    (tmp_path / "file").write_text("")
    cache = {"ZOO_CACHE": str(tmp_path / "file" / "cache")}
    good = Stranger("fine").package.install(tmp_path / "good")
    bad = Stranger("bad", "import os; os._exit(1)").package.install(tmp_path / "bad")

    assert info(home, "bad_fine", good, bad, **cache)["status"] == "ready"
    assert info(home, "bad_bad", good, bad, **cache)["status"] == "broken"
    told = findings(home, sites=(good, bad), **cache)
    assert any("cannot be remembered" in finding["what"] for finding in told)


def test_several_processes_that_ask_at_once_all_get_the_answer(home, tmp_path):
    site = Stranger("shared").package.install(tmp_path / "site")
    with ThreadPoolExecutor(4) as pool:
        known = list(pool.map(lambda _: info(home, "bad_shared", site), range(4)))
    assert [one["status"] for one in known] == ["ready"] * 4
    left = sorted(file.suffix for file in (home.folder / "cache" / "plugins").iterdir())
    assert left == [".json"]


def test_a_plugin_that_asks_for_itself_while_it_is_imported_is_tried_once(home, tmp_path):
    count = tmp_path / "count"
    source = f"{counting(count)}import zoo\nzoo.build('bad_narcissus')\n"
    site = Stranger("narcissus", source).package.install(tmp_path / "site")
    assert info(home, "bad_narcissus", site)["status"] == "broken"
    assert imports(count) == 1


def test_the_probe_can_be_left_out_and_its_seconds_must_be_a_number(home, tmp_path):
    count = tmp_path / "count"
    site = Stranger("trusted", counting(count)).package.install(tmp_path / "site")
    assert info(home, "bad_trusted", site, ZOO_PROBE_SECONDS="0")["status"] == "ready"
    assert imports(count) == 1
    (told,) = about(findings(home, sites=(site,), ZOO_PROBE_SECONDS="0"), "zoo-bad-trusted")
    assert told["what"].endswith("was not tried")
    assert imports(count) == 1
    done = home.run("list", sites=(site,), ZOO_PROBE_SECONDS="soon")
    assert done.returncode == 4
    assert "ZOO_PROBE_SECONDS" in done.stderr


# Strictness, building, hooks.


def test_strict_raises_where_a_broken_plugin_is_met(home, tmp_path):
    site = Stranger("raises", "raise ValueError('no')").package.install(tmp_path / "site")
    strict = home.run("plugins", "--strict", sites=(site,))
    assert strict.returncode == 3
    assert "ValueError: no" in strict.stdout
    assert "zoo-bad-raises" in strict.stderr
    assert home.run("list", sites=(site,)).returncode == 0
    assert home.run("list", sites=(site,), ZOO_STRICT="1").returncode == 3
    assert home.run("plugins", "--strict").returncode == 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise ValueError('too odd')", "ValueError: too odd"),
        ("import sys; sys.exit(0)", "Exit: 0"),
    ],
)
def test_what_a_stranger_raises_while_it_builds_has_its_name_on_it(home, tmp_path, fault, reason):
    package = Package(
        "zoo-builds-badly",
        points={ARCHITECTURES: {"unbuildable": "zoo_builds_badly:Model"}},
        files={
            "zoo_builds_badly.py": ARCHITECTURE.format(name="unbuildable").replace(
                "        from keras import", f"        {fault}\n        from keras import"
            )
        },
    )
    site = package.install(tmp_path / "site")
    done = home.run("build", "unbuildable", sites=(site,))
    assert done.returncode == 3
    assert "from zoo-builds-badly 1.0 failed in build()" in done.stderr
    assert reason in done.stderr
    assert "zoo_builds_badly.py:" in done.stderr
    assert "pip install --upgrade zoo-builds-badly" in done.stderr


HOOK = "import zoo\n@zoo.hookimpl\ndef zoo_before_verify(path): {}\n"


def test_hook_packages_that_break_cost_a_verification_nothing(home, tmp_path):
    artifact = str(ROOT / "exports" / "cnn" / "1")
    plain = home.run("verify", artifact)
    assert plain.returncode == 0
    listeners = (
        Stranger("h_dies", "import os; os._exit(0)", whole=True, group=HOOKS),
        Stranger("h_prints", "print('loud')\n" + HOOK.format("pass"), whole=True, group=HOOKS),
        Stranger("h_raises", HOOK.format("1 / 0"), whole=True, group=HOOKS),
        Stranger("h_exits", HOOK.format("raise SystemExit(3)"), whole=True, group=HOOKS),
        Stranger(
            "h_works", HOOK.format("open('seen', 'w').write(str(path))"), whole=True, group=HOOKS
        ),
    )
    sites = tuple(one.package.install(tmp_path / one.id) for one in listeners)
    done = home.run("verify", artifact, sites=sites)

    assert done.returncode == 0, done.stderr
    assert done.stdout == plain.stdout
    assert (home.folder / "seen").read_text() == artifact
    for name in ("zoo-bad-h-dies 1.0", "zoo-bad-h-raises 1.0", "zoo-bad-h-exits 1.0"):
        assert name in done.stderr
    assert "ZeroDivisionError" in done.stderr
    strict = home.run("verify", artifact, sites=sites[2:3], ZOO_STRICT="1")
    assert strict.returncode == 11
