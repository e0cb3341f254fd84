"""The decoding loop: from a model's next-token scores to whole sequences, with numpy alone.

Whatever writes tokens one after another (a translator, a captioner) has two signatures:

``encode``
    Takes the inputs, and gives ``logits``, the scores of the first token ``[batch, vocabulary]``,
    and the *state*: every other output, whatever it is called. A prompt or a start sign has its
    place in that graph.
``decode``
    Takes the whole state by the same names, and ``token``, the chosen ids ``[batch]``. It gives
    the next ``logits``, and as ``next_NAME`` each part of the state that changed: a key–value
    cache that grew by one place, or the cells of a recurrent network.

The loop knows nothing else of the model, so that Keras, onnxruntime and any architecture share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import ConfigError, Diverged, Finding
from zoo.spec import Arrays, Forward, TextSpec

LOGITS = "logits"
CHOSEN = "token"
NEXT = "next_"
ENCODE, DECODE = "encode", "decode"

MOST_BEAMS = 64
MOST_TOKENS = 100_000

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Generation:
    """What was written for each row.

    Attributes:
        tokens: Ids ``[rows, time]`` without the start sign, the end sign included, padded.
        log_probability: Of the whole sequence, its end included, in nats ``[rows]``.
        score: The log probability over its length penalty ``[rows]``: what the search maximises.
        cut: Where the end came only because the limit was reached ``[rows]``.
        steps: How often ``decode`` was called.
    """

    tokens: Ids
    log_probability: Floats
    score: Floats
    cut: npt.NDArray[np.bool_]
    steps: int


def generate(
    forwards: Mapping[str, Forward],
    inputs: Arrays,
    text: TextSpec,
    *,
    beams: int = 1,
    length_penalty: float = 0.6,
    max_tokens: int | None = None,
) -> Generation:
    """Write a sequence for each row of a batch: greedily, or by beam search.

    With one beam the likeliest token is taken at every step. With more, that many prefixes of
    each row are kept, and the finished sequence with the highest score wins: its log probability
    divided by ``((5 + n) / 6) ** length_penalty`` for ``n`` tokens (Wu et al. 2016,
    arXiv:1609.08144, equation 14), because a longer text is otherwise always less likely. The
    greedy prefix is always one of those kept, so the score is never below that of greedy decoding,
    which plain beam search does not promise.

    A row stops costing anything as soon as it is finished: when as many of its sequences have
    ended as there are beams, or when no prefix can still beat the best of them. Padding, the start
    sign and the unknown piece are never written. At the limit every prefix must end.

    Args:
        forwards: ``encode`` and ``decode``, as the module describes them.
        inputs: What ``encode`` takes, one row an example.
        text: Which ids are signs, and by default the limit: one less than ``max_length``, which
            counts the start sign.
        beams: How many prefixes of a row are kept.
        length_penalty: 0 for none; the higher, the longer the texts.
        max_tokens: The most tokens a sequence may have, its end sign included.

    Raises:
        ConfigError: If an option is out of range, or a signature is missing.
        Diverged: If a score is not a number.

    Example:
        >>> found = generate(forwards, {"source": ids}, target.text, beams=4)
        >>> decode_text(found.tokens, target.text)
    """
    limit = text.max_length - 1 if max_tokens is None else max_tokens
    _check(forwards, beams, length_penalty, limit)
    search = _Search(len(next(iter(inputs.values()))), text, beams, length_penalty, limit)
    outputs = dict(forwards[ENCODE](inputs))
    scores = _log_softmax(outputs.pop(LOGITS))
    state, steps = outputs, 0
    while True:
        parents = search.step(scores)
        if not len(parents):
            return search.result(steps)
        if not np.array_equal(parents, np.arange(len(scores))):
            state = {name: array[parents] for name, array in state.items()}
        scores, state = _ask(forwards[DECODE], state, search.last)
        steps += 1


@dataclass(frozen=True)
class Likelihood:
    """How likely a model holds given sequences.

    Attributes:
        log_probability: Of each token, given those before it, in nats ``[rows, time]``; 0 at
            padding.
        chosen: The likeliest token of each place ``[rows, time]``.
    """

    log_probability: Floats
    chosen: Ids


def likelihood(forwards: Mapping[str, Forward], inputs: Arrays, tokens: Ids) -> Likelihood:
    """Ask a model how likely it holds given sequences, by the same two signatures.

    Args:
        forwards: ``encode`` and ``decode``.
        inputs: What ``encode`` takes, one row an example.
        tokens: ``[rows, time]``, without the start sign, padded with 0 on the right.

    Raises:
        Diverged: If a score is not a number.
    """
    state = dict(forwards[ENCODE](inputs))
    scores = _log_softmax(state.pop(LOGITS))
    rows, length = tokens.shape
    found, chosen = np.zeros((rows, length)), np.zeros((rows, length), np.int32)
    here = np.arange(rows)
    for place in range(length):
        token = tokens[here, place]
        found[here, place] = scores[np.arange(len(here)), token]
        chosen[here, place] = scores.argmax(axis=1)
        going = tokens[here, place + 1] != 0 if place + 1 < length else np.zeros(len(here), bool)
        if not going.any():
            break
        if not going.all():
            here, token = here[going], token[going]
            state = {name: array[going] for name, array in state.items()}
        scores, state = _ask(forwards[DECODE], state, token)
    real = tokens != 0
    return Likelihood(np.where(real, found, 0.0), np.where(real, chosen, 0))


def length_divisor(tokens: Any, length_penalty: float) -> Any:
    """Return what a log probability is divided by (Wu et al. 2016, equation 14)."""
    return ((5.0 + np.asarray(tokens, np.float64)) / 6.0) ** length_penalty


class _Search:
    """The prefixes that are kept of every row, and the sequences that have ended.

    Attributes:
        last: The newest token of every prefix.
    """

    def __init__(
        self, rows: int, text: TextSpec, beams: int, length_penalty: float, limit: int
    ) -> None:
        self.beams, self.penalty, self.limit, self.end = beams, length_penalty, limit, text.end
        self.barred = [text.pad, text.start, text.unknown]
        self.length = 0
        self.owner = np.arange(rows)
        self.total = np.zeros(rows)
        self.greedy = np.ones(rows, bool)
        self.prefix = np.zeros((rows, limit), np.int32)
        self.last = np.zeros(rows, np.int32)
        # Of each row: the best that has ended, how many have, whether the greedy one has.
        self.best = np.full(rows, -np.inf)
        self.best_total = np.full(rows, -np.inf)
        self.best_tokens = np.zeros((rows, limit), np.int32)
        self.cut = np.zeros(rows, bool)
        self.ended = np.zeros(rows, np.int64)
        self.greedy_ended = np.zeros(rows, bool)

    def step(self, scores: Floats) -> npt.NDArray[np.int64]:
        """Extend every prefix by one token; return which old prefix each new one came from."""
        scores = scores.copy()
        scores[:, self.barred] = -np.inf
        forced = self.length + 1 == self.limit
        if forced:
            ends = scores[:, self.end].copy()
            own_way = scores.argmax(axis=1) == self.end
            scores[:] = -np.inf
            scores[:, self.end] = ends
        likeliest = scores.argmax(axis=1)
        parent, token = self._candidates(scores, likeliest)
        total = self.total[parent] + scores[parent, token]
        greedy = self.greedy[parent] & (token == likeliest[parent])
        order = np.lexsort((token, -total, self.owner[parent]))
        parent, token, total, greedy = parent[order], token[order], total[order], greedy[order]
        row = self.owner[parent]
        rank = _rank(row)
        ends_here = (token == self.end) & ((rank < self.beams) | greedy | forced)
        cut = ~own_way[parent] if forced else np.zeros(len(parent), bool)
        self.length += 1
        self._end(*(a[ends_here] for a in (parent, row, total, greedy, cut)))
        kept = (token != self.end) & np.isfinite(total) & self._open(row, total)
        parent, token, total, greedy = parent[kept], token[kept], total[kept], greedy[kept]
        row = row[kept]
        order = np.lexsort((np.arange(len(row)), ~greedy, row))
        order = order[_rank(row[order]) < self.beams]
        came: npt.NDArray[np.int64] = parent[order]
        self.prefix = self.prefix[came]
        self.last = token[order].astype(np.int32)
        self.prefix[:, self.length - 1] = self.last
        self.owner, self.total, self.greedy = row[order], total[order], greedy[order]
        return came

    def _candidates(
        self, scores: Floats, likeliest: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the extensions that can matter: of each prefix the best, one more than beams."""
        if self.beams == 1:
            return np.arange(len(scores)), likeliest
        count = min(self.beams + 1, scores.shape[1])
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        # The likeliest of equals may be missing there, and must not be.
        missing = (best != likeliest[:, None]).all(axis=1)
        best[missing, -1] = likeliest[missing]
        parent = np.repeat(np.arange(len(scores)), count)
        pairs = np.unique(np.stack([parent, best.ravel()], axis=1), axis=0)
        return pairs[:, 0], pairs[:, 1]

    def _end(self, parent: Any, row: Any, total: Any, greedy: Any, cut: Any) -> None:
        """Write down the sequences that have ended."""
        score = total / length_divisor(self.length, self.penalty)
        np.add.at(self.ended, row, 1)
        self.greedy_ended[row[greedy]] = True
        # The best of a row last, so that it is what stays.
        order = np.lexsort((score, row))
        parent, row, score, total, cut = (a[order] for a in (parent, row, score, total, cut))
        last = np.append(row[1:] != row[:-1], True) if len(row) else np.zeros(0, bool)
        better = last & (score > self.best[row])
        parent, row = parent[better], row[better]
        self.best[row], self.best_total[row] = score[better], total[better]
        self.cut[row] = cut[better]
        self.best_tokens[row] = self.prefix[parent]
        self.best_tokens[row, self.length - 1] = self.end

    def _open(self, row: Any, total: Any) -> Any:
        """Return which candidates belong to a row that is not finished."""
        reachable = np.full(len(self.best), -np.inf)
        np.maximum.at(reachable, row, total / length_divisor(self.limit, self.penalty))
        done = (self.ended >= self.beams) | (self.best >= reachable)
        found: npt.NDArray[np.bool_] = ~(done & self.greedy_ended)[row]
        return found

    def result(self, steps: int) -> Generation:
        """Return the best of every row."""
        width = max(1, int((self.best_tokens != 0).sum(axis=1).max(initial=1)))
        return Generation(self.best_tokens[:, :width], self.best_total, self.best, self.cut, steps)


def _ask(
    decode: Forward, state: Mapping[str, Any], token: Ids
) -> tuple[Floats, dict[str, npt.NDArray[Any]]]:
    """Take one step: the next scores, and the state after it."""
    given = decode({**state, CHOSEN: token.astype(np.int32, copy=False)})
    after = {name: given.get(NEXT + name, array) for name, array in state.items()}
    return _log_softmax(given[LOGITS]), after


def _log_softmax(logits: npt.NDArray[Any]) -> Floats:
    logits = np.asarray(logits, np.float64)
    if not np.isfinite(logits).all():
        raise Diverged(
            "the model's scores of the next token are not finite numbers",
            why="its weights or this input hold NaN or infinity",
            fix="train with a lower optimizer.learning_rate or with optimizer.clip_norm",
        )
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _rank(row: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the place of each element among those of its row; rows stand together."""
    places = np.arange(len(row))
    first = np.append(True, row[1:] != row[:-1]) if len(row) else np.zeros(0, bool)
    return places - np.maximum.accumulate(np.where(first, places, 0))


def _check(forwards: Mapping[str, Forward], beams: int, length_penalty: float, limit: int) -> None:
    findings = []
    for name in (ENCODE, DECODE):
        if name not in forwards:
            there = ", ".join(forwards) or "none"
            findings.append(Finding("signatures", name, f"it must be there; there are {there}"))
    if not 1 <= beams <= MOST_BEAMS:
        findings.append(Finding("beams", beams, f"from 1 to {MOST_BEAMS}"))
    if not 0 <= length_penalty <= 10:
        findings.append(Finding("length_penalty", length_penalty, "from 0 to 10"))
    if not 1 <= limit <= MOST_TOKENS:
        findings.append(Finding("max_tokens", limit, f"from 1 to {MOST_TOKENS:,}"))
    if findings:
        raise ConfigError("nothing can be generated as asked", findings=findings)


__all__ = ["Generation", "Likelihood", "generate", "length_divisor", "likelihood"]
