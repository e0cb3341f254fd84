"""Who a dataset is, before anything of it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from zoo.config import Frozen
from zoo.data.options import SeedOptions, SplitOptions
from zoo.spec import DataSpec, Split, Task

Loader = Callable[[Any], Mapping[str, Split]]
"""From checked options to the splits ``train``, ``validation`` and ``test``."""

Describer = Callable[[Any], DataSpec]
"""From checked options to what the data is with them."""


class DatasetInfo(Frozen):
    """Who a dataset is.

    Attributes:
        spec: What its tensors are with the default options; its ``id`` is the dataset's name. Of
            what is only known from the data (a vocabulary), the spec says nothing yet.
        options: The pydantic model of its options.
        bytes: How much is downloaded the first time.
        offline: Whether it is there without any download.
        describe: Where the spec depends on the options or on the data: a function from the
            checked options to the spec, as ``"package.module:function"``.
    """

    summary: str = Field(min_length=8, max_length=200)
    license: str
    source: str = Field(description="Where it comes from: a citation or an address.")
    bytes: int = Field(default=0, ge=0)
    offline: bool
    spec: DataSpec
    options: type[SeedOptions] = Field(default=SplitOptions, exclude=True)
    describe: str | None = Field(None, pattern=r"^[\w.]+:\w+$")

    @property
    def id(self) -> str:
        """The name to ask for."""
        return self.spec.id

    @property
    def task(self) -> Task:
        """What the data is for."""
        return self.spec.task


Row = tuple[DatasetInfo, Loader | str]
"""A dataset and its loader, or where that is: ``"package.module:function"``."""

__all__ = ["DatasetInfo", "Describer", "Loader", "Row"]
