"""Translation metrics: exact match, BLEU, chrF, token accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.figures import Table
from zoo.metrics.outputs import Batch, iterate_batches
from zoo.metrics.results import Evaluation
from zoo.metrics.text_scores import (
    GeneratedTexts,
    count_correct_tokens,
    reference_texts,
    spread,
    text_spec,
    text_tensor,
    token_accuracy,
)
from zoo.spec import DataSpec, PredictFn, Split, Task, TensorSpec

SHOWN = 8
"""How many right and how many wrong translations a report shows."""

_WHY = "a translation has a source text and a target text"


@dataclass
class _Translations(GeneratedTexts):
    """Translations with their sources."""

    sources: list[str] = field(default_factory=list)
    tokens: list[NDArray[np.float64]] = field(default_factory=list)


def evaluate_translation(
    predict_fns: Mapping[str, PredictFn],
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
    beams: int = 1,
) -> Evaluation:
    """Evaluate the text that a model generates for each source against its reference.

    ``exact_match`` is the share of texts identical to the reference, with the Wilson (1927)
    interval. ``bleu`` (Papineni et al. 2002) and ``chrf`` (chrF2; Popović 2015), both of the whole
    corpus and from 0 to 100, are sacrebleu's with its defaults (Post 2018), and are left out
    where sacrebleu is not installed. ``token_accuracy`` is the share of the reference's tokens, its
    end included, that get the highest score given the true ones before them; padding never counts.
    These three have a seeded bootstrap interval over texts (Koehn 2004). For targets that are split
    into subwords ``bleu`` is the headline; otherwise ``exact_match``.

    Args:
        predict_fns: ``encode`` and ``decode``: see :mod:`zoo.runtime.decoding`.
        split: The examples; a target has its start and end tokens.
        data: Their spec.
        reference: The training split; ``None`` asks for the scores alone, without figures.
        batch_size: Sources at a time. Affects the speed only.
        beams: Width of the beam search; 1 is greedy.

    Raises:
        ConfigError: If the model has no such signatures, or the data no text.
        DataError: If the split is empty.
        Diverged: If a score is not finite.

    Example:
        >>> data = zoo.dataset("numbers_en_es", max_examples=20)
        >>> predict_fns = zoo.open_predictor("exports/transformer/1").predict_fns
        >>> evaluate_translation(predict_fns, data.split("test"), data.spec).headline
        'exact_match'
    """
    source, target = (text_tensor(data, side, _WHY) for side in (data.inputs, data.targets))
    found = _Translations()
    for batch in iterate_batches(split, data, batch_size):
        _translate(predict_fns, split, batch, (source, target), beams, found)
    scores = {"exact_match": found.exact_match(), **found.corpus_scores()}
    if text_spec(target).split == "subwords" and "bleu" in scores:
        scores = {name: scores[name] for name in ("bleu", "chrf", "exact_match")}
    scores["token_accuracy"] = token_accuracy(np.concatenate(found.tokens))
    return Evaluation(
        task=Task.SEQUENCE_TO_SEQUENCE,
        examples=len(split),
        scores=scores,
        figures=() if reference is None else (_table(found),),
    )


def _translate(
    predict_fns: Mapping[str, PredictFn],
    split: Split,
    batch: Batch,
    specs: tuple[TensorSpec, TensorSpec],
    beams: int,
    found: _Translations,
) -> None:
    from zoo.runtime.text import decode_text

    source, target = specs
    positions, inputs, targets = batch
    read, true = np.asarray(inputs[source.name]), np.asarray(targets[target.name])
    # Columns of padding alone change nothing, and cost a step each.
    read = read[:, : max(1, int((read != 0).sum(axis=1).max()))]
    found.generate(predict_fns, {source.name: read}, text_spec(target), beams=beams)
    found.tokens.append(count_correct_tokens(predict_fns, {source.name: read}, true))
    found.sources += decode_text(read, text_spec(source))
    found.references += [[text] for text in reference_texts(split, positions, target, true)]


def _table(found: _Translations) -> Table:
    """Return some wrong and some right translations."""
    right = found.right
    chosen = spread(right, False, SHOWN) + spread(right, True, SHOWN)
    return Table(
        title="Translations",
        caption=f"{found.summary()} Those shown are evenly spaced.",
        header=("source", "reference", "translation"),
        rows=tuple((found.sources[i], found.references[i][0], found.generated[i]) for i in chosen),
        marks=tuple("good" if right[i] else "bad" for i in chosen),
    )


__all__ = ["evaluate_translation"]
