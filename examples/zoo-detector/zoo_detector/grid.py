"""From boxes to a grid of cells, and back inside the exported graph."""

import keras
import numpy as np
from keras import ops


def to_grid(inputs, targets, *, cells, stride, classes):
    """Give the cell with the center of a box its class, and its distances to the four sides."""
    boxes, count = targets["boxes"], len(targets["boxes"])
    image, row = np.nonzero(np.arange(boxes.shape[1]) < targets["count"][:, None])
    boxes = boxes[image, row]
    cell = ((boxes[:, :2] + boxes[:, 2:]) / 2 // stride).astype(int)
    place = image, cell[:, 1], cell[:, 0]
    heat = np.zeros((count, *cells, classes), "float32")
    heat[*place, targets["class"][image, row]] = 1
    sides = np.zeros((count, *cells, 4), "float32")
    sides[place] = np.abs(boxes - np.tile(stride * (cell + 0.5), 2))
    return inputs, {"heat": heat, "sides": sides}


@keras.saving.register_keras_serializable("zoo_detector")
def side_loss(true, predicted):
    """Return the mean error of the sides; cells without an object have none."""
    there = ops.max(true, axis=-1, keepdims=True) > 0
    return ops.mean(ops.where(there, ops.abs(true - predicted), 0.0), axis=-1)


def to_rows(heat, sides, *, stride, rows, threshold):
    """Return the cells that are surer than their neighbors, the surest first."""
    cells = heat.shape[1] * heat.shape[2]
    score = ops.max(heat, axis=-1, keepdims=True)
    peak = ops.where(ops.equal(score, ops.max_pool(score, 3, 1, "same")), score, 0.0)
    score, cell = ops.top_k(ops.reshape(peak, (-1, cells)), rows)
    label = ops.take_along_axis(ops.reshape(ops.argmax(heat, axis=-1), (-1, cells)), cell, 1)
    row, column = np.indices(heat.shape[1:3]).reshape(2, cells)
    middle = stride * (np.stack([column, row, column, row], axis=1, dtype="float32") + 0.5)
    boxes = ops.reshape(sides, (-1, cells, 4)) * np.array([-1, -1, 1, 1], "float32") + middle
    boxes = ops.take_along_axis(boxes, cell[..., None], 1)
    valid = score >= threshold
    return {
        # Padding is zero, so that the last bits of scores do not decide about its order.
        "boxes": ops.where(valid[..., None], boxes, 0.0),
        "score": ops.where(valid, score, 0.0),
        "class": ops.where(valid, label, 0),
        "count": ops.sum(ops.cast(valid, "int32"), axis=1),
    }
