"""Autoregressive decoding: generate text from an encoder and a decoder, with numpy alone.

A model that generates text (a translator, a captioner) has two signatures. The first names the
second as its ``decode``. Their own names are free; here they are ``encode`` and ``decode``:

``encode``
    Takes the inputs, and gives ``logits``, the scores of the first token ``[batch, vocabulary]``,
    and the *state*: every other output. The start token is part of that graph. If it gives no
    ``logits``, the start token is the first that ``decode`` takes, so that no weight of the decoder
    is stored twice.
``decode``
    Takes the whole state by the same names, and ``token``, the chosen ids ``[batch]``. It gives
    the next ``logits``, and as ``next_NAME`` each part of the state that changed: a key-value
    cache that grew by one step, or the state of a recurrent network.

The loop knows nothing else of the model, so Keras, onnxruntime and any architecture share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import ConfigError, Finding, Incompatible
from zoo.runtime.beam_search import BeamSearch, Floats, Ids, Style, log_normalizer
from zoo.runtime.manifest import read_manifest
from zoo.runtime.prediction import Prediction
from zoo.runtime.session import Session, load
from zoo.runtime.text import tokenizer
from zoo.spec import Arrays, PredictFn, PredictFns, SignatureSpec, TensorSpec, TextSpec

LOGITS = "logits"
CHOSEN = "token"
NEXT = "next_"
ENCODE, DECODE = "encode", "decode"

TEXT = "text"
"""The output with the generated ids, without the start token and the prompt, padded."""

MAX_BEAMS = 64
MAX_TOKENS = 100_000

_BATCH_ROWS = 256
_BATCH_BYTES = 1 << 23
_SHOWN = 80


@dataclass(frozen=True)
class Generation:
    """Generated sequences of a batch.

    Attributes:
        tokens: Ids ``[rows, time]`` without the start token and the prompt, with the end token,
            padded.
        log_probability: Log probability of each whole sequence in nats ``[rows]``.
        score: Log probability over the length penalty ``[rows]``, which the search maximizes.
        cut: Whether a sequence ended only because the limit was reached ``[rows]``.
        steps: Number of calls of ``decode``, those for the prompt included.
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
    style: Style = "zoo",
    early_stopping: bool = False,
) -> Generation:
    """Generate a sequence for each row of a batch, by greedy decoding or beam search.

    With one beam the likeliest token is taken at every step. With more, that many hypotheses of
    each row are kept, and the finished sequence with the highest score wins. A finished row costs
    nothing more.

    Args:
        predict_fns: ``encode`` and ``decode``, as the module describes them.
        inputs: Inputs of ``encode``, one row per example.
        text: Spec of the text, with its special tokens, and by default the limit: one less than
            ``max_length``, which counts the start token.
        beams: Hypotheses kept per row.
        length_penalty: Exponent of the length; 0 for none; the higher, the longer the texts.
        max_tokens: The most tokens of a sequence, its prompt and its end token included.
        prompt: Token ids that every row begins with. They are neither in ``tokens`` nor counted in
            a score.
        style: Rules of the search: ``zoo``, or those of the package transformers; see
            :data:`zoo.runtime.beam_search.Style`.
        early_stopping: Whether a row is finished once as many texts have ended as there are beams.

    Raises:
        ConfigError: If an option is out of range, or a signature is missing.
        Diverged: If a score is not a number.

    Example:
        >>> predict_fns = zoo.open_predictor("exports/transformer/1").predict_fns
        >>> ids = encode_text(["forty-two"], numbers.inputs[0].text)
        >>> found: Generation = generate(predict_fns, {"source": ids}, numbers.text, beams=4)
        >>> decode_text(found.tokens, numbers.text)
        ['cuarenta y dos']
    """
    limit = text.max_length - 1 if max_tokens is None else max_tokens
    _check(predict_fns, beams=beams, length_penalty=length_penalty, limit=limit, prompt=prompt)
    search = BeamSearch(
        len(next(iter(inputs.values()))),
        text,
        beams=beams,
        limit=limit - len(prompt),
        length_penalty=length_penalty,
        style=style,
        early_stopping=early_stopping,
    )
    logits, state, steps = _begin(predict_fns, inputs, text.start, prompt)
    while True:
        parents = search.step(logits)
        if not len(parents):
            return Generation(search.tokens, search.best_total, search.score, search.cut, steps)
        if not np.array_equal(parents, np.arange(len(logits))):
            state = {name: array[parents] for name, array in state.items()}
        logits, state = _decode(predict_fns[DECODE], state, search.last)
        steps += 1


@dataclass(frozen=True)
class Likelihood:
    """Likelihood of given sequences under a model (teacher forcing).

    Attributes:
        log_probability: Log probability of each token given those before it, in nats
            ``[rows, time]``; 0 at padding.
        chosen: The likeliest token at each step ``[rows, time]``.
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
    """Compute the likelihood of given sequences.

    Args:
        predict_fns: ``encode`` and ``decode``.
        inputs: Inputs of ``encode``, one row per example.
        tokens: ``[rows, time]``, without the start token and the prompt, padded with 0 on the
            right.
        start: The start token, for a model whose ``encode`` leaves it out.
        prompt: Token ids before every sequence.

    Raises:
        Diverged: If a score is not a number.
    """
    logits, state, _ = _begin(predict_fns, inputs, start, prompt)
    rows, length = tokens.shape
    found, chosen = np.zeros((rows, length)), np.zeros((rows, length), np.int32)
    # A 0 before another token was generated, and is not padding.
    real = np.logical_or.accumulate((tokens != 0)[:, ::-1], axis=1)[:, ::-1]
    here = np.arange(rows)
    for step in range(length):
        token = tokens[here, step]
        scores, normalizer = log_normalizer(logits)
        found[here, step] = scores[np.arange(len(here)), token] - normalizer
        chosen[here, step] = scores.argmax(axis=1)
        going = real[here, step + 1] if step + 1 < length else np.zeros(len(here), bool)
        if not going.any():
            break
        if not going.all():
            here, token = here[going], token[going]
            state = {name: array[going] for name, array in state.items()}
        logits, state = _decode(predict_fns[DECODE], state, token)
    return Likelihood(np.where(real, found, 0.0), np.where(real, chosen, 0))


def _begin(
    predict_fns: Mapping[str, PredictFn], inputs: Arrays, start: int, prompt: Sequence[int]
) -> tuple[npt.NDArray[Any], dict[str, npt.NDArray[Any]], int]:
    """Return the scores of the token after the prompt, the state, and the number of steps."""
    state = dict(predict_fns[ENCODE](inputs))
    rows = len(next(iter(inputs.values())))
    logits = state.pop(LOGITS, None)
    first = (*(() if logits is not None else (start,)), *prompt)
    for token in first:
        logits, state = _decode(predict_fns[DECODE], state, np.full(rows, token, np.int32))
    return np.asarray(logits), state, len(first)


def _decode(
    decode: PredictFn, state: Mapping[str, Any], token: Ids
) -> tuple[npt.NDArray[Any], dict[str, npt.NDArray[Any]]]:
    """Take one step: return the next scores, and the state after it."""
    given = decode({**state, CHOSEN: token.astype(np.int32, copy=False)})
    after = {name: given.get(NEXT + name, array) for name, array in state.items()}
    return given[LOGITS], after


def _check(
    predict_fns: Mapping[str, PredictFn],
    *,
    beams: int,
    length_penalty: float | None,
    limit: int,
    prompt: Sequence[int],
) -> None:
    findings = []
    for name in (ENCODE, DECODE):
        if name not in predict_fns:
            there = ", ".join(predict_fns) or "none"
            findings.append(Finding("signatures", name, f"it is missing; there are {there}"))
    if not 1 <= beams <= MAX_BEAMS:
        findings.append(Finding("beams", beams, f"from 1 to {MAX_BEAMS}"))
    if length_penalty is not None and not 0 <= length_penalty <= 10:
        findings.append(Finding("length_penalty", length_penalty, "from 0 to 10"))
    if not 1 <= limit <= MAX_TOKENS:
        findings.append(Finding("max_tokens", limit, f"from 1 to {MAX_TOKENS:,}"))
    elif len(prompt) >= limit:
        allowed = f"at most {limit - 1:,} tokens, so that one of {limit:,} is left to generate"
        findings.append(Finding("prompt", f"{len(prompt):,} tokens", allowed))
    if findings:
        raise ConfigError("no text can be generated with these options", findings=findings)


def prompt_ids(prompt: str, text: TextSpec) -> tuple[int, ...]:
    """Return the token ids of a prompt.

    Args:
        prompt: Name of one of ``text.prompts``, or the words themselves; none if empty.
        text: Spec of the generated text.

    Raises:
        ConfigError: If the prompt is blank, all of its words are unknown to the model, or it leaves
            no room for a text.

    Example:
        >>> prompt_ids("summary", text) == prompt_ids("a detailed photo of", text)
        True
    """
    if not prompt:
        return ()
    words = dict(text.prompts).get(prompt, prompt)
    ids = tuple(tokenizer(text).ids(words))
    # The start token and one token after the prompt must have room, too.
    room = text.max_length - 2
    if not ids:
        wrong = "words; these are blank"
    elif all(index == text.unk for index in ids):
        wrong = "words of the model's vocabulary; it knows none of these"
    elif len(ids) > room:
        wrong = f"at most {room:,} tokens, to leave room for the text; it has {len(ids):,}"
    else:
        return ids
    names = ", ".join(name for name, _ in text.prompts)
    known = f"the name of a prompt ({names}), or {wrong}" if names else wrong
    shown = prompt if len(prompt) <= _SHOWN else f"{prompt[:_SHOWN]}…"
    raise ConfigError(
        "the model cannot begin with this prompt", findings=[Finding("prompt", shown, known)]
    )


class Generator:
    """Generates a text for each input. Make one with :func:`load_generator`.

    The same code runs an artifact and a Keras model, so that both generate the same tokens.

    Args:
        predict_fns: ``encode`` and ``decode``: see :mod:`zoo.runtime.decoding`.
        inputs: Specs of the inputs of ``encode``.
        text: Spec of the generated text.

    Attributes:
        inputs: As given.
        text: As given.

    Example:
        >>> numbers: Generator = load_generator("exports/transformer/1")
        >>> numbers.predict("forty-two").texts
        ['cuarenta y dos']
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
        length_penalty: float | None = None,
        max_tokens: int | None = None,
        prompt: str = "",
    ) -> Prediction:
        """Generate a text for each raw input.

        Args:
            raw: What :meth:`zoo.runtime.Session.predict` takes: for a translator a text, a list of
                texts, or arrays of ids.
            beams: Hypotheses that beam search keeps; 1 is greedy decoding.
            length_penalty: See :func:`generate`.
            max_tokens: The most tokens of a text, its prompt and its end token included; by default
                the longest that the model was trained on.
            prompt: Beginning of every text: the name of one of ``text.prompts``, or words.

        Returns:
            ``texts``, without their prompt, and as outputs their ids, ``text``, and the
            ``log_probability`` of each, in nats.

        Raises:
            DataError: If an input does not fit: it is empty, or longer than in training.
            ConfigError: If an option is out of range, or the model cannot begin with the prompt.

        Example:
            >>> load_generator("exports/transformer/1").predict("forty-two").texts
            ['cuarenta y dos']
        """
        from zoo.runtime.inputs import encode

        ids = prompt_ids(prompt, self.text)
        arrays = encode(raw, self.inputs)
        count = len(next(iter(arrays.values())))
        # Large images come in small batches, for the sake of memory.
        row_bytes = max(1, sum(array.nbytes for array in arrays.values()) // count)
        rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // row_bytes))
        found = [
            generate(
                self._predict_fns,
                {name: array[start : start + rows] for name, array in arrays.items()},
                self.text,
                beams=beams,
                length_penalty=length_penalty,
                max_tokens=max_tokens,
                prompt=ids,
            )
            for start in range(0, count, rows)
        ]
        width = max(part.tokens.shape[1] for part in found)
        tokens = np.full((count, width), self.text.pad, np.int32)
        for start, part in zip(range(0, count, rows), found, strict=True):
            tokens[start : start + rows, : part.tokens.shape[1]] = part.tokens
        outputs = {
            TEXT: tokens,
            "log_probability": np.concatenate([part.log_probability for part in found]),
        }
        return Prediction(outputs, generated_outputs(self.text))


def generated_outputs(text: TextSpec) -> tuple[TensorSpec, TensorSpec]:
    """Return the specs of a generated text and its log probability."""
    return (
        TensorSpec(name=TEXT, shape=("time",), dtype="int32", text=text),
        TensorSpec(name="log_probability", unit="nats"),
    )


@dataclass(frozen=True)
class TextGeneration:
    """The two signatures of a model that generates text.

    Attributes:
        encode: Name of the signature that takes the inputs.
        decode: Name of the signature that takes one step.
        text: Spec of the generated text.
    """

    encode: str
    decode: str
    text: TextSpec

    def predict_fns(self, every: PredictFns) -> dict[str, PredictFn]:
        """Return the two functions that :func:`generate` takes, of those of all signatures."""
        return {ENCODE: every[self.encode], DECODE: every[self.decode]}


def text_generation(signatures: Mapping[str, SignatureSpec]) -> TextGeneration | None:
    """Return the signatures that generate a text, or ``None`` if the model generates none.

    Args:
        signatures: The signatures of a model, by name.

    Raises:
        Incompatible: If a signature names a ``decode`` that is not there, or is no decoding step.
    """
    for name, signature in signatures.items():
        if not signature.decode:
            continue
        step = signatures.get(signature.decode)
        text = next((s.text for s in step.inputs if s.name == CHOSEN), None) if step else None
        if step is None or text is None or all(s.name != LOGITS for s in step.outputs):
            raise Incompatible(
                f"the signature {name!r} names {signature.decode!r} as its decoding step",
                why=f"that takes {CHOSEN!r} with the spec of the text, and gives {LOGITS!r}; the "
                f"signatures are {', '.join(signatures)}",
                fix="see zoo.runtime.decoding",
            )
        return TextGeneration(name, signature.decode, text)
    return None


def load_generator(
    path: str | Path, *, threads: int = 1, providers: Sequence[str] | None = None
) -> Generator:
    """Open an artifact that generates text, with onnxruntime.

    Args:
        path: The artifact's folder.
        threads: Threads per call.
        providers: See :func:`zoo.runtime.load`.

    Raises:
        Incompatible: If it is not an artifact, or one that generates no text.
        Tampered: If a file was changed after publishing.

    Example:
        >>> load_generator("exports/transformer/1").predict(["one", "two"], beams=4).texts
        ['uno', 'dos']
    """
    manifest = read_manifest(Path(path))
    found = text_generation({graph.signature: graph for graph in manifest.graphs})
    if found is None:
        raise Incompatible(
            f"{path} generates no text",
            why="none of its signatures names a decoding step: "
            f"{', '.join(graph.signature for graph in manifest.graphs)}",
            fix="open it with zoo.runtime.load",
        )
    sessions: dict[str, Session] = {
        name: load(path, signature=name, threads=threads, providers=providers)
        for name in (found.encode, found.decode)
    }
    predict_fns = found.predict_fns({name: session.run for name, session in sessions.items()})
    return Generator(predict_fns, sessions[found.encode].inputs, found.text)
