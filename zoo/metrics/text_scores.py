"""Scores of generated text: exact match, BLEU, chrF, token accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError
from zoo.metrics.intervals import bootstrap_sums
from zoo.metrics.results import Score
from zoo.spec import Arrays, DataSpec, PredictFn, Split, TensorSpec, TextSpec


def text_tensor(data: DataSpec, tensors: Sequence[TensorSpec], why: str) -> TensorSpec:
    """Return the first tensor that is a text.

    Args:
        data: Spec of the data, for the error message.
        tensors: Where to look.
        why: Why a text is needed, for the error message.

    Raises:
        ConfigError: If there is none.
    """
    for tensor in tensors:
        if tensor.text is not None:
            return tensor
    raise ConfigError(
        f"the data {data.id!r} has no text to generate",
        why=why,
        fix="evaluate on the data that the model was built for",
    )


def text_spec(tensor: TensorSpec) -> TextSpec:
    """Return the text spec of a tensor.

    Raises:
        TypeError: If it is no text.
    """
    if tensor.text is None:
        raise TypeError(f"expected a text. Received: {tensor.name}")
    return tensor.text


def reference_texts(
    split: Split, positions: NDArray[np.int64], target: TensorSpec, ids: NDArray[Any]
) -> list[str]:
    """Return the original reference texts where the split has kept them, else the decoded ids."""
    from zoo.runtime.text import decode_text, normal

    text = text_spec(target)
    original = getattr(split, "texts", {}).get(target.name)
    if original is None:
        return decode_text(ids, text)
    return [normal(original[place], lowercase=text.lowercase) for place in positions.tolist()]


def count_correct_tokens(
    predict_fns: Mapping[str, PredictFn], inputs: Arrays, ids: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the number of correctly predicted tokens of each text, and of all its tokens.

    Args:
        predict_fns: ``encode`` and ``decode``.
        inputs: Inputs of ``encode``.
        ids: Reference texts with their start token; each token is predicted from the true ones
            before it (teacher forcing). Padding never counts.

    Shapes:
        ids: ``[examples, time]``
        Returns: ``[examples, 2]``
    """
    from zoo.runtime.decoding import likelihood

    tokens = ids[:, 1:]
    # Columns of padding alone change nothing, and cost a step each.
    tokens = tokens[:, : max(1, int((tokens != 0).sum(axis=1).max()))]
    found = likelihood(predict_fns, inputs, tokens, start=int(ids[0, 0]))
    right = ((found.chosen == tokens) & (tokens != 0)).sum(axis=1)
    return np.stack([right, (tokens != 0).sum(axis=1)], axis=1).astype(np.float64)


def token_accuracy(counts: NDArray[np.float64]) -> Score:
    """Return the share of correct tokens, from :func:`count_correct_tokens`."""
    return Score.of(
        counts[:, 0].sum() / counts[:, 1].sum(),
        bootstrap_sums(counts, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)),
    )


def corpus_scores(texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
    """Return corpus BLEU and chrF of sacrebleu; nothing where it is not installed.

    Args:
        texts: One generated text per example.
        references: The reference texts of each example, one or several.
    """
    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ImportError:
        return {}
    most = max(map(len, references))
    # sacrebleu reads one stream per rank; a text with fewer references has None at the last ones.
    streams = [[refs[n] if n < len(refs) else None for refs in references] for n in range(most)]
    found = {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        # The statistics that sacrebleu's own significance tests resample have no public name.
        rows = np.asarray(metric._extract_corpus_statistics(texts, streams), np.float64)  # noqa: SLF001
        value = _from_sums(metric)
        found[name] = Score.of(value(rows.sum(axis=0)[None])[0], bootstrap_sums(rows, value))
    return found


def _from_sums(metric: Any) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def value(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = sums.astype(np.int64).tolist()
        return np.array([metric._compute_score_from_stats(row).score for row in whole])  # noqa: SLF001

    return value


def spread(right: NDArray[np.bool_], wanted: bool, most: int) -> list[int]:
    """Return a few positions of right or of wrong texts, evenly spaced."""
    places = np.flatnonzero(right == wanted)
    chosen: list[int] = places[
        np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)
    ].tolist()
    return chosen
