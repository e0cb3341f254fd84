"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is the machine's matter: benchmarks measure it, tests do not.
settings.register_profile("zoo", deadline=None)
settings.load_profile("zoo")

# What a developer lets run is not what is tested.
os.environ["ZOO_CONFIG"] = ""

# A shell lets what it starts in the background ignore Ctrl-C, and so do the programs started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("ZOO_SHARED_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; a test that asks for it skips without it."""
    if not SHARED.is_dir():
        pytest.skip(
            "the real data lies beside the checkout or at $ZOO_SHARED_DATA, and neither is here"
        )
    return SHARED
