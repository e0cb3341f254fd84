"""How long several graphs take beside each other, on a machine that does other things too."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.spec import Arrays

BATCHES = (1, 64)

_WARM_UP = 2
_FEWEST_ROUNDS = 5
_LEAST = 1e-3
"""Seconds that one measurement lasts at least: shorter ones measure the clock."""


@dataclass(frozen=True)
class Latency:
    """One graph at one batch size.

    Attributes:
        ms: Half of the calls took at most this many milliseconds.
        ratio: The median over rounds of its time by the first graph's of the same round.
    """

    ms: float
    ratio: float


def interleaved(
    sessions: Mapping[str, Any],
    examples: Arrays,
    *,
    seconds: float,
    batches: Sequence[int] = BATCHES,
) -> dict[str, dict[int, Latency]]:
    """Time every graph once a round, so that what else the machine does hits all of them alike.

    Args:
        sessions: Opened graphs with the same inputs. The first is what the others compare with.
        examples: Inputs, repeated to each batch size.
        seconds: How long a graph and batch size is measured.
        batches: The batch sizes.

    Returns:
        By graph and batch size.
    """
    found: dict[str, dict[int, Latency]] = {name: {} for name in sessions}
    for batch in batches:
        feed = {n: np.ascontiguousarray(a[np.arange(batch) % len(a)]) for n, a in examples.items()}
        for session in sessions.values():
            _calls(session, feed, _WARM_UP)
        once = [_calls(session, feed, _WARM_UP) for session in sessions.values()]
        # Few calls of a slow graph, so that a fast one is not starved of rounds.
        counts = [max(1, min(64, int(np.ceil(_LEAST / max(t, 1e-7))))) for t in once]
        order = list(zip(sessions.values(), counts, strict=True))
        end = time.perf_counter() + seconds * len(sessions)
        rounds: list[np.ndarray[Any, Any]] = []
        while len(rounds) < _FEWEST_ROUNDS or time.perf_counter() < end:
            # Everyone follows everyone else in turn: what a graph leaves in the caches is shared.
            shift = len(rounds) % len(order)
            taken = [_calls(s, feed, n) for s, n in (*order[shift:], *order[:shift])]
            rounds.append(np.roll(taken, shift))
        times = np.array(rounds)
        medians = np.median(times, axis=0)
        ratios = np.median(times / times[:, :1], axis=0)
        for name, ms, ratio in zip(sessions, medians * 1e3, ratios, strict=True):
            found[name][batch] = Latency(float(ms), float(ratio))
    return found


def _calls(session: Any, feed: Arrays, count: int) -> float:
    """Return the mean seconds of some calls, after one that fills the caches if it is short."""
    if count > 1:
        session.run(None, feed)
    start = time.perf_counter()
    for _ in range(count):
        session.run(None, feed)
    return (time.perf_counter() - start) / count


__all__ = ["BATCHES", "Latency", "interleaved"]
