"""Examples that a machine draws, asked through its step like anything else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo_rbm.signatures import FEATURES, step_inputs
from zoo_rbm.subject import Examples, Subject
from zoo_rbm.uses import Values

STEP = "gibbs_step"
NEAR = 3
"""Steps away from a real example: far enough to be another one, near enough to be of its kind."""

STEPS = 200
"""Of a chain whose draws are averaged."""

SEED = 1986


def chain_of(subject: Subject) -> zoo.runtime.GibbsSampler:
    """Return the machine's chain."""
    hidden = subject.ask(FEATURES, _typed(subject, _blank(subject)))[FEATURES].shape[-1]
    taken = step_inputs(
        subject.data, int(hidden), gaussian=subject.gaussian, classes=subject.config.classes
    )
    return zoo.runtime.GibbsSampler(subject.predict_fns[STEP], taken)


def even_out(
    subject: Subject, known: Examples, *, seed: int = SEED
) -> tuple[Values, NDArray[np.int64]]:
    """Return examples and classes in which every class is as frequent as the most frequent one.

    Half of what a class lacks is its own examples again, and half is drawn near them. Drawn alone
    they would replace what is real; repeated alone they would say the same again.

    Args:
        subject: A machine that knows classes.
        known: Real examples with their classes.
        seed: Of everything random.
    """
    if known.labels is None:
        raise ValueError("expected examples with classes. Received: examples without")
    counts = np.bincount(known.labels)
    lacking = np.where(counts > 0, counts.max() - counts, 0)
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), lacking)
    places = np.array(
        [random.choice(np.flatnonzero(known.labels == index)) for index in labels], int
    )
    drawn = np.arange(len(labels)) % 2 == 1
    more = known.units[places]
    if drawn.any():
        more[drawn] = draw_near(subject, more[drawn], labels[drawn], seed=seed)
    return np.concatenate([known.units, more]), np.concatenate([known.labels, labels])


def draw_near(
    subject: Subject, units: Values, labels: NDArray[Any], *, steps: int = NEAR, seed: int = SEED
) -> Values:
    """Draw examples a few steps away from others, their classes held.

    Returns:
        The means of the visible units where each chain ends.
    """
    chain = chain_of(subject)
    image, label = (spec.name for spec in chain.states)
    one_hot = np.eye(len(subject.data.labels), dtype="float32")[labels]
    state = {image: subject.raw(units), label: one_hot}
    found = chain.run(state, steps, seed=seed, clamped={label: one_hot})
    # A state is all zeros and ones; its reconstruction has the grays that real examples have.
    raw = found[image].astype(subject.spec.dtype)
    return subject.units(subject.ask("reconstruct", raw)["reconstruction"])


def draw_missing(
    subject: Subject,
    units: Values,
    missing: NDArray[np.bool_],
    *,
    steps: int = STEPS,
    seed: int = SEED,
) -> Values:
    """Fill what is missing with the mean of many draws given what is known.

    The mean of the conditional distribution: of all guesses the one with the least squared error,
    if the machine is right. The first quarter of the chain is left to forget where it started.
    """
    chain = chain_of(subject)
    held = {subject.spec.name: subject.raw(np.where(missing, np.nan, units))}
    start = chain.initial_states(len(units), seed)
    draws = max(1, 3 * steps // 4)
    found = chain.run(start, steps, seed=seed, clamped=held, average=draws)
    return np.where(missing, subject.units(found[subject.spec.name]), units)


def dreams(
    subject: Subject,
    count: int,
    steps: tuple[int, ...],
    label: int | None = None,
    seed: int = SEED,
) -> list[NDArray[Any]]:
    """Return raw states of some chains that start anywhere, after rising numbers of steps."""
    chain = chain_of(subject)
    state: Any = chain.initial_states(count, seed)
    held = None
    if label is not None:
        name = chain.states[1].name
        held = {name: np.eye(len(subject.data.labels), dtype="float32")[[label] * count]}
    found, done = [], 0
    for upto in steps:
        if upto > done:
            state = chain.run(state, upto - done, seed=seed + upto, clamped=held)
        found.append(state[subject.spec.name])
        done = upto
    return found


def filters(subject: Subject) -> Values:
    """Return what each hidden unit looks for: how its logit changes when one value turns on.

    The logits are taken from the features, so that an artifact shows them too.

    Shapes:
        Out: `(hidden, values)`
    """
    blank = _blank(subject)
    count = blank.shape[1]
    before = _logit(subject.ask(FEATURES, _typed(subject, blank))[FEATURES])
    after = []
    for start in range(0, count, 256):
        turned = np.repeat(blank, min(256, count - start), axis=0)
        turned[np.arange(len(turned)), start + np.arange(len(turned))] += 1.0
        after.append(_logit(subject.ask(FEATURES, _typed(subject, turned))[FEATURES]))
    found: Values = (np.concatenate(after) - before).T
    return found


def _blank(subject: Subject) -> Values:
    return np.zeros((1, int(np.prod([int(size) for size in subject.spec.shape]))))


def _typed(subject: Subject, units: Values) -> NDArray[Any]:
    return subject.raw(units).astype(subject.spec.dtype)


def _logit(shares: NDArray[Any]) -> Values:
    safe = np.clip(shares.astype("float64"), 1e-7, 1 - 1e-7)
    found: Values = np.log(safe) - np.log1p(-safe)
    return found


__all__ = [
    "NEAR",
    "SEED",
    "STEP",
    "STEPS",
    "chain_of",
    "draw_missing",
    "draw_near",
    "dreams",
    "even_out",
    "filters",
]
