"""What a report shows of captions: pictures with what was written, and what is confused."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.metrics.figures import Bars, CaptionedImage, Figure, ImageGallery, Texts, encode_image
from zoo.metrics.text_scores import share
from zoo.spec import DataSpec, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 10
"""How many right and how many wrong captions are shown."""

_LARGEST = 192
_CONFUSIONS = 12
_SUMMARIES = 4


@dataclass
class Captions:
    """What was written of every picture, and what is known of them.

    Attributes:
        written: One text a picture.
        references: What it might have been.
        right: Whether it is one of them to the letter.
        positions: An example of the split for each picture.
        cut: How many texts ended at the limit.
        held_out: Which pictures show what was never trained on, where that is known.
        true: What each first reference says, where the split reads texts.
        said: What was said.
    """

    written: Sequence[str]
    references: Sequence[Sequence[str]]
    right: NDArray[np.bool_]
    positions: NDArray[np.int64]
    cut: int = 0
    held_out: NDArray[np.bool_] | None = None
    true: Sequence[Mapping[str, str]] | None = None
    said: Sequence[Mapping[str, str]] = ()

    @property
    def attributes(self) -> tuple[str, ...]:
        """What the references say, in the order in which they say it."""
        return tuple(dict.fromkeys(name for said in self.true or () for name in said))

    def attribute(self, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which references say an attribute, and where the same was said of it."""
        import numpy as np

        true = self.true or ()
        asked = np.array([name in one for one in true], bool)
        right = [
            one.get(name) == other.get(name) for one, other in zip(true, self.said, strict=True)
        ]
        return asked, np.array(right, bool)


def draw_captions(
    split: Split, data: DataSpec, found: Captions, others: Mapping[str, Captions]
) -> tuple[Figure, ...]:
    """Return all that a captioner's report shows.

    Args:
        split: What was measured.
        data: What it is.
        found: The captions.
        others: What else was written, by name.
    """
    figures: list[Figure] = []
    image = next((tensor for tensor in data.inputs if tensor.is_image), None)
    if image is not None:
        figures += [
            sheet for right in (False, True) for sheet in _sheet(split, image.name, found, right)
        ]
    if found.true is not None:
        figures += [*_by_attribute(found), *_confusions(found)]
    return (*figures, *(_texts(name, other) for name, other in others.items()))


def _sheet(split: Split, image: str, found: Captions, right: bool) -> list[ImageGallery]:
    """Show some captions below their pictures: right ones or wrong ones."""
    import numpy as np

    places = np.flatnonzero(found.right == right)
    if not len(places):
        return []
    shown = places[np.linspace(0, len(places) - 1, min(SHOWN, len(places))).astype(int)]
    pixels = split.take(found.positions[shown])[0][image]
    pictures = []
    for place, picture in zip(shown.tolist(), pixels, strict=True):
        written, meant = (
            found.written[place],
            _nearest(found.written[place], found.references[place]),
        )
        pictures.append(
            CaptionedImage(
                image=encode_image(np.asarray(picture), _LARGEST),
                caption=mark_words(written, meant),
                reference="" if right else meant,
            )
        )
    count = f"{len(places):,} of {len(found.right):,} captions are "
    if right:
        return [
            ImageGallery(
                title="Captions that are right",
                caption=f"{count}a reference to the letter; a few of them, evenly spread.",
                images=tuple(pictures),
            )
        ]
    ended = f" {found.cut:,} were cut at the limit." if found.cut else ""
    return [
        ImageGallery(
            title="Captions that are wrong",
            caption=f"{count}no reference to the letter; a few of them, evenly spread. Below each "
            f"what was written, and in gray what was meant.{ended}",
            images=tuple(pictures),
        )
    ]


def _nearest(written: str, references: Sequence[str]) -> str:
    """Return the reference that has most in common with what was written."""
    return max(references, key=lambda text: _matcher(written, text).ratio())


def _matcher(written: str, meant: str) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, meant.split(), written.split(), autojunk=False)


def mark_words(written: str, meant: str) -> tuple[tuple[str, bool], ...]:
    """Return what was written in parts, each with whether it stands in what was meant too.

    Example:
        >>> mark_words("a long crack on a red door", "a short crack on a red door")
        (('a', True), ('long', False), ('crack on a red door', True))
    """
    words = written.split()
    return tuple(
        (" ".join(words[low:high]), what == "equal")
        for what, _, _, low, high in _matcher(written, meant).get_opcodes()
        if high > low
    )


def _by_attribute(found: Captions) -> list[Figure]:
    """Show how often each attribute is right, of what was trained on and of what was held out."""
    import numpy as np

    held = found.held_out
    divided = held is not None and held.any() and not held.all()
    parts = {"": np.ones(len(found.right), bool)}
    if held is not None and divided:
        parts = {" (seen)": ~held, " (held out)": held}
    names, scores = [], []
    for name in found.attributes:
        asked, right = found.attribute(name)
        for part, inside in parts.items():
            if (asked & inside).any():
                names.append(f"{name}{part}")
                scores.append(share(right[asked & inside]))
    if not names:
        return []
    worst = min(range(len(names)), key=lambda place: scores[place].value)
    return [
        Bars(
            title="What a caption says right",
            caption=f"{names[worst]} is said right least often, {scores[worst].value:.1%} of the "
            "time; with 95 % intervals.",
            names=tuple(names),
            values=tuple(score.value for score in scores),
            lows=tuple(score.value if score.low is None else score.low for score in scores),
            highs=tuple(score.value if score.high is None else score.high for score in scores),
            label="share of captions",
            emphasis=tuple(name for name in names if name.endswith("(held out)")),
        )
    ]


def _confusions(found: Captions) -> list[Figure]:
    """Show what was most often said for what; nothing if nothing was wrong."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for true, said in zip(found.true or (), found.said, strict=True):
        for name, value in true.items():
            if said.get(name) != value:
                counts[name, value, said.get(name, "nothing")] += 1
    if not counts:
        return []
    rows = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_CONFUSIONS]
    return [
        Texts(
            title="What is confused",
            caption=f"{counts.total():,} attributes were said wrong, in {len(counts):,} ways.",
            header=("attribute", "is", "was said to be", "times"),
            rows=tuple((*words, f"{count:,}") for words, count in rows),
        )
    ]


def _texts(name: str, found: Captions) -> Texts:
    """Show some texts that were written from a prompt."""
    import numpy as np

    chosen = []
    for wanted in (False, True):
        places = np.flatnonzero(found.right == wanted)
        even = np.linspace(0, len(places) - 1, min(_SUMMARIES, len(places))).astype(int)
        chosen += places[even].tolist()
    cut = f" {found.cut:,} were cut at the limit." if found.cut else ""
    return Texts(
        title=f"The {name}",
        caption=f"{int(found.right.sum()):,} of {len(found.right):,} are the reference to the "
        f"letter; those shown are spread evenly over the wrong and the right ones.{cut}",
        header=("reference", "written"),
        rows=tuple((found.references[place][0], found.written[place]) for place in chosen),
        marks=tuple("good" if found.right[place] else "bad" for place in chosen),
    )


__all__ = ["SHOWN", "Captions", "draw_captions", "mark_words"]
