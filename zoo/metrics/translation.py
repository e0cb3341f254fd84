"""How good the texts are that a model writes, from what it writes and from what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.metrics.batches import Batch, batches
from zoo.metrics.figures import Bars, Figure, Texts
from zoo.metrics.results import Evaluation, Score
from zoo.metrics.text_scores import (
    corpus_scores,
    share,
    text_spec,
    text_tensor,
    token_accuracy,
    told_right,
    true_texts,
)
from zoo.spec import DataSpec, PredictFn, Split, Task, TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 8
"""How many right and how many wrong texts a report shows."""

_WHY = "a translation is measured between a text that is read and one that is written"
_GROUPS = 6
_FEWEST = 20


@dataclass
class _Written:
    """What is kept of every example."""

    sources: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    tokens: list[NDArray[np.float64]] = field(default_factory=list)
    cut: int = 0


def evaluate_translation(
    predict_fns: Mapping[str, PredictFn],
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
    beams: int = 1,
) -> Evaluation:
    """Measure what a model writes for each source, against the one reference there is.

    ``exact_match`` is the share of texts that are the reference to the letter, with the Wilson
    (1927) interval. ``bleu`` (Papineni et al. 2002) and ``chrf`` (chrF2; Popović 2015), both of the
    whole corpus and from 0 to 100, are sacrebleu's with its defaults (Post 2018), and are left out
    where sacrebleu is not installed. ``token_accuracy`` is the share of the reference's tokens, its
    end included, that get the highest score given the true ones before them; padding never counts.
    These three have a seeded bootstrap interval over texts (Koehn 2004). Where the targets are
    prose (cut into subwords) ``bleu`` comes first, and is the headline; otherwise ``exact_match``.

    Args:
        predict_fns: ``encode`` and ``decode``: see :mod:`zoo.runtime.decoding`.
        split: The examples; the target stands between its start and end signs.
        data: What they are.
        reference: The training split; ``None`` asks for the scores alone, without figures.
        batch_size: Sources at a time. It changes the speed and nothing else.
        beams: How many prefixes the search keeps; 1 is greedy.

    Raises:
        ConfigError: If the model has no such signatures, or the data no text.
        DataError: If the split is empty.
        Diverged: If a score is not a finite number.
    """
    import numpy as np

    source, target = (text_tensor(data, side, _WHY) for side in (data.inputs, data.targets))
    texts = _Written()
    for batch in batches(split, data, batch_size):
        _write(predict_fns, split, batch, (source, target), beams, texts)
    right = np.array([a == b for a, b in zip(texts.written, texts.references, strict=True)])
    scores = {"exact_match": share(right), **_corpus(texts)}
    if text_spec(target).split == "subwords" and "bleu" in scores:
        scores = {"bleu": scores.pop("bleu"), "chrf": scores.pop("chrf"), **scores}
    scores["token_accuracy"] = token_accuracy(np.concatenate(texts.tokens))
    return Evaluation(
        task=Task.SEQUENCE_TO_SEQUENCE,
        examples=len(split),
        scores=scores,
        figures=() if reference is None else _figures(texts, right, next(iter(scores))),
    )


def _write(
    predict_fns: Mapping[str, PredictFn],
    split: Split,
    batch: Batch,
    specs: tuple[TensorSpec, TensorSpec],
    beams: int,
    texts: _Written,
) -> None:
    """Write a text for each source of a batch, and ask how likely the true one is."""
    import numpy as np

    from zoo.runtime.decoding import generate
    from zoo.runtime.text import decode_text

    source, target = specs
    positions, inputs, targets = batch
    read, true = np.asarray(inputs[source.name]), np.asarray(targets[target.name])
    # Columns of padding alone change nothing, and cost a step each.
    read = read[:, : max(1, int((read != 0).sum(axis=1).max()))]
    found = generate(predict_fns, {source.name: read}, text_spec(target), beams=beams)
    texts.tokens.append(told_right(predict_fns, {source.name: read}, true))
    texts.sources += decode_text(read, text_spec(source))
    texts.references += true_texts(split, positions, target, true)
    texts.written += decode_text(found.tokens, text_spec(target))
    texts.lengths += (read != 0).sum(axis=1).tolist()
    texts.cut += int(found.cut.sum())


def _figures(texts: _Written, right: NDArray[np.bool_], headline: str) -> tuple[Figure, ...]:
    """Return a table of what was written, and how the headline falls with the source's length."""
    import numpy as np

    chosen = []
    for wanted in (False, True):
        places = np.flatnonzero(right == wanted)
        even = np.linspace(0, len(places) - 1, min(SHOWN, len(places))).astype(int)
        chosen += places[even].tolist()
    rows = tuple((texts.sources[i], texts.references[i], texts.written[i]) for i in chosen)
    said = f"{int(right.sum()):,} of {len(right):,} texts are the reference to the letter; "
    said += "those shown are spread evenly over the right and the wrong ones."
    if texts.cut:
        said += f" {texts.cut:,} were cut at the limit."
    return (
        Texts(
            title="What it writes",
            caption=said,
            header=("source", "reference", "written"),
            rows=rows,
            marks=tuple("good" if right[i] else "bad" for i in chosen),
        ),
        *_by_length(texts, right, headline),
    )


def _by_length(texts: _Written, right: NDArray[np.bool_], headline: str) -> tuple[Figure, ...]:
    """Return the headline in groups of about equally many sources, from short to long."""
    import numpy as np

    lengths = np.array(texts.lengths)
    ends = np.unique(np.quantile(lengths, np.linspace(0, 1, _GROUPS + 1)[1:], method="higher"))
    names, scores, first = [], [], int(lengths.min())
    for end in ends.tolist():
        inside = np.flatnonzero((lengths >= first) & (lengths <= end))
        if len(inside) >= _FEWEST:
            names.append(f"{first}" if first == end else f"{first} to {end}")
            scores.append(_group_score(texts, right, inside, headline))
        first = int(end) + 1
    if len(names) < 2:
        return ()
    best, worst = (pick(range(len(names)), key=lambda i: scores[i].value) for pick in (max, min))
    info = {"exact_match": "exact match", "bleu": "BLEU"}[headline]
    return (
        Bars(
            title=f"{info[0].upper()}{info[1:]} by length of the source",
            caption=f"Best at {names[best]} tokens ({scores[best].value:.3g}), worst at "
            f"{names[worst]} ({scores[worst].value:.3g}); with 95 % intervals.",
            names=tuple(f"{name} tokens" for name in names),
            values=tuple(score.value for score in scores),
            lows=tuple(score.value if score.low is None else score.low for score in scores),
            highs=tuple(score.value if score.high is None else score.high for score in scores),
            label=info,
        ),
    )


def _group_score(
    texts: _Written, right: NDArray[np.bool_], inside: NDArray[np.int64], headline: str
) -> Score:
    if headline == "exact_match":
        return share(right[inside])
    part = _Written(
        references=[texts.references[i] for i in inside],
        written=[texts.written[i] for i in inside],
    )
    return _corpus(part)[headline]


def _corpus(texts: _Written) -> dict[str, Score]:
    return corpus_scores(texts.written, [[reference] for reference in texts.references])


__all__ = ["SHOWN", "evaluate_translation"]
