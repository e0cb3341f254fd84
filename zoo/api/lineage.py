"""Which artifact came from which run: told by what both are, for no artifact names a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

EXPORTS = "exports"
"""The folder that ``zoo export`` publishes in."""


def came_from(manifest: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Return whether an artifact says of its origin what a run's record says of the run.

    The same training twice gives the same bytes, and then either run is the origin.

    Args:
        manifest: An artifact's manifest, as plain data.
        record: A run's record.
    """
    origin, config = manifest.get("origin"), manifest.get("config")
    if not isinstance(origin, Mapping) or not isinstance(config, Mapping):
        return False
    # A configuration may have gained fields between the run and the export.
    return (
        manifest.get("architecture") == record["architecture"]["name"]
        and origin.get("plan") == record["plan"]
        and origin.get("best_epoch") == record["best_epoch"]
        and all(key in config and config[key] == value for key, value in record["config"].items())
    )


def artifacts(exports: Path) -> Iterator[tuple[Path, Mapping[str, Any] | None]]:
    """Yield every artifact of a model repository, with its manifest as it stands there.

    The manifest is ``None`` where it cannot be read. Nothing of it is verified.
    """
    for path in sorted(exports.glob("*/*/manifest.json")):
        try:
            # A pipe would be waited for.
            manifest = json.loads(path.read_text("utf-8")) if path.is_file() else None
        except (OSError, ValueError, RecursionError):
            manifest = None
        yield path.parent, manifest if isinstance(manifest, Mapping) else None


__all__ = ["EXPORTS", "artifacts", "came_from"]
