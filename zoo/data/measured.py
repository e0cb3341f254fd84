"""A named table with a measurement as its target, divided as its options say."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zoo.data.dataset import ArraySplit
from zoo.data.options import GroupOptions
from zoo.data.splits import split_rows
from zoo.errors import ConfigError, Finding
from zoo.spec import Arrays, DataSpec


def split_table(
    spec: DataSpec,
    inputs: Arrays,
    target: npt.NDArray[np.float32],
    options: GroupOptions,
    *,
    group_by: Sequence[str] | None = None,
) -> dict[str, ArraySplit]:
    """Return the three splits of a table.

    Args:
        spec: What its columns are.
        inputs: The tables by the names of the spec, one row an example.
        target: One value a row.
        options: How to split_rows it.
        group_by: Columns to group by, if they are not those of the options.

    Raises:
        ConfigError: If a column to group by is not there.
        DataError: If there are too few groups.
    """
    names = options.group_by if group_by is None else group_by
    groups = _groups(spec, inputs, names) if names else None
    parts = split_rows(np.zeros(len(target), np.int64), options, groups=groups)
    key = spec.targets[0].name
    return {
        name: ArraySplit({n: table[part] for n, table in inputs.items()}, {key: target[part]})
        for name, part in parts.items()
    }


def _groups(spec: DataSpec, inputs: Arrays, names: Sequence[str]) -> npt.NDArray[np.int64]:
    columns = {
        column.name: inputs[tensor.name][:, place]
        for tensor in spec.inputs
        for place, column in enumerate(tensor.columns or ())
    }
    findings = []
    for name in names:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            allowed = f"the columns are {', '.join(columns)}"
            findings.append(Finding("group_by", name, allowed, near[0] if near else None))
    if findings:
        raise ConfigError(
            f"{spec.id} has no such column to group by",
            findings=findings,
            fix="name columns of the data: group_by=COLUMN,COLUMN",
        )
    rows = np.stack([columns[name].astype(np.float64) for name in names], axis=1)
    codes = np.unique(rows, axis=0, return_inverse=True)[1]
    return np.asarray(codes, np.int64).reshape(-1)


__all__ = ["split_table"]
