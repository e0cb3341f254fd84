"""What a captioner learns from: pictures, and the words before each word of their texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo import Arrays, DataSpec, TensorSpec, TextSpec
from zoo.spec import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray


def previous(name: str) -> str:
    """Return the name of the input that says what came before each word of a text."""
    return f"previous_{name}"


def prompt_of(target: TensorSpec) -> NDArray[np.int32]:
    """Return the ids that a text is written behind: those of the prompt of its name, if any.

    Shapes:
        Out: int32 `(time,)`
    """
    text = known(target)
    said = dict(text.prompts).get(target.name)
    if said is None:
        return np.zeros(0, np.int32)
    ids: NDArray[np.int32] = zoo.runtime.encode_text([said], text)[0]
    return ids


def widths(dataset: Dataset) -> dict[str, int]:
    """Return how many ids the longest text of each target has, where the data is in memory.

    Rows of a split are as wide as the longest text that is allowed, so that an artifact knows it;
    what is padding in all of them would only cost time.
    """
    found: dict[str, int] = {}
    for name in ("train", "validation"):
        arrays = dataset.split(name).arrays()
        if arrays is None:
            return {}
        for target in dataset.spec.targets:
            ids = arrays[1][target.name]
            used = int((ids != known(target).pad).sum(axis=1).max(initial=2))
            found[target.name] = max(found.get(target.name, 0), used)
    return found


def taught(
    data: DataSpec, widths: Mapping[str, int] | None = None, *, glances: bool = False
) -> Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return the change to teacher forcing: the true words before each place, and the next one.

    A prompt stands behind the start sign; its own words are no targets.

    Args:
        data: What is changed.
        widths: How many ids of each text count; all, if they are left out.
        glances: Whether the words of the caption are asked for as such, too.
    """
    image, caption = data.inputs[0].name, data.targets[0]
    prompts = {target.name: prompt_of(target) for target in data.targets}
    pads = {target.name: known(target).pad for target in data.targets}

    def change(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        told, wanted = {image: inputs[image]}, {}
        for name, all_ids in targets.items():
            ids = all_ids[:, : (widths or {}).get(name, all_ids.shape[1])]
            prompt = np.tile(prompts[name], (len(ids), 1))
            whole = np.concatenate([ids[:, :1], prompt, ids[:, 1:]], axis=1)
            told[previous(name)] = whole[:, :-1]
            wanted[name] = whole[:, 1:].copy()
            wanted[name][:, : prompt.shape[1]] = pads[name]
        if glances:
            wanted["glance"] = words_of(targets[caption.name], known(caption))
        return told, wanted

    return change


def words_of(ids: NDArray[np.int32], text: TextSpec) -> NDArray[np.uint8]:
    """Return which words of the vocabulary stand in each text.

    Shapes:
        ids: `(batch, time)`
        Out: uint8 `(batch, vocabulary)`, 0 or 1
    """
    there = np.zeros((len(ids), len(text.vocabulary)), np.uint8)
    there[np.arange(len(ids))[:, None], ids] = 1
    return there


def longest(data: DataSpec) -> int:
    """Return how many positions the longest text needs, with its prompt."""
    return max(known(target).max_length + len(prompt_of(target)) for target in data.targets)


def known(spec: TensorSpec) -> TextSpec:
    """Return what a text is, of a tensor that is one."""
    if spec.text is None:
        raise TypeError(f"expected a text. Received: {spec.name}")
    return spec.text


__all__ = ["known", "longest", "previous", "prompt_of", "taught", "widths", "words_of"]
