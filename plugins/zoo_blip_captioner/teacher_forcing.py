"""Training data of captioners: images with previous and next tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo import Arrays, DataSpec, TensorSpec, TextSpec
from zoo.spec import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray


def previous_name(name: str) -> str:
    """Return the input name of a text's previous tokens."""
    return f"previous_{name}"


def prompt_ids(target: TensorSpec) -> NDArray[np.int32]:
    """Return the ids of the prompt of a text, if it has one.

    Shapes:
        Out: int32 `(time,)`
    """
    text = text_spec_of(target)
    prompt = dict(text.prompts).get(target.name)
    if prompt is None:
        return np.zeros(0, np.int32)
    ids: NDArray[np.int32] = zoo.runtime.encode_text([prompt], text)[0]
    return ids


def used_lengths(dataset: Dataset) -> dict[str, int]:
    """Return the used length of each target, if the data is in memory.

    Padding beyond the longest text would only cost time.
    """
    found: dict[str, int] = {}
    for name in ("train", "validation"):
        arrays = dataset.split(name).arrays()
        if arrays is None:
            return {}
        for target in dataset.spec.targets:
            ids = arrays[1][target.name]
            used = int((ids != text_spec_of(target).pad).sum(axis=1).max(initial=2))
            found[target.name] = max(found.get(target.name, 0), used)
    return found


def teacher_forcing(
    data: DataSpec, used_lengths: Mapping[str, int] | None = None, *, use_bag_of_words: bool = False
) -> Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return a function that splits texts into previous and next tokens.

    A prompt follows the start token; its own tokens are not targets.

    Args:
        data: Spec of the data.
        used_lengths: Used length of each text; all if it is left out.
        use_bag_of_words: Whether there is a bag-of-words target.
    """
    image, caption = data.inputs[0].name, data.targets[0]
    prompts = {target.name: prompt_ids(target) for target in data.targets}
    pads = {target.name: text_spec_of(target).pad for target in data.targets}

    def change(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        model_inputs, next_tokens = {image: inputs[image]}, {}
        for name, all_ids in targets.items():
            ids = all_ids[:, : (used_lengths or {}).get(name, all_ids.shape[1])]
            prompt = np.tile(prompts[name], (len(ids), 1))
            whole = np.concatenate([ids[:, :1], prompt, ids[:, 1:]], axis=1)
            model_inputs[previous_name(name)] = whole[:, :-1]
            next_tokens[name] = whole[:, 1:].copy()
            next_tokens[name][:, : prompt.shape[1]] = pads[name]
        if use_bag_of_words:
            words = bag_of_words(targets[caption.name], text_spec_of(caption))
            next_tokens["bag_of_words"] = words
        return model_inputs, next_tokens

    return change


def bag_of_words(ids: NDArray[np.int32], text: TextSpec) -> NDArray[np.uint8]:
    """Return which words of the vocabulary occur in each text.

    Shapes:
        ids: `(batch, time)`
        Out: uint8 `(batch, vocabulary)`, 0 or 1
    """
    occurs = np.zeros((len(ids), len(text.vocabulary)), np.uint8)
    occurs[np.arange(len(ids))[:, None], ids] = 1
    return occurs


def max_text_length(data: DataSpec) -> int:
    """Return the length of the longest text with its prompt."""
    return max(text_spec_of(target).max_length + len(prompt_ids(target)) for target in data.targets)


def text_spec_of(spec: TensorSpec) -> TextSpec:
    """Return the text spec of a tensor."""
    if spec.text is None:
        raise TypeError(f"expected a text. Received: {spec.name}")
    return spec.text
