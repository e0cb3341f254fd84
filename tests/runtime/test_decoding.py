"""Decoding: greedy, beam search, prompts, likelihoods."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from zoo.errors import ConfigError, Diverged
from zoo.runtime.beam_search import length_divisor, log_normalizer
from zoo.runtime.decoding import generate, likelihood
from zoo.spec import TextSpec

TOKENS = 9
END = 3


def text(max_length: int = 8) -> TextSpec:
    return TextSpec(split="words", vocabulary=tuple("pusefghij"), max_length=max_length)


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


class Toy:
    """A model whose next scores depend on the row and on everything said before it."""

    def __init__(self, seed: int, spread: float = 2.0) -> None:
        random = np.random.default_rng(seed)
        self.start = random.normal(0, spread, (16, TOKENS))
        self.follow = random.normal(0, spread, (TOKENS, TOKENS))
        self.mix = random.normal(0, spread, (TOKENS, TOKENS))
        self.calls: list[int] = []

    def scores(self, kind: int, said: list[int]) -> np.ndarray:
        logits = self.start[kind].copy()
        for distance, token in enumerate(reversed(said)):
            logits += (self.follow if distance == 0 else self.mix)[token] / (1 + distance)
        return logits

    @property
    def predict_fns(self):
        def encode(inputs):
            kind = inputs["kind"]
            return {
                "logits": np.stack([self.scores(k, []) for k in kind]),
                "memory": kind,
                "cache_said": np.zeros((len(kind), 0), np.int32),
            }

        def decode(state):
            assert set(state) == {"memory", "cache_said", "token"}
            assert state["token"].dtype == np.int32
            self.calls.append(len(state["token"]))
            said = np.concatenate([state["cache_said"], state["token"][:, None]], axis=1)
            pairs = zip(state["memory"], said.tolist(), strict=True)
            return {
                "logits": np.stack([self.scores(k, s) for k, s in pairs]),
                "next_cache_said": said,
            }

        return {"encode": encode, "decode": decode}

    def greedy(self, kind: int, limit: int) -> list[int]:
        said: list[int] = []
        while len(said) < limit - 1:
            logits = self.scores(kind, said)
            logits[:3] = -np.inf
            said.append(int(logits.argmax()))
            if said[-1] == END:
                return said
        return [*said, END]

    def log_probability(self, kind: int, tokens: list[int]) -> float:
        return sum(
            float(log_softmax(self.scores(kind, tokens[:place]))[token])
            for place, token in enumerate(tokens)
        )


def real(row: np.ndarray) -> list[int]:
    return [int(token) for token in row if token]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 6), limit=st.integers(1, 7))
def test_one_beam_takes_the_likeliest_token_at_every_step(seed, rows, limit):
    toy = Toy(seed)
    kinds = np.arange(rows)

    found = generate(toy.predict_fns, {"kind": kinds}, text(), max_tokens=limit)

    for kind in kinds:
        tokens = real(found.tokens[kind])
        assert tokens == toy.greedy(kind, limit)
        assert found.log_probability[kind] == pytest.approx(toy.log_probability(kind, tokens))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 5),
    beams=st.integers(2, 5),
    penalty=st.sampled_from([0.0, 0.6, 1.0]),
    spread=st.sampled_from([0.3, 1.0, 3.0]),
)
def test_beam_search_never_scores_below_greedy_decoding(seed, rows, beams, penalty, spread):
    toy = Toy(seed, spread)
    inputs = {"kind": np.arange(rows)}

    greedy = generate(toy.predict_fns, inputs, text(), length_penalty=penalty)
    found = generate(toy.predict_fns, inputs, text(), beams=beams, length_penalty=penalty)

    assert (found.score >= greedy.score - 1e-9).all()
    for kind in range(rows):
        tokens = real(found.tokens[kind])
        assert tokens[-1] == END and len(tokens) <= 7
        total = toy.log_probability(kind, tokens)
        assert found.log_probability[kind] == pytest.approx(total)
        assert found.score[kind] == pytest.approx(total / length_divisor(len(tokens), penalty))


@pytest.mark.parametrize("seed", range(5))
def test_enough_beams_find_the_best_sequence_of_all(seed):
    toy, limit = Toy(seed, 1.0), 3
    allowed = [token for token in range(TOKENS) if token > 2 and token != END]
    every = [[*said, END] for n in range(limit) for said in itertools.product(allowed, repeat=n)]
    scores = [toy.log_probability(0, s) / length_divisor(len(s), 0.6) for s in every]

    found = generate(toy.predict_fns, {"kind": np.array([0])}, text(), beams=64, max_tokens=limit)

    assert real(found.tokens[0]) == every[int(np.argmax(scores))]
    assert found.score[0] == pytest.approx(max(scores))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), beams=st.integers(1, 4))
def test_a_row_is_generated_the_same_alone_and_in_a_batch(seed, beams):
    toy = Toy(seed)
    together = generate(toy.predict_fns, {"kind": np.arange(6)}, text(), beams=beams)

    for kind in range(6):
        alone = generate(toy.predict_fns, {"kind": np.array([kind])}, text(), beams=beams)
        assert real(alone.tokens[0]) == real(together.tokens[kind])
        assert alone.score[0] == together.score[kind]


def test_a_finished_row_costs_nothing_more():
    toy = Toy(1)
    toy.start[:3, END] = 50.0
    toy.start[3:, END] = -50.0
    toy.follow[:, END] = toy.mix[:, END] = -50.0

    found = generate(toy.predict_fns, {"kind": np.arange(5)}, text())

    assert [real(row) for row in found.tokens[:3]] == [[END]] * 3
    assert toy.calls == [2] * found.steps and found.steps == 6
    assert found.cut.tolist() == [False] * 3 + [True] * 2


def test_special_tokens_are_never_generated():
    toy = Toy(2)
    toy.start[:, :3] = toy.follow[:, :3] = 20.0

    found = generate(toy.predict_fns, {"kind": np.arange(4)}, text(), beams=3)

    assert all(min(real(row)) >= END for row in found.tokens)


def test_the_likelihood_of_a_sequence_is_that_of_its_tokens_without_padding():
    toy = Toy(3)
    sequences = [[5, 6, END], [4, END], [7, 8, 4, 4, END], [END]]
    tokens = np.zeros((4, 6), np.int32)
    for row, said in enumerate(sequences):
        tokens[row, : len(said)] = said

    found = likelihood(toy.predict_fns, {"kind": np.arange(4)}, tokens)

    for row, said in enumerate(sequences):
        assert found.log_probability[row].sum() == pytest.approx(toy.log_probability(row, said))
        assert (found.log_probability[row, len(said) :] == 0).all()
        assert (found.chosen[row, len(said) :] == 0).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    beams=st.integers(1, 3),
    prompt=st.lists(st.integers(1, TOKENS - 1), max_size=5),
    style=st.sampled_from(["zoo", "transformers"]),
)
def test_scores_count_only_what_follows_the_prompt(seed, beams, prompt, style):
    toy = Toy(seed)
    options = {"prompt": prompt, "beams": beams, "style": style, "length_penalty": 1.0}

    found = generate(toy.predict_fns, {"kind": np.arange(3)}, text(), **options)
    told = likelihood(toy.predict_fns, {"kind": np.arange(3)}, found.tokens, prompt=prompt)

    for kind in range(3):
        tokens = found.tokens[kind].tolist()
        if END in tokens:
            tokens = tokens[: tokens.index(END) + 1]
        assert len(prompt) + len(tokens) <= 7
        total = toy.log_probability(kind, [*prompt, *tokens])
        before = toy.log_probability(kind, prompt)
        assert found.log_probability[kind] == pytest.approx(total - before)
        assert found.score[kind] == pytest.approx(
            (total - before) / length_divisor(len(tokens), 1.0, style)
        )
        if tokens[-1]:
            assert told.log_probability[kind].sum() == pytest.approx(total - before)


def test_greedy_decoding_continues_the_prompt_with_the_likeliest_token():
    toy = Toy(4)
    toy.start[:, 5] = 30.0
    free = generate(toy.predict_fns, {"kind": np.arange(3)}, text())
    led = generate(toy.predict_fns, {"kind": np.arange(3)}, text(), prompt=[5])

    assert [real(row)[1:] for row in free.tokens] == [real(row) for row in led.tokens]
    assert led.steps == free.steps


def test_a_prompt_that_leaves_no_room_is_named():
    with pytest.raises(ConfigError, match="at most 6 tokens") as caught:
        generate(Toy(0).predict_fns, {"kind": np.array([0])}, text(), prompt=[4] * 7)
    assert caught.value.findings[0].where == "prompt"
    last = generate(Toy(0).predict_fns, {"kind": np.array([0])}, text(), prompt=[4] * 6)
    assert real(last.tokens[0]) == [END]


def test_a_padding_id_counts_inside_a_sequence_and_not_after_it():
    toy = Toy(5)
    tokens = np.array([[4, 0, 5, END, 0], [6, END, 0, 0, 0]], np.int32)

    found = likelihood(toy.predict_fns, {"kind": np.arange(2)}, tokens)

    for row, said in enumerate([[4, 0, 5, END], [6, END]]):
        assert found.log_probability[row].sum() == pytest.approx(toy.log_probability(row, said))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_scores_of_any_width_have_the_same_probabilities(dtype):
    logits = np.random.default_rng(0).normal(0, 8, (4, 30_524)).astype(dtype)
    scores, weight = log_normalizer(logits)
    exact = log_softmax(logits.astype(np.longdouble))

    assert np.abs(scores - weight[:, None] - exact).max() < 1e-5
    assert scores.argmax(axis=1).tolist() == logits.argmax(axis=1).tolist()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"beams": 0}, "beams"),
        ({"beams": 65}, "beams"),
        ({"length_penalty": -1.0}, "length_penalty"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_an_option_out_of_range_is_named(options, field):
    with pytest.raises(ConfigError) as caught:
        generate(Toy(0).predict_fns, {"kind": np.array([0])}, text(), **options)
    assert caught.value.findings[0].where == field


def test_a_model_without_a_decoder_cannot_generate():
    with pytest.raises(ConfigError, match="decode"):
        generate({"encode": Toy(0).predict_fns["encode"]}, {"kind": np.array([0])}, text())


def test_logits_that_are_not_numbers_are_an_error():
    toy = Toy(0)
    toy.start[0, 5] = np.nan
    with pytest.raises(Diverged):
        generate(toy.predict_fns, {"kind": np.array([0])}, text())


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("prompt", [(), (5, 6)])
def test_without_logits_from_encode_the_start_token_is_decoded_first(beams, prompt):
    """A model of two graphs, and the same one whose start sign is a token as the others are."""
    toy = Toy(3)
    whole = toy.predict_fns

    def encode(inputs):
        state = dict(whole["encode"](inputs))
        del state["logits"]
        return {**state, "begun": np.zeros(len(inputs["kind"]), bool)}

    def decode(state):
        begun = state["begun"]
        if not begun.any():
            assert (state["token"] == text().start).all()
            begin = whole["encode"]({"kind": state["memory"]})
            return {"logits": begin["logits"], "next_begun": ~begun}
        rest = {name: array for name, array in state.items() if name != "begun"}
        return whole["decode"](rest)

    apart = {"encode": encode, "decode": decode}
    inputs = {"kind": np.arange(4)}
    options = {"beams": beams, "prompt": prompt}
    expected, found = (generate(f, inputs, text(), **options) for f in (whole, apart))

    np.testing.assert_array_equal(found.tokens, expected.tokens)
    np.testing.assert_array_equal(found.log_probability, expected.log_probability)
    assert found.steps == expected.steps + 1
    told = [
        likelihood(f, inputs, expected.tokens, start=2, prompt=prompt).log_probability
        for f in (whole, apart)
    ]
    np.testing.assert_array_equal(*told)
