"""CIDEr-D: consensus of a caption with its references, rare n-grams counting most.

Vedantam, Zitnick & Parikh 2015, "CIDEr: Consensus-based image description evaluation"
(arXiv:1411.5726), section 4 and, for the D, section 4.1. For n-grams of words, n from 1 to 4, a
text becomes a vector of counts, weighted by ``log(I / d)``, where ``d`` of the ``I`` images have a
reference with the n-gram. A caption ``c`` of an image with references ``s_1`` to ``s_m`` gets::

    CIDEr-D_n(c) = 10 / m · Σ_j exp(-(|c| - |s_j|)² / 2σ²) · min(g(c), g(s_j)) · g(s_j)
                                                            / (‖g(c)‖ ‖g(s_j)‖)

with σ = 6, and the mean over n is its score: from 0 to 10. ``min`` keeps a caption from gaining by
repeating a word, and the Gaussian from gaining by its length.

As in the code that captions of COCO are compared with (pycocoevalcap), the counts are not divided
by their sum, an n-gram that no reference has counts as if one image had it, and words are not
stemmed. Words are those of :func:`zoo.runtime.text.split_words` in lower case, without punctuation,
where that code has the tokenizer of the Penn Treebank: figures may differ a little from published
ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST = 4
"""Largest n."""

SIGMA = 6.0
"""Width of the length penalty, in words."""

_Run = tuple[str, ...]
_Vector = dict[_Run, float]


def cider_d(captions: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Return the score of each caption, from 0 to 10; that of the whole corpus is their mean.

    Document frequencies are those of these references. With a single image, or where all references
    are the same, no n-gram is rare, and every score is 0.

    Args:
        captions: One caption per image.
        references: One or several references per image.

    Example:
        >>> cider_d(["a red door"], [["a red door", "a door"]])
        array([0.])
    """
    counted = [_counts(text) for text in captions]
    meant = [[_counts(text) for text in texts] for texts in references]
    images = Counter(run for texts in meant for run in {run for text in texts for run in text})
    every = math.log(max(1, len(references)))
    weights = {run: every - math.log(count) for run, count in images.items()}

    def vector(counts: Counter[_Run]) -> tuple[list[_Vector], list[float], int]:
        parts: list[_Vector] = [{} for _ in range(LONGEST)]
        for run, count in counts.items():
            parts[len(run) - 1][run] = count * weights.get(run, every)
        lengths = [math.sqrt(sum(x * x for x in part.values())) for part in parts]
        return parts, lengths, sum(count for run, count in counts.items() if len(run) == 1)

    scores = []
    for text, texts in zip(counted, meant, strict=True):
        mine = vector(text)
        total = sum(_similarity(mine, vector(other)) for other in texts)
        scores.append(10 * total / (LONGEST * len(texts)))
    return np.array(scores)


def _counts(text: str) -> Counter[_Run]:
    """Return how often a text has each n-gram."""
    from zoo.runtime.text import normalize, split_words

    tokens = split_words(normalize(text, lowercase=True))
    cut = [word for word in tokens if any(map(str.isalnum, word))]
    return Counter(
        tuple(cut[place : place + n])
        for n in range(1, LONGEST + 1)
        for place in range(len(cut) - n + 1)
    )


def _similarity(
    mine: tuple[list[_Vector], list[float], int], other: tuple[list[_Vector], list[float], int]
) -> float:
    """Return the sum over n of the clipped cosines, each shrunk by the difference in length."""
    found = 0.0
    for left, right, one, two in zip(mine[0], other[0], mine[1], other[1], strict=True):
        if one and two:
            both = sum(min(left.get(run, 0.0), x) * x for run, x in right.items())
            found += both / (one * two)
    return found * math.exp(-((mine[2] - other[2]) ** 2) / (2 * SIGMA**2))
