"""Plugins for another version of the plugin interface are listed and explained, not loaded."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from tests.registry.fakes import architecture, install
from zoo import __version__
from zoo.architecture import API_VERSION, OLDEST_API_VERSION, Architecture
from zoo.errors import InterfaceDeprecated, PluginBroken
from zoo.registry import Policy, Registry, interface
from zoo.registry.interface import Deprecation, overrides, version_mismatch

ENTRY = """schema_version: 1
models:
- {{name: {name}, distribution: zoo-{name}, summary: A thing., tasks: [regression],
   api_version: {version}}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def add(site: Path, name: str, *, version: int | None = None, requires: tuple[str, ...] = ()):
    module = f"{name}_interface"
    points = {"zoo.architectures": {name: f"{module}:Model"}}
    files = {f"{module}/__init__.py": architecture(name)}
    if version is not None:
        points["zoo.catalogs"] = {"own": module}
        files[f"{module}/registry.yaml"] = ENTRY.format(name=name, version=version)
        files[f"{module}/__init__.py"] = "raise SystemExit('imported')"
    install(site, f"zoo-{name}", points=points, files=files, requires=requires)


def test_a_plugin_that_says_it_needs_a_newer_interface_is_explained_and_not_imported(site):
    add(site, "newer", version=API_VERSION + 1)
    registry = Registry(Policy())

    listing = registry.listing("newer")
    assert listing.status == "broken"
    assert f"version {API_VERSION + 1} of the plugin interface" in listing.problem
    assert "zoo-newer" in [p.distribution for p in listing.providers]
    with pytest.raises(PluginBroken, match="does not fit this zoo") as caught:
        registry.get("newer")
    assert caught.value.fix == "pip install --upgrade neural-zoo"
    assert "newer_interface" not in sys.modules


@pytest.mark.parametrize(
    ("requires", "fits"),
    [
        (("neural-zoo>=999",), False),
        (("Neural.Zoo[keras] (>=999)",), False),
        (("neural_zoo<0.0.1",), False),
        (('neural-zoo>=999; python_version < "3"',), True),
        (('neural-zoo>=999; extra == "later"',), True),
        (("neural-zoo",), True),
        ((f"neural-zoo=={__version__}", "neural-zoology>=999"), True),
        (("neural-zoo !! nonsense",), True),
    ],
)
def test_the_zoo_that_a_distribution_requires_is_read_from_its_metadata(site, requires, fits):
    add(site, "requiring", requires=requires)
    registry = Registry(Policy())

    assert (registry.listing("requiring").status == "ready") is fits
    if not fits:
        with pytest.raises(PluginBroken) as caught:
            registry.get("requiring")
        assert requires[0] in caught.value.why
        assert caught.value.fix == "pip install --upgrade neural-zoo zoo-requiring"
        assert "requiring_interface" not in sys.modules


def test_older_versions_are_spoken_back_to_the_oldest(monkeypatch):
    monkeypatch.setattr(interface, "API_VERSION", 4)
    monkeypatch.setattr(interface, "OLDEST_API_VERSION", 2)

    assert [version_mismatch(version, "zoo-x") is None for version in range(1, 6)] == [
        *(False, True, True, True, False)
    ]
    too_old, too_new = version_mismatch(1, "zoo-x"), version_mismatch(5, "zoo-x")
    assert too_old.fix == "pip install --upgrade zoo-x"
    assert "offers versions 2 to 4" in too_old.why
    assert too_new.fix == "pip install --upgrade neural-zoo"


def test_a_plugin_that_does_not_say_is_for_the_first_interface(site):
    add(site, "silent")
    assert Registry(Policy()).get("silent").info.api_version == 1
    assert OLDEST_API_VERSION <= 1 <= API_VERSION


def test_what_will_go_is_said_with_the_distribution_and_what_to_change(site, monkeypatch):
    add(site, "dated")
    add(site, "modern")
    (site / "dated_interface/__init__.py").write_text(
        architecture("dated")
        + "\n    def resolve_pretrained(self, weights):\n        return None\n"
    )
    going = Deprecation(
        what="overrides elsewhere",
        instead="override published instead",
        since=1,
        until=2,
        applies=overrides("elsewhere"),
    )
    monkeypatch.setattr(interface, "DEPRECATIONS", (going,))
    registry = Registry(Policy())

    with pytest.warns(InterfaceDeprecated) as told:
        _ = [registry.get("dated") for _ in range(2)]
    assert [str(one.message) for one in told] == [
        "'dated' from zoo-dated 1.0: it overrides elsewhere, which is deprecated since version 1 "
        "of the plugin interface and goes with version 2. Its authors should override published "
        "instead"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.get("modern")


def test_a_deprecation_leaves_at_least_one_version_to_change():
    for one in interface.DEPRECATIONS:
        assert OLDEST_API_VERSION <= one.since < one.until
        assert one.until > API_VERSION
        assert one.what
        assert one.instead


def test_the_base_class_itself_overrides_nothing():
    assert not overrides("build")(Architecture)
