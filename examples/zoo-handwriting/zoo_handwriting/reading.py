"""Reading: which letter of a text is the nearest to what was written in its place."""

import numpy as np

from zoo_handwriting.font import LETTERS, write


def warped_distances(written, templates):
    """Return the distance of strokes from each template by dynamic time warping.

    Each point of one is matched with a point of the other, in order (Sakoe & Chiba 1978). Points
    are compared by the way that the pen went to them, so that it does not matter where they are.
    """
    most = max(map(len, templates))
    padded = np.stack([np.pad(one, [(0, most - len(one)), (0, 0)]) for one in templates])
    costs = np.linalg.norm(padded[:, None] - written[:, None], axis=-1)
    total = np.full((len(templates), most + 1), np.inf)
    total[:, 0] = 0
    for cost in costs.swapaxes(0, 1):
        before, total = total, np.full_like(total, np.inf)
        for at in range(most):
            nearest = np.minimum(np.minimum(before[:, at], before[:, at + 1]), total[:, at])
            total[:, at + 1] = cost[:, at] + nearest
    return np.array([row[len(one)] for row, one in zip(total, templates, strict=True)])


def letters_read(text, written):
    """Return which letters of a text are read right, spaces left out.

    A letter is read right if the text is nearer to the strokes than the same text with any other
    letter in this place. Both are written without jitter. By chance, that is so for one of 26.
    """
    places = [place for place, letter in enumerate(text) if letter != " "]
    if not len(written):
        return [False] * len(places)
    rng = np.random.default_rng(0)
    texts = [text[:i] + other + text[i + 1 :] for i in places for other in LETTERS[:-1]]
    distances = warped_distances(written, [write(one, rng, jitter=0) for one in texts])
    nearest = distances.reshape(len(places), -1).argmin(axis=1)
    return [LETTERS[found] == text[place] for found, place in zip(nearest, places, strict=True)]
