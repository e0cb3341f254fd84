"""What every test may ask for."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.forked import Forks, start_forks

# How long an example takes is the machine's matter: benchmarks measure it, tests do not.
# The fast tier tries the same examples each time; scripts/test --all looks for new ones.
settings.register_profile("fast", deadline=None, derandomize=True, max_examples=30)
settings.register_profile("explore", deadline=None, max_examples=200)
settings.load_profile(os.environ.get("ZOO_TEST_PROFILE", "fast"))

# What a developer lets run is not what is tested.
os.environ["ZOO_CONFIG"] = ""

# A shell lets what it starts in the background ignore Ctrl-C, and so do the programs started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("ZOO_SHARED_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Free the networks of a module with it, and leave what stays out of later collections.

    Networks are cycles of millions of objects. Left to themselves they are freed all at once, in
    a pause of a minute inside of some later test.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; a test that asks for it skips without it."""
    if not SHARED.is_dir():
        pytest.skip(
            "the real data lies beside the checkout or at $ZOO_SHARED_DATA, and neither is here"
        )
    return SHARED


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Programs in processes of their own, which need not import Keras again."""
    for package in ("tensorflow", "keras", "onnx", "tf2onnx"):
        # Some who ask must not import it themselves.
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install neural-zoo[keras]")
    with start_forks(tmp_path_factory.mktemp("forks")) as started:
        yield started
