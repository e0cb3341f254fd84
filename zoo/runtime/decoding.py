"""The decoding loop: from a model's next-token scores to whole sequences, with numpy alone.

Whatever writes tokens one after another (a translator, a captioner) has two signatures:

``encode``
    Takes the inputs, and gives ``logits``, the scores of the first token ``[batch, vocabulary]``,
    and the *state*: every other output, whatever it is called. The start sign has its place in
    that graph. Where it gives no ``logits``, the state is that before the start sign, which is then
    the first token that ``decode`` takes: so no weight of the writing side is there twice.
``decode``
    Takes the whole state by the same names, and ``token``, the chosen ids ``[batch]``. It gives
    the next ``logits``, and as ``next_NAME`` each part of the state that changed: a key–value
    cache that grew by one place, or the cells of a recurrent network.

The loop knows nothing else of the model, so that Keras, onnxruntime and any architecture share it.
What is kept and when a text is finished is the search's: see :mod:`zoo.runtime.beam_search`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import ConfigError, Finding, Incompatible
from zoo.runtime.beam_search import OURS, Floats, Ids, Rule, Search, weighed
from zoo.runtime.manifest import read_manifest
from zoo.runtime.prediction import Prediction
from zoo.runtime.session import Session, load
from zoo.runtime.text import tokenizer
from zoo.spec import Arrays, PredictFn, PredictFns, TensorSpec, TextSpec

LOGITS = "logits"
CHOSEN = "token"
NEXT = "next_"
ENCODE, DECODE = "encode", "decode"

MOST_BEAMS = 64
MOST_TOKENS = 100_000


@dataclass(frozen=True)
class Generation:
    """What was written for each row.

    Attributes:
        tokens: Ids ``[rows, time]`` without the start sign and the prompt, the end sign included,
            padded.
        log_probability: Of the whole sequence, its end included, in nats ``[rows]``.
        score: The log probability over its length penalty ``[rows]``: what the search maximizes.
        cut: Where the end came only because the limit was reached ``[rows]``.
        steps: How often ``decode`` was called, for the prompt, too.
    """

    tokens: Ids
    log_probability: Floats
    score: Floats
    cut: npt.NDArray[np.bool_]
    steps: int


def generate(
    predict_fns: Mapping[str, PredictFn],
    inputs: Arrays,
    text: TextSpec,
    *,
    beams: int = 1,
    length_penalty: float | None = None,
    max_tokens: int | None = None,
    prompt: Sequence[int] = (),
    rule: Rule = OURS,
) -> Generation:
    """Write a sequence for each row of a batch: greedily, or by beam search.

    With one beam the likeliest token is taken at every step. With more, that many prefixes of
    each row are kept, and the finished sequence with the highest score wins: its log probability
    divided by ``((5 + n) / 6) ** length_penalty`` for ``n`` tokens (Wu et al. 2016,
    arXiv:1609.08144, equation 14), because a longer text is otherwise always less likely. The
    greedy prefix is always one of those kept, so the score is never below that of greedy decoding,
    which plain beam search does not promise.

    A row stops costing anything as soon as it is finished: when as many of its sequences have
    ended as there are beams, or when no prefix can still beat the best of them. Padding, the start
    sign and the unknown piece are never written. At the limit every prefix must end. All this is
    the rule ``OURS`` of :mod:`zoo.runtime.beam_search`; ``REFERENCE`` is another.

    Args:
        predict_fns: ``encode`` and ``decode``, as the module describes them.
        inputs: What ``encode`` takes, one row an example.
        text: Which ids are signs, and by default the limit: one less than ``max_length``, which
            counts the start sign.
        beams: How many prefixes of a row are kept.
        length_penalty: 0 for none; the higher, the longer the texts. The rule's own if left out.
        max_tokens: The most tokens a sequence may have, its prompt and its end sign included.
        prompt: What every row begins with: it is said before anything is chosen, and is neither
            in ``tokens`` nor counted in a score.
        rule: How it is searched.

    Raises:
        ConfigError: If an option is out of range, or a signature is missing.
        Diverged: If a score is not a number.

    Example:
        >>> found = generate(predict_fns, {"source": ids}, target.text, beams=4)
        >>> decode_text(found.tokens, target.text)
    """
    limit = text.max_length - 1 if max_tokens is None else max_tokens
    penalty = rule.length_penalty if length_penalty is None else length_penalty
    _check(predict_fns, beams=beams, length_penalty=penalty, limit=limit, prompt=prompt)
    rows, room = len(next(iter(inputs.values()))), limit - len(prompt)
    search = Search(rows, text, beams=beams, length_penalty=penalty, limit=room, rule=rule)
    logits, state, steps = _begin(predict_fns, inputs, text.start, prompt)
    while True:
        parents = search.step(logits)
        if not len(parents):
            return Generation(search.tokens, search.best_total, search.score, search.cut, steps)
        if not np.array_equal(parents, np.arange(len(logits))):
            state = {name: array[parents] for name, array in state.items()}
        logits, state = _ask(predict_fns[DECODE], state, search.last)
        steps += 1


@dataclass(frozen=True)
class Likelihood:
    """How likely a model holds given sequences.

    Attributes:
        log_probability: Of each token, given those before it, in nats ``[rows, time]``; 0 at
            padding.
        chosen: The likeliest token of each place ``[rows, time]``.
    """

    log_probability: Floats
    chosen: Ids


def likelihood(
    predict_fns: Mapping[str, PredictFn],
    inputs: Arrays,
    tokens: Ids,
    *,
    start: int = 2,
    prompt: Sequence[int] = (),
) -> Likelihood:
    """Ask a model how likely it holds given sequences, by the same two signatures.

    Args:
        predict_fns: ``encode`` and ``decode``.
        inputs: What ``encode`` takes, one row an example.
        tokens: ``[rows, time]``, without the start sign and the prompt, padded with 0 on the right.
        start: The start sign, for a model whose ``encode`` leaves it out.
        prompt: What is said before every sequence.

    Raises:
        Diverged: If a score is not a number.
    """
    logits, state, _ = _begin(predict_fns, inputs, start, prompt)
    rows, length = tokens.shape
    found, chosen = np.zeros((rows, length)), np.zeros((rows, length), np.int32)
    # A 0 with something behind it was written, and is no padding.
    real = np.logical_or.accumulate((tokens != 0)[:, ::-1], axis=1)[:, ::-1]
    here = np.arange(rows)
    for place in range(length):
        token = tokens[here, place]
        scores, weight = weighed(logits)
        found[here, place] = scores[np.arange(len(here)), token] - weight
        chosen[here, place] = scores.argmax(axis=1)
        going = real[here, place + 1] if place + 1 < length else np.zeros(len(here), bool)
        if not going.any():
            break
        if not going.all():
            here, token = here[going], token[going]
            state = {name: array[going] for name, array in state.items()}
        logits, state = _ask(predict_fns[DECODE], state, token)
    return Likelihood(np.where(real, found, 0.0), np.where(real, chosen, 0))


def _begin(
    predict_fns: Mapping[str, PredictFn], inputs: Arrays, start: int, prompt: Sequence[int]
) -> tuple[npt.NDArray[Any], dict[str, npt.NDArray[Any]], int]:
    """Say the prompt: the scores of the token behind it, the state, and the steps it took."""
    state = dict(predict_fns[ENCODE](inputs))
    rows = len(next(iter(inputs.values())))
    logits = state.pop(LOGITS, None)
    first = (*(() if logits is not None else (start,)), *prompt)
    for token in first:
        logits, state = _ask(predict_fns[DECODE], state, np.full(rows, token, np.int32))
    return np.asarray(logits), state, len(first)


def _ask(
    decode: PredictFn, state: Mapping[str, Any], token: Ids
) -> tuple[npt.NDArray[Any], dict[str, npt.NDArray[Any]]]:
    """Take one step: the next scores, and the state after it."""
    given = decode({**state, CHOSEN: token.astype(np.int32, copy=False)})
    after = {name: given.get(NEXT + name, array) for name, array in state.items()}
    return given[LOGITS], after


def _check(
    predict_fns: Mapping[str, PredictFn],
    *,
    beams: int,
    length_penalty: float,
    limit: int,
    prompt: Sequence[int],
) -> None:
    findings = []
    for name in (ENCODE, DECODE):
        if name not in predict_fns:
            there = ", ".join(predict_fns) or "none"
            findings.append(Finding("signatures", name, f"it must be there; there are {there}"))
    if not 1 <= beams <= MOST_BEAMS:
        findings.append(Finding("beams", beams, f"from 1 to {MOST_BEAMS}"))
    if not 0 <= length_penalty <= 10:
        findings.append(Finding("length_penalty", length_penalty, "from 0 to 10"))
    if not 1 <= limit <= MOST_TOKENS:
        findings.append(Finding("max_tokens", limit, f"from 1 to {MOST_TOKENS:,}"))
    elif len(prompt) >= limit:
        allowed = f"at most {limit - 1:,} pieces, so that one of {limit:,} is left to be written"
        findings.append(Finding("prompt", f"{len(prompt):,} pieces", allowed))
    if findings:
        raise ConfigError("nothing can be generated as asked", findings=findings)


_SHOWN = 80


def prompt_ids(prompt: str, text: TextSpec) -> tuple[int, ...]:
    """Return the ids that a model's text begins with.

    Args:
        prompt: The name of one of ``text.prompts``, or the words themselves; none if empty.
        text: What the model writes.

    Raises:
        ConfigError: If the words are empty once they are cleaned, if all of them are unknown to
            the model, or if they leave no room for a text.

    Example:
        >>> prompt_ids("summary", text) == prompt_ids("a detailed photo of", text)
        True
    """
    if not prompt:
        return ()
    words = dict(text.prompts).get(prompt, prompt)
    ids = tuple(tokenizer(text).ids(words))
    # The start sign and one token behind the prompt have to have a place, too.
    room = text.max_length - 2
    if not ids:
        wrong = "words; in these is nothing that can be seen"
    elif all(index == text.unk for index in ids):
        wrong = "words of the model's vocabulary; it knows none of these"
    elif len(ids) > room:
        wrong = f"at most {room:,} pieces, for the model's text to have a place; it is {len(ids):,}"
    else:
        return ids
    names = ", ".join(name for name, _ in text.prompts)
    known = f"the name of a prompt ({names}), or {wrong}" if names else wrong
    shown = prompt if len(prompt) <= _SHOWN else f"{prompt[:_SHOWN]}…"
    raise ConfigError(
        "the model cannot begin with this prompt", findings=[Finding("prompt", shown, known)]
    )


TEXT = "text"
"""The output that holds what was written: ids, without the start sign and the prompt, padded."""

_MOST_ROWS = 256
_MOST_BYTES = 1 << 23
"""Of what is written about at a time: large pictures come in few, for the sake of memory."""


class Generator:
    """Writes a text for each input. Make one with :func:`load_generator`.

    The same code asks an artifact and a Keras model, so that both write the same tokens.

    Args:
        predict_fns: ``encode`` and ``decode``: see :mod:`zoo.runtime.decoding`.
        inputs: What ``encode`` takes.
        text: How the ids that are written become text.

    Attributes:
        inputs: As given.
        text: As given.
    """

    def __init__(
        self, predict_fns: PredictFns, inputs: Sequence[TensorSpec], text: TextSpec
    ) -> None:
        self.inputs, self.text = tuple(inputs), text
        self._predict_fns = predict_fns

    def predict(
        self,
        raw: Any,
        *,
        beams: int = 1,
        length_penalty: float = 0.6,
        max_tokens: int | None = None,
        prompt: str = "",
    ) -> Prediction:
        """Write a text for each raw input.

        Args:
            raw: What :meth:`zoo.runtime.Session.predict` takes: of a translator a text, a list of
                texts, or arrays of ids.
            beams: How many prefixes the search keeps; 1 takes the likeliest token every time.
            length_penalty: See :func:`zoo.runtime.decoding.generate`.
            max_tokens: The most tokens of a text, its prompt and its end included; what was
                learned, if left out.
            prompt: What every text begins with: the name of one of ``text.prompts``, or words.

        Returns:
            ``texts``, without their prompt, and as outputs their ids, ``text``, and the
            ``log_probability`` of each, in nats.

        Raises:
            DataError: If an input does not fit: it is empty, or longer than what was learned.
            ConfigError: If an option is out of range, or the model cannot begin with the prompt.

        Example:
            >>> load_generator("exports/transformer/1").predict("forty-two").texts
            ['cuarenta y dos']
        """
        from zoo.runtime.inputs import encode

        said = prompt_ids(prompt, self.text)
        arrays = encode(raw, self.inputs)
        count = len(next(iter(arrays.values())))
        row_bytes = max(1, sum(array.nbytes for array in arrays.values()) // count)
        rows = max(1, min(_MOST_ROWS, _MOST_BYTES // row_bytes))
        found = [
            generate(
                self._predict_fns,
                {name: array[start : start + rows] for name, array in arrays.items()},
                self.text,
                beams=beams,
                length_penalty=length_penalty,
                max_tokens=max_tokens,
                prompt=said,
            )
            for start in range(0, count, rows)
        ]
        width = max(part.tokens.shape[1] for part in found)
        tokens = [
            np.pad(
                part.tokens,
                ((0, 0), (0, width - part.tokens.shape[1])),
                constant_values=self.text.pad,
            )
            for part in found
        ]
        outputs = {
            TEXT: np.concatenate(tokens),
            "log_probability": np.concatenate([part.log_probability for part in found]),
        }
        return Prediction(outputs, written_specs(self.text))


def written_specs(text: TextSpec) -> tuple[TensorSpec, TensorSpec]:
    """Return what a text that was written is, as outputs."""
    return (
        TensorSpec(name=TEXT, shape=("time",), dtype="int32", text=text),
        TensorSpec(name="log_probability", unit="nats"),
    )


def written_text(
    signatures: Mapping[str, tuple[Sequence[TensorSpec], Sequence[TensorSpec]]],
) -> TextSpec | None:
    """Return the text that a model writes, or ``None`` if it writes none.

    Args:
        signatures: By name, what each takes and what it gives.
    """
    if ENCODE not in signatures or DECODE not in signatures:
        return None
    taken, _ = signatures[DECODE]
    return next((spec.text for spec in taken if spec.name == CHOSEN), None)


def load_generator(
    path: str | Path,
    *,
    threads: int = 1,
    providers: Sequence[str] | None = None,
) -> Generator:
    """Open an artifact that writes texts, with onnxruntime alone.

    Args:
        path: The artifact's folder.
        threads: How many threads one call may use.
        providers: See :func:`zoo.runtime.load`.

    Raises:
        Incompatible: If it is no artifact, or one that writes nothing.
        Tampered: If a file is not what was written.

    Example:
        >>> load_generator("exports/transformer/1").predict(["one", "two"], beams=4).texts
        ['uno', 'dos']
    """
    manifest = read_manifest(Path(path))
    text = written_text({g.signature: (g.inputs, g.outputs) for g in manifest.graphs})
    if text is None:
        raise Incompatible(
            f"{path} writes no text",
            why=f"that takes the signatures {ENCODE} and {DECODE}; it has "
            f"{', '.join(graph.signature for graph in manifest.graphs)}",
            fix="zoo.runtime.load opens it",
        )
    sessions: dict[str, Session] = {
        name: load(path, signature=name, threads=threads, providers=providers)
        for name in (ENCODE, DECODE)
    }
    predict_fns: PredictFns = {name: session.run for name, session in sessions.items()}
    return Generator(predict_fns, sessions[ENCODE].inputs, text)
