"""Damage report: for each photo the damage, where it is, and a description, as JSON and HTML.

No model is known by its name here. A classifier is a model that takes an image and returns
``probabilities``; its saliency map is any output of one value per place and class; a captioner is a
model that writes texts about an image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

import zoo
from zoo.config import Frozen
from zoo.data import read_image
from zoo.errors import ConfigError, Finding, Incompatible
from zoo.files import atomic_write, sha256_file, write_json
from zoo.metrics.figures import encode_image
from zoo.metrics.saliency import bounding_box, centroid, crop, heatmap, overlay
from zoo.report import page_environment

if TYPE_CHECKING:
    import keras

_Heat = npt.NDArray[np.float64]
_MAX_IMAGES = 1_000
_PAGE_SIDE = 720
"""The longest side, in pixels, of a photo on a page."""


class ModelCard(Frozen):
    """A model that a report is based on.

    Attributes:
        name: Name of the model.
        source: Folder that it was read from; empty for a model in memory.
        license: License of its weights.
        limits: What it cannot do, one sentence each.
    """

    name: str
    source: str = ""
    license: str
    limits: tuple[str, ...] = ()


class Threshold(Frozen):
    """Decision threshold of a classifier.

    Attributes:
        value: Smallest probability of a positive decision.
        meaning: The class, and how the threshold was chosen, in words.
    """

    value: float = Field(ge=0, le=1)
    meaning: str = ""


class PixelBox(Frozen):
    """A part of a photo, in pixels from its upper left corner; right and bottom are outside."""

    left: int = Field(ge=0)
    top: int = Field(ge=0)
    right: int = Field(ge=1)
    bottom: int = Field(ge=1)


class Saliency(Frozen):
    """Evidence for the predicted class, by place.

    Attributes:
        map: Rows of values over the whole photo, with a maximum of 1.
        x: Center of the connected component of the maximum, pixels from the left.
        y: Its pixels from the top.
        box: Bounding box of that component.
    """

    map: tuple[tuple[float, ...], ...]
    x: float
    y: float
    box: PixelBox


class Damage(Frozen):
    """Result for one photo: the content of its JSON file.

    Attributes:
        image: Name of the file.
        sha256: SHA-256 of the file.
        width: Pixels, upright.
        height: Pixels, upright.
        label: Class with the highest probability.
        probability: Its probability.
        probabilities: Probabilities of all classes.
        threshold: Decision threshold; ``None`` if the classifier has none.
        saliency: Where the damage is; ``None`` if the classifier has no saliency map.
        caption: Description in a sentence; ``None`` without a captioner.
        summary: Description in a few sentences; ``None`` without one.
        classifier: The classifier.
        captioner: The captioner.
    """

    format_version: Literal[1] = 1
    image: str
    sha256: str
    width: int
    height: int
    label: str
    probability: float
    probabilities: dict[str, float]
    threshold: Threshold | None = None
    saliency: Saliency | None = None
    caption: str | None = None
    summary: str | None = None
    classifier: ModelCard
    captioner: ModelCard | None = None


@dataclass(frozen=True)
class DamageReport:
    """Files of one photo.

    Attributes:
        damage: The result.
        record: JSON file.
        page: HTML file.
    """

    damage: Damage
    record: Path
    page: Path

    def as_dict(self) -> dict[str, Any]:
        """Return the result and the files as plain data, for ``--json``."""
        files = {"record": str(self.record), "page": str(self.page)}
        return {**self.damage.model_dump(mode="json"), **files}


def damage_report(
    photos: Sequence[str | Path] | str | Path,
    classifier: zoo.Run | keras.Model | zoo.Session | str | Path,
    *,
    captioner: zoo.Run | keras.Model | zoo.Session | str | Path | None = None,
    out: str | Path = "damage-report",
) -> list[DamageReport]:
    """Report the damage on photos, as JSON and HTML.

    All predictions are made before anything is written. Artifacts need no Keras.

    Args:
        photos: Image files.
        classifier: A run or its folder, a model of :func:`zoo.build` or the name of one with
            weights, an artifact or its folder, that returns ``probabilities`` for an image. If one
            of its signatures returns a map for each class, the report also says where.
        captioner: Likewise a model that writes texts about an image. The first text is the
            caption, one called ``summary`` the summary. A model that writes token by token writes
            the summary after its prompt of that name.
        out: Folder that receives ``<photo>.json`` and ``<photo>.html``; those of an earlier report
            on a photo of that name are replaced.

    Raises:
        ConfigError: If there are no photos, or too many.
        BadRecord: If a file is no image that can be read.
        Incompatible: If the classifier classifies no images, or the captioner describes none.
        MissingExtra: If a package that the page needs is not installed.
        StorageError: If the folder cannot be written.

    Example:
        >>> zoo_aircraft.damage_report("wing.jpg", "exports/vgg16_damage/1")[0].damage.label
        'crack'
    """
    environment = page_environment(Path(__file__).parent / "templates")
    files = [Path(photo) for photo in ([photos] if isinstance(photos, str | Path) else photos)]
    if not 1 <= len(files) <= _MAX_IMAGES:
        raise ConfigError(
            "the report cannot be made as asked",
            findings=[Finding("photos", len(files), f"1 to {_MAX_IMAGES:,} files")],
        )
    model = zoo.open_predictor(classifier)
    _check_classifier(model)
    writer = None if captioner is None else zoo.open_predictor(captioner)
    paths = [str(file) for file in files]
    prediction = model.predict(paths)
    rows, thresholds = prediction.as_dicts(), _thresholds(prediction)
    heatmaps = _heatmaps(model, paths, prediction)
    texts = [("", "")] * len(files) if writer is None else _texts(writer, paths)
    image_spec = next(iter(model.signatures.values())).inputs[0]
    reports: list[DamageReport] = []
    pages: list[bytes] = []
    for index, (file, stem) in enumerate(zip(files, _stems(files), strict=True)):
        pixels = read_image(file)
        height, width = pixels.shape[:2]
        heat = None if heatmaps is None else crop(heatmaps[index], (height, width), image_spec)
        damage = Damage(
            image=file.name,
            sha256=sha256_file(file),
            width=width,
            height=height,
            label=rows[index].get("label", ""),
            probability=rows[index]["probability"],
            probabilities=rows[index]["probabilities"],
            threshold=None if thresholds is None else thresholds[index],
            saliency=None if heat is None else _saliency(heat, height, width),
            caption=texts[index][0] or None,
            summary=texts[index][1] or None,
            classifier=_card(model),
            captioner=None if writer is None else _card(writer),
        )
        reports.append(DamageReport(damage, Path(out, f"{stem}.json"), Path(out, f"{stem}.html")))
        page = environment.get_template("damage.html.j2").render(**_context(damage, pixels, heat))
        # A file's name may hold half a surrogate pair, which no file can.
        pages.append(page.encode("utf-8", "replace"))
    for report, html in zip(reports, pages, strict=True):
        write_json(report.record, report.damage.model_dump(mode="json"))
        atomic_write(report.page, html)
    return reports


def _card(model: zoo.Predictor) -> ModelCard:
    return ModelCard(
        name=model.name, source=model.source, license=model.license, limits=model.limits
    )


def _takes_one_image(model: zoo.Predictor) -> bool:
    inputs = next(iter(model.signatures.values())).inputs
    return len(inputs) == 1 and inputs[0].is_image


def _check_classifier(model: zoo.Predictor) -> None:
    first = next(iter(model.signatures.values()))
    if not _takes_one_image(model) or all(s.role != "probabilities" for s in first.outputs):
        taken = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in first.inputs)
        names = [spec.name for spec in first.outputs]
        raise Incompatible(
            f"{model.source or model.name} does not classify images",
            why=f"it takes {taken} and returns {', '.join(names)}",
            fix="--classifier names a run or an artifact that was trained on labeled images",
        )


def _thresholds(prediction: zoo.Prediction) -> list[Threshold] | None:
    """Return the decision thresholds of a classifier that has one."""
    spec = next((spec for spec in prediction.specs if spec.name == "threshold"), None)
    if spec is None or spec.shape:
        return None
    values = prediction.outputs["threshold"].reshape(-1).tolist()
    return [Threshold(value=value, meaning=spec.inside) for value in values]


def _heatmaps(
    model: zoo.Predictor, photos: list[str], prediction: zoo.Prediction
) -> list[_Heat] | None:
    """Return the evidence for the predicted class of each photo, by place."""
    labels = prediction.classes
    maps = [
        (signature, spec.name)
        for signature, specs in model.signatures.items()
        for spec in specs.outputs
        if len(spec.shape) == 3 and spec.labels and spec.labels == labels
    ]
    if not maps or prediction.probabilities is None:
        return None
    signature, output = maps[0]
    evidence = model.predict(photos, signature=signature).outputs[output]
    predicted = prediction.probabilities.argmax(-1)
    return [heatmap(one, int(label)) for one, label in zip(evidence, predicted, strict=True)]


def _saliency(heat: _Heat, height: int, width: int) -> Saliency | None:
    box, center = bounding_box(heat), centroid(heat)
    if box is None or center is None:
        return None
    return Saliency(
        map=tuple(tuple(round(value, 3) for value in row) for row in heat.tolist()),
        x=round(center[0] * width, 1),
        y=round(center[1] * height, 1),
        box=PixelBox(
            left=int(box.left * width),
            top=int(box.top * height),
            right=min(width, int(np.ceil(box.right * width))),
            bottom=min(height, int(np.ceil(box.bottom * height))),
        ),
    )


def _texts(writer: zoo.Predictor, photos: list[str]) -> list[tuple[str, str]]:
    """Return the caption and the summary of each photo; a text that is not written is empty."""
    if not _takes_one_image(writer):
        raise Incompatible(
            f"{writer.source or writer.name} takes no images",
            why="the path of a photo would be a text to it",
            fix="--captioner names a run or an artifact that describes images",
        )
    prediction = writer.predict(photos)
    if not prediction.texts:
        raise Incompatible(
            f"{writer.source or writer.name} writes no texts",
            why=f"it returns {', '.join(prediction.outputs)}",
            fix="--captioner names a run or an artifact that describes images",
        )
    if "summary" in (writer.prompts or ()):
        summaries = writer.predict(photos, prompt="summary").texts
    else:
        summaries = [str(row.get("summary", "")) for row in prediction.as_dicts()]
    return list(zip(prediction.texts, summaries, strict=True))


def _stems(files: Sequence[Path]) -> list[str]:
    """Return the stem of each photo's files: its name, made different if it is taken."""
    taken: set[str] = set()
    stems = []
    for file in files:
        stem = re.sub(r"[^\w.-]+", "_", file.stem).strip("._") or "photo"
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        stems.append(name)
    return stems


def _context(damage: Damage, pixels: npt.NDArray[np.uint8], heat: _Heat | None) -> dict[str, Any]:
    """Return what the template of the page shows."""
    small = _thumbnail(pixels)
    cards = [card for card in (damage.classifier, damage.captioner) if card is not None]
    return {
        "damage": damage,
        "photo": encode_image(small),
        "saliency": None if heat is None else encode_image(overlay(small, heat)),
        "cells": None if heat is None else heat.shape,
        "box": None if damage.saliency is None else damage.saliency.box,
        "ranked": sorted(damage.probabilities.items(), key=lambda pair: -pair[1]),
        "percent": _percent,
        "limits": [limit for card in cards for limit in card.limits],
    }


def _percent(share: float) -> str:
    """Return a probability in percent; none is written as certain."""
    if share >= 0.9995:
        return "over 99.9 %"
    return f"{100 * share:.1f} %" if share >= 0.0005 else "under 0.1 %"


def _thumbnail(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a photo of at most the size that a page has room for, with its aspect ratio."""
    import PIL.Image

    if max(pixels.shape[:2]) <= _PAGE_SIDE:
        return pixels
    image = PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((_PAGE_SIDE, _PAGE_SIDE))
    return np.asarray(image).reshape(image.height, image.width, -1)
