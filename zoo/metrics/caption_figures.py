"""Figures of a captioner: captions below their images, attribute accuracy, confusions."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.metrics.figures import (
    Bars,
    CaptionedImage,
    Figure,
    ImageGallery,
    Texts,
    encode_image,
)
from zoo.metrics.results import Score
from zoo.metrics.text_scores import GeneratedTexts, spread
from zoo.spec import DataSpec, Split

SHOWN = 10
"""How many correct and how many incorrect captions are shown."""

_MAX_SIDE = 192
_CONFUSIONS = 12
_SHOWN_TEXTS = 4


@dataclass
class Captions:
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


def caption_figures(
    split: Split, data: DataSpec, captions: Captions, prompted: Mapping[str, GeneratedTexts]
) -> tuple[Figure, ...]:
    """Return the figures of a captioner.

    Args:
        split: The evaluated split.
        data: Its spec.
        captions: The captions.
        prompted: Other generated texts, by name.
    """
    figures: list[Figure] = []
    image = next((tensor for tensor in data.inputs if tensor.is_image), None)
    if image is not None:
        figures += [
            _gallery(split, image.name, captions, right=right)
            for right in (False, True)
            if (captions.texts.right == right).any()
        ]
    if captions.true is not None:
        figures += [*_by_attribute(captions), *_confusions(captions)]
    return (*figures, *(_texts(name, other) for name, other in prompted.items()))


def _gallery(split: Split, image: str, captions: Captions, *, right: bool) -> ImageGallery:
    """Show some correct or some incorrect captions below their images."""
    texts = captions.texts
    shown = spread(texts.right, right, SHOWN)
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


def _by_attribute(captions: Captions) -> list[Figure]:
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


def _confusions(captions: Captions) -> list[Figure]:
    """Show the most frequent wrong attributes; nothing if none was wrong."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for true, predicted in zip(captions.true or (), captions.predicted, strict=True):
        for name, value in true.items():
            if predicted.get(name) != value:
                counts[name, value, predicted.get(name, "nothing")] += 1
    if not counts:
        return []
    rows = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_CONFUSIONS]
    return [
        Texts(
            title="Attribute confusions",
            caption=f"{counts.total():,} attributes are wrong, in {len(counts):,} ways.",
            header=("attribute", "true", "predicted", "count"),
            rows=tuple((*words, f"{count:,}") for words, count in rows),
        )
    ]


def _texts(name: str, texts: GeneratedTexts) -> Texts:
    """Show some texts that were generated from a prompt."""
    right = texts.right
    chosen = spread(right, False, _SHOWN_TEXTS) + spread(right, True, _SHOWN_TEXTS)
    return Texts(
        title=f"Generated: {name}",
        caption=f"{texts.summary()} Those shown are evenly spaced.",
        header=("reference", "generated"),
        rows=tuple((texts.references[i][0], texts.generated[i]) for i in chosen),
        marks=tuple("good" if right[i] else "bad" for i in chosen),
    )
