"""How good the texts are that a model writes, from what it writes and from what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError
from zoo.metrics.intervals import bootstrap_sums, wilson
from zoo.metrics.records import Evaluation, Score
from zoo.spec import DataSpec, Forward, Split, Task, TensorSpec, TextSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 8
"""How many right and how many wrong texts a report shows."""


@dataclass
class _Texts:
    """What is kept of every example."""

    sources: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    tokens: list[NDArray[np.float64]] = field(default_factory=list)
    cut: int = 0


def evaluate_translation(
    forwards: Mapping[str, Forward],
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
        forwards: ``encode`` and ``decode``: see :mod:`zoo.runtime.generation`.
        split: The examples; the target stands between its start and end signs.
        data: What they are.
        reference: The training split; not used yet.
        batch_size: Sources at a time. It changes the speed and nothing else.
        beams: How many prefixes the search keeps; 1 is greedy.

    Raises:
        ConfigError: If the model has no such signatures, or the data no text.
        DataError: If the split is empty.
        Diverged: If a score is not a finite number.
    """
    import numpy as np

    if len(split) == 0:
        raise DataError(
            f"the split of {data.id!r} to evaluate on is empty",
            why="a score needs at least one example",
            fix="give the split a larger share of the data",
        )
    source, target = _text(data, data.inputs), _text(data, data.targets)
    texts = _Texts()
    for start in range(0, len(split), batch_size):
        positions = np.arange(start, min(start + batch_size, len(split)))
        _write(forwards, split, positions, (source, target), beams, texts)
    right = np.array([a == b for a, b in zip(texts.written, texts.references, strict=True)])
    scores = {"exact_match": _score(float(right.mean()), wilson(int(right.sum()), len(right)))}
    scores |= _corpus_scores(texts)
    if _known(target).split == "subwords" and "bleu" in scores:
        scores = {"bleu": scores.pop("bleu"), "chrf": scores.pop("chrf"), **scores}
    tokens = np.concatenate(texts.tokens)
    scores["token_accuracy"] = _score(
        float(tokens[:, 0].sum() / tokens[:, 1].sum()),
        bootstrap_sums(tokens, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)),
    )
    return Evaluation(task=Task.SEQUENCE_TO_SEQUENCE, examples=len(split), scores=scores)


def _write(
    forwards: Mapping[str, Forward],
    split: Split,
    positions: NDArray[np.int64],
    specs: tuple[TensorSpec, TensorSpec],
    beams: int,
    texts: _Texts,
) -> None:
    """Write a text for each source of a batch, and ask how likely the true one is."""
    import numpy as np

    from zoo.runtime.generation import generate, likelihood
    from zoo.runtime.text import decode_text

    source, target = specs
    inputs, targets = split.take(positions)
    read, true = np.asarray(inputs[source.name]), np.asarray(targets[target.name])
    said = true[:, 1:]
    # Columns of padding alone change nothing, and cost a step each.
    read = read[:, : max(1, int((read != 0).sum(axis=1).max()))]
    said = said[:, : max(1, int((said != 0).sum(axis=1).max()))]
    found = generate(forwards, {source.name: read}, _known(target), beams=beams)
    told = likelihood(forwards, {source.name: read}, said)
    right = ((told.chosen == said) & (said != 0)).sum(axis=1)
    texts.tokens.append(np.stack([right, (said != 0).sum(axis=1)], axis=1).astype(np.float64))
    texts.sources += decode_text(read, _known(source))
    texts.references += _true_texts(split, positions, target, true)
    texts.written += decode_text(found.tokens, _known(target))
    texts.lengths += (read != 0).sum(axis=1).tolist()
    texts.cut += int(found.cut.sum())


def _true_texts(
    split: Split, positions: NDArray[np.int64], target: TensorSpec, ids: NDArray[Any]
) -> list[str]:
    """Return the references as they were written, where the split still knows, else as decoded."""
    from zoo.runtime.text import decode_text, normal

    raw = getattr(split, "texts", {}).get(target.name)
    if raw is None:
        return decode_text(ids, _known(target))
    return [normal(raw[place], lowercase=_known(target).lowercase) for place in positions.tolist()]


def _corpus_scores(texts: _Texts) -> dict[str, Score]:
    """Return BLEU and chrF with their intervals; nothing where sacrebleu is not installed."""
    import numpy as np

    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ImportError:
        return {}
    found = {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        # What sacrebleu's own significance tests resample; it has no public name there.
        rows = np.asarray(
            metric._extract_corpus_statistics(texts.written, [texts.references]),  # noqa: SLF001
            np.float64,
        )
        value = _from_sums(metric)
        found[name] = _score(float(value(rows.sum(axis=0)[None])[0]), bootstrap_sums(rows, value))
    return found


def _from_sums(metric: Any) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def value(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        whole = sums.astype(np.int64).tolist()
        return np.array([metric._compute_score_from_stats(row).score for row in whole])  # noqa: SLF001

    return value


def _text(data: DataSpec, tensors: Sequence[TensorSpec]) -> TensorSpec:
    for tensor in tensors:
        if tensor.text is not None:
            return tensor
    raise ConfigError(
        f"the data {data.id!r} has no text to write",
        why="a translation is measured between a text that is read and one that is written",
        fix="evaluate on the data that the model was built for",
    )


def _known(spec: TensorSpec) -> TextSpec:
    if spec.text is None:
        raise TypeError(f"expected a text. Received: {spec.name}")
    return spec.text


def _score(value: float, interval: tuple[float, float] | None) -> Score:
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high)


__all__ = ["SHOWN", "evaluate_translation"]
