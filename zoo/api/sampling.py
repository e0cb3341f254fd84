"""Sample from a generative model: a run, a Keras model, or an artifact."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.api.prediction import load, open_predictor
from zoo.errors import ConfigError, DataError, Finding, StorageError
from zoo.files import atomic_write, exists
from zoo.metrics.figures import encode_png
from zoo.names import nearest
from zoo.runtime import Prediction, Session
from zoo.runtime.sampling import Sampler, sampling_signature
from zoo.spec import TensorSpec

if TYPE_CHECKING:
    import keras

    from zoo.api.run import Run

_MOST = 100_000
_MOST_STEPS = 10_000_000
_GAP = 1


def sample(
    target: Run | keras.Model | Session | str | Path,
    count: int = 16,
    *,
    steps: int | None = None,
    given: Any = None,
    label: str | None = None,
    seed: int = 0,
) -> Prediction:
    """Sample from a generative model: any with a signature whose inputs are all drawn.

    A Markov chain, such as that of ``rbm`` or of a diffusion model, takes many steps; a generator
    takes one.

    Args:
        target: A run or its folder, a model of :func:`build`, an artifact or its folder. An
            artifact needs no Keras, and gives the same samples as its model.
        count: Number of samples; with ``given``, per example.
        steps: Steps of each chain, 1,000 by default. The more, the less a sample depends on its
            start.
        given: Raw examples of the first state in which NaN marks the values to sample; the others
            are clamped.
        label: The class to sample, if the model was trained with classes.
        seed: Random seed.

    Returns:
        The samples: the outputs of the last step that replace no input, such as the image of a
        latent; or, if a chain has none, its states, raw, under the names of the model's inputs.

    Raises:
        Incompatible: If the model is not generative.
        ConfigError: If a number is out of range, or there is no such class.
        DataError: If ``given`` does not fit.
        ArtifactError: If the target is none of these.

    Example:
        >>> zoo.sample("exports/rbm/1", 4, steps=10).outputs["image"].shape
        (4, 8, 8, 1)
    """
    # A name stands for no model here: load refuses it.
    model = open_predictor(load(target) if isinstance(target, str | Path) else target)
    name = sampling_signature(model.signatures, source=model.source or model.name)
    signature = model.signatures[name]
    sampler = Sampler(model.predict_fns[name], signature.inputs, signature.outputs)
    wrong = [
        Finding(name, value, f"from 1 to {most:,}")
        for name, value, most in (("count", count, _MOST), ("steps", steps, _MOST_STEPS))
        if value is not None and not 1 <= value <= most
    ]
    if given is not None and not sampler.is_chain:
        wrong.append(Finding("given", "examples", "left out: only a chain of states takes them"))
    if wrong:
        raise ConfigError("these samples cannot be drawn", findings=wrong)
    clamped: dict[str, Any] = {}
    if given is not None:
        first = sampler.conditions[0]
        clamped[first.name] = np.repeat(_encode_partial(given, first), count, axis=0)
        count = len(clamped[first.name])
    if label is not None:
        spec, place = _label_input(sampler, label)
        drawn = np.eye(len(spec.labels or ())) if spec.shape else np.arange(place + 1)
        clamped[spec.name] = drawn[[place] * count].astype(spec.dtype)
    found = sampler.run(count, steps, seed=seed, clamped=clamped)
    return Prediction(found, sampler.samples)


def write_samples(samples: Prediction, path: str | Path) -> Path:
    """Write samples to a file: a grid of images, arrays, or a table.

    Args:
        samples: The result of :func:`sample`.
        path: ``.png`` for a grid of images; ``.npz`` with ``x``, and ``y`` if there are classes;
            ``.csv`` for the rows of a table. An existing file is never overwritten.

    Raises:
        ConfigError: If the kind of file does not fit the samples.
        StorageError: If the file exists, or cannot be written.
    """
    target, spec = Path(path), samples.specs[0]
    values = samples.outputs[spec.name]
    if exists(target):
        raise StorageError(
            f"{target} exists",
            why="an existing file is never overwritten",
            fix="choose another --out",
        )
    kind = target.suffix.lower()
    if kind == ".png" and spec.is_image:
        raw = encode_png(_grid(values, spec))
    elif kind == ".csv" and spec.columns is not None:
        raw = _table(values, spec)
    elif kind == ".npz":
        raw = _arrays(samples)
    else:
        kinds = [".png" if spec.is_image else ".csv", ".npz"]
        raise ConfigError(
            "the samples cannot be written there",
            findings=[Finding("out", str(target), f"a file that ends in {' or '.join(kinds)}")],
        )
    atomic_write(target, raw)
    return target


def _encode_partial(given: Any, spec: TensorSpec) -> np.ndarray:
    """Encode raw examples with missing values."""
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


def _label_input(sampler: Sampler, label: str) -> tuple[TensorSpec, int]:
    """Return the input that holds the class, and the index of the class."""
    for spec in sampler.conditions:
        if spec.labels is None:
            continue
        if label in spec.labels:
            return spec, spec.labels.index(label)
        near = nearest(label, spec.labels, count=1)
        known = f"one of {', '.join(spec.labels[:20])}"
        raise ConfigError(
            f"there is no class {label!r}",
            findings=[Finding("label", label, known, near[0] if near else None)],
        )
    raise ConfigError(
        "the model was not trained with classes",
        findings=[Finding("label", label, "left out")],
        fix="train it with --set classes=true, where the architecture offers that",
    )


def _to_bytes(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Scale images to bytes."""
    low, high = spec.range or (float(values.min()), float(values.max()))
    shares = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return np.rint(shares * 255).astype("uint8")


def _grid(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Arrange images in a grid with gray lines."""
    images = _to_bytes(values, spec)
    count, height, width, channels = images.shape
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    tall, wide = height + _GAP, width + _GAP
    grid = np.full((down * tall + _GAP, across * wide + _GAP, channels), 128, "uint8")
    for at, image in enumerate(images):
        y, x = _GAP + at // across * tall, _GAP + at % across * wide
        grid[y : y + height, x : x + width] = image
    # A pixel per value is too small to look at.
    scale = max(1, 480 // max(grid.shape[:2]))
    return grid.repeat(scale, axis=0).repeat(scale, axis=1)


def _table(values: np.ndarray, spec: TensorSpec) -> bytes:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in spec.columns or ()])
    writer.writerows([[f"{value:.7g}" for value in row] for row in values.tolist()])
    return text.getvalue().encode()


def _arrays(samples: Prediction) -> bytes:
    spec, *rest = samples.specs
    values = samples.outputs[spec.name]
    arrays: dict[str, Any] = {"x": _to_bytes(values, spec) if spec.is_image else values}
    for other in rest:
        if other.labels is not None:
            arrays["y"] = samples.outputs[other.name].argmax(-1)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
