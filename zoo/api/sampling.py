"""Draw new examples from a model, whatever form it has: a run, a Keras model, an artifact."""

from __future__ import annotations

import difflib
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.api.predict_fns import keras_predict_fn, session_predict_fn
from zoo.api.prediction import load, signatures
from zoo.api.run import Run
from zoo.errors import ConfigError, DataError, Finding, StorageError
from zoo.files import atomic_write, exists
from zoo.metrics.figures import encode_png
from zoo.runtime import Prediction, Session
from zoo.runtime.gibbs import GibbsSampler, gibbs_step
from zoo.spec import TensorSpec

if TYPE_CHECKING:
    import keras

_MOST = 100_000
_MOST_STEPS = 10_000_000
_GAP = 1


def sample(
    target: Run | keras.Model | Session | str | Path,
    count: int = 16,
    *,
    steps: int = 1_000,
    given: Any = None,
    label: str | None = None,
    seed: int = 0,
) -> Prediction:
    """Draw examples from a model that is one step of a chain, such as ``rbm``.

    Args:
        target: A run or its folder, a model of :func:`build`, an artifact or its folder. An
            artifact answers without keras, and draws the very examples that its model draws.
        count: How many; with ``given``, how many for each of those.
        steps: How far each chain goes before its state is taken. The more, the less it remembers
            where it started.
        given: Raw examples in which NaN stands for what is to be drawn; the rest stays.
        label: The class to draw, of a model that has learned classes.
        seed: Of everything random.

    Returns:
        The examples, raw, under the names that the model's inputs have.

    Raises:
        Incompatible: If the model draws nothing.
        ConfigError: If a number is out of range, or there is no such class.
        DataError: If what is given does not fit.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.sample("runs/rbm-1", 4).outputs["image"].shape
        (4, 8, 8, 1)
    """
    if isinstance(target, str | Path):
        target = load(target)
    sampler, first = _sampler(target)
    wrong = [
        Finding(name, value, f"from 1 to {most:,}")
        for name, value, most in (("count", count, _MOST), ("steps", steps, _MOST_STEPS))
        if not 1 <= value <= most
    ]
    if wrong:
        raise ConfigError("examples cannot be drawn as asked", findings=wrong)
    clamped: dict[str, Any] = {}
    if given is not None:
        clamped[first.name] = np.repeat(_partly(given, first), count, axis=0)
        count = len(clamped[first.name])
    if label is not None:
        spec, place = _class(sampler, label)
        clamped[spec.name] = np.eye(len(spec.labels or ()), dtype="float32")[[place] * count]
    found = sampler.run(sampler.initial_states(count, seed), steps, seed=seed, clamped=clamped)
    return Prediction(found, sampler.states)


def write_samples(drawn: Prediction, path: str | Path) -> Path:
    """Write drawn examples: one picture of all, arrays, or a table.

    Args:
        drawn: What :func:`sample` returned.
        path: ``.png`` for pictures side by side; ``.npz`` with ``x``, and ``y`` where there are
            classes; ``.csv`` for the rows of a table. A file that is there is left alone.

    Raises:
        ConfigError: If the kind of file does not fit the examples.
        StorageError: If the file is there already, or cannot be written.
    """
    target, spec = Path(path), drawn.specs[0]
    values = drawn.outputs[spec.name]
    if exists(target):
        raise StorageError(
            f"{target} is there already",
            why="what was drawn before is never overwritten",
            fix="choose another --out",
        )
    kind = target.suffix.lower()
    if kind == ".png" and spec.is_image:
        raw = encode_png(_sheet(values, spec))
    elif kind == ".csv" and spec.columns is not None:
        raw = _table(values, spec)
    elif kind == ".npz":
        raw = _arrays(drawn)
    else:
        kinds = [".png" if spec.is_image else ".csv", ".npz"]
        raise ConfigError(
            "the examples cannot be written there",
            findings=[Finding("out", str(target), f"a file that ends in {' or '.join(kinds)}")],
        )
    atomic_write(target, raw)
    return target


def _sampler(target: Run | keras.Model | Session) -> tuple[GibbsSampler, TensorSpec]:
    """Return the Gibbs sampler of a model, and the spec of the state that is an example."""
    if isinstance(target, Session):
        found = {g.signature: (g.inputs, g.outputs) for g in target.manifest.graphs}
        name = gibbs_step(found, source=target.source)
        sampler = GibbsSampler(session_predict_fn(target, name), found[name][0])
        return sampler, sampler.states[0]
    model = target.model if isinstance(target, Run) else target
    asked = {one.name: one for one in signatures(model)}
    known = {one.name: (one.inputs, one.outputs) for one in asked.values()}
    name = gibbs_step(known, source=str(model.name))
    sampler = GibbsSampler(keras_predict_fn(asked[name]), asked[name].inputs)
    return sampler, sampler.states[0]


def _partly(given: Any, spec: TensorSpec) -> np.ndarray:
    """Return raw examples of which a part may be missing."""
    from zoo.runtime.inputs import encode

    found: np.ndarray = encode(given, (spec.model_copy(update={"missing": True}),))[spec.name]
    if spec.range is not None:
        low, high = spec.range
        if ((found < low) | (found > high)).any():
            raise DataError(
                f"a value of {spec.name!r} is outside of its range",
                why=f"raw values from {low:g} to {high:g} are expected, NaN for what is missing",
                fix=f"bring the values to {low:g} to {high:g}, as the model was trained on",
            )
    return found


def _class(sampler: GibbsSampler, label: str) -> tuple[TensorSpec, int]:
    """Return the state that holds the class, and the index of the class."""
    for spec in sampler.states:
        if spec.labels is None:
            continue
        if label in spec.labels:
            return spec, spec.labels.index(label)
        near = difflib.get_close_matches(label, spec.labels, n=1)
        known = f"one of {', '.join(spec.labels[:20])}"
        raise ConfigError(
            f"there is no class {label!r}",
            findings=[Finding("label", label, known, near[0] if near else None)],
        )
    raise ConfigError(
        "the model has not learned classes",
        findings=[Finding("label", label, "left out")],
        fix="train it with --set classes=true, where the architecture offers that",
    )


def _whole(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return the values of pictures as bytes, black to white."""
    low, high = spec.range or (float(values.min()), float(values.max()))
    shares = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return np.rint(shares * 255).astype("uint8")


def _sheet(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Return pictures side by side, a gray line between them."""
    pictures = _whole(values, spec)
    count, height, width, channels = pictures.shape
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    tall, wide = height + _GAP, width + _GAP
    sheet = np.full((down * tall + _GAP, across * wide + _GAP, channels), 128, "uint8")
    for place, picture in enumerate(pictures):
        y, x = _GAP + place // across * tall, _GAP + place % across * wide
        sheet[y : y + height, x : x + width] = picture
    # One pixel a dot is too small to look at.
    scale = max(1, 480 // max(sheet.shape[:2]))
    return sheet.repeat(scale, axis=0).repeat(scale, axis=1)


def _table(values: np.ndarray, spec: TensorSpec) -> bytes:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in spec.columns or ()])
    writer.writerows([[f"{value:.7g}" for value in row] for row in values.tolist()])
    return text.getvalue().encode()


def _arrays(drawn: Prediction) -> bytes:
    spec, *rest = drawn.specs
    values = drawn.outputs[spec.name]
    arrays: dict[str, Any] = {"x": _whole(values, spec) if spec.is_image else values}
    for other in rest:
        if other.labels is not None:
            arrays["y"] = drawn.outputs[other.name].argmax(-1)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


__all__ = ["sample", "write_samples"]
