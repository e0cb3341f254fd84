"""CIDEr-D: how much of what people say of a picture a caption says, rare words counting most.

Vedantam, Zitnick & Parikh 2015, "CIDEr: Consensus-based image description evaluation"
(arXiv:1411.5726), section 4 and, for the D, section 4.1. For runs of n words, n from 1 to 4, a
text becomes a vector of how often it has each run, weighted by ``log(I / d)``, where ``d`` of the
``I`` pictures have a reference with the run. A caption ``c`` of a picture with references ``s_1``
to ``s_m`` gets::

    CIDEr-D_n(c) = 10 / m · Σ_j exp(-(|c| - |s_j|)² / 2σ²) · min(g(c), g(s_j)) · g(s_j)
                                                            / (‖g(c)‖ ‖g(s_j)‖)

with σ = 6, and the mean over n is its score: from 0 to 10. ``min`` keeps a caption from gaining by
saying a word again and again, and the Gaussian from gaining by its length.

As in the code that captions of COCO are compared with (pycocoevalcap), the counts are not divided
by their sum, a run that no reference has counts as if one picture had it, and words are not
stemmed. Words are those of :func:`zoo.runtime.text.words` in lower case, without punctuation, where
that code has the tokenizer of the Penn Treebank: figures may differ a little from published ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 4
"""Words of the longest runs that are compared."""

SIGMA = 6.0
"""How many words a text may be longer or shorter than a reference before it costs much."""

_Run = tuple[str, ...]
_Vector = dict[_Run, float]


def cider_d(written: Sequence[str], references: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Return the score of each caption, from 0 to 10; that of the whole corpus is their mean.

    How rare a run is, is counted in these references. Of a single picture, or where all references
    are the same, no run is rare, and every score is 0.

    Args:
        written: One caption a picture.
        references: What it might have been: one text a picture, or several.

    Example:
        >>> cider_d(["a red door"], [["a red door", "a door"]])
        array([0.])
    """
    import numpy as np

    said = [_counts(text) for text in written]
    meant = [[_counts(text) for text in texts] for texts in references]
    pictures = Counter(run for texts in meant for run in {run for text in texts for run in text})
    every = math.log(max(1, len(references)))
    weights = {run: every - math.log(count) for run, count in pictures.items()}

    def vector(counts: Counter[_Run]) -> tuple[list[_Vector], list[float], int]:
        parts: list[_Vector] = [{} for _ in range(LONGEST)]
        for run, count in counts.items():
            parts[len(run) - 1][run] = count * weights.get(run, every)
        lengths = [math.sqrt(sum(x * x for x in part.values())) for part in parts]
        return parts, lengths, sum(count for run, count in counts.items() if len(run) == 1)

    scores = []
    for text, texts in zip(said, meant, strict=True):
        mine = vector(text)
        total = sum(_likeness(mine, vector(other)) for other in texts)
        scores.append(10 * total / (LONGEST * len(texts)))
    return np.array(scores)


def _counts(text: str) -> Counter[_Run]:
    """Return how often a text has each run of one to four words."""
    from zoo.runtime.text import normal, words

    cut = [word for word in words(normal(text, lowercase=True)) if any(map(str.isalnum, word))]
    return Counter(
        tuple(cut[place : place + n])
        for n in range(1, LONGEST + 1)
        for place in range(len(cut) - n + 1)
    )


def _likeness(
    mine: tuple[list[_Vector], list[float], int], other: tuple[list[_Vector], list[float], int]
) -> float:
    """Return the sum over n of the clipped cosines, each shrunk by the difference in length."""
    found = 0.0
    for left, right, one, two in zip(mine[0], other[0], mine[1], other[1], strict=True):
        if one and two:
            both = sum(min(left.get(run, 0.0), x) * x for run, x in right.items())
            found += both / (one * two)
    return found * math.exp(-((mine[2] - other[2]) ** 2) / (2 * SIGMA**2))


__all__ = ["LONGEST", "SIGMA", "cider_d"]
