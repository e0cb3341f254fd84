"""``zoo plugins``, ``list`` and ``info`` with third-party packages: nothing of them runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.fakes import architecture, install
from zoo.api.catalog import registry
from zoo.cli import main

GROUP = "zoo.architectures"

ENTRY = """
- name: {name}
  distribution: zoo-{name}
  summary: Made up for a test.
  tasks: [forecasting]
  license: MIT
  parameters: 1234
{more}"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An environment of its own, whose registry is read when it is first asked for."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delenv("ZOO_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()
    yield tmp_path / "site"
    registry.cache_clear()


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    registry.cache_clear()
    with pytest.raises(SystemExit) as caught:
        main(words)
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def add(site: Path, name: str, more: str = "", **options: object) -> None:
    """Install ``zoo-NAME``, whose package must not be imported, with a catalog."""
    package = f"{name}_guest"
    install(
        site,
        f"zoo-{name}",
        points={GROUP: {name: f"{package}:Model"}, "zoo.catalogs": {name: package}},
        files={
            f"{package}/__init__.py": "raise SystemExit('imported')",
            f"{package}/registry.yaml": "schema_version: 1\nmodels:"
            + ENTRY.format(name=name, more=more),
        },
        **options,
    )


def rows(capsys, *words: str) -> dict[tuple[str, str], dict]:
    _, out, _ = run(capsys, "plugins", "--json", *words)
    return {
        (row["distribution"], row["group"].removeprefix("zoo.")): row for row in json.loads(out)
    }


def test_a_guest_is_listed_with_what_its_catalog_says_and_is_not_imported(site, capsys):
    add(site, "guest")
    code, out, err = run(capsys, "list", "--json", "guest")
    assert (code, err) == (0, "")
    (guest,) = json.loads(out)
    assert (guest["status"], guest["license"], guest["tasks"]) == ("ready", "MIT", ["forecasting"])
    assert guest["parameters"] == 1234


def test_what_would_run_is_shown_with_its_origin_and_the_rule_that_decides(
    site, capsys, tmp_path, monkeypatch
):
    add(site, "wheel", record=True)
    add(site, "edit", editable=tmp_path / "source")
    add(site, "shady")
    (tmp_path / "config/zoo").mkdir(parents=True)
    file = tmp_path / "config/zoo/zoo.toml"
    file.write_text("[plugins]\nblock = ['zoo-shady']")

    found = rows(capsys)
    wheel, edit, shady = (found[f"zoo-{n}", "architectures"] for n in ("wheel", "edit", "shady"))
    assert (wheel["status"], wheel["editable"], wheel["location"]) == ("allowed", False, str(site))
    assert (edit["editable"], edit["location"]) == (True, str(tmp_path / "source"))
    assert shady["status"] == "denied"
    assert f"on the block-list (plugins.block in {file})" in shady["reason"]
    assert found["zoo-shady", "catalogs"]["status"] == "denied"
    assert found["zoo-wheel", "catalogs"]["status"] == "allowed"
    code, out, err = run(capsys, "plugins")
    assert (code, err) == (0, f"rules are in {file}\n")
    assert "denied" in out


def test_a_policy_that_cannot_be_read_stops_the_command_and_names_file_and_key(
    site, capsys, tmp_path
):
    (tmp_path / "zoo.toml").write_text("[plugins]\nblok = ['zoo-x']")
    code, out, err = run(capsys, "list")
    assert (code, out) == (4, "")
    assert str(tmp_path / "zoo.toml") in err
    assert "the keys allow, block" in " ".join(err.split())


def test_a_thousand_distributions_are_shown_in_seconds(site, capsys):
    for number in range(1000):
        name = f"crowd_{number:04d}"
        install(site, f"zoo-{number:04d}", points={GROUP: {name: f"{name}:Model"}})
    before = time.process_time()
    found = rows(capsys)
    assert len([name for name, _ in found if name.startswith("zoo-")]) >= 1000
    # Measured: 0.6 s on a quiet core. What would be quadratic takes a minute.
    assert time.process_time() - before < 10


def test_a_catalog_that_is_not_believed_is_one_line_in_the_list_and_told_by_the_doctor(
    site, capsys
):
    add(site, "guest", "- name: cnn\n  distribution: neural-zoo\n  summary: Fake.\n  tasks: []\n")
    code, out, err = run(capsys, "list", "--json")
    assert code == 0
    assert json.loads(out)
    assert err.splitlines() == ["ignored catalog entries: 1; see 'zoo doctor'"]
    told = " ".join(run(capsys, "doctor")[1].split())
    assert "the catalog of zoo-guest 1.0 describes 'cnn' of neural-zoo" in told


def test_a_collision_and_a_pin_are_shown_with_the_rule_that_decides(site, capsys, monkeypatch):
    for name in ("left", "right"):
        install(
            site,
            f"zoo-{name}",
            points={GROUP: {"twin": f"{name}_module:Model"}},
            files={f"{name}_module.py": architecture("twin")},
        )
    install(site, "zoo-path", points={GROUP: {"../up": "up_module:Model"}})
    found = rows(capsys)
    assert {found[f"zoo-{n}", "architectures"]["status"] for n in ("left", "right")} == {
        "collision"
    }
    assert found["zoo-path", "architectures"]["status"] == "broken"

    monkeypatch.setenv("ZOO_PIN", "twin=zoo-left")
    monkeypatch.setenv("ZOO_ALLOW", "neural-zoo,zoo-left,zoo-path")
    found = rows(capsys)
    assert found["zoo-left", "architectures"]["reason"] == "it is pinned to zoo-left (ZOO_PIN)"
    right = found["zoo-right", "architectures"]
    assert (right["status"], "ZOO_ALLOW" in right["reason"]) == ("denied", True)
    monkeypatch.delenv("ZOO_ALLOW")
    assert rows(capsys)["zoo-right", "architectures"]["status"] == "not chosen"


def test_what_is_not_installed_gives_its_install_command_and_can_be_left_out(
    site, capsys, tmp_path, monkeypatch
):
    from zoo.registry import catalog

    other = tmp_path / "registry.yaml"
    own = catalog.own_catalog_path().read_text("utf-8")
    entry = ENTRY.format(name="distant", more="").lstrip("\n")
    other.write_text(own.replace("models:\n", f"models:\n{entry}", 1))
    monkeypatch.setattr(catalog, "own_catalog_path", lambda: other)

    _, out, _ = run(capsys, "list")
    assert any("distant" in line and "pip install zoo-distant" in line for line in out.splitlines())
    assert "distant" not in run(capsys, "list", "--installed")[1]
    code, _, err = run(capsys, "build", "distant")
    assert code == 3
    assert "pip install zoo-distant" in err
    assert run(capsys, "info", "distant")[0] == 0


def test_info_takes_weights_versions_and_distributions(site, capsys):
    code, out, _ = run(capsys, "info", "--json", "neural-zoo:cnn@1:mnist")
    known = json.loads(out)
    assert code == 0
    assert known["name"] == "cnn"
    assert [weights["id"] for weights in known["weights"]] == ["mnist"]
    code, _, err = run(capsys, "info", "cnn:mnits")
    assert code == 4
    assert "Did you mean 'mnist'?" in err


def test_the_doctor_tells_of_a_command_that_has_the_name_of_one_of_the_zoos(site):
    from zoo.api.plugins import _names

    install(site, "zoo-own", points={"zoo.commands": {"train": "own_module:train"}})
    (found,) = [one for one in _names() if "zoo-own 1.0" in one.what]
    assert "the zoo has a command of that name" in found.what
    assert found.fix == "zoo zoo-own:train"


def test_an_error_in_a_method_of_a_plugin_names_its_distribution(site, capsys):
    made_up = {"zoo_tulip.py": architecture("tulip")}
    install(site, "zoo-tulip", points={GROUP: {"tulip": "zoo_tulip:Model"}}, files=made_up)
    code, out, err = run(capsys, "build", "tulip")
    assert (code, out) == (70, "")
    assert "internal error: NotImplementedError" in err
    assert "a fault of zoo-tulip 1.0, a plugin" in err
    assert "pip install --upgrade zoo-tulip" in err


def test_a_plugin_that_exits_with_0_does_not_look_as_if_all_was_done(site, capsys):
    source = architecture("lily").replace("raise NotImplementedError", "raise SystemExit(0)")
    points = {GROUP: {"lily": "zoo_lily:Model"}}
    install(site, "zoo-lily", points=points, files={"zoo_lily.py": source})
    code, out, err = run(capsys, "build", "lily")
    assert (code, out) == (70, "")
    assert "a fault of zoo-lily 1.0, a plugin" in err
