"""Kinds of packages: models by what they take and learn, a dataset, a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.errors import ConfigError, Finding
from zoo.names import nearest


@dataclass(frozen=True)
class Kind:
    """Kind of a package.

    Attributes:
        name: What ``--kind`` takes, and the folder of its own templates.
        summary: One line about the plugin.
        task: Task of the model or of the dataset.
        modality: What the inputs are.
        dataset: Default dataset of the model, which works offline; ``{model}`` stands for the name
            of the model, and begins the name of a dataset that the package brings itself.
        tags: Tags of the model.
        own_data: Options that train the model on other data.
        shared: Folders of templates that it shares with other kinds, in order.
        plugin: Kind of plugin.
    """

    name: str
    summary: str
    task: str = ""
    modality: str = ""
    dataset: str = ""
    tags: tuple[str, ...] = ()
    own_data: str = ""
    shared: tuple[str, ...] = ()
    plugin: Literal["model", "dataset", "command"] = "model"

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of its templates, in order."""
        model = ("model",) if self.plugin == "model" else ()
        return ("common", *model, *self.shared, self.name)


MODELS = (
    Kind(
        "image-classification",
        "Small convolutional network that classifies images.",
        task="classification",
        modality="image",
        dataset="digits",
        tags=("convolution", "image"),
        own_data="--data photos/ --data-option image_size=32",
    ),
    Kind(
        "image-segmentation",
        "Small U-Net that predicts the class of every pixel of an image.",
        task="segmentation",
        modality="image",
        dataset="{model}_shapes",
        tags=("convolution", "image"),
        own_data="--data scans/ --data-option reader={model}_masks",
        shared=("own-dataset", "drawing"),
    ),
    Kind(
        "image-generation",
        "Variational autoencoder that generates images from noise.",
        task="generation",
        modality="image",
        dataset="digits",
        tags=("dense", "generative", "image"),
        own_data="--data photos/ --data-option image_size=32",
    ),
    Kind(
        "tabular-classification",
        "Multilayer perceptron that classifies the rows of a table.",
        task="classification",
        modality="tabular",
        dataset="breast_cancer",
        tags=("dense", "tabular"),
        own_data="--data flowers.csv --data-option target=species",
    ),
    Kind(
        "tabular-regression",
        "Multilayer perceptron that predicts a number for each row of a table.",
        task="regression",
        modality="tabular",
        dataset="diabetes",
        tags=("dense", "tabular"),
        own_data="--data houses.csv --data-option target=price",
    ),
    Kind(
        "series-forecasting",
        "Network that forecasts a series from a window of its past.",
        task="forecasting",
        modality="series",
        dataset="mackey_glass",
        tags=("dense", "series"),
        own_data="--data sales.csv --data-option horizon=7",
    ),
    Kind(
        "text-classification",
        "Convolutional network that classifies texts.",
        task="classification",
        modality="text",
        dataset="number_lengths",
        tags=("convolution", "text"),
        own_data="--data reviews.csv --data-option text=review",
    ),
    Kind(
        "token-classification",
        "Convolutional network that predicts a class for every word of a text.",
        task="token-classification",
        modality="text",
        dataset="{model}_names",
        tags=("convolution", "text"),
        own_data="--data tagged.txt --data-option reader={model}_conll",
        shared=("own-dataset",),
    ),
    Kind(
        "multimodal",
        "Network that predicts a class and a number from an image and a row of a table.",
        task="multi-task",
        modality="multimodal",
        dataset="{model}_parts",
        tags=("convolution", "image", "tabular"),
        own_data="--data NAME  # of a dataset like that in data.py",
        shared=("own-dataset", "drawing"),
    ),
)
"""Kinds of models."""

KINDS = (
    *MODELS,
    Kind(
        "dataset",
        "Points in a square, labeled by a circle.",
        task="classification",
        modality="tabular",
        plugin="dataset",
    ),
    Kind("command", "Count the runs in a folder.", plugin="command"),
)
"""All kinds."""


def find_kind(name: str | None) -> Kind:
    """Return the kind of that name.

    Raises:
        ConfigError: If there is none.
    """
    kinds = {kind.name: kind for kind in KINDS}
    if name in kinds:
        return kinds[name]
    near = next(iter([k for k in kinds if name and name in k] or nearest(name or "", kinds)), None)
    raise ConfigError(
        f"there is no kind of package {name!r}" if name else "which kind of package?",
        findings=[Finding("kind", name, f"one of {', '.join(kinds)}", near)],
        fix=f"--kind {near or KINDS[0].name}",
    )
