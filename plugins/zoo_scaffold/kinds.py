"""Kinds of packages: models by task and modality, a dataset, a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.errors import ConfigError, Finding


@dataclass(frozen=True)
class Kind:
    """Kind of a package, with its own templates.

    Attributes:
        task: A value of :class:`zoo.Task`.
        modality: ``image``, ``tabular``, ``series`` or ``text``.
        dataset: Default dataset of the model, which works offline.
        summary: One line about the plugin.
        tags: Tags of the model.
        own_data: Options that train the model on other data.
        plugin: Kind of plugin.
    """

    task: str
    modality: str
    dataset: str
    summary: str
    tags: tuple[str, ...]
    own_data: str
    plugin: Literal["model", "dataset", "command"] = "model"

    @property
    def folder(self) -> str:
        """Folder of its templates."""
        return f"{self.modality}-{self.task}" if self.plugin == "model" else self.plugin


KINDS = (
    Kind(
        "classification",
        "image",
        "digits",
        "Small convolutional network that classifies images.",
        ("convolution", "image"),
        "--data photos/ --data-option image_size=32",
    ),
    Kind(
        "classification",
        "tabular",
        "breast_cancer",
        "Multilayer perceptron that classifies the rows of a table.",
        ("dense", "tabular"),
        "--data flowers.csv --data-option target=species",
    ),
    Kind(
        "regression",
        "tabular",
        "diabetes",
        "Multilayer perceptron that predicts a number for each row of a table.",
        ("dense", "tabular"),
        "--data houses.csv --data-option target=price",
    ),
    Kind(
        "forecasting",
        "series",
        "mackey_glass",
        "Network that forecasts a series from a window of its past.",
        ("dense", "series"),
        "--data sales.csv --data-option horizon=7",
    ),
    Kind(
        "classification",
        "text",
        "number_lengths",
        "Convolutional network that classifies texts.",
        ("convolution", "text"),
        "--data reviews.csv --data-option text=review",
    ),
)
"""Kinds of models."""

DATASET = Kind(
    "classification", "tabular", "", "Points in a square, labeled by a circle.", (), "", "dataset"
)
COMMAND = Kind("", "", "", "Count the runs in a folder.", (), "", "command")


def find_kind(task: str | None = None, modality: str | None = None) -> Kind:
    """Return the kind of a model by task and modality; one is enough if it decides.

    Raises:
        ConfigError: If there is no such kind, or several.
    """
    found = [
        kind for kind in KINDS if task in (None, kind.task) and modality in (None, kind.modality)
    ]
    if len(found) == 1:
        return found[0]
    offered = ", ".join(f"{kind.task} of {kind.modality}" for kind in found or KINDS)
    findings = [
        Finding(name, value, f"there is {offered}")
        for name, value in (("task", task), ("modality", modality))
        if not found and value is not None
    ] or [Finding("task" if modality else "modality", None, f"there is {offered}")]
    kind = (found or KINDS)[0]
    raise ConfigError(
        "the task and the modality do not decide the template"
        if found
        else "there is no such template",
        findings=findings,
        fix=f"--task {kind.task} --modality {kind.modality}",
    )
