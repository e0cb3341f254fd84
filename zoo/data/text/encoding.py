"""Texts as token ids: their specs, and splits that are encoded at the first read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.dataset import ArraySplit
from zoo.data.options import VocabularyOptions
from zoo.errors import DataError
from zoo.runtime.text import Ids, encode_text, tokenizer
from zoo.spec import Arrays, DataSpec, TensorSpec, TextSpec


def token_tensor(name: str, text: TextSpec, note: str = "") -> TensorSpec:
    """Return the spec of a sequence of token ids.

    Args:
        name: Name of the tensor.
        text: How text becomes ids.
        note: What else a reader of the artifact's card should know.

    Example:
        >>> tensor = token_tensor("tokens", spec)
        >>> tensor.shape, tensor.dtype
        (('time',), 'int32')
    """
    kind = "BERT's word pieces" if text.split == "wordpiece" else text.split
    outside = f"text is cut into {kind}, and they into ids by the vocabulary that is kept here"
    last = len(text.vocabulary) - 1
    return TensorSpec(
        name=name,
        shape=("time",),
        dtype="int32",
        text=text,
        range=(0, last) if text.vocabulary else None,
        outside=f"{outside}; {note}" if note else outside,
    )


def text_spec(options: VocabularyOptions, vocabulary: tuple[str, ...] = ()) -> TextSpec:
    """Return the text spec of these options and this vocabulary."""
    return TextSpec(
        split=options.tokenization,
        vocabulary=vocabulary,
        lowercase=options.lowercase,
        max_length=options.max_length,
    )


class TextSplit:
    """Texts as token ids.

    Targets have a start and an end token, inputs have none. A text longer than the spec allows is
    truncated. Rows are as wide as the longest text.

    Args:
        data: The spec, with the vocabularies.
        texts: One text per example, by the name of every tensor with a vocabulary.
        codes: One value per example, by the name of every other tensor.
        ids: Functions that return the ids of an input, for one that is split into tokens already.

    Attributes:
        data: The spec.
        texts: The texts.

    Example:
        >>> data = DataSpec(id="counts", task=Task.CLASSIFICATION, inputs=(tensor,),
        ...     targets=(TensorSpec(name="label", dtype="int64", labels=("few", "many")),))
        >>> split = TextSplit(data, {"tokens": ["two", "forty two"]}, {"label": np.array([0, 1])})
        >>> split.take(np.array([1]))[0]["tokens"].tolist()
        [[4, 5]]
    """

    def __init__(
        self,
        data: DataSpec,
        texts: Mapping[str, Sequence[str]],
        codes: Arrays | None = None,
        ids: Mapping[str, Callable[[], Ids]] | None = None,
    ) -> None:
        self.data = data
        self.texts = {name: tuple(part) for name, part in texts.items()}
        self._codes, self._ids = dict(codes or {}), dict(ids or {})
        self._size = len(next(iter(self.texts.values())))
        self._split: ArraySplit | None = None

    def __len__(self) -> int:
        return self._size

    def take(self, indices: npt.NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the inputs and the targets at these positions."""
        return self._encoded().take(indices)

    def arrays(self) -> tuple[Arrays, Arrays]:
        """Return everything at once. The arrays are read-only."""
        return self._encoded().arrays()

    def targets(self) -> Arrays:
        """Return the targets that are no texts."""
        return {name: np.asarray(values) for name, values in self._codes.items()}

    def digest(self) -> str:
        """Return the SHA-256 of the examples in their order, as ids."""
        return self._encoded().digest()

    def encoded_by(self, data: DataSpec) -> TextSplit:
        """Return the same texts in the vocabularies of another spec, such as that of a model.

        If a target is text, examples that are longer than that spec allows are left out, as they
        were in training: half a sentence has no translation to be measured by.

        Raises:
            DataError: If no example is short enough.
        """
        if data == self.data:
            return self
        if not any(spec.text for spec in data.targets):
            return TextSplit(data, self.texts, self._codes)
        kept = short_enough(self.texts, data)
        texts = {name: [part[i] for i in kept.tolist()] for name, part in self.texts.items()}
        return TextSplit(data, texts, {name: codes[kept] for name, codes in self._codes.items()})

    def _encoded(self) -> ArraySplit:
        if self._split is None:
            inputs = {
                spec.name: self._array(spec, special_tokens=False) for spec in self.data.inputs
            }
            targets = {
                spec.name: self._array(spec, special_tokens=True) for spec in self.data.targets
            }
            self._split = ArraySplit(inputs, targets)
        return self._split

    def _array(self, spec: TensorSpec, *, special_tokens: bool) -> npt.NDArray[Any]:
        if spec.text is None:
            return np.asarray(self._codes[spec.name])
        if spec.name in self._ids:
            return self._ids.pop(spec.name)()
        return encode_text(
            self.texts[spec.name], spec.text, special_tokens=special_tokens, too_long="cut"
        )


def fits(texts: Mapping[str, Sequence[str]], data: DataSpec) -> npt.NDArray[np.bool_]:
    """Return which examples have no text of more ids than the spec allows.

    The start and end tokens of a target count, and so does its prompt.

    Args:
        texts: One text per example, by the name of a tensor.
        data: The spec, with the vocabularies.
    """
    found = np.ones(len(next(iter(texts.values()))), bool)
    for specs, extra in ((data.inputs, 0), (data.targets, 2)):
        for spec in specs:
            if spec.text is None or spec.name not in texts:
                continue
            ids = tokenizer(spec.text).ids
            room = spec.text.max_length - extra
            if extra and (prompt := dict(spec.text.prompts).get(spec.name)):
                room -= len(ids(prompt))
            found &= np.array([len(ids(text)) <= room for text in texts[spec.name]], bool)
    return found


def short_enough(texts: Mapping[str, Sequence[str]], data: DataSpec) -> npt.NDArray[np.intp]:
    """Return the positions of the examples that fit a model's spec: see :func:`fits`.

    Raises:
        DataError: If there are examples, and none fits.
    """
    found = fits(texts, data)
    kept = np.flatnonzero(found)
    if len(found) and not len(kept):
        raise DataError(
            f"no text of {data.id!r} is short enough for the model",
            why="each has more tokens of its vocabulary than the model takes",
            fix="give shorter texts, or train with a larger max_length",
        )
    return kept


def left_out(short: npt.NDArray[np.bool_], what: str, length: int) -> str:
    """Return a note of how many examples were left out as too long; empty if none was."""
    lost = int((~short).sum())
    if not lost:
        return ""
    return f"{lost:,} of {len(short):,} {what} were left out as longer than {length} ids"


def none_short(name: str, split: str, what: str, length: int) -> DataError:
    """Return the error of a split without an example that is short enough."""
    return DataError(
        f"{name}: no {what} of the {split} split is short enough",
        why=f"a text may have {length} ids",
        fix=f"raise it: max_length={2 * length}",
    )
