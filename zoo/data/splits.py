"""Who learns, who is chosen by, who is measured: splits as a pure function of labels and seed.

They are drawn from the raw 64-bit output of PCG64, which numpy promises never to change, and not
from its distributions, which it may; so a split is the same on every machine and version.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zoo.data.options import GroupOptions
from zoo.errors import DataError

Indices = npt.NDArray[np.int64]

SPLITS = ("train", "validation", "test")

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


def check_classes(codes: Indices, names: tuple[str, ...], split: str, source: str) -> None:
    """Refuse data with one class, and a split without some class.

    Raises:
        DataError: As said.
    """
    if len(names) < 2:
        raise DataError(
            f"{source} has only one class" + (f": {names[0]!r}" if names else ""),
            why="a classifier needs at least two classes to tell apart",
            fix="add examples of another class",
        )
    absent = np.flatnonzero(np.bincount(codes, minlength=len(names)) == 0)
    if len(absent):
        raise DataError(
            f"{source}: the {split} split has no example of the class {names[int(absent[0])]!r}",
            why="every class must be in every split, else its score would mean nothing",
            fix="add examples of it there, or leave the class out everywhere",
        )


def _too_few(name: str, count: int, needed: int, kind: str) -> DataError:
    return DataError(
        f"the class {name!r} has {count} {kind}{'s' if count != 1 else ''}",
        why=f"every class must be in each of the {needed} splits, so it needs at least {needed}",
        fix=f"add {kind}s of {name!r}, or leave the class out",
    )


def split_rows(
    strata: npt.ArrayLike,
    options: GroupOptions,
    *,
    groups: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, Indices]:
    """Divide rows into ``train``, ``validation`` and ``test``, as the options of the data say.

    Without folds and groups this is :func:`zoo.data.splits.stratified_split`. With folds, the
    asked one is the test split, and the validation split is drawn from the others. With groups,
    no group is in two splits, and classes are left to chance.

    Args:
        strata: One class index a row; all the same where there are no classes.
        options: Shares, seed, folds.
        groups: One group index a row, counted from 0 without gaps; ``None`` for none.
        names: The classes' names, for the error.

    Returns:
        The positions of each split's rows in ascending order.

    Raises:
        DataError: If there are too few rows of a class, or too few groups.
    """
    array = np.asarray(strata)
    seed, validation = options.split_seed, options.validation_share
    if options.folds is None:
        if groups is not None:
            return grouped_split(groups, validation=validation, test=options.test_share, seed=seed)
        return stratified_split(
            array, validation=validation, test=options.test_share, seed=seed, names=names
        )
    folds = assign_folds(array, options.folds, seed=seed, groups=groups, names=names)
    test = np.flatnonzero(folds == options.fold)
    rest = np.flatnonzero(folds != options.fold)
    share = min(0.9, validation * len(array) / len(rest))
    # Drawn anew for every fold: what is validated on, or calibrated with, would else be nearly the
    # same rows each time, and its luck would not average out.
    seed = int(np.random.SeedSequence([seed, options.fold or 0]).generate_state(1)[0])
    if groups is not None:
        _, codes = np.unique(np.asarray(groups)[rest], return_inverse=True)
        inner = grouped_split(codes, validation=share, test=0, seed=seed)
    else:
        inner = stratified_split(array[rest], validation=share, test=0, seed=seed, names=names)
    return {"train": rest[inner["train"]], "validation": rest[inner["validation"]], "test": test}


def grouped_split(
    groups: npt.ArrayLike, *, validation: float, test: float, seed: int
) -> dict[str, Indices]:
    """Divide rows so that those of one group stay together.

    The groups come in an order that the seed decides. Each held-out split in turn takes those
    that bring it nearer to its share of the rows, so that a group larger than twice what is
    missing is left to the others; it gets one group at least, and one is left to train on.

    Args:
        groups: One group index a row, counted from 0 without gaps.
        validation: Share of the rows for the validation split; 0 for no such split.
        test: Share of the rows for the test split; 0 for no such split.
        seed: Decides who goes where.

    Raises:
        DataError: If there are fewer groups than splits.
    """
    codes = np.asarray(groups)
    sizes = np.bincount(codes)
    shares = [(name, s) for name, s in (("validation", validation), ("test", test)) if s]
    if len(sizes) <= len(shares):
        raise _too_few_groups(len(sizes), len(shares) + 1, "splits")
    left = shuffled(np.arange(len(sizes)), seed, _VALIDATION_STREAM).tolist()
    parts: dict[str, Indices] = {}
    for number, (name, share) in enumerate(shares):
        wanted, spare = len(codes) * share, len(shares) - number
        taken: list[int] = []
        have = 0
        for group in left:
            if len(left) - len(taken) > spare and abs(have + sizes[group] - wanted) < wanted - have:
                taken.append(group)
                have += int(sizes[group])
        taken = taken or [min(left, key=lambda group: int(sizes[group]))]
        left = [group for group in left if group not in set(taken)]
        parts[name] = np.flatnonzero(np.isin(codes, taken))
    return {"train": np.flatnonzero(np.isin(codes, left)), **parts}


def stratified_groups(
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    validation: float,
    test: float,
    seed: int,
    names: Sequence[str] | None = None,
) -> dict[str, Indices]:
    """Divide examples class by class, so that those of one group stay together.

    Without two in one group this is :func:`zoo.data.splits.stratified_split`, example by example.
    Else the groups come in an order that the seed decides, and each held-out split in turn takes
    those that bring the numbers of its classes nearer to their shares, added up over the classes.
    Where a class is still missing, the smallest group with it is taken.

    Args:
        labels: One class index an example.
        groups: One group index an example, counted from 0 without gaps; a group may have several
            classes.
        validation: Share of every class for the validation split; 0 for no such split.
        test: Share of every class for the test split; 0 for no such split.
        seed: Decides who goes where.
        names: The classes' names, for the error.

    Returns:
        The positions of each split's examples in ascending order.

    Raises:
        DataError: If a class has fewer examples, or is in fewer groups, than there are splits.
    """
    array, codes = np.asarray(labels), np.asarray(groups)
    # It checks what holds with and without groups.
    plain = stratified_split(array, validation=validation, test=test, seed=seed, names=names)
    if np.bincount(codes).max() == 1:
        return plain
    classes, index = np.unique(array, return_inverse=True)
    table = np.zeros((codes.max() + 1, len(classes)), np.int64)
    np.add.at(table, (codes, index), 1)
    left = shuffled(np.arange(len(table)), seed, _VALIDATION_STREAM).tolist()
    parts: dict[str, Indices] = {}
    held = [name for name in ("validation", "test") if name in plain]
    for later, name in zip(reversed(range(1, len(held) + 1)), held, strict=True):
        wanted = np.bincount(index[plain[name]], minlength=len(classes))
        taken, missing = _held_groups(table, left, wanted, later)
        if missing is not None:
            label = int(classes[missing])
            raise _too_near(names[label] if names else str(label), len(held) + 1)
        left = [group for group in left if group not in taken]
        parts[name] = np.flatnonzero(np.isin(codes, list(taken)))
    return {"train": np.flatnonzero(np.isin(codes, left)), **parts}


def _held_groups(
    table: Indices, left: Sequence[int], wanted: Indices, later: int
) -> tuple[set[int], int | None]:
    """Choose the groups of one held-out split.

    Args:
        table: How many examples of each class a group has, ``[groups, classes]``.
        left: The groups to choose from, in their order.
        wanted: How many examples of each class the split should have.
        later: How many splits come after it, each of which needs every class.

    Returns:
        The groups, and the class that none of them could have, if there is one.
    """
    spare = (table[left] > 0).sum(axis=0) - later
    have = np.zeros_like(wanted)
    taken: set[int] = set()

    def can_go(group: int) -> bool:
        return group not in taken and bool((spare[table[group] > 0] > 0).all())

    def take(group: int) -> None:
        nonlocal have, spare
        taken.add(group)
        have = have + table[group]
        spare = spare - (table[group] > 0)

    for group in left:
        after = np.abs(have + table[group] - wanted).sum()
        if after < np.abs(have - wanted).sum() and can_go(group):
            take(group)
    for missing in np.flatnonzero(wanted > 0).tolist():
        if not have[missing]:
            able = [group for group in left if table[group, missing] and can_go(group)]
            if not able:
                return taken, missing
            take(min(able, key=lambda group: int(table[group].sum())))
    return taken, None


def assign_folds(
    strata: npt.ArrayLike,
    folds: int,
    *,
    seed: int,
    groups: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Indices:
    """Return the fold of each row, counted from 0.

    Without groups the rows of each class are dealt out in turn, so that no two folds differ by
    more than one row. With groups, the largest group goes first, each to the fold that has the
    fewest rows; groups of the same size come in an order that the seed decides.

    Args:
        strata: One class index a row; all the same where there are no classes.
        folds: How many, at least 2.
        seed: Decides who goes where.
        groups: One group index a row, counted from 0 without gaps; ``None`` for none.
        names: The classes' names, for the error.

    Raises:
        DataError: If a fold would be without a class or a group, or nothing were left to learn
            and to validate on beside it.
    """
    array = np.asarray(strata)
    owner = np.empty(len(array), np.int64)
    if groups is None:
        start = 0
        for index in np.unique(array):
            order = shuffled(np.flatnonzero(array == index), seed, int(index))
            if len(order) < max(folds, 4):
                raise _too_few_rows(names, int(index), len(order), folds)
            owner[order] = (start + np.arange(len(order))) % folds
            start += len(order)
        return owner
    codes = np.asarray(groups)
    sizes = np.bincount(codes)
    if len(sizes) < max(folds, 3):
        raise _too_few_groups(len(sizes), max(folds, 3), "folds")
    order = shuffled(np.arange(len(sizes)), seed, 0)
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(folds, np.int64)
    home = np.empty(len(sizes), np.int64)
    for group in order:
        home[group] = np.argmin(filled)
        filled[home[group]] += sizes[group]
    owner[:] = home[codes]
    return owner


def group_codes(columns: Sequence[Sequence[str]]) -> Indices:
    """Return one group index a row: rows that agree in all columns share it.

    Numbers agree if they are equal, however they are written.

    Args:
        columns: The cells of each column, row by row.
    """
    known: dict[tuple[str, ...], int] = {}
    cells = [[_canonical(cell) for cell in column] for column in columns]
    rows = zip(*cells, strict=True)
    return np.array([known.setdefault(row, len(known)) for row in rows], np.int64)


def _canonical(cell: str) -> str:
    try:
        return repr(float(cell))
    except ValueError:
        return cell


def _too_few_groups(count: int, needed: int, what: str) -> DataError:
    return DataError(
        f"the rows make {count} group{'s' if count != 1 else ''}",
        why=f"a group is never divided, and the {what} need at least {needed}",
        fix="group by fewer columns, or leave group_by out",
    )


def _too_near(name: str, needed: int) -> DataError:
    return DataError(
        f"the class {name!r} cannot be divided into {needed} splits",
        why="examples that are nearly the same stay together, and the class has too few others",
        fix=f"add other examples of {name!r}, or say near_duplicates=ignore",
    )


def _too_few_rows(names: Sequence[str] | None, index: int, count: int, folds: int) -> DataError:
    whose = f"the class {names[index]!r} has" if names else "there are"
    return DataError(
        f"{whose} {count} example{'s' if count != 1 else ''}",
        why=f"each of the {folds} folds needs one at least, and so do training and validation",
        fix=f"ask for fewer folds than {folds}, or add examples",
    )
