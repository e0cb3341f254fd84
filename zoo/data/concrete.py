"""The concrete data of I-Cheng Yeh, downloaded, or from a local copy with the same cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.data.dataset import arrays_digest
from zoo.data.download import Remote, fetch
from zoo.data.measured import split_table
from zoo.data.named.tables import CONCRETE, CONCRETE_MIX, ConcreteOptions
from zoo.errors import ChecksumMismatch
from zoo.runtime.csv import is_number, read_table
from zoo.spec import Split

REMOTE = Remote(
    name="concrete_data.csv",
    urls=(
        "https://raw.githubusercontent.com/abdelmasry/"
        "IBM-Intro-to-Deep-Learning-and-Neural-Networks-wiith-Keras/"
        "7ce95c4fda256f781763e04a3e3235ffb846000f/concrete_data.csv",
        "https://s3-api.us-geo.objectstorage.softlayer.net/cf-courses-data/CognitiveClass/"
        "DL0101EN/labs/data/concrete_data.csv",
    ),
    size=56_928,
    sha256="07866685127575e44c3a61f9bfc1169e59e207a8a9e87aa3ff2af507b6fd0af3",
)
CONTENT = "4609a357c94189c8f1317281dc2ff7f7cd901d68cf7531286ed4e9e7ed354de7"
"""SHA-256 over the numbers, whatever file they came in."""


def load(
    options: ConcreteOptions, *, remote: Remote = REMOTE, content: str = CONTENT
) -> Mapping[str, Split]:
    """Load the concrete data: eight inputs in kg/m3 and days, the strength in MPa.

    Args:
        options: ``file`` names a local copy; ``group_by=mix`` keeps the rows of one mix together.
        remote: Where to download it.
        content: SHA-256 over the arrays, by :func:`zoo.data.dataset.arrays_digest`.

    Raises:
        DatasetUnavailable: If it cannot be downloaded now.
        ChecksumMismatch: If the file's numbers are not those of the concrete data.
    """
    path = Path(options.file).expanduser() if options.file else fetch(remote)
    table = read_table(path)
    cells = table.rows
    known = len(table.header) == len(CONCRETE_MIX) + 2 and all(
        is_number(c) for r in cells for c in r
    )
    values = np.array(cells if known else [[0]], np.float64).astype(np.float32)
    inputs, target = {"numeric": values[:, :-1]}, values[:, -1]
    if (found := arrays_digest({**inputs, "target": target})) != content:
        raise ChecksumMismatch(
            f"the numbers in {path} are not the concrete data",
            why=f"their SHA-256 is {found}, expected {content}"
            if known
            else "it has other columns, or cells that are not numbers",
            fix=f"zoo train NAME --data {path} uses the file as your own data",
        )
    names = [
        column
        for name in options.group_by
        for column in (CONCRETE_MIX if name == "mix" else (name,))
    ]
    return split_table(CONCRETE, inputs, target, options, group_by=names)


__all__ = ["CONTENT", "REMOTE", "load"]
