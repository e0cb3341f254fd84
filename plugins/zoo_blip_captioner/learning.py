"""What a captioner learns from: pictures, and the words before each word of their texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo import Arrays, DataSpec, TensorSpec, TextSpec

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


def taught(data: DataSpec) -> Callable[[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return the change to teacher forcing: the true words before each place, and the next one.

    A prompt stands behind the start sign; its own words are no targets.
    """
    image = data.inputs[0].name
    prompts = {target.name: prompt_of(target) for target in data.targets}
    pads = {target.name: known(target).pad for target in data.targets}

    def change(inputs: Arrays, targets: Arrays) -> tuple[Arrays, Arrays]:
        told, wanted = {image: inputs[image]}, {}
        for name, ids in targets.items():
            prompt = np.tile(prompts[name], (len(ids), 1))
            whole = np.concatenate([ids[:, :1], prompt, ids[:, 1:]], axis=1)
            told[previous(name)] = whole[:, :-1]
            wanted[name] = whole[:, 1:].copy()
            wanted[name][:, : prompt.shape[1]] = pads[name]
        return told, wanted

    return change


def longest(data: DataSpec) -> int:
    """Return how many positions the longest text needs, with its prompt."""
    return max(known(target).max_length + len(prompt_of(target)) for target in data.targets)


def known(spec: TensorSpec) -> TextSpec:
    """Return what a text is, of a tensor that is one."""
    if spec.text is None:
        raise TypeError(f"expected a text. Received: {spec.name}")
    return spec.text


__all__ = ["known", "longest", "previous", "prompt_of", "taught"]
