"""Kinds of packages: models by what they take and learn, a dataset, a command."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from zoo.errors import ConfigError, Finding
from zoo.names import nearest


@dataclass(frozen=True)
class Kind:
    """Kind of a package, as ``kind.toml`` beside its templates says.

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


TEMPLATES = files("zoo_scaffold") / "templates"
"""Folder of templates: one for each kind, and those that several share."""


def _kinds() -> Iterator[Kind]:
    for folder in TEMPLATES.iterdir():
        if (folder / "kind.toml").is_file():
            fields: dict[str, Any] = tomllib.loads((folder / "kind.toml").read_text("utf-8"))
            fields |= {name: tuple(fields.get(name, ())) for name in ("tags", "shared")}
            yield Kind(folder.name, **fields)


KINDS = tuple(sorted(_kinds(), key=lambda kind: (kind.plugin != "model", kind.name)))
"""All kinds, models first."""

MODELS = tuple(kind for kind in KINDS if kind.plugin == "model")
"""Kinds of models."""


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
