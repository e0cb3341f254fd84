"""F1 score of boxes at an intersection over union (IoU) of 0.5."""

import numpy as np

from zoo import Evaluation, Score
from zoo.metrics.figures import ImageGrid, ImageRow
from zoo.metrics.intervals import bootstrap_sums
from zoo.metrics.overlays import draw_boxes


def rows_of(tensors):
    """Return the boxes and the classes of each image, without padding."""
    rows = zip(tensors["boxes"], tensors["class"], tensors["count"], strict=True)
    return [(boxes[:count], labels[:count]) for boxes, labels, count in rows]


def match(found, true):
    """Return the hits of an image, and how many boxes were found and are true."""
    (found, labels), (true, classes) = found, true
    low, high = (
        np.maximum(found[:, None, :2], true[:, :2]),
        np.minimum(found[:, None, 2:], true[:, 2:]),
    )
    both = (high - low).clip(0).prod(axis=-1)
    sizes = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (found, true)]
    fits = (labels[:, None] == classes) & (3 * both >= sizes[0][:, None] + sizes[1])  # IoU >= 0.5
    hits = 0
    for row in fits:  # the surest box chooses first, and each true box is hit once
        if row.any():
            hits += 1
            fits[:, row.argmax()] = False
    return hits, len(found), len(true)


def f1_score(found, true):
    """Return the F1 score over all boxes; its interval resamples images."""
    sums = np.array([match(*rows) for rows in zip(rows_of(found), rows_of(true), strict=True)])

    def f1(sums):
        return 2 * sums[:, 0] / np.maximum(sums[:, 1] + sums[:, 2], 1)

    return Score.of(f1(sums.sum(0)[None])[0], bootstrap_sums(sums, f1), better="higher")


def evaluate_boxes(predict_fn, split, data, reference):
    """Return the F1 score of a model, of a baseline, and the boxes of some images."""
    inputs, true = split.take(np.arange(len(split)))
    found = predict_fn(inputs)
    scores, figures = {"f1": f1_score(found, true)}, ()
    if reference is not None:
        # The baseline answers with the boxes of any image of the training split.
        others = reference.take(np.arange(len(split)) % len(reference))[1]
        scores["f1_of_other_boxes"] = f1_score(others, true)
        drawn = {
            name: [
                draw_boxes(image, *row)
                for image, row in zip(inputs["image"], rows_of(rows), strict=True)
            ]
            for name, rows in (("true", true), ("predicted", found))
        }
        rows = tuple(ImageRow.of(name, images[:8]) for name, images in drawn.items())
        figures = (ImageGrid(title="Boxes", caption="Each class has a color.", rows=rows),)
    return Evaluation(task=data.task, examples=len(split), scores=scores, figures=figures)
