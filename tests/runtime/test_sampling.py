"""Sampling: what is drawn goes in, samples come out, by a chain of states or in one call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zoo.errors import ConfigError, Incompatible
from zoo.runtime import Sampler, load_sampler
from zoo.runtime.sampling import draw_input, draw_limits, sampling_signature
from zoo.spec import Draw, TensorSpec

STATE = TensorSpec(name="image", shape=(2,), range=(0.0, 1.0), draw="binary")
NEXT = TensorSpec(name="after", shape=(2,), of="image")
NOISE = TensorSpec(name="image_noise", shape=(2,), role="noise", draw="logistic")
LABEL = TensorSpec(name="label", shape=(3,), draw="one-hot", labels=("a", "b", "c"))
FREE = TensorSpec(name="numeric", shape=(1,), draw="zeros")
OUT = TensorSpec(name="drawing", shape=(2,))


def add(inputs: Any) -> dict[str, Any]:
    """Return the sum of the state and its noise."""
    return {"after": inputs["image"] + inputs["image_noise"]}


def test_noise_is_drawn_step_for_step_from_the_seed() -> None:
    start = np.zeros((4, 2), "float32")
    found = Sampler(add, (STATE, NOISE), (NEXT,)).run(4, 3, seed=5, start={"image": start})["image"]
    random = np.random.default_rng(5)
    wanted = start
    for _ in range(3):
        wanted = wanted + draw_input(NOISE, 4, random)

    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        ("logistic", 0.0, np.pi**2 / 3),
        ("normal", 0.0, 1.0),
        ("gumbel", 0.5772, np.pi**2 / 6),
        ("uniform", 0.5, 1 / 12),
        ("binary", 0.5, 1 / 4),
        ("one-hot", 0.5, 1 / 4),
    ],
)
def test_every_distribution_has_its_moments_and_its_limits(
    draw: Draw, mean: float, variance: float
) -> None:
    spec = TensorSpec(name="x", shape=(2,), draw=draw)
    drawn = draw_input(spec, 100_000, np.random.default_rng(0))
    low, high = draw_limits(spec)

    assert drawn.dtype == np.float32
    assert drawn.mean() == pytest.approx(mean, abs=0.02)
    assert drawn.var() == pytest.approx(variance, rel=0.03)
    assert ((drawn >= low) & (drawn <= high)).mean() > 0.9999


def test_whole_numbers_are_drawn_uniformly_over_their_range_ends_included() -> None:
    spec = TensorSpec(name="x", dtype="int64", range=(3, 5), draw="uniform")
    drawn = draw_input(spec, 3_000, np.random.default_rng(0))

    assert drawn.dtype == np.int64
    counts = dict(zip(*np.unique(drawn, return_counts=True), strict=True))
    assert set(counts) == {3, 4, 5}
    assert min(counts.values()) > 900


def test_clamped_values_stay_and_the_others_move() -> None:
    chain = Sampler(add, (STATE, NOISE), (NEXT,))
    held = np.array([[0.25, np.nan]], "float32")
    found = chain.run(1, 5, clamped={"image": held})["image"]

    assert found[0, 0] == 0.25
    assert found[0, 1] not in (0, 1)


def test_the_mean_of_the_last_states_can_be_returned() -> None:
    def count(inputs: Any) -> dict[str, Any]:
        return {"after": inputs["image"] + 1}

    chain = Sampler(count, (STATE, NOISE), (NEXT,))
    start = {"image": np.zeros((1, 2), "float32")}

    assert chain.run(1, 10, start=start)["image"][0, 0] == 10
    assert chain.run(1, 10, start=start, average=3)["image"][0, 0] == 9
    assert chain.run(1, 10, start=start, average=10)["image"][0, 0] == 5.5
    assert start["image"].sum() == 0


def test_outputs_beside_the_states_of_a_chain_are_its_samples() -> None:
    def decode(inputs: Any) -> dict[str, Any]:
        return {"after": inputs["image"] + 1, "drawing": 100 * inputs["image"]}

    chain = Sampler(decode, (STATE, NOISE), (NEXT, OUT))
    start = {"image": np.zeros((1, 2), "float32")}

    assert chain.is_chain and chain.samples == (OUT,)
    assert [*chain.run(1, 3, start=start)] == ["drawing"]
    assert chain.run(1, 3, start=start)["drawing"].tolist() == [[200, 200]]
    assert chain.run(1, 3, start=start, average=3)["drawing"].tolist() == [[100, 100]]


def test_a_chain_starts_at_random_ends_of_the_range() -> None:
    found = Sampler(add, (STATE, NOISE, LABEL, FREE), (NEXT,)).start(600, seed=1)

    assert set(np.unique(found["image"])) == {0.0, 1.0}
    assert found["image"].mean() == pytest.approx(0.5, abs=0.1)
    np.testing.assert_array_equal(found["label"].sum(axis=1), np.ones(600))
    assert set(found["label"].argmax(axis=1)) == {0, 1, 2}
    assert not found["numeric"].any()


def test_a_generator_draws_all_of_its_samples_in_one_step_whatever_their_number() -> None:
    calls: list[int] = []

    def generate(inputs: Any) -> dict[str, Any]:
        calls.append(len(inputs["image_noise"]))
        return {"drawing": 2 * inputs["image_noise"]}

    generator = Sampler(generate, (NOISE,), (OUT,))
    found = generator.run(3_000, seed=4)["drawing"]

    assert not generator.is_chain and generator.samples == (OUT,)
    assert len(calls) > 1 and sum(calls) == 3_000
    np.testing.assert_array_equal(found, 2 * draw_input(NOISE, 3_000, np.random.default_rng(4)))


@pytest.mark.parametrize(
    ("count", "steps", "average", "place"),
    [(1, 0, 1, "steps"), (1, 3, 4, "average"), (0, 1, 1, "count")],
)
def test_steps_that_cannot_be_taken_are_refused(
    count: int, steps: int, average: int, place: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Sampler(add, (STATE, NOISE), (NEXT,)).run(count, steps, average=average)

    assert caught.value.findings[0].where == place


def test_a_generator_takes_one_step_only() -> None:
    with pytest.raises(ConfigError, match="steps"):
        Sampler(add, (NOISE,), (OUT,)).run(1, 2)


def test_samples_come_from_the_signature_whose_inputs_are_all_drawn() -> None:
    def signature(*inputs: TensorSpec) -> Any:
        return SimpleNamespace(inputs=inputs, outputs=(OUT,), decode="")

    pixels = TensorSpec(name="image", shape=(2,))
    anysize = TensorSpec(name="noise", shape=("time",), role="noise", draw="normal")
    step = signature(STATE, NOISE)
    known = {"predict": signature(pixels), "any": signature(anysize), "step": step}
    assert sampling_signature(known, source="it") == "step"
    for other in ({"step": signature(pixels, NOISE)}, {"any": signature(anysize)}, {}):
        with pytest.raises(Incompatible, match="it draws no samples"):
            sampling_signature(other, source="it")


def test_an_artifact_without_a_sampler_says_what_it_has(image_artifact: Any) -> None:
    with pytest.raises(Incompatible, match="draws no samples") as caught:
        load_sampler(image_artifact)

    assert "predict" in caught.value.why
