"""Extras of the distribution."""

from __future__ import annotations

import re
import tomllib

from tests.conftest import ROOT
from zoo.api.environment import EXTRAS, extra_of, version_of


def test_every_extra_declares_its_packages():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for extra, modules in EXTRAS.items():
        names = {re.split(r"[\[>=<]", entry)[0] for entry in declared[extra]} - {"neural-zoo"}
        assert names == set(modules), extra
    # What developers of the zoo have is no extra of its users.
    assert set(declared) == {*EXTRAS, "all", "dev", "parity"}


def test_a_module_belongs_to_its_extra():
    assert extra_of("sklearn") == "datasets"
    assert extra_of("uvicorn") == "serve"
    assert extra_of("not_ours") is None
    assert version_of("no-such-distribution") is None
    assert version_of("numpy")
