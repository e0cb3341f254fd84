"""What tests of data share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.data.loopback import Server


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()
