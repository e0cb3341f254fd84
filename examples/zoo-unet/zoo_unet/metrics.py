"""Mean intersection over union (IoU) of masks."""

import numpy as np

from zoo import Evaluation, Score
from zoo.metrics.figures import ImageGrid, ImageRow
from zoo.metrics.intervals import bootstrap_sums
from zoo.metrics.overlays import draw_mask


def mean_iou(true, predicted, classes):
    """Return the mean IoU over all pixels; its interval resamples images, and not pixels."""
    true, predicted = np.eye(classes, dtype=bool)[true], np.eye(classes, dtype=bool)[predicted]
    sums = np.hstack([(true & predicted).sum((1, 2)), (true | predicted).sum((1, 2))])

    def ratio(sums):
        return (sums[:, :classes] / np.maximum(sums[:, classes:], 1)).mean(axis=1)

    return Score.of(ratio(sums.sum(0)[None])[0], bootstrap_sums(sums, ratio), better="higher")


def evaluate_masks(predict_fn, split, data, reference):
    """Return the mean IoU of a model, of a baseline, and the masks of some images."""
    inputs, targets = split.take(np.arange(len(split)))
    images, true = inputs["image"], targets["mask"]
    predicted = predict_fn(inputs)["probabilities"].argmax(axis=-1)
    scores, figures = {"mean_iou": mean_iou(true, predicted, len(data.labels))}, ()
    if reference is not None:
        # The baseline gives each gray level its most frequent class in the training split.
        seen, masks = reference.take(np.arange(min(64, len(reference))))
        counts = np.zeros((256, len(data.labels)))
        np.add.at(counts, (seen["image"][..., 0], masks["mask"]), 1)
        levels = counts.argmax(axis=1)[images[..., 0]]
        scores["mean_iou_gray_level"] = mean_iou(true, levels, len(data.labels))
        drawn = {"image": images, "true": map(draw_mask, images, true)}
        drawn["predicted"] = map(draw_mask, images, predicted)
        rows = tuple(ImageRow.of(name, list(row)[:8]) for name, row in drawn.items())
        figures = (ImageGrid(title="Masks", rows=rows),)
    return Evaluation(task=data.task, examples=len(split), scores=scores, figures=figures)
