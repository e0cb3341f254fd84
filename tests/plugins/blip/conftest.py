"""What the tests of small captioners share; none of them changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.blip import tiny
from zoo_blip_captioner.captioner import BlipCaptioner


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the hub has them."""
    return tiny.published(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="session")
def loaded(source: Path) -> BlipCaptioner:
    """The captioner of that folder."""
    return tiny.load(source)
