"""The table of datasets that have a name. It is plain data: nothing is loaded to list it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from pydantic import Field

from zoo.config import Frozen
from zoo.data.options import SeedOptions, SplitOptions
from zoo.errors import ConfigError
from zoo.spec import NAME, DataSpec, Split, Task, TensorSpec

Loader = Callable[[Any], Mapping[str, Split]]
"""From checked options to the splits ``train``, ``validation`` and ``test``."""


class DatasetInfo(Frozen):
    """Who a dataset is.

    Attributes:
        spec: What its tensors are; its ``id`` is the dataset's name.
        options: The pydantic model of its options.
        bytes: How much is downloaded the first time.
        offline: Whether it is there without any download.
    """

    summary: str = Field(min_length=8, max_length=200)
    licence: str
    source: str = Field(description="Where it comes from: a citation or an address.")
    bytes: int = Field(default=0, ge=0)
    offline: bool
    spec: DataSpec
    options: type[SeedOptions] = Field(default=SplitOptions, exclude=True)

    @property
    def id(self) -> str:
        """The name to ask for."""
        return self.spec.id

    @property
    def task(self) -> Task:
        """What the data is for."""
        return self.spec.task


class MnistOptions(SeedOptions):
    """Options of MNIST."""

    file: str | None = Field(
        None,
        description="A local mnist.npz instead of a download; its arrays must be MNIST's.",
    )


_DIGITS = tuple("0123456789")


def _digit_images(name: str, side: int) -> DataSpec:
    image = TensorSpec(name="image", shape=(side, side, 1), dtype="uint8", range=(0, 255))
    label = TensorSpec(name="label", dtype="int64", labels=_DIGITS)
    return DataSpec(id=name, task=Task.CLASSIFICATION, inputs=(image,), targets=(label,))


_TABLE: dict[str, tuple[DatasetInfo, Loader | str]] = {}


def register_dataset(info: DatasetInfo, loader: Loader | str) -> None:
    """Give a dataset a name.

    Args:
        info: Who it is; ``info.spec.id`` is its name.
        loader: A function from the checked options to the three splits, or where one is, as
            ``"package.module:function"``, which is imported when the data is first loaded.

    Raises:
        ConfigError: If the name is not one, or another dataset has it.

    Example:
        >>> register_dataset(info, "my_package.flowers:load")
    """
    if not NAME.fullmatch(info.id):
        raise ConfigError(
            f"{info.id!r} cannot be the name of a dataset",
            why="names are lower case letters, digits and single underscores",
        )
    if info.id in _TABLE and _TABLE[info.id] != (info, loader):
        raise ConfigError(
            f"there is a dataset {info.id!r} already: {_TABLE[info.id][0].summary}",
            why="a name means one dataset",
            fix="register yours under another name",
        )
    _TABLE[info.id] = info, loader


def list_datasets() -> list[DatasetInfo]:
    """Return the registered datasets by name. Nothing is loaded."""
    return [_TABLE[name][0] for name in sorted(_TABLE)]


def find_dataset(name: str) -> DatasetInfo | None:
    """Return the registered dataset of that name, if there is one."""
    return _TABLE[name][0] if name in _TABLE else None


def load_dataset(name: str, options: SeedOptions) -> Mapping[str, Split]:
    """Load the splits of a registered dataset."""
    loader = _TABLE[name][1]
    if isinstance(loader, str):
        module, _, function = loader.partition(":")
        found: Loader = getattr(import_module(module), function)
        return found(options)
    return loader(options)


register_dataset(
    DatasetInfo(
        summary="1,797 handwritten digits of 8 x 8 pixels, in 17 levels of grey",
        licence="CC BY 4.0",
        source="Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), its test "
        "part, as scikit-learn carries it",
        offline=True,
        spec=_digit_images("digits", 8),
    ),
    "zoo.data.digits:load",
)
register_dataset(
    DatasetInfo(
        summary="70,000 handwritten digits of 28 x 28 pixels: MNIST with its official test split",
        licence="CC BY-SA 3.0",
        source="LeCun, Cortes & Burges 1998; the file of keras.datasets.mnist",
        bytes=11_490_434,
        offline=False,
        spec=_digit_images("mnist", 28),
        options=MnistOptions,
    ),
    "zoo.data.mnist:load",
)

__all__ = [
    "DatasetInfo",
    "Loader",
    "MnistOptions",
    "find_dataset",
    "list_datasets",
    "load_dataset",
    "register_dataset",
]
