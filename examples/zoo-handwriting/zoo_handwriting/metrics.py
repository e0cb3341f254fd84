"""Likelihood of strokes, and whether what is written can be read."""

import numpy as np

from zoo import Evaluation, Score
from zoo.metrics.figures import Bars, CaptionedImage, ImageGallery, encode_image
from zoo.metrics.intervals import bootstrap_sums
from zoo.runtime import Sampler
from zoo_handwriting.data import TEXT
from zoo_handwriting.mixture import fit_mixture
from zoo_handwriting.reading import letters_read

WRITTEN, STEPS = 40, 160
"""Texts of the split that are written, and the most points of each."""


def log_densities(score, size, text, strokes):
    """Return the log density of every point, each given the text and the points before it."""
    state, point = (np.zeros((len(text), width), "float32") for width in (size, 3))
    found = []
    for after in np.maximum(strokes, [-np.inf, -np.inf, 0]).astype("float32").swapaxes(0, 1):
        outputs = score({"text": text, "state": state, "point": point, "next": after})
        found.append(outputs["log_density"])
        state, point = outputs["next_state"], after
    return np.stack(found, axis=1)


def ratio(parts, wholes, unit, better):
    """Return the ratio of two sums over texts; its interval resamples texts."""
    sums = np.stack([parts, wholes], axis=1).astype("float64")
    interval = bootstrap_sums(sums, lambda sums: sums[:, 0] / sums[:, 1])
    return Score.of(np.divide(*sums.sum(axis=0)), interval, unit, better)


def evaluate_writing(predict_fns, specs, split, data, reference):
    """Return the likelihood of a model and of its rival, the share of letters read, and images."""
    inputs, targets = split.take(np.arange(len(split)))
    text, strokes = inputs["text"], targets["strokes"]
    real, size = strokes[..., 2] >= 0, specs[0][1].shape[0]
    found = {"this model": log_densities(predict_fns["score"], size, text, strokes)}
    if reference is not None:
        known = reference.take(np.arange(min(512, len(reference))))[1]["strokes"]
        found["mixture"] = np.zeros(real.shape)
        found["mixture"][real] = fit_mixture(known[known[..., 2] >= 0])(strokes[real])
    nll = {
        name: ratio(np.where(real, -one, 0).sum(axis=1), real.sum(axis=1), "nats", "lower")
        for name, one in found.items()
    }

    texts = ["".join(TEXT.vocabulary[i] for i in row if i > 3) for row in text[:WRITTEN]]
    sampler = Sampler(predict_fns["write"], *specs)
    written = sampler.run(len(texts), STEPS, clamped={"text": text[:WRITTEN]})
    read = {"this model": read_all(texts, written["strokes"])}
    read["true strokes"] = read_all(texts, strokes[:WRITTEN])
    shares = {
        name: ratio([sum(one) for one in rows], [len(one) for one in rows], None, "higher")
        for name, rows in read.items()
    }
    scores = {"nll": nll["this model"], "letters_read": shares["this model"]}
    scores |= {f"nll_{name}": nll[name] for name in [*nll][1:]}
    scores["letters_read_true_strokes"] = shares["true strokes"]
    shown = []
    for place, (right, image) in enumerate(
        zip(read["this model"][:12], written["image"], strict=False)
    ):
        note = "" if all(right) else f"{sum(right)} of {len(right)} letters read"
        # A text of this data is in the left part of its image.
        parts = {"image": encode_image(image[:, :160]), "caption": ((texts[place], not note),)}
        shown.append(CaptionedImage(**parts, reference=note))
    caption = "Those whose text is nearer to the strokes than with any other letter in the place."
    figures = (
        ImageGallery(title="Written by the model", images=tuple(shown)),
        Bars.of_scores(shares, title="Letters read", caption=caption, label="share"),
        Bars.of_scores(nll, title="Negative log-likelihood", caption="Per point.", label="nats"),
    )
    return Evaluation(task=data.task, examples=len(split), scores=scores, figures=figures)


def read_all(texts, strokes):
    """Return for every text which of its letters are read right."""
    return [
        letters_read(text, line[line[:, 2] >= 0]) for text, line in zip(texts, strokes, strict=True)
    ]
