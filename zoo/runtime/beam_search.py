"""Beam search over next-token scores: the hypotheses of every row, and the finished texts."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zoo.errors import Diverged
from zoo.spec import TextSpec

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]

Style = Literal["zoo", "transformers"]
"""Rules of the search.

``zoo``
    Never worse than greedy decoding, whose hypothesis is always kept; special tokens but the end
    are never written; every text ends, at the limit by force; a row is finished once as many of
    its texts have ended as there are beams, or no hypothesis can beat the best of them. Lengths
    count by ``((5 + n) / 6) ** length_penalty`` (Wu et al. 2016, arXiv:1609.08144, equation 14).
``transformers``
    Token for token what ``generate(num_beams=n)`` of the package transformers 5 writes: any token
    may be written; a text at the limit is taken as it is; a row is finished once as many texts
    have ended as there are beams and the best hypothesis does not beat the worst of them. Lengths
    count by ``n ** length_penalty``.
"""

LENGTH_PENALTY: dict[Style, float] = {"zoo": 0.6, "transformers": 1.0}
"""Default exponent of the length."""


def length_divisor(tokens: float, length_penalty: float, style: Style = "zoo") -> float:
    """Return what a log probability is divided by: a longer text is otherwise less likely."""
    return float(((5.0 + tokens) / 6.0 if style == "zoo" else tokens) ** length_penalty)


class BeamSearch:
    """The hypotheses of every row, and the best finished text of each.

    Args:
        rows: Number of texts.
        text: Spec of the text, with its special tokens.
        beams: Hypotheses kept per row; with 1 it is greedy decoding.
        limit: The most tokens of a text, the end token included.
        length_penalty: Exponent of the length; that of the style by default.
        style: Rules of the search: see :data:`Style`.
        early_stopping: Whether a row is finished as soon as as many of its texts have ended as
            there are beams.

    Attributes:
        last: Newest token of every hypothesis.
        cut: Whether the best text of each row reached the limit.
    """

    def __init__(
        self,
        rows: int,
        text: TextSpec,
        *,
        beams: int,
        limit: int,
        length_penalty: float | None = None,
        style: Style = "zoo",
        early_stopping: bool = False,
    ) -> None:
        self.style, self.beams, self.limit = style, beams, limit
        self.penalty = LENGTH_PENALTY[style] if length_penalty is None else length_penalty
        self.early_stopping = early_stopping
        self.end = text.end
        self.barred = [text.pad, text.start, text.unk] if style == "zoo" else []
        self.length = 0
        self.owner = np.arange(rows)
        self.total = np.zeros(rows)
        self.greedy = np.full(rows, style == "zoo")
        self.prefix = np.full((rows, limit), text.pad, np.int32)
        self.last = np.zeros(rows, np.int32)
        # Scores of the best finished texts of each row, in rising order, and the best itself.
        self.scores = np.full((rows, beams), -np.inf)
        self.best_total = np.full(rows, -np.inf)
        self.best_tokens = np.full((rows, limit), text.pad, np.int32)
        self.best_length = np.ones(rows, np.int64)
        self.cut = np.zeros(rows, bool)
        self.greedy_ended = np.full(rows, style != "zoo")

    def step(self, logits: npt.NDArray[Any]) -> Places:
        """Extend every hypothesis by one token.

        Args:
            logits: ``[hypotheses, vocabulary]``.

        Returns:
            The old hypothesis of each new one; empty once every row is finished.

        Raises:
            Diverged: If a score is not a number.
        """
        scores, normalizer = log_normalizer(logits)
        at_limit = self.length + 1 == self.limit
        forced = at_limit and self.style == "zoo"
        if self.barred:
            scores = scores.copy()
            scores[:, self.barred] = -np.inf
        if forced:
            ends = scores[:, self.end].copy()
            ends_itself = scores.argmax(axis=1) == self.end
            scores[:] = -np.inf
            scores[:, self.end] = ends
        likeliest = scores.argmax(axis=1)
        parent, token = self._candidates(scores, likeliest)
        total = self.total[parent] + (scores[parent, token].astype(np.float64) - normalizer[parent])
        greedy = self.greedy[parent] & (token == likeliest[parent])
        order = np.lexsort((token, -total, self.owner[parent]))
        order = order[np.isfinite(total[order])]
        parent, token, total, greedy = parent[order], token[order], total[order], greedy[order]
        row = self.owner[parent]
        self.length += 1
        ended = token == self.end
        cut = ~ends_itself[parent] if forced else ~ended & at_limit
        ended |= at_limit
        counts = ended & ((_rank(row) < self.beams) | greedy | forced)
        if counts.any():
            self._finish(*(a[counts] for a in (parent, row, token, total, greedy, cut)))
        kept = ~ended & self._open(row, np.where(ended, -np.inf, total))
        parent, token, total, greedy = parent[kept], token[kept], total[kept], greedy[kept]
        row = row[kept]
        order = np.lexsort((np.arange(len(row)), ~greedy, row))
        order = order[_rank(row[order]) < self.beams]
        parents: Places = parent[order]
        self.prefix = self.prefix[parents]
        self.last = token[order].astype(np.int32)
        self.prefix[:, self.length - 1] = self.last
        self.owner, self.total, self.greedy = row[order], total[order], greedy[order]
        return parents

    def _candidates(
        self, scores: npt.NDArray[Any], likeliest: Places
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the extensions that can matter: the best of each hypothesis, one more than beams.

        One of them may be the end; as many as there are beams then still go on.
        """
        if self.beams == 1:
            return np.arange(len(scores)), likeliest
        count = min(self.beams + 1, scores.shape[1])
        best = np.argpartition(scores, -count, axis=1)[:, -count:]
        # Among equal scores the likeliest token may be missing there, and must not be.
        missing = (best != likeliest[:, None]).all(axis=1)
        best[missing, 0] = likeliest[missing]
        parent = np.repeat(np.arange(len(scores)), count)
        return parent, best.ravel()

    def _finish(self, parent: Any, row: Any, token: Any, total: Any, greedy: Any, cut: Any) -> None:
        """Record the texts that have ended."""
        score = total / length_divisor(self.length, self.penalty, self.style)
        self.greedy_ended[row[greedy]] = True
        # The best of a row last, so that it is what stays.
        order = np.lexsort((score, row))
        parent, row, token, score, total, cut = (
            a[order] for a in (parent, row, token, score, total, cut)
        )
        better = np.append(row[1:] != row[:-1], True) & (score > self.scores[row, -1])
        rank = _rank(row)
        ended = np.full((len(self.scores), int(rank.max()) + 1), -np.inf)
        ended[row, rank] = score
        merged = np.sort(np.concatenate([self.scores, ended], axis=1), axis=1)
        self.scores = merged[:, -self.beams :]
        parent, row = parent[better], row[better]
        self.best_total[row], self.best_length[row] = total[better], self.length
        self.cut[row] = cut[better]
        self.best_tokens[row] = self.prefix[parent]
        self.best_tokens[row, self.length - 1] = token[better]

    def _open(self, row: Any, total: Any) -> Any:
        """Return which candidates belong to a row that is not finished."""
        best, worst = self.scores[:, -1], self.scores[:, 0]
        finished = np.isfinite(worst)
        if not self.early_stopping:
            # The zoo's bound assumes that everything until the limit is certain.
            length = self.limit if self.style == "zoo" else self.length
            reachable = np.full(len(best), -np.inf)
            score = total / length_divisor(length, self.penalty, self.style)
            np.maximum.at(reachable, row, score)
            if self.style == "zoo":
                finished |= best >= reachable
            else:
                finished &= worst >= reachable
        is_open: npt.NDArray[np.bool_] = ~(finished & self.greedy_ended)[row]
        return is_open

    @property
    def score(self) -> Floats:
        """Highest score of each row."""
        return self.scores[:, -1]

    @property
    def tokens(self) -> Ids:
        """Best text of each row, padded on the right to the longest."""
        return self.best_tokens[:, : int(self.best_length.max(initial=1))]


def log_normalizer(logits: npt.ArrayLike) -> tuple[npt.NDArray[Any], Floats]:
    """Return logits as floats, and the log of each row's normalizer.

    Args:
        logits: ``[rows, vocabulary]``.

    Returns:
        The scores, and what to subtract from each row for log probabilities.

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
    # In the scores' own type: 30,000 tokens in float64 cost as much as a small model.
    spread = np.exp(scores - top).sum(axis=1)
    return scores, top[:, 0].astype(np.float64) + np.log(spread.astype(np.float64))


def _rank(row: Places) -> Places:
    """Return the rank of each element within its row; rows are contiguous."""
    places = np.arange(len(row))
    first = np.append(True, row[1:] != row[:-1]) if len(row) else np.zeros(0, bool)
    return places - np.maximum.accumulate(np.where(first, places, 0))
