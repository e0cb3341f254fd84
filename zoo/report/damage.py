"""What was found in one photo, as data and as a page for people."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from zoo.config import Frozen
from zoo.errors import MissingExtra
from zoo.metrics.figures import encode_image
from zoo.metrics.saliency import overlay
from zoo.report.formatting import percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST = 720


class Asked(Frozen):
    """A model that was asked.

    Attributes:
        name: What it is called.
        source: The folder it was read from; empty of a model in memory.
        license: Of its weights.
        limits: What it cannot do, a sentence each.
    """

    name: str
    source: str = ""
    license: str
    limits: tuple[str, ...] = ()


class Decision(Frozen):
    """From which probability on a class is said.

    Attributes:
        threshold: That probability.
        meaning: Of which class, and how it was chosen, in words.
    """

    threshold: float = Field(ge=0, le=1)
    meaning: str = ""


class PixelBox(Frozen):
    """A part of a photo, in its pixels from the upper left corner; right and bottom are outside."""

    left: int = Field(ge=0)
    top: int = Field(ge=0)
    right: int = Field(ge=1)
    bottom: int = Field(ge=1)


class Looked(Frozen):
    """Where a classifier looked.

    Attributes:
        map: Rows of shares over the whole photo: 1 where most speaks for the answer.
        x: Center of the hottest part, pixels from the left.
        y: Likewise from the top.
        box: What surrounds that part.
    """

    map: tuple[tuple[float, ...], ...]
    x: float
    y: float
    box: PixelBox


class Damage(Frozen):
    """What was found in one photo.

    Attributes:
        photo: The name of its file.
        sha256: Of that file.
        width: Pixels, upright.
        height: Likewise.
        label: The likeliest class.
        probability: Its probability.
        probabilities: Those of all classes.
        decision: Of a classifier that has a threshold: that.
        where: Where it looked; ``None`` if it does not say.
        caption: What is to be seen; ``None`` without a captioner.
        summary: Likewise in a few sentences.
        classifier: What classified it.
        captioner: What described it.
    """

    format_version: Literal[1] = 1
    photo: str
    sha256: str
    width: int
    height: int
    label: str
    probability: float
    probabilities: dict[str, float]
    decision: Decision | None = None
    where: Looked | None = None
    caption: str | None = None
    summary: str | None = None
    classifier: Asked
    captioner: Asked | None = None


def require_page() -> None:
    """Raise :class:`MissingExtra` if the page cannot be written."""
    if importlib.util.find_spec("jinja2") is None:
        raise MissingExtra("the damage report", "report", "jinja2")


def render_damage(
    damage: Damage, pixels: NDArray[np.uint8], warm: NDArray[Any] | None = None
) -> bytes:
    """Return the page about one photo: one HTML file that needs nothing beside it.

    Args:
        damage: What was found.
        pixels: The photo.
        warm: What spoke for the answer; ``None`` if it is not known.

    Shapes:
        pixels: ``[height, width, 1 or 3]``
        warm: ``[rows, columns]``
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _chance
    small = _smaller(pixels)
    page: str = environment.get_template("damage.html.j2").render(
        css=Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        damage=damage,
        photo=encode_image(small),
        evidence=encode_image(overlay(small, warm)) if warm is not None else None,
        frame=_frame(damage),
        ranked=sorted(damage.probabilities.items(), key=lambda pair: -pair[1]),
        limits=(*damage.classifier.limits, *(damage.captioner.limits if damage.captioner else ())),
    )
    # A file's name may hold half a surrogate pair, which no file can.
    return page.encode("utf-8", "replace")


def _chance(share: float) -> str:
    """Return a probability in percent; none is written as certain."""
    if share >= 0.9995:
        return f"over {percent(0.999)}"
    return percent(share) if share >= 0.0005 else f"under {percent(0.001)}"


def _frame(damage: Damage) -> dict[str, float] | None:
    """Return the box in hundredths of the photo's sides."""
    if damage.where is None:
        return None
    found = damage.where.box
    return {
        "left": 100 * found.left / damage.width,
        "top": 100 * found.top / damage.height,
        "width": 100 * (found.right - found.left) / damage.width,
        "height": 100 * (found.bottom - found.top) / damage.height,
    }


def _smaller(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo that a page has room for, its aspect kept."""
    from zoo.runtime.images import fit_image

    height, width, channels = pixels.shape
    longest = max(height, width)
    if longest <= _LONGEST:
        return pixels
    share = _LONGEST / longest
    return fit_image(pixels, max(1, round(height * share)), max(1, round(width * share)), channels)


__all__ = ["Asked", "Damage", "Decision", "Looked", "PixelBox", "render_damage", "require_page"]
