"""Make the committed artifacts from the weights that the catalog publishes.

    scripts/exports
    scripts/exports cnn --data mnist=PATH/mnist.npz

Weights for a model's default data become ``exports/<model>/1``, others
``exports/<model>_<weights>/1``. Their size, hash and worst error go to ``registry.yaml``. Nothing
in there is written by hand.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import _catalog

import zoo
from zoo.files import sha256_file
from zoo.registry.catalog import ArtifactEntry, ModelEntry, WeightsEntry

ROOT = Path(__file__).parents[1]
EXPORTS = ROOT / "exports"


def main() -> None:
    """Export what is asked for into a new folder, then put it in place of the old one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="models; all if left out")
    parser.add_argument("--data", action="append", default=[], metavar="ID=PATH")
    chosen = parser.parse_args()
    files = dict(option.split("=", 1) for option in chosen.data)
    entries: dict[str, list[ArtifactEntry]] = {}
    EXPORTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=EXPORTS) as folder:
        for model, weights in planned(chosen.names):
            artifact = export(model, weights, Path(folder), files)
            entries.setdefault(model.name, []).append(describe(artifact))
            print(f"{artifact.path.parent.name}: {entries[model.name][-1].worst_error:.1e} apart")
        for made in sorted(Path(folder).iterdir()):
            shutil.rmtree(EXPORTS / made.name, ignore_errors=True)
            made.rename(EXPORTS / made.name)
            for result in zoo.verify_all(EXPORTS / made.name):
                if result.error is not None:
                    raise result.error
    record(entries)


def planned(names: Sequence[str] = ()) -> Iterator[tuple[ModelEntry, WeightsEntry]]:
    """Yield every published set of weights of the zoo's own models."""
    for model in _catalog.read().models:
        if model.distribution == "neural-zoo" and (not names or model.name in names):
            for weights in model.weights:
                yield model, weights


def folder_name(model: ModelEntry, weights: WeightsEntry) -> str:
    """Return what the artifact of some weights is called."""
    if weights.id == model.default_dataset:
        return model.name
    return f"{model.name}_{re.sub('[^a-z0-9]+', '_', weights.id).strip('_')}"


def export(
    model: ModelEntry, weights: WeightsEntry, out: Path, files: Mapping[str, str]
) -> zoo.Artifact:
    """Export one set of weights as version 1."""
    file = files.get(weights.trained_on)
    data = zoo.dataset(weights.trained_on, **({"file": file} if file else {}))
    name = folder_name(model, weights)
    return zoo.export(model.name, out, weights=weights.id, data=data, name=name, version=1)


def describe(artifact: zoo.Artifact) -> ArtifactEntry:
    """Return the catalog's entry for an artifact."""
    graphs: Any = artifact.manifest["graphs"]
    file = artifact.path / graphs[0]["file"]
    worst = max(e for graph in graphs for e in graph["parity"]["worst_absolute"].values())
    return ArtifactEntry(
        path=f"exports/{artifact.path.parent.name}/{artifact.path.name}",
        bytes=file.stat().st_size,
        sha256=sha256_file(file),
        opset=graphs[0]["opset"],
        worst_error=float(f"{worst:.2g}"),
    )


def record(entries: Mapping[str, Sequence[ArtifactEntry]]) -> None:
    """Put entries into registry.yaml in place of those of the same models."""
    catalog = _catalog.read()
    models = tuple(
        model.model_copy(update={"artifacts": entries.get(model.name, model.artifacts)})
        for model in catalog.models
    )
    _catalog.write(catalog.model_copy(update={"models": models}))


if __name__ == "__main__":
    main()
