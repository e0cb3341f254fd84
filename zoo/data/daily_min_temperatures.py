"""Daily minimum temperatures in Melbourne, 1981 to 1990.

The file has no row for 31 December of the two leap years; both are filled in, and no forecast of
them or from them is learned or measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zoo.data.download import Remote, fetch
from zoo.data.named.series import TemperatureOptions
from zoo.data.series import series_spec, windows
from zoo.errors import ChecksumMismatch
from zoo.files import sha256_file
from zoo.runtime.csv import read_table
from zoo.runtime.series import read_series
from zoo.spec import Column, DataSpec, SeriesSpec, Split

REMOTE = Remote(
    name="daily-min-temperatures.csv",
    urls=(
        "https://raw.githubusercontent.com/jbrownlee/Datasets/master/daily-min-temperatures.csv",
    ),
    size=67_921,
    sha256="8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
)


def describe(options: TemperatureOptions) -> DataSpec:
    """Return what the windows are with these options."""
    return series_spec(
        "daily_min_temperatures",
        [Column(name="Temp", unit="°C", categories=None)],
        ["Temp"],
        window=options.window,
        calendar=("day_of_year",),
        series=SeriesSpec(date="Date", unit="day", horizon=options.horizon, gaps="interpolate"),
    )


def load(options: TemperatureOptions, *, remote: Remote = REMOTE) -> Mapping[str, Split]:
    """Read the file and cut its windows.

    Args:
        options: ``file`` names a local copy.
        remote: Where to download it, and its SHA-256.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the local copy is another file.
    """
    path = Path(options.file).expanduser() if options.file else fetch(remote)
    table = read_table(path)
    if (found := sha256_file(path)) != remote.sha256:
        raise ChecksumMismatch(
            f"{path} is not the file of the daily minimum temperatures",
            why=f"its SHA-256 is {found}, expected {remote.sha256}",
            fix=f"zoo train lstm --data {path} uses the file as your own series",
        )
    series = read_series(table, date="Date", channels=("Temp",), interpolate=True)
    return windows(series, describe(options), options)


__all__ = ["REMOTE", "describe", "load"]
