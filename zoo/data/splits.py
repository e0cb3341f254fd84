"""Who learns, who is chosen by, who is measured: splits as a pure function of labels and seed.

They are drawn from the raw 64-bit output of PCG64, which numpy promises never to change, and not
from its distributions, which it may; so a split is the same on every machine and version.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zoo.errors import DataError

Indices = npt.NDArray[np.int64]

SPLITS = ("train", "validation", "test")


def stratified_split(
    labels: npt.ArrayLike,
    *,
    validation: float,
    test: float,
    seed: int,
    names: Sequence[str] | None = None,
    kind: str = "example",
) -> dict[str, Indices]:
    """Divide examples into ``train``, ``validation`` and ``test``, class by class.

    Of a class with n examples, ``n * share`` rounded, and at least one, go to each held-out
    split, and at least one is left to train on.

    Args:
        labels: One class index an example.
        validation: Share of every class for the validation split; 0 for no such split.
        test: Share of every class for the test split; 0 for no such split.
        seed: Decides who goes where.
        names: The classes' names, for the error.
        kind: What the examples are called there, in the singular.

    Returns:
        The positions of each split's examples in ascending order.

    Raises:
        DataError: If a class has fewer examples than there are splits.
    """
    array = np.asarray(labels)
    shares = [
        (name, share) for name, share in (("validation", validation), ("test", test)) if share
    ]
    parts: dict[str, list[Indices]] = {name: [] for name in SPLITS}
    for index in np.unique(array):
        order = shuffled(np.flatnonzero(array == index), seed, int(index))
        count = len(order)
        if count <= len(shares):
            name = names[int(index)] if names else str(index)
            raise _too_few(name, count, len(shares) + 1, kind)
        wanted = [max(1, int(count * share + 0.5)) for _, share in shares]
        while sum(wanted) >= count:
            wanted[int(np.argmax(wanted))] -= 1
        place = 0
        for (name, _), take in zip(shares, wanted, strict=True):
            parts[name].append(order[place : place + take])
            place += take
        parts["train"].append(order[place:])
    return {name: np.sort(np.concatenate(part)) for name, part in parts.items() if part}


def stratified_sample(labels: npt.ArrayLike, count: int, *, seed: int) -> Indices:
    """Choose exactly ``count`` examples in the proportions of their classes.

    Classes get the whole part of their due, and those with the largest remainders one more
    (Hamilton's method; the lower class index first where they are equal).

    Args:
        labels: One class index an example.
        count: How many to choose.
        seed: Decides who is chosen.

    Returns:
        Their positions in ascending order.
    """
    array = np.asarray(labels)
    classes, sizes = np.unique(array, return_counts=True)
    due, remainder = np.divmod(sizes * count, len(array))
    largest = np.argsort(-remainder, kind="stable")[: count - int(due.sum())]
    due[largest] += 1
    chosen = [
        shuffled(np.flatnonzero(array == index), seed, int(index))[:take]
        for index, take in zip(classes, due, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def shuffled(positions: npt.NDArray[np.intp], seed: int, stream: int) -> Indices:
    """Return positions in an order that the seed and the stream decide."""
    keys = np.random.PCG64(np.random.SeedSequence([seed, stream])).random_raw(len(positions))
    order = np.argsort(np.asarray(keys), kind="stable")
    return positions[order].astype(np.int64)


def _too_few(name: str, count: int, needed: int, kind: str) -> DataError:
    return DataError(
        f"the class {name!r} has {count} {kind}{'s' if count != 1 else ''}",
        why=f"every class must be in each of the {needed} splits, so it needs at least {needed}",
        fix=f"add {kind}s of {name!r}, or leave the class out",
    )


__all__ = ["SPLITS", "Indices", "shuffled", "stratified_sample", "stratified_split"]
