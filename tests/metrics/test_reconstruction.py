"""Scores of reconstructions, checked against their definitions and against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.errors import ConfigError, DataError, Diverged
from zoo.metrics import Evaluation, evaluate, pca
from zoo.metrics.corruptions import KINDS, Corruption
from zoo.metrics.figures import dump_figures, load_figures
from zoo.metrics.pca import fit_pca
from zoo.metrics.reconstruction import BEST_PSNR, evaluate_autoencoder
from zoo.spec import DataSpec, Task, TensorSpec

pytest.importorskip("sklearn")
RNG = np.random.default_rng(5)


class Rows:
    """A split in memory."""

    def __init__(self, images: Any, labels: Any = None) -> None:
        self.inputs = {"image": np.asarray(images)}
        self.targets = {} if labels is None else {"label": np.asarray(labels)}

    def __len__(self) -> int:
        return len(self.inputs["image"])

    def take(self, indices: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        return (
            {name: array[indices] for name, array in self.inputs.items()},
            {name: array[indices] for name, array in self.targets.items()},
        )

    def arrays(self) -> None:
        return None


def spec(
    shape: tuple[int, ...], labels: tuple[str, ...] | None = None, dtype: Any = "uint8"
) -> DataSpec:
    image = TensorSpec(name="image", shape=shape, dtype=dtype, range=(0, 255), role="image")
    label = TensorSpec(name="label", dtype="int64", labels=labels)
    return DataSpec(
        id="rows",
        task=Task.RECONSTRUCTION,
        inputs=(image,),
        targets=(label,) if labels else (),
    )


def images(count: int, shape: tuple[int, ...] = (4, 3, 1)) -> np.ndarray:
    return RNG.integers(0, 256, (count, *shape)).astype("uint8")


def off_by(levels: float) -> Any:
    """A model that makes everything brighter, and a code of the first two pixels."""
    return {
        "reconstruct": lambda inputs: {
            "reconstruction": inputs["image"].astype("float32") + np.float32(levels)
        },
        "encode": lambda inputs: {
            "code": inputs["image"].reshape(len(inputs["image"]), -1)[:, :2].astype("float32")
        },
        "decode": lambda inputs: {
            "reconstruction": np.full((len(inputs["code"]), 4, 3, 1), 99.0, "float32")
        },
    }


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 40), levels=st.floats(-50, 50), batch=st.integers(1, 50))
def test_error_and_psnr_are_those_of_their_definitions(
    count: int, levels: float, batch: int
) -> None:
    found = evaluate(
        off_by(levels)["reconstruct"], Rows(images(count)), spec((4, 3, 1)), batch_size=batch
    )
    error = (levels / 255) ** 2

    assert found.headline == "mse"
    assert found.examples == count
    assert found.scores["mse"].value == pytest.approx(error, rel=1e-4, abs=1e-11)
    wanted = min(BEST_PSNR, -10 * np.log10(error)) if error > 1e-30 else BEST_PSNR
    assert found.scores["psnr"].value == pytest.approx(wanted, abs=0.05)
    assert found.scores["psnr"].unit == "dB"


def test_the_batch_size_changes_nothing() -> None:
    rows = Rows(images(23), np.arange(23) % 3)
    data = spec((4, 3, 1), ("a", "b", "c"))

    def run(size: int) -> Evaluation:
        return evaluate_autoencoder(
            off_by(9),
            rows,
            data,
            reference=rows,
            corruption=Corruption("gaussian", 0.2),
            held_out=("b",),
            batch_size=size,
        )

    first, other = run(4), run(23)
    assert list(first.scores) == list(other.scores)
    for name, score in first.scores.items():
        assert score.value == pytest.approx(other.scores[name].value, rel=1e-6), name


def test_the_best_code_of_its_size_is_that_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    table = RNG.normal(size=(90, 12)) @ RNG.normal(size=(12, 12)) + 3
    ours = fit_pca([table[:40], table[40:]], 4)
    theirs = PCA(4, svd_solver="full").fit(table)

    np.testing.assert_allclose(
        ours.reconstruct(table), theirs.inverse_transform(theirs.transform(table)), atol=1e-3
    )
    np.testing.assert_allclose(ours.share, theirs.explained_variance_ratio_, rtol=1e-4)
    assert ours.examples == 90


def test_components_of_wide_examples_come_from_the_first_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pca, "MAX_COVARIANCE", 50)
    monkeypatch.setattr(pca, "MAX_WIDE_EXAMPLES", 40)
    base = RNG.normal(size=(3, 60))
    table = RNG.normal(size=(30, 3)) @ base
    found = fit_pca([table], 5)

    assert found.axes.shape == (60, 3)
    np.testing.assert_allclose(found.reconstruct(table), table, atol=1e-6)
    assert fit_pca((RNG.normal(size=(30, 51)) for _ in range(2)), 1).examples == 40


def test_constant_images_have_one_axis_and_no_error() -> None:
    found = fit_pca([np.full((5, 6), 0.5)], 3)

    np.testing.assert_allclose(found.reconstruct(np.full((2, 6), 0.5)), 0.5)


def test_components_are_fitted_on_the_reference_alone_and_without_held_out_classes() -> None:
    # Class "odd" lies where the others never go: only a fit that sees it can say it.
    flat = RNG.integers(0, 256, (60, 1, 1, 1)) * np.ones((1, 4, 3, 1))
    odd = np.where(np.arange(12).reshape(4, 3, 1) % 2, 255, 0) * np.ones((20, 1, 1, 1))
    rows = Rows(np.concatenate([flat, odd]).astype("uint8"), [0] * 60 + [1] * 20)
    data = spec((4, 3, 1), ("flat", "odd"))
    found = evaluate_autoencoder(off_by(1), rows, data, reference=rows, held_out=("odd",))

    assert found.examples == 60
    assert found.scores["mse_pca"].value < 1e-6
    assert found.scores["held_out_auc_pca"].value == 1.0


def test_the_ratio_and_its_interval_hold_what_they_say() -> None:
    rows = Rows(images(200))
    found = evaluate_autoencoder(off_by(20), rows, spec((4, 3, 1)), reference=rows).scores
    ratio = found["mse_to_pca"]

    assert ratio.value == pytest.approx(found["mse"].value / found["mse_pca"].value)
    assert ratio.low is not None and ratio.high is not None
    assert ratio.low < ratio.value < ratio.high


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_corruption_depends_on_the_position_of_an_example_alone(kind: str, dtype: str) -> None:
    rows = images(9, (6, 5, 3)).astype(dtype)
    corrupt = Corruption(kind, 0.4)
    whole = corrupt(rows, np.arange(9), 0.0, 255.0)

    assert whole.dtype == rows.dtype and whole.shape == rows.shape
    assert whole.min() >= 0 and whole.max() <= 255
    assert (whole != rows).any()
    np.testing.assert_array_equal(corrupt(rows[4:6], np.arange(4, 6), 0.0, 255.0), whole[4:6])
    assert not np.array_equal(corrupt(rows[:1], np.array([7]), 0.0, 255.0), whole[:1])


def test_repair_is_measured_against_the_clean_image() -> None:
    rows = Rows(images(40))
    found = evaluate_autoencoder(
        off_by(0), rows, spec((4, 3, 1)), corruption=Corruption("salt_and_pepper", 0.5)
    ).scores

    # A model that changes nothing repairs nothing.
    assert found["psnr_denoised"].value == pytest.approx(found["psnr_corrupted"].value)
    assert found["psnr"].value == BEST_PSNR


@pytest.mark.parametrize("labels", [None, ("a", "b", "c")])
@pytest.mark.parametrize("count", [1, 2, 30])
def test_every_figure_can_be_stored_however_few_images_there_are(
    labels: tuple[str, ...] | None, count: int
) -> None:
    rows = Rows(images(count), np.arange(count) % 3 if labels else None)
    found = evaluate_autoencoder(
        off_by(5),
        rows,
        spec((4, 3, 1), labels),
        reference=rows,
        corruption=Corruption("masking", 0.2),
        prior=True,
    )
    titles = [figure.title for figure in found.figures]

    assert {"Reconstructions", "Denoising", "Latent space"} <= set(titles)
    assert {"Latent interpolation", "Samples from the prior", "Largest errors"} <= set(titles)
    assert load_figures(dump_figures(found.figures)) == found.figures
    assert all(figure.caption for figure in found.figures)
    assert Evaluation.model_validate_json(found.model_dump_json()).scores == found.scores


def test_without_a_reference_there_are_the_models_own_scores_alone() -> None:
    rows = Rows(images(12), np.arange(12) % 2)
    found = evaluate_autoencoder(off_by(5), rows, spec((4, 3, 1), ("a", "b")), held_out=("b",))

    assert list(found.scores) == ["mse", "psnr", "held_out_auc"]
    assert found.figures == ()
    assert found.examples == 6


def test_a_class_that_was_held_out_is_an_anomaly() -> None:
    rows = Rows(images(30), np.arange(30) % 3)
    found = evaluate_autoencoder(
        off_by(5), rows, spec((4, 3, 1), ("a", "b", "c")), reference=rows, held_out=("c",)
    )
    curves = next(figure for figure in found.figures if figure.title.startswith("Anomaly"))

    assert curves.title == "Anomaly detection: c held out"
    assert [series.name for series in curves.series] == ["this model", "PCA", "chance"]


def test_what_cannot_be_measured_is_refused() -> None:
    rows, data = Rows(images(4), [0, 0, 1, 1]), spec((4, 3, 1), ("a", "b"))
    predict_fn = off_by(0)["reconstruct"]

    with pytest.raises(DataError, match="empty"):
        evaluate(predict_fn, Rows(images(0)), data)
    with pytest.raises(ConfigError, match="no output 'reconstruction'"):
        evaluate(lambda inputs: {"other": inputs["image"]}, rows, data)
    with pytest.raises(ConfigError, match="does not fit"):
        evaluate(lambda inputs: {"reconstruction": inputs["image"][:, :2]}, rows, data)
    with pytest.raises(Diverged):
        evaluate(lambda inputs: {"reconstruction": inputs["image"] * np.float32("nan")}, rows, data)
    with pytest.raises(ConfigError, match="no class 'z'"):
        evaluate_autoencoder(off_by(0), rows, data, held_out=("z",))
    with pytest.raises(DataError, match="held out"):
        evaluate_autoencoder(off_by(0), rows, data, held_out=("a", "b"))
    with pytest.raises(ConfigError, match="corruption"):
        Corruption("rain", 0.1)
    table = data.model_copy(update={"inputs": (TensorSpec(name="numeric", shape=(3,)),)})
    with pytest.raises(ConfigError, match="no images"):
        evaluate(predict_fn, rows, table)


def test_a_pixel_that_is_no_number_is_named_by_its_image() -> None:
    broken = images(5).astype("float32")
    broken[3, 0, 0, 0] = np.nan

    with pytest.raises(DataError, match="image 3"):
        evaluate(off_by(0)["reconstruct"], Rows(broken), spec((4, 3, 1), dtype="float32"))
