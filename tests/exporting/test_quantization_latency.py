"""Latency of several graphs, measured in interleaved rounds."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from zoo.exporting.quantization.comparison import BATCHES, measure_latency


class Sleeper:
    """Takes so many milliseconds, and remembers what it was asked."""

    def __init__(self, name: str, ms: float, asked: list[tuple[str, int]]) -> None:
        self.name, self.ms, self.asked = name, ms, asked

    def run(self, names: Any, feed: dict[str, Any]) -> None:
        self.asked.append((self.name, len(feed["x"])))
        time.sleep(self.ms / 1000)


def test_every_round_measures_all_graphs_in_rotated_order():
    asked: list[tuple[str, int]] = []
    sessions = {name: Sleeper(name, 2, asked) for name in "abc"}
    found = measure_latency(sessions, {"x": np.zeros((5, 1))}, seconds=0.001)
    assert {name: tuple(by_batch) for name, by_batch in found.items()} == dict.fromkeys(
        "abc", BATCHES
    )
    for batch in BATCHES:
        turns = [name for name, size in asked if size == batch][18:]  # after the warm-up
        rounds = ["".join(turns[at : at + 3]) for at in range(0, len(turns), 3)]
        assert rounds[:4] == ["abc", "bca", "cab", "abc"]


def test_latencies_are_those_of_their_graphs():
    asked: list[tuple[str, int]] = []
    sessions = {"slow": Sleeper("slow", 20, asked), "fast": Sleeper("fast", 1, asked)}
    found = measure_latency(sessions, {"x": np.zeros((1, 1))}, seconds=0.001)
    assert found["slow"][1].ratio == 1
    assert found["fast"][1].ratio < 1 < found["slow"][1].ms
