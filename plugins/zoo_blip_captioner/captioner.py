"""BLIP's captioner as one Keras model: a picture and words in, scores of the next word out.

Importing this module imports keras.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np

import zoo
from zoo import TextSpec
from zoo_blip_captioner.beams import search
from zoo_blip_captioner.checkpoint import read_weights
from zoo_blip_captioner.hub import DEFAULT, find_folder
from zoo_blip_captioner.pretrained import read_folder
from zoo_blip_captioner.question import beginning, check_options, raw_pixels
from zoo_blip_captioner.stem import PACKAGE
from zoo_blip_captioner.text import TextDecoder
from zoo_blip_captioner.vision import VisionTransformer
from zoo_blip_captioner.writing import write_greedily

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WRITERS = 8
"""Graphs that are kept, one for each length of a beginning and of a text."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class BlipCaptioner(keras.Model):
    """Says what a picture shows (Li et al. 2022, "BLIP", arXiv:2201.12086).

    It is an ordinary Keras model, which may be a layer of a larger one: nothing in it leaves the
    graph, so it can be traced, saved, trained and exported.

    Pictures have its size already. ``zoo.predict`` brings files to it with the zoo's own filter, a
    triangle; the reference is prepared with Pillow's bicubic one. Of a photo the pixels then differ
    by 0.5 to 2 levels of 255 in the mean, and by 25 at sharp edges, so that a text may differ in
    a word. Whoever wants the reference's numbers resizes so: ``picture.convert("RGB").resize((384,
    384), PIL.Image.Resampling.BICUBIC)``.

    Args:
        vision: What :class:`zoo_blip_captioner.VisionTransformer` takes.
        text: What :class:`zoo_blip_captioner.TextDecoder` takes; vocabulary and width of what is
            seen are filled in.
        words: How ids become words. The start sign is what every text begins with, the end sign
            where it stops.

    Call arguments:
        inputs: ``images``, raw pixels `(batch, size, size, 3)`, and ``ids``, the words so far,
            `(batch, time)`; if some of them are padding, ``mask`` says which are real, bool
            `(batch, time)`. Of several texts about each picture, ``ids`` may be a mapping: the
            picture is looked at once.

    Returns:
        Logits of the word behind each, `(batch, time, vocabulary)`; of several texts, by name.

    Example:
        >>> captioner = BlipCaptioner.from_pretrained("Salesforce/blip-image-captioning-base")
        >>> captioner.write(pixels)
        ['two cats sleeping on a couch']
        >>> captioner.write(pixels, task="summary", strategy="beam")
    """

    def __init__(
        self,
        vision: Mapping[str, Any],
        text: Mapping[str, Any],
        words: TextSpec | Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.words = words if isinstance(words, TextSpec) else TextSpec.model_validate(words)
        policy = {"dtype": self.dtype_policy}
        self.vision = VisionTransformer(**vision, name="vision", **policy)
        self.decoder = TextDecoder(
            **text,
            vocabulary=len(self.words.vocabulary),
            seen=self.vision.width,
            name="decoder",
            **policy,
        )
        self._own = {"vision": dict(vision), "text": dict(text)}
        # Behind a function, where Keras does not take the graphs for layers of this model.
        self._writer = functools.lru_cache(maxsize=_WRITERS)(self._make_writer)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights, once."""
        if self.built:  # type: ignore[has-type]
            return
        size = self.vision.image_size
        self.vision.build((None, size, size, 3))
        self.decoder.build((None, None))
        self.built = True

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Score the next word behind each."""
        memories = self.decoder.remember(self.vision(inputs["images"], training=training))

        def score(ids: Any) -> Any:
            return self.decoder(ids, memories, allowed=inputs.get("mask"), training=training)[0]

        ids = inputs["ids"]
        if isinstance(ids, Mapping):
            return {name: score(said) for name, said in ids.items()}
        return score(ids)

    def encode(self, images: Any) -> Any:
        """Return the tokens of pictures.

        Shapes:
            images: Raw pixels, `(batch, size, size, 3)`
            Out: `(batch, 1 + (size / patch)², width)`
        """
        return self.vision(images, training=False)

    def write(
        self,
        images: Any,
        task: Literal["caption", "summary"] = "caption",
        prompt: str | None = None,
        **options: Any,
    ) -> list[str]:
        """Write a text about each picture.

        Args:
            images: See :meth:`generate`.
            task: ``caption`` begins with nothing, ``summary`` behind the prompt of that name.
            prompt: Words to go on from, instead.
            **options: As :meth:`generate` takes them.

        Raises:
            ConfigError: As :meth:`generate`, and if there is no such task.
        """
        if prompt is None and task != "caption":
            prompt = next((said for name, said in self.words.prompts if name == task), None)
            if prompt is None:
                known = ["caption", *(name for name, _ in self.words.prompts)]
                raise zoo.errors.ConfigError(
                    "this captioner was not taught that task",
                    findings=[zoo.Finding("task", task, f"one of {', '.join(known)}")],
                    fix="give a prompt of your own",
                )
        found = self.generate(images, prompt, **options)
        return zoo.runtime.decode_text(found, self.words)

    def generate(
        self,
        images: Any,
        prompt: str | NDArray[Any] | None = None,
        *,
        mask: NDArray[Any] | None = None,
        max_new_tokens: int = 20,
        strategy: Literal["greedy", "beam"] = "greedy",
        beams: int = 3,
        length_penalty: float = 1.0,
        early_stopping: bool = False,
        jit_compile: bool = False,
    ) -> NDArray[np.int32]:
        """Write the words of a text about each picture.

        The whole greedy search is one graph: the picture is looked at once, and every step reads
        keys and values of what was said before. Beam search scores a text by its log probability
        over its length to the power of ``length_penalty``. Both give the tokens that the reference
        gives: the class ``BlipForConditionalGeneration`` of the package transformers.

        Args:
            images: Raw pixels, whole numbers from 0 to 255, `(batch, size, size, 3)`.
            prompt: Words to go on from: text; or ids `(batch, time)` whose first is the start
                sign and whose padding, if there is any, ``mask`` tells. Padding belongs in front:
                a text goes on from the last place of its row, as the reference's does.
            mask: Of ids: which are real, bool `(batch, time)`.
            max_new_tokens: The longest text, its end included.
            strategy: ``greedy`` takes the likeliest word at every step, ``beam`` keeps several
                beginnings.
            beams: How many those are.
            length_penalty: From 0 for none; the higher, the longer the texts.
            early_stopping: Whether a search ends as soon as as many texts as beams have ended.
            jit_compile: Whether XLA compiles the greedy search. It then takes a tenth less time,
                behind a first call that takes seconds more for each number of pictures.

        Returns:
            Ids `(batch, time)` behind the prompt, the end sign included, padded.

        Raises:
            ConfigError: If an option is out of range, prompt and text are longer than the
                positions there are, or no word of a prompt is known.
            DataError: If pictures or ids do not fit the captioner.
        """
        pixels = raw_pixels(images, self.vision.image_size)
        ids, real = beginning(prompt, mask, len(pixels), self.words)
        asked = {
            "max_new_tokens": max_new_tokens,
            "strategy": strategy,
            "beams": beams,
            "length_penalty": length_penalty,
            "early_stopping": early_stopping,
            "jit_compile": jit_compile,
        }
        check_options(asked, ids.shape[1], self.decoder.positions)
        if strategy == "greedy":
            given = {"images": pixels, "ids": ids, "mask": real}
            writer = self._writer(ids.shape[1], max_new_tokens, jit_compile)
            found = writer.predict_on_batch(given)
            return _trimmed(np.asarray(found, np.int32), self.words.end)
        return search(
            self,
            {"images": pixels, "ids": ids, "mask": real},
            beams=beams,
            length_penalty=length_penalty,
            early_stopping=early_stopping,
            limit=max_new_tokens,
        )

    @classmethod
    def from_pretrained(
        cls, source: str | Path = DEFAULT, *, revision: str | None = None, sha256: str | None = None
    ) -> BlipCaptioner:
        """Return the captioner of a folder, or of a repository of the hub.

        The folder has ``config.json``, ``vocab.txt`` (or ``tokenizer.json``) and
        ``model.safetensors``, as ``BlipForConditionalGeneration.save_pretrained`` and the
        tokenizer's own write them.

        Args:
            source: A folder, or the name of a repository.
            revision: Of a repository: a commit, a branch or a tag; what is pinned, or the main
                branch.
            sha256: What the weights' file must have.

        Raises:
            DatasetUnavailable: If it is not here, and cannot be downloaded.
            ChecksumMismatch: If a file is another one than was pinned.
            Incompatible: If it holds another model, a pickle, or tensors that do not fit.
            ConfigError: If its sizes are out of range.
            DataError: If a file cannot be read.
            MissingExtra: If transformers or safetensors is not installed.
        """
        folder = find_folder(source, revision=revision, sha256=sha256)
        found = read_folder(folder)
        vision = {**found.vision, "image_size": found.side}
        captioner = cls(vision, found.text, found.words, name="captioner")
        captioner.build()
        read_weights(captioner, folder)
        return captioner

    def get_config(self) -> dict[str, Any]:
        """Return what the model is made from."""
        base = keras.layers.Layer.get_config(self)
        return {**base, **self._own, "words": self.words.model_dump(mode="json")}

    @classmethod
    def from_config(cls, config: dict[str, Any], **_: Any) -> BlipCaptioner:
        """Make a model of what :meth:`get_config` gave."""
        return cls(**config)

    def _make_writer(self, time: int, steps: int, jit_compile: bool) -> keras.Model:
        """Return the graph that writes greedily behind a beginning of so many words."""
        size = self.vision.image_size
        images = keras.Input((size, size, 3), dtype="uint8", name="images")
        ids = keras.Input((time,), dtype="int32", name="ids")
        real = keras.Input((time,), dtype="bool", name="mask")
        found = GreedyWriter(self, steps, name="writer")(images, ids, real)
        made = keras.Model({"images": images, "ids": ids, "mask": real}, found)
        made.compile(jit_compile=jit_compile)
        return made


@keras.saving.register_keras_serializable(package=PACKAGE)
class GreedyWriter(keras.layers.Layer):
    """From pictures to whole texts: the greedy search inside the graph.

    Args:
        captioner: What writes.
        steps: The longest text.

    Call arguments:
        images: As :meth:`BlipCaptioner.generate` takes them.
        ids: The beginning, `(batch, time)`.
        real: Which of it is real, bool `(batch, time)`.

    Returns:
        Ids, int32 `(batch, steps)`
    """

    def __init__(self, captioner: BlipCaptioner, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.captioner, self.steps = captioner, steps

    def call(self, images: Any, ids: Any, real: Any) -> Any:
        """Write."""
        captioner = self.captioner
        memories = captioner.decoder.remember(captioner.encode(images))
        return write_greedily(
            captioner.decoder,
            memories,
            ids,
            real,
            steps=self.steps,
            end=captioner.words.end,
            pad=captioner.words.pad,
        )

    def compute_output_spec(self, images: Any, ids: Any, real: Any) -> Any:
        """Return what comes out."""
        return keras.KerasTensor((images.shape[0], self.steps), dtype="int32")


def _trimmed(ids: NDArray[np.int32], end: int) -> NDArray[np.int32]:
    """Return ids without the columns behind the end of every text."""
    ended = ids == end
    lengths = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, ids.shape[1])
    return ids[:, : int(lengths.max())]


__all__ = ["BlipCaptioner", "GreedyWriter"]
