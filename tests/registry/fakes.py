"""Installed distributions that a test makes up: a folder of metadata and a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(
    site: Path,
    name: str,
    *,
    version: str = "1.0",
    points: Mapping[str, Mapping[str, str]] | None = None,
    files: Mapping[str, str] | None = None,
) -> None:
    """Lay a distribution into a folder as an installer would: metadata, entry points, files."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    text = ""
    for group, entries in (points or {}).items():
        text += f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
    (info / "entry_points.txt").write_text(text)
    for path, content in (files or {}).items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)


ARCHITECTURE = '''
import zoo


class {cls}(zoo.Architecture[zoo.ModelConfig]):
    """A model that a test made up."""

    info = zoo.ArchitectureInfo(
        name="{name}", summary="A model that a test made up.", tasks=("classification",)
    )
    Config = zoo.ModelConfig
    default_dataset = "digits"

    def build(self, config, data):
        raise NotImplementedError
'''


def architecture(name: str, cls: str = "Model") -> str:
    """Return the source of a module with one well-formed architecture."""
    return ARCHITECTURE.format(name=name, cls=cls)
