"""The union of all catalogs: the zoo's own, and what installed distributions say of themselves.

A package that carries a ``registry.yaml`` announces itself in the group ``zoo.catalogs``; the
file is found and read without importing the package. It is believed about the models of its own
distribution, and about nothing else.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from zoo.errors import CatalogInvalid
from zoo.registry.catalog import ModelEntry, own_catalog_path, read_catalog
from zoo.registry.entrypoints import ARCHITECTURES, CATALOGS, OWN, Provider, normalize
from zoo.registry.policy import Policy

FILE = "registry.yaml"


class Catalog:
    """What is published about models, by the distribution that publishes it.

    Args:
        found: What is announced, by group.
        policy: Of a distribution that may not run, nothing is read.
    """

    def __init__(self, found: Mapping[str, list[Provider]], policy: Policy) -> None:
        self._found = found
        self._policy = policy
        self.problems: list[CatalogInvalid] = []

    @cached_property
    def entries(self) -> dict[tuple[str, str], ModelEntry]:
        """Every entry by distribution and identity, the zoo's own first.

        Raises:
            CatalogInvalid: If the policy is strict and a fragment is wrong.
        """
        entries: dict[tuple[str, str], ModelEntry] = {}
        own = own_catalog_path()
        for model in read_catalog(own) if own.exists() else ():
            entries[normalize(model.distribution), model.identity] = model
        for model in self._fragments():
            # What a distribution says of itself is newer than what the zoo knew of it.
            entries[normalize(model.distribution), model.identity] = model
        return entries

    def of(self, distribution: str, identity: str) -> ModelEntry | None:
        """Return what is said of a distribution's model."""
        return self.entries.get((distribution, identity))

    def named(self, name: str) -> list[ModelEntry]:
        """Return the entries whose model is called so, or has it as another name."""
        return self._by_name.get(name, [])

    @cached_property
    def _by_name(self) -> dict[str, list[ModelEntry]]:
        found: dict[str, list[ModelEntry]] = {}
        for entry in self.entries.values():
            for name in (entry.name, *entry.aliases):
                found.setdefault(name, []).append(entry)
        return found

    def _fragments(self) -> Iterator[ModelEntry]:
        for provider in self._found.get(CATALOGS, ()):
            if provider.distribution == OWN or self._policy.refusal(provider):
                continue
            try:
                models = read_catalog(fragment_path(provider))
            except CatalogInvalid as error:
                self._report(error)
                continue
            packages = self._packages(provider)
            for model in models:
                fault = _foreign(model, provider, packages)
                if fault is None:
                    yield model
                else:
                    self._report(fault)

    def _packages(self, provider: Provider) -> set[str]:
        """Return the packages that a distribution names as its own."""
        return {
            other.module
            for group in (ARCHITECTURES, CATALOGS)
            for other in self._found.get(group, ())
            if other.distribution == provider.distribution
        }

    def _report(self, problem: CatalogInvalid) -> None:
        if self._policy.strict:
            raise problem
        self.problems.append(problem)


def _foreign(
    model: ModelEntry, provider: Provider, packages: Iterable[str]
) -> CatalogInvalid | None:
    """Return why a fragment may not say this of a model, or ``None`` if it may."""
    if normalize(model.distribution) != provider.distribution:
        return CatalogInvalid(
            f"the catalog of {provider.label} describes {model.name!r} of {model.distribution}",
            why="a distribution describes its own models only; the entry is left out",
            fix=f"ask the authors of {provider.distribution}, or pip uninstall it",
        )
    own = set(packages)
    files = [("weights", file) for one in model.weights for file in (one.file, one.spec) if file]
    files += [("the receipt", model.receipt)] if model.receipt else []
    for what, file in files:
        package = file.partition("/")[0]
        if not any(package == name or package.startswith(f"{name}.") for name in own):
            return CatalogInvalid(
                f"the catalog of {provider.label} keeps {what} of {model.name!r} in {package!r}",
                why=f"its own packages are {', '.join(sorted(own))}; the entry is left out",
                fix=f"ask the authors of {provider.distribution}, or pip uninstall it",
            )
    return None


def fragment_path(provider: Provider) -> Path:
    """Return the ``registry.yaml`` of a third party's package, without importing the package.

    Raises:
        CatalogInvalid: If there is no such package, or no file in it.
    """
    places = package_folders(provider.module)
    for place in places:
        if (place / FILE).is_file():
            return place / FILE
    missing = f"no {FILE} in it" if any(map(Path.is_dir, places)) else "no such package"
    raise CatalogInvalid(
        f"{provider.label} announces a catalog in {provider.module!r}, and there is {missing}",
        fix=f"pip install --force-reinstall {provider.distribution}",
    )


def package_folders(name: str) -> list[Path]:
    """Return where a package lies, without importing it; none if there is no such package.

    ``importlib.util.find_spec`` imports the parents of a dotted name. So it is asked for the first
    part alone, and the rest is looked for as folders.
    """
    first, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(first)
    except (ImportError, ValueError, AttributeError):
        spec = None
    return [Path(place, *rest) for place in (spec and spec.submodule_search_locations) or ()]


__all__ = ["Catalog", "fragment_path", "package_folders"]
