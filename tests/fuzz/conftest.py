"""What is marked ``fuzz`` runs only when it is asked for: ``-m fuzz``."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless the expression of ``-m`` names it."""
    if "fuzz" in config.getoption("markexpr"):
        return
    left = [item for item in items if item.get_closest_marker("fuzz")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
