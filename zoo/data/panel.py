"""Series on one axis of time, and the windows of each split.

A forecast lies within one split. The history of a validation or test window may begin before its
split, where no file begins: it is known when a forecast is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.dataset import ArraySplit, arrays_digest
from zoo.data.options import WindowOptions
from zoo.errors import DataError
from zoo.files import sha256_json
from zoo.runtime.calendar import Step
from zoo.runtime.series import Series, read_panel
from zoo.runtime.table import Table
from zoo.spec import DataSpec, Split

Borders = Mapping[str, tuple[int, int]]
"""The first step of each split, and the one after its last."""


class SeriesSplit(ArraySplit):
    """Windows of several series.

    Attributes:
        series: Name of the series of each window.
    """

    def __init__(self, inputs: Any, targets: Any, series: npt.NDArray[np.str_]) -> None:
        super().__init__(inputs, targets)
        self.series = series

    def digest(self) -> str:
        """Return the SHA-256 of the windows in their order, and of the names of their series."""
        return sha256_json([super().digest(), arrays_digest({"series": self.series})])


@dataclass(frozen=True)
class Panel:
    """Series on one axis of time.

    Attributes:
        names: The values that name each series; one empty name for a single series.
        values: ``[series, steps, channels]``, NaN where a series has no row.
        filled: ``[series, steps]``, true where a value was interpolated.
        channels: Names of the columns.
        series: The first series, with its dates moved to the first step.
        files: The first step of each file and the one after its last.
    """

    names: tuple[tuple[str, ...], ...]
    values: npt.NDArray[np.float32]
    filled: npt.NDArray[np.bool_]
    series: Series
    files: Borders = field(repr=False)

    @classmethod
    def read(
        cls,
        tables: Mapping[str, Table],
        date: str | None,
        group_by: Sequence[str],
        channels: Sequence[str],
        *,
        future: Sequence[str] = (),
        interpolate: bool,
        step: Step | None = None,
    ) -> Panel:
        """Read tables, each later than the one before, with the frequency of the first."""
        found: dict[str, dict[tuple[str, ...], Series]] = {}
        for split, table in tables.items():
            needed = [*([date] if date else []), *group_by, *channels, *future]
            if missing := [name for name in needed if name not in table.columns]:
                raise table.without(missing[0], needed)
            found[split] = read_panel(
                table,
                date=date,
                group_by=group_by,
                channels=channels,
                future=future,
                interpolate=interpolate,
                step=step,
            )
            step = next(iter(found[split].values())).step
        return cls.of(found)

    @classmethod
    def of(cls, found: Mapping[str, Mapping[tuple[str, ...], Series]]) -> Panel:
        """Place series on one axis.

        Raises:
            DataError: If a file begins before the one before it ends.
        """
        # Steps ahead have nothing to forecast.
        found = {
            split: {name: one.until(one.measured) for name, one in file.items()}
            for split, file in found.items()
        }
        every = [one for file in found.values() for one in file.values()]
        dates = [one.first for one in every if one.first is not None]
        begin = min(dates, default=None)
        names = tuple(dict.fromkeys(name for file in found.values() for name in file))
        places: list[tuple[int, int, Series]] = []
        files: dict[str, tuple[int, int]] = {}
        stop = 0
        for split, file in found.items():
            # Without dates a step lies between two files, so that no window is of both.
            starts = {name: _place(begin, one, stop + bool(files)) for name, one in file.items()}
            first = min(starts.values())
            if files and first < stop:
                raise _overlap(split, every[0].step, begin, first, stop)
            places += [(names.index(name), at, file[name]) for name, at in starts.items()]
            stop = max(at + len(file[name].values) for name, at in starts.items())
            files[split] = (first, stop)
        values = np.full((len(names), stop, every[0].values.shape[1]), np.nan, np.float32)
        filled = np.zeros((len(names), stop), bool)
        for row, at, one in places:
            values[row, at : at + len(one.values)] = one.values
            filled[row, at : at + len(one.values)] = one.filled
        whole = Series(every[0].channels, values[0], filled[0], begin, every[0].step)
        return cls(names, values, filled, whole, files)

    @property
    def step(self) -> Step | None:
        """The frequency; ``None`` without dates."""
        return self.series.step

    def known_steps(self, border: tuple[int, int]) -> int:
        """Return the number of steps of all series between two steps."""
        part = self.values[:, slice(*border)]
        return int((~np.isnan(part).any(axis=-1)).sum())

    def counts(
        self, borders: Borders, window: int, horizon: int, *, within: bool = False
    ) -> dict[str, int]:
        """Return how many windows each split has."""
        return {
            split: sum(map(len, self._origins(border, window, horizon, within)))
            for split, border in borders.items()
        }

    def cut(
        self, spec: DataSpec, borders: Borders, *, within: bool = False
    ) -> dict[str, ArraySplit]:
        """Cut the windows of each split, series by series, the earliest first.

        Args:
            spec: The spec of the windows.
            borders: The steps of each split: forecasts lie between them.
            within: Whether the history lies between them too.
        """
        history, forecast = spec.inputs[0], spec.targets[0]
        calendar = spec.input("calendar")
        window, horizon = int(history.shape[0]), int(forecast.shape[0])
        places = {
            tensor.name: [
                self.series.channels.index(column.name) for column in tensor.columns or ()
            ]
            for tensor in (*spec.inputs, *spec.targets)
            if tensor.name != "calendar"
        }
        rows = None
        if calendar is not None:
            features = [column.name for column in calendar.columns or ()]
            rows = self.series.calendar(features, 0, self.values.shape[1])
        splits = {}
        for split, border in borders.items():
            origins = self._origins(border, window, horizon, within)
            inputs: dict[str, npt.NDArray[Any]] = {
                history.name: _cut(self.values[:, :, places[history.name]], origins, -window, 0)
            }
            if "future" in places:
                known = self.values[:, :, places["future"]]
                inputs["future"] = _cut(known, origins, -window, horizon)
            if calendar is not None and rows is not None:
                shared = np.broadcast_to(rows, (len(origins), *rows.shape))
                inputs[calendar.name] = _cut(shared, origins, -window, horizon)
            to_come = _cut(self.values[:, :, places[forecast.name]], origins, 0, horizon)
            targets = {forecast.name: to_come}
            if self.names == ((),):
                splits[split] = ArraySplit(inputs, targets)
            else:
                named = [", ".join(name) for name in self.names]
                series = np.repeat(np.array(named), [len(own) for own in origins])
                splits[split] = SeriesSplit(inputs, targets, series)
        return splits

    def _origins(
        self, border: tuple[int, int], window: int, horizon: int, within: bool
    ) -> list[npt.NDArray[np.int64]]:
        """Return the first step of the forecast of every window, by series."""
        start, stop = border
        first = start + window if within else max(start, window)
        origins = np.arange(first, stop - horizon + 1)
        found = []
        for values, filled in zip(self.values, self.filled, strict=True):
            absent = np.concatenate([[0], np.isnan(values).any(axis=1).cumsum()])
            guessed = np.concatenate([[0], filled.cumsum()])
            whole = absent[origins + horizon] == absent[origins - window]
            measured = guessed[origins + horizon] == guessed[origins - 1]
            found.append(origins[whole & measured])
        return found


def windows(series: Series, spec: DataSpec, options: WindowOptions) -> Mapping[str, Split]:
    """Split the steps in time order and cut every window within each split, the earliest first.

    A window is left out if its last step or its forecast was interpolated: the former depends on
    the forecast, and the latter is no measurement.

    Raises:
        DataError: If a split is too short for one window.

    Example:
        >>> options = WindowOptions(window=4, horizon=2, validation_split=0.25, test_split=0.25)
        >>> {name: len(split) for name, split in windows(series, spec, options).items()}
        {'train': 10, 'validation': 3, 'test': 3}
    """
    window, horizon = int(spec.inputs[0].shape[0]), int(spec.targets[0].shape[0])
    panel = Panel.of({"train": {(): series}})
    borders = split_borders(panel, options)
    if not all(panel.counts(borders, window, horizon, within=True).values()):
        raise too_short(panel, borders, window, horizon, spec.id, within=True)
    return panel.cut(spec, borders, within=True)


def split_borders(panel: Panel, options: WindowOptions) -> Borders:
    """Return the steps of each split: those of its own file, else the latest of training's."""
    given = {split: panel.files[split] for split in panel.files if split != "train"}
    shares = options.shares(given)
    start, stop = panel.files["train"]
    steps = stop - start
    test, validation = (
        0 if name in given else max(1, round(steps * shares[name]))
        for name in ("test", "validation")
    )
    drawn = {
        "train": (start, max(start, stop - validation - test)),
        "validation": (stop - validation - test, stop - test),
        "test": (stop - test, stop),
    }
    return {**drawn, **given}


def too_short(
    panel: Panel, borders: Borders, window: int, horizon: int, name: str, *, within: bool = False
) -> DataError:
    """Return the error about a split without a window, with sizes that fit."""
    counts = panel.counts(borders, window, horizon, within=within)
    split = next(split for split, count in counts.items() if not count)
    start, stop = borders[split]
    less = (window, horizon)
    fix = "give a longer series: no window and no horizon fit"
    if len(borders) == 1:
        fix = "give a longer series: the window and the horizon are those of the model"
    while len(borders) > 1 and less > (2, 1):
        less = max(2, less[0] // 2), max(1, less[1] // 2)
        if all(panel.counts(borders, *less, within=within).values()):
            fix = f"window={less[0]} and horizon={less[1]} fit; or give a longer series"
            break
    filled = int(panel.filled[:, start:stop].sum())
    return DataError(
        f"the {split} split of {name!r} is too short",
        why=f"it has {stop - start} of the {panel.values.shape[1]} steps, and one window with its "
        f"forecast takes {window} + {horizon}"
        + (f"; {filled} of its values were interpolated, and are not forecast" if filled else ""),
        fix=fix,
    )


def _place(begin: Any, series: Series, after: int) -> int:
    """Return the step at which a series begins; without dates, the one after the others."""
    if begin is None or series.first is None or series.step is None:
        return after
    place = series.step.between(begin, series.first)
    if place is None:
        raise DataError(
            f"the series that begins at {series.first} has another step than the one at {begin}",
            why=f"series are {series.step.frequency}, on the same dates",
            fix="give the rows of all series the same dates",
        )
    return place


def _overlap(split: str, step: Step | None, begin: Any, first: int, stop: int) -> DataError:
    dates = [step.advance(begin, at) for at in (first, stop - 1)] if step and begin else ["", ""]
    return DataError(
        f"the file of the {split} split begins at {dates[0]}, before the file before it ends",
        why=f"that ends at {dates[1]}: what was trained on would be measured",
        fix=f"leave the rows up to {dates[1]} out: they are history already",
    )


def _cut(
    values: npt.NDArray[Any], origins: Sequence[npt.NDArray[np.int64]], start: int, stop: int
) -> npt.NDArray[Any]:
    """Return the values from ``start`` up to ``stop``, relative to each origin."""
    steps = np.arange(start, stop)
    return np.concatenate(
        [one[own[:, None] + steps] for one, own in zip(values, origins, strict=True)]
    )
