"""What a classifier of texts got wrong, to read, and whether long texts are harder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.metrics.figures import Bars, Figure, Texts
from zoo.metrics.intervals import wilson
from zoo.metrics.results import Mistake
from zoo.spec import DataSpec, Split, TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 20
"""How many mistakes are shown."""

_LETTERS = 400
_BANDS = 4
_FEWEST = 40


def draw_texts(
    split: Split, data: DataSpec, worst: Sequence[Mistake], right: NDArray[np.bool_]
) -> tuple[Figure, ...]:
    """Return the surest mistakes as texts, and the accuracy by length; nothing without texts.

    Args:
        split: What was measured.
        data: What it is.
        worst: The mistakes, the surest first.
        right: Of every example, whether its class was found.

    Shapes:
        right: ``[examples]``
    """
    spec = next((tensor for tensor in data.inputs if tensor.text is not None), None)
    if spec is None:
        return ()
    figures: list[Figure] = []
    if worst:
        figures.append(_mistakes(split, spec, worst[:SHOWN]))
    if len(right) >= _FEWEST:
        figures.append(_lengths(split, spec, right))
    return tuple(figures)


def _mistakes(split: Split, spec: TensorSpec, worst: Sequence[Mistake]) -> Texts:
    texts = _texts(split, spec, [mistake.index for mistake in worst])
    rows = [
        (
            text if len(text) <= _LETTERS else f"{text[:_LETTERS].rstrip()} …",
            mistake.true,
            f"{mistake.predicted} {mistake.probability:.3f}",
        )
        for text, mistake in zip(texts, worst, strict=True)
    ]
    return Texts(
        title="The surest mistakes",
        caption="Texts that got the wrong class, those first whose own class was thought least "
        "likely. Some are mislabeled, or say one thing and mean another.",
        header=("text", "class", "given"),
        rows=tuple(rows),
    )


def _texts(split: Split, spec: TensorSpec, indices: list[int]) -> list[str]:
    """Return texts as they were written if the split has kept them, else as their ids say."""
    import numpy as np

    written: Any = getattr(split, "texts", {}).get(spec.name)
    if written is not None:
        return [" ".join(str(written[index]).split()) for index in indices]
    from zoo.runtime.text import decode_text

    inputs, _ = split.take(np.array(indices))
    assert spec.text is not None  # noqa: S101 - the caller looked
    return decode_text(inputs[spec.name], spec.text)


def _lengths(split: Split, spec: TensorSpec, right: NDArray[np.bool_]) -> Bars:
    import numpy as np

    assert spec.text is not None  # noqa: S101 - the caller looked
    lengths = np.zeros(len(right), np.int64)
    unknown = 0
    for start in range(0, len(right), 1024):
        places = np.arange(start, min(start + 1024, len(right)))
        ids = split.take(places)[0][spec.name]
        lengths[places] = (ids != spec.text.pad).sum(1)
        unknown += int((ids == spec.text.unk).sum())
    ends = sorted({int(end) for end in np.quantile(lengths, np.arange(1, _BANDS + 1) / _BANDS)})
    names, values, lows, highs = [], [], [], []
    first = int(lengths.min())
    for end in ends:
        inside = (lengths >= first) & (lengths <= end)
        count, found = int(inside.sum()), int(right[inside].sum())
        if not count:
            continue
        low, high = wilson(found, count)
        names.append(f"{first} to {end}" if first < end else f"{end}")
        values.append(found / count)
        lows.append(low)
        highs.append(high)
        first = end + 1
    share = unknown / max(1, int(lengths.sum()))
    cut = int((lengths >= spec.text.max_length).sum())
    return Bars(
        title="Accuracy by length",
        caption=f"Texts in {len(names)} bands of about equal size, by their pieces; 95 % "
        f"intervals. {share:.1%} of all pieces are not in the vocabulary, and {cut:,} of "
        f"{len(right):,} texts fill the {spec.text.max_length} that are read.",
        names=tuple(names),
        values=tuple(values),
        lows=tuple(lows),
        highs=tuple(highs),
        label="accuracy",
    )


__all__ = ["SHOWN", "draw_texts"]
