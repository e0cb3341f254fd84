"""Splits and folds: stratified by class, grouped, or both.

They are pure functions of their arguments, drawn from the raw 64-bit output of PCG64, which numpy
promises never to change, and not from its distributions, which it may: a split is the same on
every machine and version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.options import GroupOptions
from zoo.errors import DataError
from zoo.runtime.values import alias
from zoo.spec import SplitName

Indices = npt.NDArray[np.int64]

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

_VALIDATION_STREAM = 1


def stratified_split(
    labels: npt.ArrayLike,
    *,
    validation: float,
    test: float,
    seed: int,
    names: Sequence[str] | None = None,
    kind: str = "example",
) -> dict[str, Indices]:
    """Split examples into ``train``, ``validation`` and ``test``, class by class.

    A class of n examples gives ``n * share``, rounded, and at least one, to each held-out split,
    and keeps at least one for training.

    Args:
        labels: One class index per example.
        validation: Share of every class in the validation split; 0 for no such split.
        test: Share of every class in the test split; 0 for no such split.
        seed: Seed of the order within each class. Generate data with another one: the order of a
            class is that of the first numbers of ``default_rng(seed)`` or ``default_rng([seed,
            class])``, so what was drawn with it would decide the split.
        names: The classes' names, for the error.
        kind: Singular noun for an example, for the error.

    Returns:
        The positions of each split's examples in ascending order.

    Raises:
        DataError: If a class has fewer examples than there are splits.

    Example:
        >>> parts = stratified_split([0, 0, 0, 1, 1, 1], validation=0.3, test=0.3, seed=0)
        >>> {name: len(positions) for name, positions in parts.items()}
        {'train': 2, 'validation': 2, 'test': 2}
    """
    array = np.asarray(labels)
    shares = _held_out_shares(validation, test)
    parts: dict[str, list[Indices]] = {name: [] for name in SPLITS}
    for index in np.unique(array):
        order = shuffled(np.flatnonzero(array == index), seed, int(index))
        count = len(order)
        if count <= len(shares):
            name, needed = names[int(index)] if names else str(index), len(shares) + 1
            raise DataError(
                f"the class {name!r} has {count} {kind}{_plural(count)}",
                why=f"every class must be in each of the {needed} splits, so it needs at least "
                f"{needed}",
                fix=f"add {kind}s of {name!r}, or leave the class out",
            )
        wanted = [max(1, int(count * share + 0.5)) for share in shares.values()]
        while sum(wanted) >= count:
            wanted[int(np.argmax(wanted))] -= 1
        place = 0
        for name, take in zip(shares, wanted, strict=True):
            parts[name].append(order[place : place + take])
            place += take
        parts["train"].append(order[place:])
    return {name: np.sort(np.concatenate(part)) for name, part in parts.items() if part}


def _held_out_shares(validation: float, test: float) -> dict[str, float]:
    """Return the shares of the splits that are held out, without those of 0."""
    shares = {"validation": validation, "test": test}
    return {name: share for name, share in shares.items() if share}


def stratified_sample(labels: npt.ArrayLike, count: int, *, seed: int) -> Indices:
    """Choose exactly ``count`` examples in the proportions of their classes.

    Fractions are rounded by Hamilton's method: the largest remainders get one more, the lower
    class index first if they are equal.

    Args:
        labels: One class index per example.
        count: Number of examples to choose.
        seed: Seed of the order within each class.

    Returns:
        Their positions in ascending order.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> np.bincount(labels[stratified_sample(labels, 3, seed=0)]).tolist()
        [2, 1]
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
    """Return positions in the order of a seed and a stream.

    Example:
        >>> shuffled(np.arange(5), seed=0, stream=0).tolist()
        [3, 2, 1, 0, 4]
    """
    keys = np.random.PCG64(np.random.SeedSequence([seed, stream])).random_raw(len(positions))
    order = np.argsort(np.asarray(keys), kind="stable")
    return positions[order].astype(np.int64)


def check_classes(
    codes: npt.NDArray[np.int64], names: tuple[str, ...], split: str, source: str
) -> None:
    """Refuse data with only one class, and a split that lacks a class.

    Raises:
        DataError: If there are fewer than two names, or one has no example.
    """
    if len(names) < 2:
        raise DataError(
            f"{source} has only one class" + (f": {names[0]!r}" if names else ""),
            why="a classifier needs at least two classes",
            fix="add examples of another class",
        )
    absent = np.flatnonzero(np.bincount(codes, minlength=len(names)) == 0)
    if len(absent):
        raise DataError(
            f"{source}: the {split} split has no example of the class {names[int(absent[0])]!r}",
            why="every class must be in every split, else its score would mean nothing",
            fix="add examples of it there, or leave the class out everywhere",
        )


def split_rows(
    labels: npt.ArrayLike,
    options: GroupOptions,
    *,
    groups: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    given: Collection[str] = (),
) -> dict[str, Indices]:
    """Split rows as the options of a table say: stratified, grouped, or by folds.

    With folds, the chosen fold is the test split, and the validation split is drawn from the
    others. With groups, no group is in two splits, and classes are not balanced.

    Args:
        labels: One class index per row; all equal for a regression.
        options: Shares, seed, folds.
        groups: One group index per row, from 0 without gaps; ``None`` for no groups.
        names: The classes' names, for the error.
        given: Splits that are there already, and get no rows.

    Returns:
        The positions of each split's rows in ascending order.

    Raises:
        DataError: If there are too few rows of a class, or too few groups.

    Example:
        >>> groups = np.array([0, 0, 1, 1, 2, 2])
        >>> parts = split_rows(np.zeros(6, int), GroupOptions(folds=3, fold=1), groups=groups)
        >>> np.unique(groups[parts["test"]]).size
        1
    """
    array = np.asarray(labels)
    shares = options.shares(given)
    seed, validation = options.split_seed, shares["validation"]
    if options.folds is None:
        if groups is not None:
            return grouped_split(groups, **shares, seed=seed)
        return stratified_split(
            array, validation=validation, test=shares["test"], seed=seed, names=names
        )
    folds = assign_folds(array, options.folds, seed=seed, groups=groups, names=names)
    test = np.flatnonzero(folds == options.fold)
    rest = np.flatnonzero(folds != options.fold)
    share = min(0.9, validation * len(array) / len(rest))
    # A new seed for every fold: with one seed nearly the same rows would validate each fold, and
    # their luck would not average out.
    seed = int(np.random.SeedSequence([seed, options.fold or 0]).generate_state(1)[0])
    if groups is not None:
        _, codes = np.unique(np.asarray(groups)[rest], return_inverse=True)
        inner = grouped_split(codes, validation=share, test=0, seed=seed)
    else:
        inner = stratified_split(array[rest], validation=share, test=0, seed=seed, names=names)
    return {"train": rest[inner["train"]], "validation": rest[inner["validation"]], "test": test}


def place_files(parts: dict[str, Indices], sizes: Mapping[str, int]) -> None:
    """Add the rows of the splits with a file of their own, which follow those of training's file.

    Args:
        parts: The rows of each split that was drawn from the training file.
        sizes: Number of rows in each file, by split, in the order of the rows.
    """
    start = sizes["train"]
    for split, size in sizes.items():
        if split != "train":
            parts[split] = np.arange(start, start + size)
            start += size


def grouped_split(
    groups: npt.ArrayLike, *, validation: float, test: float, seed: int
) -> dict[str, Indices]:
    """Split rows so that those of one group stay together.

    Each held-out split takes the groups, in the order of the seed, that bring it nearer to its
    share of the rows, and at least one. So a group larger than twice what is missing goes to
    another split. At least one group is left for training.

    Args:
        groups: One group index per row, from 0 without gaps.
        validation: Share of the rows in the validation split; 0 for no such split.
        test: Share of the rows in the test split; 0 for no such split.
        seed: Seed of the order of the groups.

    Raises:
        DataError: If there are fewer groups than splits.
    """
    codes = np.asarray(groups)
    sizes = np.bincount(codes)
    shares = _held_out_shares(validation, test)
    if len(sizes) <= len(shares):
        raise _too_few_groups(len(sizes), len(shares) + 1, "splits")
    wanted = {name: np.array([len(codes) * share]) for name, share in shares.items()}
    parts, _ = _hold_out_groups(sizes[:, None], codes, wanted, seed)
    return parts


def stratified_groups(
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    validation: float,
    test: float,
    seed: int,
    names: Sequence[str] | None = None,
) -> dict[str, Indices]:
    """Split examples class by class, so that those of one group stay together.

    If every group has one example this is :func:`stratified_split`. Else each held-out split
    takes the groups, in the order of the seed, that bring the sizes of its classes nearer to
    their shares, summed over the classes; then the smallest group of every class it still lacks.

    Args:
        labels: One class index per example.
        groups: One group index per example, from 0 without gaps; a group may span classes.
        validation: Share of every class in the validation split; 0 for no such split.
        test: Share of every class in the test split; 0 for no such split.
        seed: Seed of the order of the groups.
        names: The classes' names, for the error.

    Returns:
        The positions of each split's examples in ascending order.

    Raises:
        DataError: If a class has fewer examples, or is in fewer groups, than there are splits.
    """
    array, codes = np.asarray(labels), np.asarray(groups)
    # It also checks that every class has enough examples.
    plain = stratified_split(array, validation=validation, test=test, seed=seed, names=names)
    if np.bincount(codes).max() == 1:
        return plain
    classes, index = np.unique(array, return_inverse=True)
    table = np.zeros((codes.max() + 1, len(classes)), np.int64)
    np.add.at(table, (codes, index), 1)
    wanted = {
        name: np.bincount(index[part], minlength=len(classes))
        for name, part in plain.items()
        if name != "train"
    }
    parts, missing = _hold_out_groups(table, codes, wanted, seed)
    if missing is not None:
        label = int(classes[missing])
        whose = names[label] if names else str(label)
        raise DataError(
            f"the class {whose!r} cannot be divided into {len(plain)} splits",
            why="examples that are nearly the same stay together, and the class has too few others",
            fix=f"add other examples of {whose!r}, or say near_duplicates=ignore",
        )
    return parts


def _hold_out_groups(
    table: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int64],
    wanted: Mapping[str, npt.NDArray[Any]],
    seed: int,
) -> tuple[dict[str, Indices], int | None]:
    """Choose the groups of the held-out splits, in the order of the seed.

    Args:
        table: Examples of each class in each group, ``[groups, classes]``.
        codes: The group of each example.
        wanted: Examples of each class that each held-out split should have.
        seed: Seed of the order of the groups.

    Returns:
        The positions of each split's examples, and a class that a split could not have.
    """
    left = shuffled(np.arange(len(table)), seed, _VALIDATION_STREAM).tolist()
    held: dict[str, Indices] = {}
    for number, (name, due) in enumerate(wanted.items()):
        # Every later split, and training, needs a group of each class.
        spare = (table[left] > 0).sum(axis=0) - (len(wanted) - number)
        have = np.zeros_like(due)
        taken: set[int] = set()
        for group in left:
            nearer = np.abs(have + table[group] - due).sum() < np.abs(have - due).sum()
            if nearer and _can_spare(table[group], spare):
                taken.add(group)
                have, spare = have + table[group], spare - (table[group] > 0)
        for missing in np.flatnonzero(due > 0).tolist():
            if have[missing]:
                continue
            able = [
                group
                for group in left
                if group not in taken and table[group, missing] and _can_spare(table[group], spare)
            ]
            if not able:
                return {}, missing
            group = min(able, key=lambda group: int(table[group].sum()))
            taken.add(group)
            have, spare = have + table[group], spare - (table[group] > 0)
        left = [group for group in left if group not in taken]
        held[name] = np.flatnonzero(np.isin(codes, list(taken)))
    return {"train": np.flatnonzero(np.isin(codes, left)), **held}, None


def _can_spare(sizes: npt.NDArray[np.int64], spare: npt.NDArray[np.int64]) -> bool:
    """Return whether a group with examples of these classes is not needed elsewhere."""
    return bool((spare[sizes > 0] > 0).all())


def assign_folds(
    labels: npt.ArrayLike,
    folds: int,
    *,
    seed: int,
    groups: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Indices:
    """Return the fold of each row, from 0.

    Without groups the rows of each class are dealt out in turn, so that no two folds differ by
    more than one row. With groups, the largest group goes first, each to the fold with the fewest
    rows; groups of one size come in the order of the seed.

    Args:
        labels: One class index per row; all equal for a regression.
        folds: Number of folds, at least 2.
        seed: Seed of the order.
        groups: One group index per row, from 0 without gaps; ``None`` for no groups.
        names: The classes' names, for the error.

    Raises:
        DataError: If a fold would lack a class or a group, or the other folds could not be split
            into training and validation data.
    """
    array = np.asarray(labels)
    if groups is None:
        owner = np.empty(len(array), np.int64)
        start = 0
        for index in np.unique(array):
            order = shuffled(np.flatnonzero(array == index), seed, int(index))
            count = len(order)
            if count < max(folds, 4):
                whose = f"the class {names[int(index)]!r} has" if names else "there are"
                raise DataError(
                    f"{whose} {count} example{_plural(count)}",
                    why=f"each of the {folds} folds needs at least one, and so do training and "
                    "validation",
                    fix=f"ask for fewer folds than {folds}, or add examples",
                )
            owner[order] = (start + np.arange(count)) % folds
            start += count
        return owner
    codes = np.asarray(groups)
    sizes = np.bincount(codes)
    if len(sizes) < max(folds, 3):
        raise _too_few_groups(len(sizes), max(folds, 3), "folds")
    order = shuffled(np.arange(len(sizes)), seed, 0)
    filled = np.zeros(folds, np.int64)
    home: Indices = np.empty(len(sizes), np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        home[group] = np.argmin(filled)
        filled[home[group]] += sizes[group]
    return np.asarray(home[codes], np.int64)


def group_codes(columns: Sequence[Sequence[str]]) -> Indices:
    """Return one group index per row: rows that agree in all columns share it.

    Numbers agree if they are equal, however they are written; ``007`` is a code, and no number.

    Args:
        columns: The cells of each column, row by row.
    """
    known: dict[tuple[str, ...], int] = {}
    rows = zip(*([_canonical(cell) for cell in column] for column in columns), strict=True)
    return np.array([known.setdefault(row, len(known)) for row in rows], np.int64)


def _canonical(cell: str) -> str:
    return alias(cell) or cell


def _plural(count: int) -> str:
    return "" if count == 1 else "s"


def _too_few_groups(count: int, needed: int, what: str) -> DataError:
    return DataError(
        f"the rows make {count} group{_plural(count)}",
        why=f"a group is never divided, and the {what} need at least {needed}",
        fix="group by fewer columns, or leave group_by out",
    )
