"""Scores of generated text: exact match, BLEU, chrF, token accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ConfigError
from zoo.metrics.intervals import bootstrap_sums
from zoo.metrics.results import Score
from zoo.spec import Arrays, DataSpec, PredictFn, Split, TensorSpec, TextSpec


@dataclass
class GeneratedTexts:
    """Generated texts with their references.

    Attributes:
        generated: One text per example.
        references: One or several reference texts per example.
        cut: Texts that reached the maximum length.
    """

    generated: list[str] = field(default_factory=list)
    references: list[list[str]] = field(default_factory=list)
    cut: int = 0

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each text is identical to one of its references."""
        pairs = zip(self.generated, self.references, strict=True)
        return np.array([text in references for text, references in pairs], bool)

    def generate(
        self,
        predict_fns: Mapping[str, PredictFn],
        inputs: Arrays,
        text: TextSpec,
        *,
        beams: int,
        prompt: tuple[int, ...] = (),
    ) -> None:
        """Generate a text for each row of the inputs.

        Args:
            predict_fns: ``encode`` and ``decode``.
            inputs: Inputs of ``encode``.
            text: Spec of the text.
            beams: Width of the beam search; 1 is greedy.
            prompt: Ids that every text begins with.
        """
        from zoo.runtime.decoding import generate
        from zoo.runtime.text import decode_text

        found = generate(predict_fns, inputs, text, beams=beams, prompt=prompt)
        self.generated += decode_text(found.tokens, text)
        self.cut += int(found.cut.sum())

    def exact_match(self) -> Score:
        """Return the share of texts that are identical to a reference."""
        return Score.of_share(self.right)

    def corpus_scores(self) -> dict[str, Score]:
        """Return corpus BLEU and chrF of sacrebleu; nothing where it is not installed."""
        try:
            from sacrebleu.metrics import BLEU, CHRF
        except ImportError:
            return {}
        # sacrebleu reads one stream per rank; a text with fewer references has None at the last.
        streams = list(zip_longest(*self.references))
        found = {}
        for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
            # The statistics that sacrebleu's own significance tests resample have no public name.
            statistics = metric._extract_corpus_statistics(self.generated, streams)  # noqa: SLF001
            rows, value = np.asarray(statistics, np.float64), _from_sums(metric)
            found[name] = Score.of(value(rows.sum(axis=0)[None])[0], bootstrap_sums(rows, value))
        return found

    def summary(self) -> str:
        """Return a sentence with the number of exact matches, and of texts that were cut."""
        text = f"{int(self.right.sum()):,} of {len(self.right):,} are identical to a reference"
        return f"{text}; {self.cut:,} reached the maximum length." if self.cut else f"{text}."


def text_tensor(data: DataSpec, tensors: Sequence[TensorSpec], why: str) -> TensorSpec:
    """Return the first tensor that is a text.

    Args:
        data: Spec of the data, for the error message.
        tensors: Where to look.
        why: Why a text is needed, for the error message.

    Raises:
        ConfigError: If there is none.
    """
    for tensor in tensors:
        if tensor.text is not None:
            return tensor
    raise ConfigError(
        f"the data {data.id!r} has no text to generate",
        why=why,
        fix="evaluate on the data that the model was built for",
    )


def text_spec(tensor: TensorSpec) -> TextSpec:
    """Return the text spec of a tensor.

    Raises:
        TypeError: If it is no text.
    """
    if tensor.text is None:
        raise TypeError(f"expected a text. Received: {tensor.name}")
    return tensor.text


def reference_texts(
    split: Split, positions: NDArray[np.int64], target: TensorSpec, ids: NDArray[Any]
) -> list[str]:
    """Return the original reference texts where the split has kept them, else the decoded ids."""
    from zoo.runtime.text import decode_text, normalize

    text = text_spec(target)
    original = getattr(split, "texts", {}).get(target.name)
    if original is None:
        return decode_text(ids, text)
    return [normalize(original[place], lowercase=text.lowercase) for place in positions.tolist()]


def count_correct_tokens(
    predict_fns: Mapping[str, PredictFn], inputs: Arrays, ids: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the number of correctly predicted tokens of each text, and of all its tokens.

    Args:
        predict_fns: ``encode`` and ``decode``.
        inputs: Inputs of ``encode``.
        ids: Reference texts with their start token; each token is predicted from the true ones
            before it (teacher forcing). Padding never counts.

    Shapes:
        ids: ``[examples, time]``
        Returns: ``[examples, 2]``
    """
    from zoo.runtime.decoding import likelihood

    tokens = ids[:, 1:]
    # Columns of padding alone change nothing, and cost a step each.
    tokens = tokens[:, : max(1, int((tokens != 0).sum(axis=1).max()))]
    found = likelihood(predict_fns, inputs, tokens, start=int(ids[0, 0]))
    right = ((found.chosen == tokens) & (tokens != 0)).sum(axis=1)
    return np.stack([right, (tokens != 0).sum(axis=1)], axis=1).astype(np.float64)


def token_accuracy(counts: NDArray[np.float64]) -> Score:
    """Return the share of correct tokens, from :func:`count_correct_tokens`."""
    return Score.of(
        counts[:, 0].sum() / counts[:, 1].sum(),
        bootstrap_sums(counts, lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)),
    )


def _from_sums(metric: Any) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def value(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = sums.astype(np.int64).tolist()
        return np.array([metric._compute_score_from_stats(row).score for row in whole])  # noqa: SLF001

    return value


def spread(right: NDArray[np.bool_], wanted: bool, most: int) -> list[int]:
    """Return a few positions of right or of wrong texts, evenly spaced."""
    places = np.flatnonzero(right == wanted)
    chosen: list[int] = places[
        np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)
    ].tolist()
    return chosen
