"""Read and write the zoo's own ``registry.yaml``."""

from __future__ import annotations

from pathlib import Path

import yaml

from zoo.registry.catalog import CatalogFile, parse_catalog, read_catalog

CATALOG = Path(__file__).parents[1] / "registry.yaml"
HEADER = "# Published models as data. Written by scripts/measure: do not edit figures by hand.\n"


def read() -> CatalogFile:
    """Return the catalog."""
    return read_catalog(CATALOG)


def write(catalog: CatalogFile) -> None:
    """Write the catalog, without values that are the default."""
    data = {
        "schema_version": 1,
        **catalog.model_dump(mode="json", exclude_defaults=True),
    }
    text = HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    parse_catalog(text, source=str(CATALOG))
    CATALOG.write_text(text, encoding="utf-8")
