"""How near written texts come to what was meant: what every model that writes is measured by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError
from zoo.metrics.intervals import bootstrap_sums, wilson
from zoo.metrics.results import Score
from zoo.metrics.scores import ScoreInfo, register_score
from zoo.spec import Arrays, DataSpec, PredictFn, Split, TensorSpec, TextSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def text_tensor(data: DataSpec, tensors: Sequence[TensorSpec], why: str) -> TensorSpec:
    """Return the first tensor that is a text.

    Args:
        data: What the tensors are of.
        tensors: Where to look.
        why: What the text is needed for, for the error.

    Raises:
        ConfigError: If there is none.
    """
    for tensor in tensors:
        if tensor.text is not None:
            return tensor
    raise ConfigError(
        f"the data {data.id!r} has no text to write",
        why=why,
        fix="evaluate on the data that the model was built for",
    )


def text_spec(tensor: TensorSpec) -> TextSpec:
    """Return how the text of a tensor becomes ids.

    Raises:
        TypeError: If it is no text.
    """
    if tensor.text is None:
        raise TypeError(f"expected a text. Received: {tensor.name}")
    return tensor.text


def true_texts(
    split: Split, positions: NDArray[np.int64], target: TensorSpec, ids: NDArray[Any]
) -> list[str]:
    """Return the references as they were written, where the split still knows, else as decoded."""
    from zoo.runtime.text import decode_text, normal

    text = text_spec(target)
    raw = getattr(split, "texts", {}).get(target.name)
    if raw is None:
        return decode_text(ids, text)
    return [normal(raw[place], lowercase=text.lowercase) for place in positions.tolist()]


def told_right(
    predict_fns: Mapping[str, PredictFn], inputs: Arrays, ids: NDArray[Any]
) -> NDArray[np.float64]:
    """Return how many tokens of each text get the highest score, and how many there are.

    Args:
        predict_fns: ``encode`` and ``decode``.
        inputs: What ``encode`` takes, one row an example.
        ids: The true texts, their start sign included; each token is asked given the true ones
            before it. Padding never counts.

    Shapes:
        ids: ``[examples, time]``
        Returns ``[examples, 2]``.
    """
    import numpy as np

    from zoo.runtime.decoding import likelihood

    said = ids[:, 1:]
    # Columns of padding alone change nothing, and cost a step each.
    said = said[:, : max(1, int((said != 0).sum(axis=1).max()))]
    told = likelihood(predict_fns, inputs, said, start=int(ids[0, 0]))
    right = ((told.chosen == said) & (said != 0)).sum(axis=1)
    return np.stack([right, (said != 0).sum(axis=1)], axis=1).astype(np.float64)


def token_accuracy(counts: NDArray[np.float64]) -> Score:
    """Return the share of tokens that get the highest score, from :func:`told_right`."""
    import numpy as np

    return score(
        float(counts[:, 0].sum() / counts[:, 1].sum()),
        bootstrap_sums(counts, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)),
    )


def share(right: NDArray[np.bool_]) -> Score:
    """Return how often something is so, with the Wilson (1927) interval."""
    hits = int(right.sum())
    return score(hits / len(right), wilson(hits, len(right)))


def corpus_scores(written: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
    """Return ``bleu`` and ``chrf`` with their intervals; nothing where sacrebleu is not installed.

    Args:
        written: One text an example.
        references: What it might have been: one text an example, or several.
    """
    import numpy as np

    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ImportError:
        return {}
    most = max(map(len, references))
    # sacrebleu reads them rank by rank; a text with fewer has nothing at the last ones.
    ranks = [[ref[n] if n < len(ref) else None for ref in references] for n in range(most)]
    found = {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        # What sacrebleu's own significance tests resample; it has no public name there.
        rows = np.asarray(metric._extract_corpus_statistics(written, ranks), np.float64)  # noqa: SLF001
        value = _from_sums(metric)
        found[name] = score(float(value(rows.sum(axis=0)[None])[0]), bootstrap_sums(rows, value))
    return found


def score(value: float, interval: tuple[float, float] | None) -> Score:
    """Return a number with its interval, if it has one."""
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high)


def _from_sums(metric: Any) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def value(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        whole = sums.astype(np.int64).tolist()
        return np.array([metric._compute_score_from_stats(row).score for row in whole])  # noqa: SLF001

    return value


for _info in (
    ScoreInfo(
        "exact_match",
        "Exact match",
        "Texts that are the reference to the letter.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "bleu",
        "BLEU",
        "Runs of up to four words that the reference has too, of the whole corpus: 100 is the "
        "reference itself.",
        higher_is_better=True,
        high=100.0,
    ),
    ScoreInfo(
        "chrf",
        "chrF",
        "Runs of up to six characters that both have: kinder to a wrong ending than BLEU.",
        higher_is_better=True,
        high=100.0,
    ),
    ScoreInfo(
        "token_accuracy",
        "Token accuracy",
        "Next tokens that are right, given the true ones before them; padding does not count.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
):
    register_score(_info)

__all__ = [
    "corpus_scores",
    "score",
    "share",
    "text_spec",
    "text_tensor",
    "token_accuracy",
    "told_right",
    "true_texts",
]
