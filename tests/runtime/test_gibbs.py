"""Gibbs sampling: noise and states in, the next states out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.errors import ConfigError, Incompatible
from zoo.runtime import load_sampler
from zoo.runtime.gibbs import NOISE as NOISES, GibbsSampler, gibbs_step
from zoo.spec import TensorSpec

STATE = TensorSpec(name="image", shape=(2,), range=(0.0, 1.0))
NOISE = TensorSpec(name="image_noise", shape=(2,), outside="logistic noise")
LABEL = TensorSpec(name="label", shape=(3,), range=(0.0, 1.0), labels=("a", "b", "c"))
FREE = TensorSpec(name="numeric", shape=(1,))


def add(inputs: Any) -> dict[str, Any]:
    """Return the sum of the state and its noise."""
    return {"next_image": inputs["image"] + inputs["image_noise"]}


def test_noise_is_drawn_step_for_step_from_the_seed() -> None:
    start = np.zeros((4, 2), "float32")
    found = GibbsSampler(add, (STATE, NOISE)).run({"image": start}, 3, seed=5)["image"]
    random = np.random.default_rng(5)
    wanted = start
    for _ in range(3):
        wanted = wanted + NOISES["logistic noise"](random, (4, 2))

    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("kind", "mean", "variance"),
    [
        ("logistic noise", 0.0, np.pi**2 / 3),
        ("normal noise", 0.0, 1.0),
        ("gumbel noise", 0.5772, np.pi**2 / 6),
    ],
)
def test_every_kind_of_noise_has_its_moments(kind: str, mean: float, variance: float) -> None:
    drawn = NOISES[kind](np.random.default_rng(0), (200_000,))

    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert drawn.mean() == pytest.approx(mean, abs=0.02)
    assert drawn.var() == pytest.approx(variance, rel=0.03)


def test_clamped_values_stay_and_the_others_move() -> None:
    chain = GibbsSampler(add, (STATE, NOISE))
    held = np.array([[0.25, np.nan]], "float32")
    found = chain.run({"image": np.zeros((1, 2), "float32")}, 5, clamped={"image": held})["image"]

    assert found[0, 0] == 0.25
    assert found[0, 1] != 0


def test_the_mean_of_the_last_states_can_be_returned() -> None:
    def count(inputs: Any) -> dict[str, Any]:
        return {"next_image": inputs["image"] + 1}

    chain = GibbsSampler(count, (STATE, NOISE))
    start = {"image": np.zeros((1, 2), "float32")}

    assert chain.run(start, 10)["image"][0, 0] == 10
    assert chain.run(start, 10, average=3)["image"][0, 0] == 9
    assert chain.run(start, 10, average=10)["image"][0, 0] == 5.5
    assert start["image"].sum() == 0


def test_a_sampler_starts_at_random_ends_of_the_range() -> None:
    chain = GibbsSampler(add, (STATE, NOISE, LABEL, FREE))
    found = chain.initial_states(600, seed=1)

    assert set(np.unique(found["image"])) == {0.0, 1.0}
    assert found["image"].mean() == pytest.approx(0.5, abs=0.1)
    np.testing.assert_array_equal(found["label"].sum(axis=1), np.ones(600))
    assert set(found["label"].argmax(axis=1)) == {0, 1, 2}
    assert not found["numeric"].any()


@pytest.mark.parametrize(("steps", "average", "place"), [(0, 1, "steps"), (3, 4, "average")])
def test_steps_that_cannot_be_taken_are_refused(steps: int, average: int, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GibbsSampler(add, (STATE, NOISE)).run(
            {"image": np.zeros((1, 2), "float32")}, steps, average=average
        )

    assert caught.value.findings[0].where == place


def test_a_step_is_known_by_its_names_and_its_noise() -> None:
    following = STATE.model_copy(update={"name": "next_image"})
    step = ((STATE, NOISE), (following,))

    known = {"predict": ((STATE,), (following,)), "step": step}
    assert gibbs_step(known, source="it") == "step"
    for other in ({"step": ((STATE, NOISE), (STATE,))}, {}):
        with pytest.raises(Incompatible, match="it draws no samples"):
            gibbs_step(other, source="it")


def test_an_artifact_without_a_sampler_says_what_it_has(image_artifact: Any) -> None:
    with pytest.raises(Incompatible, match="draws no samples") as caught:
        load_sampler(image_artifact)

    assert "predict" in caught.value.why
