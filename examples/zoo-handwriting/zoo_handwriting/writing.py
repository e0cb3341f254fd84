"""One step of writing: draw the next point, and the line to it."""

import keras
import numpy as np
from keras import ops

from zoo import TensorSpec
from zoo.spec import SPECIAL_TOKENS
from zoo_handwriting.network import log_density, split_density

STEPS = 480
"""The most points of a text that is written."""
SIDES = (80, 400)
"""Rows and columns of the image."""
PIXELS = 10
"""Pixels per height of an x."""


def draw_point(raw, bias, choice, move, lift):
    """Draw a point of a density: right, up, and whether the pen is lifted after it.

    The higher the bias, the neater: it makes likely components likelier and all of them narrower
    (equations 61 and 62).
    """
    logits, *parts, pen = split_density(raw)
    one = ops.one_hot(ops.argmax(logits * (1 + bias) + choice, axis=-1), choice.shape[-1])
    x, y, wide, tall, turn = (ops.sum(part * one, axis=-1, keepdims=True) for part in parts)
    right, up = move[:, :1], move[:, 1:]
    up = turn * right + ops.sqrt(1 - ops.square(turn)) * up
    lifted = ops.cast(ops.expand_dims(pen, -1) + lift > 0, "float32")
    return ops.concatenate(
        [x + ops.exp(wide - bias) * right, y + ops.exp(tall - bias) * up, lifted], axis=-1
    )


def line(start, way):
    """Return an image of a line two pixels wide from a place: 1 is ink, 0 is none."""
    down, right = np.mgrid[: SIDES[0], : SIDES[1]].astype("float32")
    pixels = np.stack([right - PIXELS, SIDES[0] / 2 - down])[None]
    start, along = (ops.reshape(x * PIXELS, (-1, 2, 1, 1)) for x in (start, way))
    there = ops.subtract(pixels, start)
    share = ops.sum(there * along, axis=1, keepdims=True)
    share = ops.clip(share / (ops.sum(ops.square(along), axis=1, keepdims=True) + 1e-3), 0, 1)
    apart = ops.sqrt(ops.sum(ops.square(there - share * along), axis=1) + 1e-6)
    return ops.expand_dims(ops.clip(1.5 - apart, 0, 1), -1)


def write_specs(data, config):
    """Return the inputs and the outputs of a step of writing."""
    text, shared = data.inputs[0], {"role": "state", "draw": "zeros"}
    size = 2 * config.units + config.bells + len(text.text.vocabulary) - len(SPECIAL_TOKENS)
    states = (
        TensorSpec(name="state", shape=(size,), range=(-1, 1), **shared),
        TensorSpec(name="point", shape=(3,), range=(-1, 1), **shared),
        TensorSpec(name="pen", shape=(2,), range=(-1, 30), unit="heights of an x", **shared),
        TensorSpec(name="count", shape=(1,), range=(0, STEPS), **shared),
        TensorSpec(name="written", shape=(1,), range=(0, 1), **shared),
        TensorSpec(name="record", shape=(STEPS, 3), range=(-1, 1), **shared),
        TensorSpec(name="ink", shape=(*SIDES, 1), range=(0, 1), **shared),
    )
    noises = (
        TensorSpec(name="choice", shape=(config.mixtures,), role="noise", draw="gumbel"),
        TensorSpec(name="move", shape=(2,), role="noise", draw="normal"),
        TensorSpec(name="lift", shape=(1,), role="noise", draw="logistic"),
    )
    again = tuple(
        spec.model_copy(update={"name": f"next_{spec.name}", "of": spec.name, "draw": None})
        for spec in states
    )
    image = TensorSpec(name="image", shape=(*SIDES, 1), range=(0, 255), role="image")
    strokes = data.targets[0].model_copy(
        update={"shape": (STEPS, 3), "rows": "points", "inside": "right, up, pen lifted after it"}
    )
    points = TensorSpec(name="points", dtype="int32", role="count")
    text = text.model_copy(update={"draw": "uniform"})
    return (text, *states, *noises), (*again, image, strokes, points)


def score_specs(inputs):
    """Return the inputs and the outputs of a step of scoring."""
    text, state, point, *_ = inputs
    after = point.model_copy(update={"name": "next"})
    again = state.model_copy(update={"name": "next_state", "of": "state", "draw": None})
    found = TensorSpec(name="log_density", unit="nats", inside="of the next point")
    return (text, state, point, after), (again, found)


def halfway(inputs):
    """Return inputs of steps amid a text, where a line is drawn: at the start, none is."""
    rng, found = np.random.default_rng(0), {}
    ends = {"text": (4, 30), "state": (-0.5, 0.5), "point": (-0.5, 0.5), "pen": (0, 20)}
    for spec in inputs:
        if spec.name in ends:
            found[spec.name] = rng.uniform(*ends[spec.name], (8, *spec.shape)).astype(spec.dtype)
    return found | {"count": np.full((8, 1), 9, "float32")}


def inputs_of(specs):
    """Return Keras inputs by name."""
    return {spec.name: keras.Input(spec.shape, dtype=spec.dtype, name=spec.name) for spec in specs}


def make_write(core, specs, bias):
    """Return a step that draws the next point and the line to it, until the text is written."""
    given = inputs_of(specs)
    letters = core.letters(given["text"])
    state, weights = core.step(letters, given["state"], given["point"])
    # At the end, the window is on the place after the last letter (Graves 2013, section 5.3).
    places = ops.cast(ops.any(letters, -1), "int32") * np.arange(1, letters.shape[1] + 1)
    at_end = ops.equal(ops.cast(ops.argmax(weights, axis=-1), "int32"), ops.max(places, axis=-1))
    written = ops.maximum(given["written"], ops.cast(ops.expand_dims(at_end, -1), "float32"))
    count = given["count"]
    going = (1 - written) * ops.cast(count < STEPS, "float32")
    noise = (given[name] for name in ("choice", "move", "lift"))
    point = going * draw_point(core.density(state), bias, *noise)
    pen = given["pen"] + point[:, :2]
    # No line leads to the first point, and none to where the pen moved in the air.
    drawn = going * ops.cast(count > 0, "float32") * (1 - given["point"][:, 2:])
    ink = ops.maximum(
        given["ink"], line(given["pen"], point[:, :2]) * ops.reshape(drawn, (-1, 1, 1, 1))
    )
    here = going * ops.cast(ops.equal(ops.arange(STEPS, dtype="float32"), count), "float32")
    record = given["record"] + ops.expand_dims(here, -1) * ops.expand_dims(point, 1)
    count = count + going
    after = {"state": state, "point": point, "pen": pen, "count": count, "written": written}
    after |= {"record": record, "ink": ink}
    outputs = {f"next_{name}": value for name, value in after.items()}
    padding = ops.cast(ops.greater_equal(ops.arange(STEPS, dtype="float32"), count), "float32")
    outputs["strokes"] = record - ops.expand_dims(padding, -1) * np.float32([0, 0, 1])
    outputs["points"] = ops.cast(count[:, 0], "int32")
    outputs["image"] = 255 * (1 - ink)
    return keras.Model(given, outputs)


def make_score(core, specs):
    """Return a step that gives the log density of a given next point."""
    given = inputs_of(specs)
    state, _ = core.step(core.letters(given["text"]), given["state"], given["point"])
    found = log_density(core.density(state), given["next"])
    return keras.Model(given, {"next_state": state, "log_density": found})
