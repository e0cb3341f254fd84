"""Texts as strokes: letters of the Hershey fonts, jittered by stated rules."""

import functools

import numpy as np

LETTERS = "abcdefghijklmnopqrstuvwxyz "
HEIGHT = 9
"""Height of an x in units of the font."""
STEP = 3 / HEIGHT
"""Length between two points of a stroke, in heights of an x."""


@functools.cache
def script():
    """Return the script font."""
    from HersheyFonts import HersheyFonts

    font = HersheyFonts()
    font.load_default_font("scripts")
    return font


@functools.cache
def glyph(letter):
    """Return the width of a letter and its strokes, `[points, 2]`, in heights of an x, y up."""
    strokes = [np.array([*stroke], float) for stroke in script().strokes_for_text(letter)]
    # The width is how far a letter after it is moved.
    starts = [next(iter([*script().strokes_for_text(text)][-1]))[0] for text in (letter + "l", "l")]
    return (starts[0] - starts[1]) / HEIGHT, [
        resample(stroke * [1, -1] / HEIGHT) for stroke in strokes
    ]


def resample(stroke):
    """Return points along a stroke at equal steps, its ends included."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    at = np.linspace(0, along[-1], max(1, round(along[-1] / STEP)) + 1)
    return np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], axis=1)


def write(text, rng, jitter=1.0):
    """Write a text by hand: return offsets and whether the pen is lifted after each, `[points, 3]`.

    The letters of a text share a slant (deviation 0.12), a size (8 %), a width (8 %), and a slope
    of the baseline (0.02). Each has a size (4 %) and a place (0.04) of its own, and its points
    are off by 0.02, smoothed along the way. All of that is times `jitter`. The first offset is
    from the middle of the first line at the left.
    """
    slant, size, wide, slope = rng.normal(0, jitter * np.array([0.12, 0.08, 0.08, 0.02]))
    shape = np.exp(size) * np.array([[np.exp(wide), slope], [slant, 1]])
    x, strokes = 0, []
    for letter in text:
        width, parts = glyph(letter)
        scale, *place = rng.normal([1, x, 0], jitter * 0.04)
        strokes += [part * scale + place for part in parts]
        x += width
    points, lifted = np.concatenate(strokes), np.zeros(sum(map(len, strokes)))
    lifted[np.cumsum([len(stroke) for stroke in strokes]) - 1] = 1
    noise = rng.normal(0, jitter * 0.02, (len(points) + 2, 2))
    points = (points + (noise[:-2] + 2 * noise[1:-1] + noise[2:]) / 2.45) @ shape
    return np.column_stack([np.diff(points, axis=0, prepend=[[0, 0]]), lifted]).astype("float32")
