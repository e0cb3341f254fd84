"""What is damaged in a photo, and where: a classifier and a captioner put together.

Nothing here knows a model by name. A classifier is whatever takes a picture and gives
``probabilities``; where it looked is whatever it gives for each place and each class; a captioner
is whatever writes texts about a picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.api.model_factory import architecture_of
from zoo.api.predict_fns import signatures
from zoo.api.prediction import opened, predict
from zoo.api.run import Run
from zoo.errors import ConfigError, Finding, Incompatible
from zoo.files import atomic_write, sha256_file, write_json
from zoo.metrics.saliency import bounding_box, centroid, crop, heatmap
from zoo.report.damage import (
    Asked,
    Damage,
    Decision,
    Looked,
    PixelBox,
    render_damage,
    require_page,
)
from zoo.runtime import Prediction, Session
from zoo.runtime.decoding import generated_text
from zoo.runtime.images import PADDED, placed, read_image
from zoo.runtime.prediction import PROBABILITIES
from zoo.spec import TensorSpec

if TYPE_CHECKING:
    import keras

_THRESHOLD = "threshold"
_SUMMARY = "summary"
_MOST = 1_000


@dataclass(frozen=True)
class DamageReport:
    """What was written about one photo.

    Attributes:
        damage: What was found.
        record: The JSON file.
        page: The HTML file.
    """

    damage: Damage
    record: Path
    page: Path

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, for ``--json``."""
        files = {"record": str(self.record), "page": str(self.page)}
        return {**self.damage.model_dump(mode="json"), **files}


@dataclass(frozen=True)
class _Model:
    """A model that is asked: what it gives by signature, and what to say of it."""

    target: Any
    graphs: Mapping[str, tuple[Sequence[TensorSpec], Sequence[TensorSpec]]]
    asked: Asked

    @classmethod
    def of(cls, target: Any) -> _Model:
        """Open a model, whatever form it has."""
        source = str(target) if isinstance(target, str | Path) else ""
        target = opened(target)
        if isinstance(target, Session):
            manifest = target.manifest
            graphs = {g.signature: (g.inputs, g.outputs) for g in manifest.graphs}
            asked = Asked(
                name=manifest.name,
                source=source or target.source,
                license=manifest.license,
                limits=manifest.limits,
            )
            return cls(target, graphs, asked)
        model = target.model if isinstance(target, Run) else target
        found = {one.name: (one.inputs, one.outputs) for one in signatures(model)}
        info = architecture_of(model.blueprint).info
        source = source or (str(target.path) if isinstance(target, Run) else "")
        asked = Asked(name=info.name, source=source, license=info.license, limits=info.limits)
        return cls(model, found, asked)

    def ask(
        self, photos: Sequence[Path], signature: str | None = None, prompt: str = ""
    ) -> Prediction:
        names = [str(photo) for photo in photos]
        return predict(self.target, names, signature=signature, prompt=prompt)

    def within(self, warm: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Return a map without what lies beside a photo whose aspect was kept."""
        spec = next(iter(self.graphs.values()))[0][0]
        if spec.outside != PADDED:
            return warm
        rows, columns = int(spec.shape[0]), int(spec.shape[1])
        return crop(warm, placed(shape[0], shape[1], rows, columns), (rows, columns))

    @property
    def where(self) -> tuple[str, str] | None:
        """The signature and the output that say how much each place speaks for each class."""
        _, first = next(iter(self.graphs.values()))
        labels = next(spec.labels for spec in first if spec.name == PROBABILITIES)
        for name, (_, outputs) in self.graphs.items():
            for spec in outputs:
                if len(spec.shape) == 3 and spec.labels and spec.labels == labels:
                    return name, spec.name
        return None


def damage_report(
    photos: Sequence[str | Path] | str | Path,
    classifier: Run | keras.Model | Session | str | Path,
    *,
    captioner: Run | keras.Model | Session | str | Path | None = None,
    out: str | Path = "damage-report",
) -> list[DamageReport]:
    """Say of each photo what is damaged and where, as JSON and as a page for people.

    All photos are read and asked about before anything is written. Artifacts answer without keras.

    Args:
        photos: Picture files.
        classifier: A run or its folder, a model of :func:`build` or the name of one with weights
            of its own, an artifact or its folder, that gives ``probabilities`` for a picture. If
            another of its signatures gives a map for each class, it also says where.
        captioner: Likewise one that writes texts about a picture; the first is the caption, one
            called ``summary``, or the second, the summary. One that writes token by token writes
            the summary behind its prompt of that name, if it has one.
        out: Folder that receives ``<photo>.json`` and ``<photo>.html``; files of an earlier report
            on a photo of that name are replaced.

    Raises:
        ConfigError: If there are no photos, or too many.
        BadRecord: If a file is no picture that can be read.
        Incompatible: If the classifier does not classify pictures, or the captioner writes none.
        MissingExtra: If what the page needs is not installed.
        StorageError: If the folder cannot be written.

    Example:
        >>> zoo.damage_report("wing.jpg", "exports/vgg16_damage/1")[0].damage.label
        'crack'
    """
    require_page()
    listed = [photos] if isinstance(photos, str | Path) else photos
    files = [Path(photo) for photo in listed]
    if not 1 <= len(files) <= _MOST:
        raise ConfigError(
            "the report cannot be made as asked",
            findings=[Finding("photos", len(files), f"1 to {_MOST:,} files")],
        )
    model = _Model.of(classifier)
    _check_classifier(model)
    writer = None if captioner is None else _Model.of(captioner)
    answers = model.ask(files)
    rows, threshold = answers.as_dicts(), _threshold(answers)
    maps = _maps(model, files, answers)
    texts = [("", "")] * len(files) if writer is None else _texts(writer, files)
    found = []
    for place, (file, name) in enumerate(zip(files, _names(files), strict=True)):
        pixels = read_image(file)
        warm = None if maps is None else model.within(maps[place], pixels.shape)
        damage = Damage(
            photo=file.name,
            sha256=sha256_file(file),
            width=pixels.shape[1],
            height=pixels.shape[0],
            label=rows[place].get("label", ""),
            probability=rows[place]["probability"],
            probabilities=rows[place]["probabilities"],
            decision=None if threshold is None else threshold[place],
            where=None if warm is None else _looked(warm, pixels.shape[0], pixels.shape[1]),
            caption=texts[place][0] or None,
            summary=texts[place][1] or None,
            classifier=model.asked,
            captioner=None if writer is None else writer.asked,
        )
        found.append((damage, name, render_damage(damage, pixels, warm)))
    folder = Path(out)
    reports = []
    for damage, name, page in found:
        report = DamageReport(damage, folder / f"{name}.json", folder / f"{name}.html")
        write_json(report.record, damage.model_dump(mode="json"))
        atomic_write(report.page, page)
        reports.append(report)
    return reports


def _looks(model: _Model) -> bool:
    """Return whether a model takes a picture and nothing else."""
    inputs, _ = next(iter(model.graphs.values()))
    return len(inputs) == 1 and inputs[0].is_image


def _check_classifier(model: _Model) -> None:
    inputs, outputs = next(iter(model.graphs.values()))
    names = [spec.name for spec in outputs]
    if _looks(model) and PROBABILITIES in names:
        return
    taken = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in inputs)
    raise Incompatible(
        f"{model.asked.source or model.asked.name} does not classify pictures",
        why=f"it takes {taken} and gives {', '.join(names)}",
        fix="--classifier names a run or an artifact that was trained on pictures with classes",
    )


def _threshold(answers: Prediction) -> list[Decision] | None:
    """Return from where on a class is said, of a classifier that has such a threshold."""
    spec = next((spec for spec in answers.specs if spec.name == _THRESHOLD), None)
    if spec is None or spec.shape:
        return None
    values = answers.outputs[_THRESHOLD].reshape(-1).tolist()
    return [Decision(threshold=value, meaning=spec.inside) for value in values]


def _maps(model: _Model, files: Sequence[Path], answers: Prediction) -> list[np.ndarray] | None:
    """Return what speaks for each photo's answer, one map a photo."""
    place, chances = model.where, answers.probabilities
    if place is None or chances is None:
        return None
    evidence = model.ask(files, place[0]).outputs[place[1]]
    return [
        heatmap(one, int(index)) for one, index in zip(evidence, chances.argmax(-1), strict=True)
    ]


def _looked(warm: np.ndarray, height: int, width: int) -> Looked | None:
    """Return a map in the pixels of its photo."""
    found, center = bounding_box(warm), centroid(warm)
    if found is None or center is None:
        return None
    return Looked(
        map=tuple(tuple(round(value, 3) for value in row) for row in warm.tolist()),
        x=round(center[0] * width, 1),
        y=round(center[1] * height, 1),
        box=PixelBox(
            left=int(found.left * width),
            top=int(found.top * height),
            right=min(width, int(np.ceil(found.right * width))),
            bottom=min(height, int(np.ceil(found.bottom * height))),
        ),
    )


def _texts(writer: _Model, files: Sequence[Path]) -> list[tuple[str, str]]:
    """Return caption and summary of each photo; what is not written is empty."""
    if not _looks(writer):
        raise Incompatible(
            f"{writer.asked.source or writer.asked.name} does not look at pictures",
            why="the path of a photo would be a text to it",
            fix="--captioner names a run or an artifact that describes pictures",
        )
    answers = writer.ask(files)
    names = [spec.name for spec in answers.specs if spec.text is not None]
    names = [name for name in names if name in answers.outputs]
    if not names:
        raise Incompatible(
            f"{writer.asked.source or writer.asked.name} writes no texts",
            why=f"it gives {', '.join(answers.outputs)}",
            fix="--captioner names a run or an artifact that describes pictures",
        )
    written = generated_text(writer.graphs)
    if written is not None:
        led = _SUMMARY in dict(written.prompts)
        summaries = writer.ask(files, prompt=_SUMMARY).texts if led else [""] * len(files)
        return list(zip(answers.texts, summaries, strict=True))
    rows = answers.as_dicts()
    caption = next((name for name in names if name != _SUMMARY), names[0])
    summary = next((name for name in names if name == _SUMMARY), None)
    summary = summary or next((name for name in names if name != caption), "")
    return [(str(row[caption]), str(row[summary]) if summary else "") for row in rows]


def _names(files: Sequence[Path]) -> list[str]:
    """Return what the files about each photo are called: its name, made different if it is not."""
    taken: set[str] = set()
    names = []
    for file in files:
        stem = re.sub(r"[^\w.-]+", "_", file.stem).strip("._") or "photo"
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names


__all__ = ["DamageReport", "damage_report"]
