"""Find the entry points of installed distributions, without importing any of them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import Distribution, distributions
from pathlib import Path

from zoo.errors import PluginBroken
from zoo.names import FIRST_VERSION, VERSION, identity, name_fault, split_version

ARCHITECTURES = "zoo.architectures"
DATASETS = "zoo.datasets"
READERS = "zoo.readers"
COMMANDS = "zoo.commands"
HOOKS = "zoo.hooks"
CATALOGS = "zoo.catalogs"
GROUPS = (ARCHITECTURES, DATASETS, READERS, COMMANDS, HOOKS, CATALOGS)

OWN = "neural-zoo"
"""The distribution that this program belongs to."""

HERE = "(registered here)"
"""In place of a distribution, for architectures that were defined in this process."""


@dataclass(frozen=True)
class Provider:
    """One entry point of one installed distribution.

    Attributes:
        value: The object that it leads to, ``module:attribute``.
        group: Its group, e.g. ``zoo.architectures``.
        distribution: Normalized name of the distribution (PEP 503).
        version: Version of the distribution.
        location: Folder that the distribution is installed in.
        requires: Requirements of the distribution (PEP 508).
    """

    name: str
    value: str
    group: str
    distribution: str
    version: str
    location: str
    requires: tuple[str, ...] = field(default=(), repr=False, compare=False)
    _metadata: Distribution | None = field(default=None, repr=False, compare=False)

    @property
    def label(self) -> str:
        """The distribution and its version, for messages."""
        return f"{self.distribution} {self.version}"

    @property
    def module(self) -> str:
        """The module that would be imported."""
        return re.split(r"[:\[]", self.value)[0].strip()

    @cached_property
    def fault(self) -> str | None:
        """The reason why its name is not valid, or ``None`` if it is."""
        return fault_of(self.group, self.name)

    @cached_property
    def plain_name(self) -> str:
        """Its name without the version of the architecture."""
        return self.name if self.fault else split_version(self.name)[0]

    @cached_property
    def model_version(self) -> str:
        """The version of the architecture, ``1`` if its name has none."""
        return FIRST_VERSION if self.fault else split_version(self.name)[1]

    @cached_property
    def identity(self) -> str:
        """Its name, with the version of the architecture if that is not the first."""
        return identity(self.plain_name, self.model_version)

    @property
    def is_own(self) -> bool:
        """Whether it belongs to the zoo's own distribution."""
        return self.distribution == OWN

    @property
    def way_out(self) -> str:
        """The next step if it does not work."""
        one = self.distribution
        return f"pip install --upgrade {one}, or pip uninstall {one}; ZOO_BLOCK={one} disables it"

    def broken(self, reason: str, fix: str = "") -> PluginBroken:
        """Return the error for a plugin that does not work."""
        what = f"the {kind_of(self.group)} {self.name!r} from {self.label} is broken"
        return PluginBroken(what, why=reason, fix=fix or self.way_out)

    def editable_folder(self) -> str | None:
        """Return the project folder of an editable install (PEP 610), else ``None``."""
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        try:
            data = json.loads(_read(self._metadata, "direct_url.json") or "{}")
            url = urlsplit(data["url"]) if data["dir_info"]["editable"] is True else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        return url2pathname(url.path) if url is not None and url.scheme == "file" else None

    def module_file(self) -> str | None:
        """Return the file that importing its module would execute first; ``None`` if none.

        For ``acme.models`` that is ``acme/__init__.py``, or, in a namespace package, the first
        part that has a file. Nothing is imported.
        """
        first, *rest = self.module.split(".")
        spec = _find(first)
        while spec is not None and not spec.has_location and spec.submodule_search_locations:
            if not rest:
                return None
            first = f"{first}.{rest.pop(0)}"
            places = list(spec.submodule_search_locations)
            spec = importlib.machinery.PathFinder.find_spec(first, places)
        return spec.origin if spec is not None and spec.has_location else None

    def misplaced(self) -> str | None:
        """Return why its module is not the installed one, or ``None`` if it is.

        A module of the same name in the working folder must not pass for the installed one. It
        must be recorded among the distribution's files, or lie in its editable project. Without a
        record of files, the folder of installation decides.
        """
        file = self.module_file()
        if file is None:
            return None  # the import will say what is missing
        place, project = _canonical(file), self.editable_folder()
        recorded = None if project else _read(self._metadata, "RECORD")
        if recorded:
            import csv

            paths = (row[0] for row in csv.reader(recorded.splitlines()) if row)
            fits = any(_canonical(self.location, path) == place for path in paths)
        else:
            fits = place.startswith(_canonical(project or self.location, ""))
        if fits:
            return None
        return f"{self.module!r} would be imported from {file}, which is not part of {self.label}"

    def package_folder(self, package: str) -> Path:
        """Return the folder of a package of its distribution, without importing it."""
        first, *rest = package.split(".")
        spec = _find(first)  # an editable install lies elsewhere
        roots = [Path(self.location, first)]
        roots += [Path(root) for root in (spec and spec.submodule_search_locations) or ()]
        folders = [root.joinpath(*rest) for root in roots]
        return next((folder for folder in folders if folder.is_dir()), folders[0])


def kind_of(group: str) -> str:
    """Return what an entry point of a group is, in one word for messages."""
    return "model" if group == ARCHITECTURES else group.removeprefix("zoo.").removesuffix("s")


def fault_of(group: str, name: str) -> str | None:
    """Return why a name is not valid in a group, or ``None`` if it is."""
    if group == HOOKS:
        return None
    model, at, version = name.partition("@")
    if at and (group != ARCHITECTURES or not VERSION.fullmatch(version)):
        return "a version is a number, as in cnn@2"
    return name_fault(model.replace("-", "_") if group == COMMANDS else model)


def normalize(distribution: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub("[-_.]+", "-", distribution).lower()


def scan() -> list[Provider]:
    """Return every entry point in the zoo's groups, in the order of ``sys.path``.

    Of a distribution that is met twice, the first counts, which Python would import.
    """
    found: dict[str, list[Provider]] = {}
    for metadata in distributions():
        announced = _read(metadata, "entry_points.txt") or ""
        if "[zoo." not in announced:
            continue  # without reading METADATA, which costs time
        header = (_read(metadata, "METADATA") or "").partition("\n\n")[0]
        fields = dict(re.findall(r"(?m)^(Name|Version): *(\S+)", header))
        name = normalize(fields.get("Name", ""))
        if len(fields) < 2 or name in found:
            continue  # broken metadata must not end the listing
        needs = () if name == OWN else tuple(re.findall(r"(?m)^Requires-Dist: *(.+)", header))
        version, location = fields["Version"], str(metadata.locate_file(""))
        found[name] = [
            Provider(*point, name, version, location, needs, metadata)
            for point in _parse(announced)
            if point[2] in GROUPS
        ]
    return [one for points in found.values() for one in points]


def _parse(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and group of each line of an ``entry_points.txt``."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        name, equals, value = map(str.strip, line.partition("="))
        if line.startswith("["):
            group = line.strip("[]")
        elif equals and not line.startswith("#"):
            yield name, value, group


def _read(metadata: Distribution | None, name: str) -> str | None:
    try:
        return metadata.read_text(name) if metadata else None
    except (OSError, ValueError):  # the file may hold anything
        return None


def _canonical(*parts: str) -> str:
    """Return a path to compare: links in its folder are followed, the file itself may be one."""
    folder, file = os.path.split(os.path.join(*parts))  # noqa: PTH118 - an empty last part
    return os.path.normcase(os.path.join(os.path.realpath(folder), file))  # noqa: PTH118


def _find(module: str) -> importlib.machinery.ModuleSpec | None:
    """Return where a top-level module lies, or was imported from."""
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        file = getattr(sys.modules.get(module), "__file__", None)
        return importlib.util.spec_from_file_location(module, file) if file else None


def own_catalog_path() -> Path:
    """Return the zoo's own ``registry.yaml``: inside the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "registry.yaml"
    return inside if inside.exists() else package.parent / "registry.yaml"
