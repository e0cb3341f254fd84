"""Installed distributions that a test makes up: a folder of metadata and a module."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def install(
    site: Path,
    name: str,
    *,
    version: str = "1.0",
    points: Mapping[str, Mapping[str, str]] | None = None,
    files: Mapping[str, str] | None = None,
    requires: Iterable[str] = (),
    editable: Path | None = None,
    record: bool = False,
) -> Path:
    """Lay a distribution into a folder as an installer would: metadata, entry points, files.

    Returns:
        The folder of its metadata.
    """
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\nA description.\n"
    )
    text = ""
    for group, entries in (points or {}).items():
        text += f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
    (info / "entry_points.txt").write_text(text)
    if editable is not None:
        origin = {"url": editable.as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(origin))
    for path, content in (files or {}).items():
        target = (editable or site) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        # Another test may have imported a module of that name from another folder.
        sys.modules.pop(path.partition("/")[0].removesuffix(".py"), None)
    importlib.invalidate_caches()
    if record:
        brought = [*(files or {}), f"{info.name}/METADATA", f"{info.name}/entry_points.txt"]
        lines = [recorded(site, path) for path in brought]
        (info / "RECORD").write_text("\n".join([*lines, f"{info.name}/RECORD,,"]) + "\n")
    return info


def recorded(site: Path, path: str) -> str:
    """Return the line of RECORD for a file."""
    content = (site / path).read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}"


ARCHITECTURE = '''
import zoo


class {cls}(zoo.Architecture[zoo.ModelConfig]):
    """A model that a test made up."""

    info = zoo.ArchitectureInfo(
        name="{name}", version="{version}", summary="A model that a test made up.",
        tasks=("classification",),
    )
    Config = zoo.ModelConfig
    default_dataset = "digits"

    def build(self, config, data):
        raise NotImplementedError
'''


def architecture(name: str, cls: str = "Model", version: str = "1") -> str:
    """Return the source of a module with one well-formed architecture."""
    return ARCHITECTURE.format(name=name, cls=cls, version=version)
