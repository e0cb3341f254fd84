"""Image-captioning metrics: exact match, BLEU, chrF, CIDEr-D, attribute accuracy, baselines.

A split may have optional attributes, which are then evaluated:

``texts``
    By the name of a target, the original text of each example.
``image_ids``
    The image of each example, a number from 0: several examples of one image are several captions
    of it. Without it every example is an image of its own.
``held_out(positions)``
    Whether each example shows a combination that never occurs in training.
``parse(text)``
    The attributes that a text states, by name: for a closed language, in which texts that state
    the same are equal.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.cider import cider_d
from zoo.metrics.figures import (
    Bars,
    CaptionedImage,
    Figure,
    ImageGallery,
    Table,
    encode_image,
    evenly_spaced,
)
from zoo.metrics.outputs import iterate_batches
from zoo.metrics.results import Evaluation, Score
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

MAX_NEIGHBORS = 10_000
"""Training images that the nearest-neighbor baseline searches, evenly spaced among all."""

SIDE = 16
"""Pixels per side that images are averaged to for the nearest-neighbor baseline."""

_SHOWN = 10
"""How many correct and how many incorrect captions are shown."""

_MAX_SIDE = 192
_SHOWN_TEXTS = 4
_BLOCK = 256
_WHY = "a captioner is evaluated by the texts that it generates"


@dataclass
class _Captions:
    """Captions with their attributes.

    Attributes:
        texts: The generated texts and their references.
        positions: An example of the split for each image.
        held_out: Whether each image shows a combination that never occurs in training.
        true: Attributes of each first reference, where the split parses texts.
        predicted: Attributes of each generated text.
    """

    texts: GeneratedTexts
    positions: NDArray[np.int64]
    held_out: NDArray[np.bool_] | None = None
    true: Sequence[Mapping[str, str]] | None = None
    predicted: Sequence[Mapping[str, str]] = ()

    @property
    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Seen and held-out images by name; empty unless there are both."""
        held_out = self.held_out
        if held_out is None or held_out.all() or not held_out.any():
            return {}
        return {"seen": ~held_out, "held out": held_out}

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that the references state, in order."""
        return tuple(dict.fromkeys(name for stated in self.true or () for name in stated))

    def attribute(self, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which references state an attribute, and where the caption agrees."""
        true = self.true or ()
        stated = np.array([name in one for one in true], bool)
        pairs = zip(true, self.predicted, strict=True)
        return stated, np.array([one.get(name) == other.get(name) for one, other in pairs], bool)


@dataclass
class _Target:
    """A text to generate for every image, continuing a prompt of ids."""

    spec: TensorSpec
    prompt: tuple[int, ...] = ()
    texts: GeneratedTexts = field(default_factory=GeneratedTexts)


def evaluate_captions(
    predict_fns: Mapping[str, PredictFn],
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 64,
    beams: int = 1,
) -> Evaluation:
    """Evaluate the caption that a model generates for each image against all its references.

    ``exact_match`` is the share of captions identical to a reference; where the split knows what
    was held out, ``exact_match_seen`` and ``exact_match_held_out`` divide it. Where the split
    parses texts, ``NAME_accuracy`` is the share of captions that state an attribute as the
    reference does. All of these have Wilson (1927) intervals. ``bleu`` and ``chrf`` are those of
    :mod:`zoo.metrics.text_scores`; ``cider`` is the mean of :func:`zoo.metrics.cider.cider_d`,
    with a seeded bootstrap interval over images; ``token_accuracy`` is the share of tokens that
    get the highest score, given the true ones before them.

    Other targets that have a prompt in :attr:`zoo.TextSpec.prompts` are generated from it, and have
    ``NAME_exact_match`` and ``NAME_bleu``: ``summary_bleu``. With a reference there are two
    baselines: ``frequent_exact_match`` of its most frequent caption, and ``nearest_exact_match`` of
    a caption of its nearest image.

    The headline is ``exact_match`` where the split parses texts, else ``cider``: in free prose no
    two captions are the same.

    Args:
        predict_fns: ``encode`` and ``decode``: see :mod:`zoo.runtime.decoding`.
        split: The examples; a target has its start and end tokens. The module describes its
            optional attributes.
        data: Their spec: the first target with a text is the caption.
        reference: The training split; ``None`` asks for the scores alone, without baselines and
            figures.
        batch_size: Examples at a time. Affects the speed only.
        beams: Width of the beam search; 1 is greedy.

    Raises:
        ConfigError: If the model has no such signatures, or the data no text.
        DataError: If the split is empty.
        Diverged: If a score is not finite.

    Example:
        >>> data = zoo.dataset("aircraft_captions_synthetic", max_examples=4)
        >>> predict_fns = zoo.open_predictor("exports/blip_captioner/1").predict_fns
        >>> evaluate_captions(predict_fns, data.split("test"), data.spec).headline
        'cider'
    """
    caption, *others = _targets(data)
    first, owner = _image_ids(split)
    tokens = []
    for positions, inputs, targets in iterate_batches(split, data, batch_size):
        ids = np.asarray(targets[caption.spec.name])
        tokens.append(count_correct_tokens(predict_fns, inputs, ids))
        new = np.isin(positions, first)
        new_inputs = {name: array[new] for name, array in inputs.items()}
        for target in (caption, *others):
            if new.any():
                text = text_spec(target.spec)
                target.texts.generate(
                    predict_fns, new_inputs, text, beams=beams, prompt=target.prompt
                )
            ids = np.asarray(targets[target.spec.name])
            known = target.texts.references
            texts = reference_texts(split, positions, target.spec, ids)
            for place, reference_text in zip(owner[positions].tolist(), texts, strict=True):
                if place == len(known):
                    known.append([])
                known[place].append(reference_text)
    captions = _with_attributes(split, caption.texts, first)
    scores = _scores(captions)
    scores["token_accuracy"] = token_accuracy(np.concatenate(tokens))
    for target in others:
        scores[f"{target.spec.name}_exact_match"] = target.texts.exact_match()
        if bleu := target.texts.corpus_scores().get("bleu"):
            scores[f"{target.spec.name}_bleu"] = bleu
    figures: tuple[Figure, ...] = ()
    if reference is not None:
        scores |= _baselines(split, data, reference, caption, first)
        prompted = {target.spec.name: target.texts for target in others}
        figures = _figures(split, data, captions, prompted)
    return Evaluation(task=Task.CAPTIONING, examples=len(first), scores=scores, figures=figures)


def frequent_caption(captions: Sequence[str]) -> str:
    """Return the most frequent caption; of equally frequent ones the first in the alphabet."""
    counts = Counter(captions)
    return min(counts, key=lambda caption: (-counts[caption], caption))


def nearest_images(
    split: Split, reference: Split, name: str, positions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the training example with the smallest squared pixel distance to each image.

    Args:
        split: Split of the images.
        reference: The training split.
        name: Name of the image input.
        positions: Positions of the images in the split.

    Shapes:
        positions: ``[images]``
        Returns: ``[images]``
    """
    chosen = np.array(evenly_spaced(len(reference), MAX_NEIGHBORS), np.int64)
    known = _thumbnails(reference, name, chosen)
    lengths = (known * known).sum(axis=1)
    nearest = []
    for start in range(0, len(positions), _BLOCK):
        block = _thumbnails(split, name, positions[start : start + _BLOCK])
        nearest.append((lengths - 2 * block @ known.T).argmin(axis=1))
    return np.asarray(chosen[np.concatenate(nearest)], np.int64)


def _thumbnails(split: Split, name: str, positions: NDArray[np.int64]) -> NDArray[np.float32]:
    rows = []
    for start in range(0, len(positions), _BLOCK):
        raw = split.take(positions[start : start + _BLOCK])[0][name]
        pixels: NDArray[Any] = raw.astype(np.float32)
        for axis in (1, 2):
            size = pixels.shape[axis]
            edges = np.unique(np.arange(SIDE) * size // SIDE)
            counts = np.diff(np.append(edges, size)).astype(np.float32)
            shape = [-1 if at == axis else 1 for at in range(4)]
            pixels = np.add.reduceat(pixels, edges, axis=axis) / counts.reshape(shape)
        rows.append(pixels.reshape(len(pixels), -1).astype(np.float32))
    return np.concatenate(rows)


def _targets(data: DataSpec) -> list[_Target]:
    """Return the caption, and the targets that are generated from a prompt."""
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


def _image_ids(split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first example of each image, in order, and the image of each example."""
    numbers = getattr(split, "image_ids", None)
    if numbers is None:
        numbers = np.arange(len(split))
    _, first, owner = np.unique(numbers, return_index=True, return_inverse=True)
    # Images are numbered in the order of their first examples, whatever their ids are.
    order = np.argsort(first)
    rank = np.argsort(order)
    return first[order].astype(np.int64), rank[owner].astype(np.int64)


def _with_attributes(split: Split, texts: GeneratedTexts, first: NDArray[np.int64]) -> _Captions:
    """Return the captions with their attributes, as far as the split knows them."""
    held_out: Any = getattr(split, "held_out", None)
    parse: Any = getattr(split, "parse", None)
    return _Captions(
        texts,
        first,
        held_out=held_out(first) if held_out is not None else None,
        true=[parse(some[0]) for some in texts.references] if parse is not None else None,
        predicted=[parse(text) for text in texts.generated] if parse is not None else (),
    )


def _scores(captions: _Captions) -> dict[str, Score]:
    texts, right = captions.texts, captions.texts.right
    found = {"exact_match": texts.exact_match()}
    for group, inside in captions.groups.items():
        found[f"exact_match_{group.replace(' ', '_')}"] = Score.of_share(right[inside])
    for name in captions.attributes:
        stated, agrees = captions.attribute(name)
        found[f"{name}_accuracy"] = Score.of_share(agrees[stated])
    cider = Score.of_mean(cider_d(texts.generated, texts.references))
    if captions.true is None:
        return {"cider": cider, **texts.corpus_scores(), **found}
    return {**found, **texts.corpus_scores(), "cider": cider}


def _baselines(
    split: Split, data: DataSpec, reference: Split, caption: _Target, first: NDArray[np.int64]
) -> dict[str, Score]:
    """Return the exact match of the most frequent caption, and of the nearest image's."""
    known: list[str] = []
    for positions, _, targets in iterate_batches(reference, data, 1024):
        ids = np.asarray(targets[caption.spec.name])
        known += reference_texts(reference, positions, caption.spec, ids)
    common = frequent_caption(known)
    references = caption.texts.references
    right = np.array([common in some for some in references])
    found = {"frequent_exact_match": Score.of_share(right)}
    image = next((tensor for tensor in data.inputs if tensor.is_image), None)
    if image is not None:
        near = nearest_images(split, reference, image.name, first)
        pairs = zip(near.tolist(), references, strict=True)
        right = np.array([known[n] in some for n, some in pairs])
        found["nearest_exact_match"] = Score.of_share(right)
    return found


def _figures(
    split: Split, data: DataSpec, captions: _Captions, prompted: Mapping[str, GeneratedTexts]
) -> tuple[Figure, ...]:
    """Return captions below their images, attribute accuracy, and other generated texts."""
    figures: list[Figure] = []
    image = next((tensor for tensor in data.inputs if tensor.is_image), None)
    if image is not None:
        figures += [
            _gallery(split, image.name, captions, right=right)
            for right in (False, True)
            if (captions.texts.right == right).any()
        ]
    if captions.true is not None:
        figures += _by_attribute(captions)
    return (*figures, *(_texts(name, other) for name, other in prompted.items()))


def _gallery(split: Split, image: str, captions: _Captions, *, right: bool) -> ImageGallery:
    """Show some correct or some incorrect captions below their images."""
    texts = captions.texts
    shown = spread(texts.right, right, _SHOWN)
    pixels = split.take(captions.positions[shown])[0][image]
    images = []
    for place, array in zip(shown, pixels, strict=True):
        caption = texts.generated[place]
        reference = _nearest(caption, texts.references[place])
        images.append(
            CaptionedImage(
                image=encode_image(np.asarray(array), _MAX_SIDE),
                caption=mark_words(caption, reference),
                reference="" if right else reference,
            )
        )
    gray = "" if right else " The nearest reference is in gray."
    return ImageGallery(
        title="Correct captions" if right else "Incorrect captions",
        caption=f"{texts.summary()} Those shown are evenly spaced.{gray}",
        images=tuple(images),
    )


def _nearest(caption: str, references: Sequence[str]) -> str:
    """Return the reference that is most similar to a caption."""
    return max(references, key=lambda text: _matcher(caption, text).ratio())


def _matcher(caption: str, reference: str) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, reference.split(), caption.split(), autojunk=False)


def mark_words(caption: str, reference: str) -> tuple[tuple[str, bool], ...]:
    """Return a caption in parts, each with whether it stands in the reference too.

    Example:
        >>> mark_words("a long crack on a red door", "a short crack on a red door")
        (('a', True), ('long', False), ('crack on a red door', True))
    """
    words = caption.split()
    return tuple(
        (" ".join(words[low:high]), what == "equal")
        for what, _, _, low, high in _matcher(caption, reference).get_opcodes()
        if high > low
    )


def _by_attribute(captions: _Captions) -> list[Figure]:
    """Show the accuracy of each attribute, for seen and for held-out combinations."""
    groups = captions.groups or {"": np.ones(len(captions.texts.generated), bool)}
    scores = {}
    for name in captions.attributes:
        stated, right = captions.attribute(name)
        for group, inside in groups.items():
            if (stated & inside).any():
                title = f"{name} ({group})" if group else name
                scores[title] = Score.of_share(right[stated & inside])
    if not scores:
        return []
    worst = min(scores, key=lambda title: scores[title].value)
    return [
        Bars.of_scores(
            scores,
            title="Attribute accuracy",
            caption=f"Lowest for {worst}: {scores[worst].value:.1%}; with 95 % intervals.",
            label="accuracy",
            emphasis=[title for title in scores if title.endswith("(held out)")],
        )
    ]


def _texts(name: str, texts: GeneratedTexts) -> Table:
    """Show some texts that were generated from a prompt."""
    right = texts.right
    chosen = spread(right, False, _SHOWN_TEXTS) + spread(right, True, _SHOWN_TEXTS)
    return Table(
        title=f"Generated: {name}",
        caption=f"{texts.summary()} Those shown are evenly spaced.",
        header=("reference", "generated"),
        rows=tuple((texts.references[i][0], texts.generated[i]) for i in chosen),
        marks=tuple("good" if right[i] else "bad" for i in chosen),
    )


__all__ = ["evaluate_captions"]
