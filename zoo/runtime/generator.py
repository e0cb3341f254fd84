"""A model that writes texts, opened: raw inputs in, texts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import Incompatible
from zoo.runtime._folder import MAX_BYTES
from zoo.runtime.decoding import CHOSEN, DECODE, ENCODE, generate
from zoo.runtime.manifest import read_manifest
from zoo.runtime.prediction import Prediction
from zoo.runtime.prompts import prompt_ids
from zoo.runtime.session import Session, load
from zoo.spec import PredictFns, TensorSpec, TextSpec

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
    max_bytes: int = MAX_BYTES,
) -> Generator:
    """Open an artifact that writes texts, with onnxruntime alone.

    Args:
        path: The artifact's folder.
        threads: How many threads one call may use.
        providers: See :func:`zoo.runtime.load`.
        max_bytes: The largest ONNX file that is read.

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
        name: load(path, signature=name, threads=threads, providers=providers, max_bytes=max_bytes)
        for name in (ENCODE, DECODE)
    }
    predict_fns: PredictFns = {name: session.run for name, session in sessions.items()}
    return Generator(predict_fns, sessions[ENCODE].inputs, text)


__all__ = ["Generator", "load_generator", "written_specs", "written_text"]
