"""How good a reconstruction is: of clean images, of damaged ones, and of what was never seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics.damage import Damage
from zoo.metrics.intervals import Z95, bootstrap_means
from zoo.metrics.principal import Principal, fit_principal
from zoo.metrics.records import Evaluation, Score
from zoo.metrics.roc import auc
from zoo.metrics.scores import ScoreInfo, register_score
from zoo.spec import Arrays, DataSpec, Forward, Forwards, Split, Task, TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OUTPUT = "reconstruction"
"""The output that is measured: raw images."""

BEST_PSNR = 100.0
"""Decibels of a perfect reconstruction, whose own figure would be infinite."""

for _info in (
    ScoreInfo(
        "psnr",
        "Peak signal-to-noise ratio",
        "In decibels, mean over the images: 10 more is a tenth of the squared error.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "mse_pca",
        "Squared error of PCA",
        "What as many principal components as the code has numbers leave over.",
        high=1.0,
    ),
    ScoreInfo(
        "mse_to_pca",
        "Squared error beside PCA's",
        "1 is no better than as many principal components; half is half their error.",
    ),
    ScoreInfo(
        "psnr_damaged",
        "PSNR before the repair",
        "Of the damaged image beside the clean one, in decibels.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "psnr_repaired",
        "PSNR after the repair",
        "Of the repaired image beside the clean one, in decibels.",
        higher_is_better=True,
        low=None,
    ),
    ScoreInfo(
        "held_out_auc",
        "ROC area, held-out classes",
        "How often an image of a class that was not trained on is reconstructed worse than one of "
        "a class that was: 0.5 is guessing.",
        higher_is_better=True,
        high=1.0,
    ),
    ScoreInfo(
        "held_out_auc_pca",
        "ROC area of PCA",
        "The same with the error of as many principal components.",
        higher_is_better=True,
        high=1.0,
    ),
):
    register_score(_info)


@dataclass(frozen=True)
class Images:
    """The images of a split, as intensities from 0 to 1, with their classes.

    Attributes:
        split: Where they are.
        spec: What an image is.
        labels: The names of the classes; empty if there are none.
        batch_size: How many are looked at together.
    """

    split: Split
    spec: TensorSpec
    target: TensorSpec | None
    batch_size: int

    @classmethod
    def of(cls, split: Split, data: DataSpec, batch_size: int = 256) -> Images:
        """Return the images of a split.

        Raises:
            ConfigError: If the data has no images.
            DataError: If the split is empty.
        """
        spec = next((tensor for tensor in data.inputs if tensor.is_image), None)
        if spec is None:
            raise ConfigError(
                f"the data {data.id!r} has no images",
                why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
                fix="override Architecture.evaluate to measure another kind of reconstruction",
            )
        if len(split) == 0:
            raise DataError(
                f"the split of {data.id!r} to evaluate on is empty",
                why="a score needs at least one example",
                fix="give the split a larger share of the data",
            )
        target = next((tensor for tensor in data.targets if tensor.labels is not None), None)
        return cls(split, spec, target, batch_size)

    @property
    def limits(self) -> tuple[float, float]:
        """The raw values of black and white."""
        return self.spec.range or (0.0, 255.0)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; empty if there are none."""
        return (self.target.labels or ()) if self.target else ()

    def scaled(self, raw: np.ndarray) -> NDArray[np.float64]:
        """Return raw values as intensities from 0 to 1."""
        low, high = self.limits
        intensities: NDArray[np.float64] = (raw.astype("float64") - low) / (high - low)
        return intensities

    def blocks(self) -> Iterator[tuple[NDArray[Any], Arrays, NDArray[Any]]]:
        """Yield positions, inputs, and classes (-1 where there are none), every example once.

        Raises:
            DataError: If an image holds a value that is no number.
        """
        import numpy as np

        for start in range(0, len(self.split), self.batch_size):
            positions = np.arange(start, min(start + self.batch_size, len(self.split)))
            inputs, targets = self.split.take(positions)
            image = inputs[self.spec.name]
            if image.dtype.kind == "f" and not np.isfinite(image).all():
                row = int(np.flatnonzero(~np.isfinite(image).reshape(len(image), -1).all(1))[0])
                raise DataError(
                    f"image {positions[row]} holds a value that is no number",
                    why="NaN or infinity is no intensity, and nothing can be compared with it",
                    fix="repair the image, or leave it out",
                )
            classes = np.full(len(positions), -1)
            if self.target is not None and self.target.name in targets:
                classes = np.asarray(targets[self.target.name]).reshape(-1).astype(int)
            yield positions, inputs, classes

    def ask(self, forward: Forward, inputs: Arrays) -> Arrays:
        """Return a model's answers, asked for batches of one size.

        A compiled graph is traced anew for every size: a short batch is filled up with its last
        example, whose further answers are dropped.
        """
        import numpy as np

        size = min(self.batch_size, len(self.split))
        count = len(next(iter(inputs.values())))
        parts = []
        for start in range(0, count, size):
            rows = np.minimum(np.arange(start, start + size), count - 1)
            answers = forward({name: array[rows] for name, array in inputs.items()})
            parts.append({name: array[: count - start] for name, array in answers.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def reconstruct(self, forward: Forward, inputs: Arrays) -> NDArray[np.float64]:
        """Return a model's reconstructions as intensities, checked.

        Raises:
            ConfigError: If the model gives none, or of another shape.
            Diverged: If a value is not a finite number.
        """
        import numpy as np

        outputs = self.ask(forward, inputs)
        shape = inputs[self.spec.name].shape
        if OUTPUT not in outputs or outputs[OUTPUT].shape != shape:
            found = {name: list(array.shape) for name, array in outputs.items()}
            raise ConfigError(
                f"the model gives no {OUTPUT!r} of the images' shape",
                why=f"expected {list(shape)}. Received: {found}",
                fix=f"let a signature give {OUTPUT!r}, raw like its input",
            )
        given = outputs[OUTPUT]
        if not np.isfinite(given).all():
            raise Diverged(
                "a reconstruction is not a finite number",
                why="the weights are not, or an input is far outside its range",
                fix="train again with a lower optimizer.learning_rate",
            )
        return self.scaled(given)


@dataclass(frozen=True)
class Measured:
    """What was found out about every image of a split.

    Attributes:
        images: Which images.
        classes: Index of each one's class, -1 where there are none.
        familiar: Whether its class was trained on.
        errors: Mean squared error of its values, in 0..1 intensity.
        pca: The principal components it was compared with, if it was.
        pca_errors: Their errors.
        damaged: Error of the damaged image itself, if images were damaged.
        repaired: Error of what the model made of it.
    """

    images: Images
    classes: NDArray[np.int64]
    familiar: NDArray[np.bool_]
    errors: NDArray[np.float64]
    pca: Principal | None = None
    pca_errors: NDArray[np.float64] | None = None
    damaged: NDArray[np.float64] | None = None
    repaired: NDArray[np.float64] | None = None


def evaluate_reconstruction(
    forward: Forward,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    batch_size: int = 256,
) -> Evaluation:
    """Measure a model's ``reconstruction`` of the images of a split.

    ``mse`` is the mean over the images of the mean squared error of their values, where 0 is black
    and 1 white; ``psnr`` the mean of each image's ``-10 log10(mse)``, at most 100 dB. Both have a
    seeded bootstrap interval over the images (Efron 1979).

    Shapes:
        reconstruction: as the image, raw

    Raises:
        ConfigError: If the data has no image, or the model no such output.
        DataError: If the split is empty, or an image holds NaN.
        Diverged: If a reconstruction is not finite.
    """
    from zoo.metrics.gallery import draw_reconstructions

    images = Images.of(split, data, batch_size)
    found = measure_images(forward, images)
    figures = draw_reconstructions(forward, found) if reference is not None else ()
    return Evaluation(
        task=Task.RECONSTRUCTION,
        examples=int(found.familiar.sum()),
        scores=_scores(found),
        figures=figures,
    )


def evaluate_autoencoder(
    forwards: Forwards,
    split: Split,
    data: DataSpec,
    *,
    reference: Split | None = None,
    damage: Damage | None = None,
    held_out: tuple[str, ...] = (),
    prior: bool = False,
    batch_size: int = 256,
) -> Evaluation:
    """Measure a model that has the signatures ``reconstruct``, ``encode`` and ``decode``.

    Besides what :func:`evaluate_reconstruction` measures: ``mse_pca`` is the error of as many
    principal components as the code has numbers, fitted on the reference, and ``mse_to_pca`` the
    ratio to it (delta method; Cochran 1977, section 6.3). With damage, ``psnr_damaged`` and
    ``psnr_repaired`` compare the damaged and the repaired image with the clean one. With held-out
    classes, ``held_out_auc`` says how well the error tells their images from the others (DeLong's
    interval); all other scores are of the classes that were trained on.

    Args:
        forwards: The three signatures.
        split: The images.
        data: What they are.
        reference: The training split; without it, scores of the model alone and no figures.
        damage: What the model is meant to repair.
        held_out: Names of the classes that it was not trained on.
        prior: Whether codes drawn from the standard normal distribution make images.
        batch_size: Examples a call. It changes the speed and nothing else.

    Raises:
        ConfigError: If the data has no image or not these classes, or the model not these outputs.
        DataError: If the split holds no image of a class that was trained on, or NaN.
        Diverged: If a reconstruction is not finite.
    """
    from zoo.metrics.gallery import draw_autoencoder

    images = Images.of(split, data, batch_size)
    unknown = _indices(held_out, images.labels)
    pca = None
    if reference is not None:
        size = _code_size(forwards, images)
        pca = _principal(Images.of(reference, data, 2_048), unknown, size)
    found = measure_images(
        forwards["reconstruct"], images, held_out=unknown, pca=pca, damage=damage
    )
    figures = draw_autoencoder(forwards, found, damage, prior=prior) if pca else ()
    return Evaluation(
        task=Task.RECONSTRUCTION,
        examples=int(found.familiar.sum()),
        scores=_scores(found),
        figures=figures,
    )


def measure_images(
    forward: Forward,
    images: Images,
    *,
    held_out: tuple[int, ...] = (),
    pca: Principal | None = None,
    damage: Damage | None = None,
) -> Measured:
    """Look at every image once.

    Raises:
        DataError: If no image is of a class that was trained on.
    """
    import numpy as np

    classes, errors, by_pca, damaged, repaired = [], [], [], [], []
    low, high = images.limits
    for positions, inputs, kinds in images.blocks():
        image = inputs[images.spec.name]
        clean = images.scaled(image)
        classes.append(kinds)
        errors.append(_errors(clean, images.reconstruct(forward, inputs)))
        if pca is not None:
            flat = clean.reshape(len(clean), -1)
            by_pca.append(_errors(flat, pca.reconstruct(flat)))
        if damage is not None:
            worse = damage(image, positions, low, high)
            damaged.append(_errors(clean, images.scaled(worse)))
            again = images.reconstruct(forward, {**inputs, images.spec.name: worse})
            repaired.append(_errors(clean, again))
    kinds = np.concatenate(classes)
    familiar = ~np.isin(kinds, held_out)
    if not familiar.any():
        raise DataError(
            "every image to measure on is of a class that was held out",
            why="how well a model reconstructs is measured on the classes that it has seen",
            fix="evaluate on data that has other classes too",
        )
    return Measured(
        images,
        kinds,
        familiar,
        np.concatenate(errors),
        pca,
        np.concatenate(by_pca) if by_pca else None,
        np.concatenate(damaged) if damaged else None,
        np.concatenate(repaired) if repaired else None,
    )


def decibels(errors: NDArray[Any]) -> NDArray[np.float64]:
    """Return the peak signal-to-noise ratio of mean squared errors in 0..1 intensity."""
    import numpy as np

    ratio: NDArray[np.float64] = -10 * np.log10(np.maximum(errors, 10 ** (-BEST_PSNR / 10)))
    return ratio


def _scores(found: Measured) -> dict[str, Score]:
    """Return the scores, the headline first."""
    known = found.familiar
    columns = {"mse": found.errors[known], "psnr": decibels(found.errors[known])}
    if found.pca_errors is not None:
        columns["mse_pca"] = found.pca_errors[known]
    if found.damaged is not None and found.repaired is not None:
        columns["psnr_damaged"] = decibels(found.damaged[known])
        columns["psnr_repaired"] = decibels(found.repaired[known])
    scores = {}
    # One column at a time: a thousand resamples of all of them would take a gigabyte.
    for name, column in columns.items():
        low, high = bootstrap_means(column[:, None])[0] or (None, None)
        unit = "dB" if name.startswith("psnr") else None
        scores[name] = Score(value=float(column.mean()), low=low, high=high, unit=unit)
        if name == "mse_pca" and column.any():
            scores["mse_to_pca"] = _ratio(columns["mse"], column)
    if not known.all():
        scores["held_out_auc"] = _auc(found.errors, known)
        if found.pca_errors is not None:
            scores["held_out_auc_pca"] = _auc(found.pca_errors, known)
    return scores


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> Score:
    """Return a ratio of two means over the same examples, by the delta method."""
    value = float(above.mean() / below.mean())
    if len(above) < 2:
        return Score(value=value)
    rest = above - value * below
    half = Z95 * float(rest.std(ddof=1)) / math.sqrt(len(rest)) / float(below.mean())
    return Score(value=value, low=max(value - half, 0.0), high=value + half)


def _auc(errors: NDArray[Any], known: NDArray[Any]) -> Score:
    value, interval = auc(errors[~known], errors[known])
    low, high = interval or (None, None)
    return Score(value=value, low=low, high=high)


def _errors(clean: NDArray[Any], given: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean squared error of each example."""
    errors: NDArray[np.float64] = ((clean - given) ** 2).reshape(len(clean), -1).mean(axis=1)
    return errors


def _indices(names: tuple[str, ...], labels: tuple[str, ...]) -> tuple[int, ...]:
    missing = [name for name in names if name not in labels]
    if missing:
        raise ConfigError(
            f"the data has no class {missing[0]!r} that could be held out",
            why=f"its classes are {', '.join(labels[:20]) or 'unknown'}",
            fix="evaluate on data with the classes that the model was made for",
        )
    return tuple(labels.index(name) for name in names)


def _code_size(forwards: Forwards, images: Images) -> int:
    """Ask the model how many numbers a code has."""
    import numpy as np

    inputs, _ = images.split.take(np.arange(1))
    return int(images.ask(forwards["encode"], inputs)["code"].shape[-1])


def _principal(images: Images, held_out: tuple[int, ...], size: int) -> Principal:
    """Fit principal components on the classes that the model has seen too."""
    import numpy as np

    def rows() -> Iterator[NDArray[np.float64]]:
        for _, inputs, kinds in images.blocks():
            kept = inputs[images.spec.name][~np.isin(kinds, held_out)]
            if len(kept):
                yield images.scaled(kept).reshape(len(kept), -1)

    return fit_principal(rows(), size)


__all__ = [
    "BEST_PSNR",
    "OUTPUT",
    "Images",
    "Measured",
    "decibels",
    "evaluate_autoencoder",
    "evaluate_reconstruction",
    "measure_images",
]
