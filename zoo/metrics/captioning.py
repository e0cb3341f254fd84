"""How good the captions are that a model writes below pictures.

A split may know more than its arrays say, and what it knows is measured:

``texts``
    By the name of a target, one text an example, as they were written.
``image_ids``
    Which picture each example shows, a number from 0: several examples of one picture are several
    captions of it. Left out, every example is a picture by itself.
``held_out(positions)``
    Which examples show a combination that is never trained on.
``parse(text)``
    What a text says, by the names of its attributes: of a closed language, in which two texts that
    say the same are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.metrics.batches import batches
from zoo.metrics.caption_baselines import frequent_caption, nearest_pictures
from zoo.metrics.caption_figures import Captions, draw_captions
from zoo.metrics.cider import cider_d
from zoo.metrics.figures import Figure
from zoo.metrics.intervals import bootstrap_means
from zoo.metrics.results import Evaluation, Score
from zoo.metrics.scores import ScoreInfo, register_score
from zoo.metrics.text_scores import (
    corpus_scores,
    score,
    share,
    text_spec,
    text_tensor,
    token_accuracy,
    told_right,
    true_texts,
)
from zoo.spec import Arrays, DataSpec, PredictFn, Split, Task, TensorSpec, TextSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WHY = "a captioner is measured by the texts that it writes"


@dataclass
class _Target:
    """A text that is written, and what is kept of every picture.

    Attributes:
        spec: What it is.
        prompt: The ids that it goes on from.
    """

    spec: TensorSpec
    prompt: tuple[int, ...] = ()
    written: list[str] = field(default_factory=list)
    references: list[list[str]] = field(default_factory=list)
    cut: int = 0

    @property
    def text(self) -> TextSpec:
        """How it becomes ids."""
        return text_spec(self.spec)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which texts are one of their references to the letter."""
        import numpy as np

        pairs = zip(self.written, self.references, strict=True)
        return np.array([one in some for one, some in pairs], bool)


def evaluate_captions(
    predict_fns: Mapping[str, PredictFn],
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 64,
    beams: int = 1,
) -> Evaluation:
    """Measure what a model writes below each picture, against all captions that it has.

    ``exact_match`` is the share of captions that are a reference to the letter; where the split
    knows what was held out, ``exact_match_seen`` and ``exact_match_held_out`` divide it. Where
    the split reads texts, ``NAME_accuracy`` is the share of captions that say an attribute as the
    reference does. All of these have Wilson (1927) intervals. ``bleu`` and ``chrf`` are those of
    :mod:`zoo.metrics.text_scores`; ``cider`` is the mean of :func:`zoo.metrics.cider.cider_d`,
    with a seeded bootstrap interval over pictures; ``token_accuracy`` is the share of tokens that
    get the highest score, given the true ones before them.

    Other targets that have a prompt in :attr:`zoo.TextSpec.prompts` are written from it, and have
    ``NAME_exact_match`` and ``NAME_bleu``: ``summary_bleu``. With the training split for
    reference, ``frequent_exact_match`` says how often its most frequent caption is right, and
    ``nearest_exact_match`` how often a caption of its nearest picture is.

    The headline is ``exact_match`` where the split reads texts, else ``cider``: of free prose no
    two captions are the same.

    Args:
        predict_fns: ``encode`` and ``decode``: see :mod:`zoo.runtime.decoding`.
        split: The examples; a target stands between its start and end signs. What it may know
            besides is said in the module.
        data: What they are: the first target with a text is the caption.
        reference: The training split; ``None`` asks for the scores alone, without baselines and
            figures.
        batch_size: Examples at a time. It changes the speed and nothing else.
        beams: How many prefixes the search keeps; 1 is greedy.

    Raises:
        ConfigError: If the model has no such signatures, or the data no text.
        DataError: If the split is empty.
        Diverged: If a score is not a finite number.
    """
    import numpy as np

    caption, *others = _targets(data)
    first, owner = _pictures(split)
    tokens = []
    for positions, inputs, targets in batches(split, data, batch_size):
        tokens.append(told_right(predict_fns, inputs, np.asarray(targets[caption.spec.name])))
        new = np.isin(positions, first)
        asked = {name: array[new] for name, array in inputs.items()}
        for target in (caption, *others):
            if new.any():
                _write(predict_fns, asked, target, beams)
            ids = np.asarray(targets[target.spec.name])
            _refer(target, owner[positions], true_texts(split, positions, target.spec, ids))
    facts = _facts(split, caption, first)
    scores = _scores(caption, facts)
    scores["token_accuracy"] = token_accuracy(np.concatenate(tokens))
    for target in others:
        scores[f"{target.spec.name}_exact_match"] = share(target.right)
        bleu = corpus_scores(target.written, target.references).get("bleu")
        scores |= {f"{target.spec.name}_bleu": bleu} if bleu else {}
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        scores |= _baselines(split, data, reference, caption, first)
        texts = {target.spec.name: _kept(target, first) for target in others}
        figures = draw_captions(split, data, facts, texts)
    return Evaluation(
        task=Task.CAPTIONING, examples=len(caption.written), scores=scores, figures=figures
    )


def _targets(data: DataSpec) -> list[_Target]:
    """Return the caption, and what is written from a prompt."""
    from zoo.runtime.text import tokenizer

    caption = text_tensor(data, data.targets, _WHY)
    found = [_Target(caption)]
    for name, prompt in text_spec(caption).prompts:
        found += [
            _Target(spec, tuple(tokenizer(text_spec(spec)).ids(prompt)))
            for spec in data.targets
            if spec.name == name and spec is not caption
        ]
    return found


def _pictures(split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first example of each picture, in order, and which of them each example shows."""
    import numpy as np

    numbers = getattr(split, "image_ids", None)
    if numbers is None:
        numbers = np.arange(len(split))
    _, first, owner = np.unique(numbers, return_index=True, return_inverse=True)
    # Images count from the one that comes first, whatever their numbers are.
    order = np.argsort(first)
    rank = np.argsort(order)
    return first[order].astype(np.int64), rank[owner].astype(np.int64)


def _write(
    predict_fns: Mapping[str, PredictFn], inputs: Arrays, target: _Target, beams: int
) -> None:
    from zoo.runtime.decoding import generate
    from zoo.runtime.text import decode_text

    found = generate(predict_fns, inputs, target.text, beams=beams, prompt=target.prompt)
    target.written += decode_text(found.tokens, target.text)
    target.cut += int(found.cut.sum())


def _refer(target: _Target, owner: NDArray[np.int64], texts: Sequence[str]) -> None:
    """Write down what the captions of pictures might have been."""
    for place, text in zip(owner.tolist(), texts, strict=True):
        if place == len(target.references):
            target.references.append([])
        target.references[place].append(text)


def _kept(target: _Target, first: NDArray[np.int64]) -> Captions:
    return Captions(target.written, target.references, target.right, first, cut=target.cut)


def _facts(split: Split, caption: _Target, first: NDArray[np.int64]) -> Captions:
    """Return the captions with all that the split knows of their pictures."""
    held: Any = getattr(split, "held_out", None)
    parse: Any = getattr(split, "parse", None)
    facts = _kept(caption, first)
    if held is not None:
        facts.held_out = held(first)
    if parse is not None:
        facts.true = [parse(some[0]) for some in caption.references]
        facts.said = [parse(text) for text in caption.written]
    return facts


def _scores(caption: _Target, facts: Captions) -> dict[str, Score]:
    found = {"exact_match": share(facts.right)}
    held = facts.held_out
    if held is not None and held.any() and not held.all():
        found["exact_match_seen"] = share(facts.right[~held])
        found["exact_match_held_out"] = share(facts.right[held])
    for name in facts.attributes:
        asked, right = facts.attribute(name)
        found[f"{name}_accuracy"] = share(right[asked])
    near = cider_d(caption.written, caption.references)
    cider = score(float(near.mean()), bootstrap_means(near[:, None])[0])
    corpus = corpus_scores(caption.written, caption.references)
    if facts.true is None:
        return {"cider": cider, **corpus, **found}
    return {**found, **corpus, "cider": cider}


def _baselines(
    split: Split, data: DataSpec, reference: Split, caption: _Target, first: NDArray[np.int64]
) -> dict[str, Score]:
    """Return how often a caption is right that was written without looking, or by comparing."""
    import numpy as np

    known: list[str] = []
    for positions, _, targets in batches(reference, data, 1024):
        ids = np.asarray(targets[caption.spec.name])
        known += true_texts(reference, positions, caption.spec, ids)
    common = frequent_caption(known)
    found = {
        "frequent_exact_match": share(np.array([common in some for some in caption.references]))
    }
    image = next((tensor for tensor in data.inputs if tensor.is_image), None)
    if image is not None:
        near = nearest_pictures(split, reference, image.name, first)
        pairs = zip(near.tolist(), caption.references, strict=True)
        found["nearest_exact_match"] = share(np.array([known[n] in some for n, some in pairs]))
    return found


for _info in (
    ScoreInfo(
        "exact_match_seen",
        "Exact match, seen",
        "Of new pictures of combinations that were trained on.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "exact_match_held_out",
        "Exact match, held out",
        "Of pictures of combinations that were never trained on, though all their parts were.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "cider",
        "CIDEr-D",
        "Runs of up to four words that the references have too, rare ones counting most: 10 is "
        "the most.",
        higher_is_better=True,
        high=10.0,
    ),
    ScoreInfo(
        "summary_exact_match",
        "Exact match of summaries",
        "Summaries that are the reference to the letter.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "summary_bleu",
        "BLEU of summaries",
        "Runs of up to four words that the summary has too.",
        higher_is_better=True,
        high=100.0,
    ),
    ScoreInfo(
        "frequent_exact_match",
        "Most frequent caption",
        "Exact match of always writing what most training pictures have.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
    ScoreInfo(
        "nearest_exact_match",
        "Nearest picture",
        "Exact match of the caption of the training picture whose pixels differ least.",
        higher_is_better=True,
        high=1.0,
        share=True,
    ),
):
    register_score(_info)

__all__ = ["evaluate_captions"]
