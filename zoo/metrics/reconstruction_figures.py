"""What a report shows of reconstructions: mostly pictures, because one sees there what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.metrics.corruptions import Corruption
from zoo.metrics.fidelity import Measured, decibels
from zoo.metrics.figures import (
    Bars,
    Figure,
    Histogram,
    ImageGrid,
    ImageRow,
    Lines,
    Scatter,
    Series,
    encode_image,
    evenly_spaced,
)
from zoo.metrics.intervals import bootstrap_means
from zoo.metrics.roc import auc, roc_curve
from zoo.spec import PredictFn, PredictFns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.metrics.images import Images

COLUMNS = 10
"""Images side by side."""

_PAIRS = 4
_STEPS = 9
_DRAWN = 3
_BINS = 40
_SEED = 1901


def draw_reconstructions(predict_fn: PredictFn, found: Measured) -> tuple[Figure, ...]:
    """Return examples beside their reconstructions, and those that came out worst."""
    chosen = _examples(found)
    return (
        _beside(predict_fn, found, chosen),
        _worst(predict_fn, found),
        *_by_class(found),
    )


def draw_autoencoder(
    predict_fns: PredictFns, found: Measured, corruption: Corruption | None, *, prior: bool
) -> tuple[Figure, ...]:
    """Return all that an autoencoder's report shows, what it is used for most first."""
    predict_fn = predict_fns["reconstruct"]
    figures: list[Figure] = [_beside(predict_fn, found, _examples(found))]
    if corruption is not None:
        figures.append(_repaired(predict_fn, found, corruption))
    if not found.familiar.all():
        figures += [*_anomalies(found), _unknown(predict_fn, found)]
    figures.append(_map(predict_fns["encode"], found))
    figures.append(_strips(predict_fns, found))
    if prior:
        figures.append(_dreams(predict_fns, found))
    figures.append(_worst(predict_fn, found))
    return (*figures, *_by_class(found))


def _beside(predict_fn: PredictFn, found: Measured, chosen: NDArray[Any]) -> ImageGrid:
    """Show originals, reconstructions, and what principal components make of them."""
    clean, given = _pictures(predict_fn, found.images, chosen)
    rows = [_row("original", clean), _row("reconstruction", given)]
    known = found.familiar
    error = float(found.errors[known].mean())
    caption = (
        f"The reconstructions are off by {error:.4f} in mean squared intensity, "
        f"{float(decibels(found.errors[known]).mean()):.1f} dB"
    )
    if found.pca is not None and found.pca_errors is not None:
        flat = clean.reshape(len(clean), -1)
        rows.append(_row("PCA", found.pca.reconstruct(flat).reshape(clean.shape)))
        other = float(found.pca_errors[known].mean())
        caption += (
            f"; {found.pca.axes.shape[1]} principal components of "
            f"{found.pca.examples:,} training images by {other:.4f}"
        )
    return ImageGrid(
        title="Out of the code again",
        caption=caption + ".",
        rows=tuple(rows),
        columns=_names(found, chosen),
    )


def _repaired(predict_fn: PredictFn, found: Measured, corruption: Corruption) -> ImageGrid:
    chosen = _examples(found)
    images, known = found.images, found.familiar
    low, high = images.limits
    inputs, _ = images.split.take(chosen)
    raw = inputs[images.spec.name]
    worse = corruption(raw, chosen, low, high)
    again = images.reconstruct(predict_fn, {**inputs, images.spec.name: worse})
    before = float(decibels(_at(found.damaged, known)).mean())
    after = float(decibels(_at(found.repaired, known)).mean())
    kind = corruption.kind.replace("_", " ")
    return ImageGrid(
        title="Repaired",
        caption=f"The noise ({kind}, {corruption.amount:g}) leaves {before:.1f} dB, the repair "
        f"{after:.1f} dB, mean over {int(known.sum()):,} images.",
        rows=(
            _row("damaged", images.scaled(worse)),
            _row("repaired", again),
            _row("clean", images.scaled(raw)),
        ),
        columns=_names(found, chosen),
    )


def _anomalies(found: Measured) -> list[Figure]:
    """Show how well the error tells what was held out, and from what."""
    import numpy as np

    known, strange = found.errors[found.familiar], found.errors[~found.familiar]
    labels = found.images.labels
    names = ", ".join(labels[index] for index in np.unique(found.classes[~found.familiar]))
    area, interval = auc(strange, known)
    between = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    series = [_roc("this model", strange, known, emphasis=True)]
    against = ""
    if found.pca_errors is not None:
        theirs = found.pca_errors[~found.familiar], found.pca_errors[found.familiar]
        series.append(_roc("PCA", *theirs, emphasis=False))
        against = f"; that of PCA {auc(*theirs)[0]:.3f}"
    series.append(Series(name="guessing", x=(0.0, 1.0), y=(0.0, 1.0)))
    edges = np.linspace(0, float(np.quantile(found.errors, 0.995)) or 1.0, _BINS + 1)
    counts = [np.histogram(np.minimum(part, edges[-1]), edges)[0] for part in (known, strange)]
    return [
        Lines(
            title=f"What was never seen: {names}",
            caption=f"The error tells {len(strange):,} images of a class that was not trained on "
            f"from {len(known):,} others with an area of {area:.3f}{between}{against}.",
            series=tuple(series),
            x_label="familiar images flagged",
            y_label="unknown images found",
            square=True,
        ),
        Histogram(
            title="How far off familiar and unknown images are",
            caption=f"Half of the unknown images are off by more than {np.median(strange):.4f}, "
            f"half of the familiar ones by more than {np.median(known):.4f}. The last bin holds "
            "all beyond it.",
            edges=tuple(edges.tolist()),
            counts=tuple(tuple(row.tolist()) for row in counts),
            groups=("familiar", f"unknown: {names}"),
            label="mean squared error of an image",
        ),
    ]


def _unknown(predict_fn: PredictFn, found: Measured) -> ImageGrid:
    """Show what a model makes of images of a kind that it has not seen."""
    import numpy as np

    chosen = np.flatnonzero(~found.familiar)[:COLUMNS]
    clean, given = _pictures(predict_fn, found.images, chosen)
    usual = np.quantile(found.errors[found.familiar], 0.95)
    caught = float((found.errors[~found.familiar] > usual).mean())
    return ImageGrid(
        title="Unknown images, and what the model makes of them",
        caption=f"{caught:.0%} of them are further off than 95% of the familiar images are. What "
        "a code can say nevertheless is not given away by its error. Above each, its mean squared "
        "error.",
        rows=(_row("original", clean), _row("reconstruction", given)),
        columns=tuple(f"{found.errors[place]:.3f}".lstrip("0") for place in chosen),
    )


def _roc(name: str, positives: Any, negatives: Any, *, emphasis: bool) -> Series:
    x, y = roc_curve(positives, negatives)
    kept = evenly_spaced(len(x), 300)
    return Series(
        name=name, x=tuple(x[kept].tolist()), y=tuple(y[kept].tolist()), emphasis=emphasis
    )


def _map(encode: PredictFn, found: Measured) -> Scatter:
    """Show codes in the plane: as they are, or their two strongest directions."""
    import numpy as np

    from zoo.metrics.pca_baseline import fit_principal

    images = found.images
    chosen = np.array(evenly_spaced(len(found.errors)))
    codes = _codes(encode, images, chosen)
    names = [images.labels[index] if index >= 0 else "" for index in found.classes[chosen]]
    if codes.shape[1] == 1:
        place = np.stack([codes[:, 0], found.errors[chosen]], axis=1)
        said, labels = "The code is one number.", ("code", "mean squared error")
    elif codes.shape[1] == 2:
        place, said, labels = codes, "The code itself: two numbers.", ("code 1", "code 2")
    else:
        plane = fit_principal([codes], 2)
        place = plane.encode(codes)
        if place.shape[1] < 2:
            place = np.pad(place, ((0, 0), (0, 1)))
        said = (
            f"The two principal components of codes of {codes.shape[1]} numbers, which hold "
            f"{plane.share.sum():.0%} of their variance."
        )
        labels = ("first principal component", "second principal component")
    hint = " The classes were never told to the model." if any(names) else ""
    return Scatter(
        title="A map of the codes",
        caption=f"{said} {len(chosen):,} images.{hint}",
        x=tuple(np.round(place[:, 0], 4).tolist()),
        y=tuple(np.round(place[:, 1], 4).tolist()),
        x_label=labels[0],
        y_label=labels[1],
        groups=tuple(names) if any(names) else (),
    )


def _strips(predict_fns: PredictFns, found: Measured) -> ImageGrid:
    """Show what lies between two codes."""
    import numpy as np

    images = found.images
    chosen = _examples(found)
    pairs = [(chosen[i], chosen[-1 - i]) for i in range(min(_PAIRS, len(chosen) // 2))]
    pairs = pairs or [(chosen[0], chosen[0])]
    codes = _codes(predict_fns["encode"], images, np.array(pairs).reshape(-1))
    share = np.linspace(0, 1, _STEPS, dtype=codes.dtype)[:, None]
    rows = []
    for number, (left, right) in enumerate(pairs):
        first, second = codes[2 * number], codes[2 * number + 1]
        between = first * (1 - share) + second * share
        drawn = _decode(predict_fns["decode"], images, between)
        ends = [_name(found, place) for place in (left, right)]
        rows.append(_row(" to ".join(ends) if all(ends) else "", drawn))
    return ImageGrid(
        title="From one code to another",
        caption="Codes on the straight line between those of two test images, decoded.",
        rows=tuple(rows),
        columns=tuple(f"{part:.0%}" for part in share[:, 0]),
    )


def _dreams(predict_fns: PredictFns, found: Measured) -> ImageGrid:
    """Show images of codes that nobody encoded."""
    import numpy as np

    size = _codes(predict_fns["encode"], found.images, np.arange(1)).shape[1]
    random = np.random.default_rng(_SEED)
    codes = random.normal(size=(_DRAWN * COLUMNS, size)).astype("float32")
    drawn = _decode(predict_fns["decode"], found.images, codes)
    return ImageGrid(
        title="Drawn from the prior",
        caption="Decoded from codes drawn at random from the standard normal distribution.",
        rows=tuple(
            _row("", drawn[start : start + COLUMNS]) for start in range(0, len(drawn), COLUMNS)
        ),
    )


def _worst(predict_fn: PredictFn, found: Measured) -> ImageGrid:
    """Show what came out worst, of the classes that were trained on."""
    import numpy as np

    order = np.argsort(-np.where(found.familiar, found.errors, -1.0), kind="stable")
    chosen = order[: min(COLUMNS, int(found.familiar.sum()))]
    clean, given = _pictures(predict_fn, found.images, chosen)
    middle = float(np.median(found.errors[found.familiar])) or 1.0
    return ImageGrid(
        title="The worst",
        caption=f"The largest error is {found.errors[chosen[0]] / middle:.1f} times the median; "
        "above each pair, its mean squared error.",
        rows=(_row("original", clean), _row("reconstruction", given)),
        columns=tuple(f"{found.errors[place]:.3f}".lstrip("0") for place in chosen),
    )


def _by_class(found: Measured) -> tuple[Bars, ...]:
    """Show which classes are hard; nothing where there are no classes."""
    import numpy as np

    labels = found.images.labels
    present = [index for index in range(len(labels)) if (found.classes == index).any()]
    if len(present) < 2:
        return ()
    parts = [found.errors[found.classes == index] for index in present]
    means = [float(part.mean()) for part in parts]
    ends = [
        bootstrap_means(part[:, None])[0] or (mean, mean)
        for part, mean in zip(parts, means, strict=True)
    ]
    held = {index for index in present if not found.familiar[found.classes == index].any()}
    names = tuple(labels[index] + (" (held out)" if index in held else "") for index in present)
    order = np.argsort(means)
    easy, hard = names[order[0]], names[order[-1]]
    return (
        Bars(
            title="Error by class",
            caption=f"{hard} is the hardest to say in a code, {easy} the easiest: "
            f"{max(means) / (min(means) or 1.0):.1f} times the error.",
            names=names,
            values=tuple(means),
            lows=tuple(low for low, _ in ends),
            highs=tuple(high for _, high in ends),
            label="mean squared error",
            emphasis=tuple(
                name for name, index in zip(names, present, strict=True) if index in held
            ),
        ),
    )


def _examples(found: Measured) -> NDArray[Any]:
    """Return positions of a few images: of each class the first, or the first ones."""
    import numpy as np

    known = np.flatnonzero(found.familiar)
    _, first = np.unique(found.classes[known], return_index=True)
    chosen = known[first][:COLUMNS]
    rest = np.setdiff1d(known, chosen)[: COLUMNS - len(chosen)]
    return np.concatenate([chosen, rest])


def _pictures(
    predict_fn: PredictFn, images: Images, chosen: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inputs, _ = images.split.take(chosen)
    return images.scaled(inputs[images.spec.name]), images.reconstruct(predict_fn, inputs)


def _codes(encode: PredictFn, images: Images, chosen: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    blocks = []
    for start in range(0, len(chosen), images.batch_size):
        inputs, _ = images.split.take(chosen[start : start + images.batch_size])
        blocks.append(images.ask(encode, inputs)["code"])
    return np.concatenate(blocks)


def _decode(decode: PredictFn, images: Images, codes: NDArray[Any]) -> NDArray[np.float64]:
    return images.scaled(images.ask(decode, {"code": codes.astype("float32")})["reconstruction"])


def _row(label: str, pictures: NDArray[Any] | Sequence[NDArray[Any]]) -> ImageRow:
    return ImageRow(label=label, images=tuple(encode_image(picture) for picture in pictures))


def _name(found: Measured, place: Any) -> str:
    index = int(found.classes[place])
    return found.images.labels[index] if index >= 0 else ""


def _names(found: Measured, chosen: NDArray[Any]) -> tuple[str, ...]:
    names = tuple(_name(found, place) for place in chosen)
    return names if any(names) else ()


def _at(errors: NDArray[Any] | None, known: NDArray[Any]) -> NDArray[Any]:
    assert errors is not None  # noqa: S101 - images were damaged, or this is not drawn
    chosen: NDArray[Any] = errors[known]
    return chosen


__all__ = ["COLUMNS", "draw_autoencoder", "draw_reconstructions"]
