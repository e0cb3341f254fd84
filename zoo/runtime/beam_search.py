"""Beam search: the beginnings that are kept of every row, and the texts that have ended.

There is one search. What searches do differently is a :class:`Rule`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zoo.errors import Diverged
from zoo.spec import TextSpec

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]


def length_divisor(tokens: float, length_penalty: float) -> float:
    """Return what a log probability is divided by (Wu et al. 2016, equation 14)."""
    return float(((5.0 + tokens) / 6.0) ** length_penalty)


def plain_divisor(tokens: float, length_penalty: float) -> float:
    """Return what a log probability is divided by where nothing is added to the length."""
    return float(tokens**length_penalty)


@dataclass(frozen=True)
class Rule:
    """What searches do differently.

    Attributes:
        length_penalty: The exponent of the length, where none is given.
        divisor: From tokens written, the end sign included, and that exponent to what the log
            probability of a text is divided by.
        signs: Whether padding, the start sign and the unknown piece may be written.
        greedy: Whether the beginning that greedy decoding writes is always among those kept.
        forced: Whether a text that reaches the limit must end there. Otherwise it is taken as it
            is, without an end sign, and competes with those that have ended.
        stop: When a row is finished. ``full``: as soon as as many of its texts have ended as there
            are beams. ``hopeless``: likewise, or once no beginning can beat the best of them, even
            if everything until the limit were certain. ``beaten``: once so many have ended and the
            best beginning, divided by its length so far, does not beat the worst of them.
    """

    length_penalty: float
    divisor: Callable[[float, float], float]
    signs: bool
    greedy: bool
    forced: bool
    stop: Literal["full", "hopeless", "beaten"]


OURS = Rule(0.6, length_divisor, signs=False, greedy=True, forced=True, stop="hopeless")
"""Never worse than greedy decoding, and every text ends."""

REFERENCE = Rule(1.0, plain_divisor, signs=True, greedy=False, forced=False, stop="beaten")
"""Token for token what ``generate(num_beams=n)`` of the package transformers 5 writes.

With ``stop="full"`` it is that of ``early_stopping=True``, with one beam greedy decoding.
"""


class Search:
    """The beginnings that are kept of every row, and the best text of each that has ended.

    Args:
        rows: How many texts are written.
        text: Which ids are signs.
        beams: How many beginnings of a row are kept.
        length_penalty: See :class:`Rule`.
        limit: The most tokens of a text, the end sign included.
        rule: How it searches.

    Attributes:
        last: The newest token of every beginning.
    """

    def __init__(
        self,
        rows: int,
        text: TextSpec,
        *,
        beams: int,
        length_penalty: float,
        limit: int,
        rule: Rule,
    ) -> None:
        self.rule, self.beams, self.penalty, self.limit = rule, beams, length_penalty, limit
        self.end = text.end
        self.barred = [] if rule.signs else [text.pad, text.start, text.unk]
        self.length = 0
        self.owner = np.arange(rows)
        self.total = np.zeros(rows)
        self.greedy = np.full(rows, rule.greedy)
        self.prefix = np.full((rows, limit), text.pad, np.int32)
        self.last = np.zeros(rows, np.int32)
        # Of each row the scores of the best that have ended, in rising order, and the best itself.
        self.scores = np.full((rows, beams), -np.inf)
        self.best_total = np.full(rows, -np.inf)
        self.best_tokens = np.full((rows, limit), text.pad, np.int32)
        self.best_length = np.ones(rows, np.int64)
        self.cut = np.zeros(rows, bool)
        self.greedy_ended = np.full(rows, not rule.greedy)

    def step(self, logits: npt.NDArray[Any]) -> Places:
        """Extend every beginning by one token.

        Args:
            logits: ``[beginnings, vocabulary]``.

        Returns:
            Which old beginning each new one came from; empty once every row is finished.

        Raises:
            Diverged: If a score is not a number.
        """
        scores, weight = weighed(logits)
        at_limit = self.length + 1 == self.limit
        forced = at_limit and self.rule.forced
        if self.barred or forced:
            scores = scores.copy()
            scores[:, self.barred] = -np.inf
        if forced:
            ends = scores[:, self.end].copy()
            own_way = scores.argmax(axis=1) == self.end
            scores[:] = -np.inf
            scores[:, self.end] = ends
        likeliest = scores.argmax(axis=1)
        parent, token = self._candidates(scores, likeliest)
        total = self.total[parent] + (scores[parent, token].astype(np.float64) - weight[parent])
        greedy = self.greedy[parent] & (token == likeliest[parent])
        order = np.lexsort((token, -total, self.owner[parent]))
        order = order[np.isfinite(total[order])]
        parent, token, total, greedy = parent[order], token[order], total[order], greedy[order]
        row = self.owner[parent]
        self.length += 1
        ended = token == self.end
        cut = ~own_way[parent] if forced else ~ended & at_limit
        ended |= at_limit
        counts = ended & ((_rank(row) < self.beams) | greedy | forced)
        if counts.any():
            self._end(*(a[counts] for a in (parent, row, token, total, greedy, cut)))
        kept = ~ended & self._open(row, np.where(ended, -np.inf, total))
        parent, token, total, greedy = parent[kept], token[kept], total[kept], greedy[kept]
        row = row[kept]
        order = np.lexsort((np.arange(len(row)), ~greedy, row))
        order = order[_rank(row[order]) < self.beams]
        came: Places = parent[order]
        self.prefix = self.prefix[came]
        self.last = token[order].astype(np.int32)
        self.prefix[:, self.length - 1] = self.last
        self.owner, self.total, self.greedy = row[order], total[order], greedy[order]
        return came

    def _candidates(
        self, scores: npt.NDArray[Any], likeliest: Places
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the extensions that can matter: of each beginning the best, one more than beams.

        One of them may be the end; as many as there are beams then still go on.
        """
        if self.beams == 1:
            return np.arange(len(scores)), likeliest
        count = min(self.beams + 1, scores.shape[1])
        best = highest(scores, count)
        # The likeliest of equals may be missing there, and must not be.
        missing = (best != likeliest[:, None]).all(axis=1)
        best[missing, 0] = likeliest[missing]
        parent = np.repeat(np.arange(len(scores)), count)
        return parent, best.ravel()

    def _end(self, parent: Any, row: Any, token: Any, total: Any, greedy: Any, cut: Any) -> None:
        """Write down the texts that have ended."""
        score = total / self.rule.divisor(self.length, self.penalty)
        self.greedy_ended[row[greedy]] = True
        # The best of a row last, so that it is what stays.
        order = np.lexsort((score, row))
        parent, row, token, score, total, cut = (
            a[order] for a in (parent, row, token, score, total, cut)
        )
        better = np.append(row[1:] != row[:-1], True) & (score > self.scores[row, -1])
        place = _rank(row)
        ended = np.full((len(self.scores), int(place.max()) + 1), -np.inf)
        ended[row, place] = score
        merged = np.sort(np.concatenate([self.scores, ended], axis=1), axis=1)
        self.scores = merged[:, -self.beams :]
        parent, row = parent[better], row[better]
        self.best_total[row], self.best_length[row] = total[better], self.length
        self.cut[row] = cut[better]
        self.best_tokens[row] = self.prefix[parent]
        self.best_tokens[row, self.length - 1] = token[better]

    def _open(self, row: Any, total: Any) -> Any:
        """Return which candidates belong to a row that is not finished."""
        stop, best, worst = self.rule.stop, self.scores[:, -1], self.scores[:, 0]
        full = np.isfinite(worst)
        length = self.limit if stop == "hopeless" else self.length
        reachable = np.full(len(best), -np.inf)
        np.maximum.at(reachable, row, total / self.rule.divisor(length, self.penalty))
        if stop == "hopeless":
            full |= best >= reachable
        elif stop == "beaten":
            full &= worst >= reachable
        found: npt.NDArray[np.bool_] = ~(full & self.greedy_ended)[row]
        return found

    @property
    def score(self) -> Floats:
        """The highest score of each row."""
        return self.scores[:, -1]

    @property
    def tokens(self) -> Ids:
        """The best text of each row, padded on the right to the longest."""
        return self.best_tokens[:, : int(self.best_length.max(initial=1))]


def highest(scores: npt.NDArray[Any], count: int) -> Places:
    """Return the places of the highest scores of each row; the lowest of them stands first.

    Args:
        scores: ``[rows, vocabulary]``.
        count: How many of a row.
    """
    rows, size = scores.shape
    width = math.isqrt(size)
    blocks = size // width
    if blocks <= count:
        return np.argpartition(scores, -count, axis=1)[:, -count:]
    # As many blocks as there are places hold them all: a tenth of the time for a vocabulary.
    tops = scores[:, : blocks * width].reshape(rows, blocks, width).max(axis=2)
    chosen = np.argpartition(tops, -count, axis=1)[:, -count:]
    places = (chosen[:, :, None] * width + np.arange(width)).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(blocks * width, size), (rows, size - blocks * width))
    places = np.concatenate([places, rest], axis=1)
    best = np.argpartition(np.take_along_axis(scores, places, axis=1), -count, axis=1)
    return np.take_along_axis(places, best[:, -count:], axis=1)


def weighed(logits: npt.ArrayLike) -> tuple[npt.NDArray[Any], Floats]:
    """Return scores as floats, and what to take from those of each row for log probabilities.

    Args:
        logits: ``[rows, vocabulary]``.

    Raises:
        Diverged: If a score is not a number.
    """
    scores = np.asarray(logits)
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    if not np.isfinite(scores).all():
        raise Diverged(
            "the model's scores of the next token are not finite numbers",
            why="its weights or this input hold NaN or infinity",
            fix="train with a lower optimizer.learning_rate or with optimizer.global_clipnorm",
        )
    top = scores.max(axis=1, keepdims=True)
    # In the scores' own type: a vocabulary of 30,000 in float64 costs as much as a small model.
    spread = np.exp(scores - top).sum(axis=1)
    return scores, top[:, 0].astype(np.float64) + np.log(spread.astype(np.float64))


def _rank(row: Places) -> Places:
    """Return the place of each element among those of its row; rows stand together."""
    places = np.arange(len(row))
    first = np.append(True, row[1:] != row[:-1]) if len(row) else np.zeros(0, bool)
    return places - np.maximum.accumulate(np.where(first, places, 0))


__all__ = [
    "OURS",
    "REFERENCE",
    "Rule",
    "Search",
    "highest",
    "length_divisor",
    "plain_divisor",
    "weighed",
]
