"""Pictures with a name."""

from __future__ import annotations

from pydantic import Field

from zoo.data.info import DatasetInfo, Row
from zoo.data.options import SeedOptions
from zoo.spec import DataSpec, Task, TensorSpec


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


ROWS: tuple[Row, ...] = (
    (
        DatasetInfo(
            summary="1,797 handwritten digits of 8 x 8 pixels, in 17 levels of gray",
            license="CC BY 4.0",
            source="Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), its "
            "test part, as scikit-learn carries it",
            offline=True,
            spec=_digit_images("digits", 8),
        ),
        "zoo.data.digits:load",
    ),
    (
        DatasetInfo(
            summary="70,000 handwritten digits of 28 x 28 pixels: MNIST, its official test split",
            license="CC BY-SA 3.0",
            source="LeCun, Cortes & Burges 1998; the file of keras.datasets.mnist",
            bytes=11_490_434,
            offline=False,
            spec=_digit_images("mnist", 28),
            options=MnistOptions,
        ),
        "zoo.data.mnist:load",
    ),
)

__all__ = ["ROWS", "MnistOptions"]
