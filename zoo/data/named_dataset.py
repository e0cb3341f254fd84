"""The contract of dataset plugins: a dataset that is asked for by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from zoo.config import Frozen
from zoo.data.options import SeedOptions, SplitOptions
from zoo.spec import DataSpec, Split, Task


class NamedDataset(Frozen):
    """A dataset with a name. An entry point of the group ``zoo.datasets`` leads to one.

    Args:
        spec: Its tensors with the default options; ``spec.id`` is the name. What only the data
            itself can tell (a vocabulary) is empty.
        summary: One line about it.
        size: Number and kind of examples, and of bytes to download: "70,000 images, 11 MB".
        license: SPDX identifier, or what is stated.
        source: Citation or address.
        offline: Whether it can be loaded without a network.
        options: Pydantic model of its options.
        load: Function from validated options to the splits ``train``, ``validation`` and ``test``.
        describe: Function from validated options to the spec, if the spec depends on them or on
            the data.

    Example:
        >>> FLOWERS = NamedDataset(
        ...     spec=DataSpec(id="flowers", task=Task.CLASSIFICATION, inputs=..., targets=...),
        ...     summary="Photos of flowers", size="3,670 images, 228 MB", license="CC BY 2.0",
        ...     source="https://example.org/flowers", offline=False, load=load_flowers)
    """

    spec: DataSpec
    summary: str = Field(min_length=8, max_length=200)
    size: str = Field(min_length=1, max_length=80)
    license: str
    source: str
    offline: bool
    options: type[SeedOptions] = Field(SplitOptions, exclude=True)
    load: Callable[[Any], Mapping[str, Split]] = Field(exclude=True)
    describe: Callable[[Any], DataSpec] | None = Field(None, exclude=True)

    @property
    def id(self) -> str:
        """Name of the dataset."""
        return self.spec.id

    @property
    def task(self) -> Task:
        """Task that the data is for."""
        return self.spec.task
