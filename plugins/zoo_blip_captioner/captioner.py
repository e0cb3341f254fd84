"""BLIP captioner as a Keras model.

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
from zoo_blip_captioner.checkpoint import read_weights
from zoo_blip_captioner.generation import beam_search, greedy_search
from zoo_blip_captioner.hub import DEFAULT, find_folder
from zoo_blip_captioner.inputs import check_images, check_options, prompt_tokens
from zoo_blip_captioner.pretrained import read_folder
from zoo_blip_captioner.text import TextDecoder
from zoo_blip_captioner.vision import PACKAGE, VisionTransformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CACHED_GRAPHS = 8
"""Cached greedy-search graphs, one per length of prompt and text."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class BlipCaptioner(keras.Model):
    """BLIP image captioner (Li et al. 2022, arXiv:2201.12086).

    It is an ordinary Keras model that can be traced, saved, trained, exported, or used as a layer.

    Images must have its input size. ``zoo.predict`` resizes files with a triangle filter; the
    reference uses Pillow's bicubic one. For photos the pixels then differ by 0.5 to 2 levels of 255
    on average, by 25 at sharp edges, so that a caption may differ in a word. For the reference's
    pixels resize with ``image.convert("RGB").resize((384, 384), PIL.Image.Resampling.BICUBIC)``.

    Args:
        vision: Arguments of :class:`zoo_blip_captioner.VisionTransformer`.
        text: Arguments of :class:`zoo_blip_captioner.TextDecoder`, without vocabulary and memory
            size.
        text_spec: Vocabulary and special tokens.

    Call arguments:
        inputs: ``images``, raw pixels `(batch, size, size, 3)`, and ``ids``, previous tokens,
            `(batch, time)`, with an optional ``mask`` of the real ones, bool `(batch, time)`. For
            several texts per image, ``ids`` may be a mapping: the image is encoded once.

    Returns:
        Next-token logits, `(batch, time, vocabulary)`; for several texts, by name.

    Example:
        >>> captioner = BlipCaptioner.from_pretrained("Salesforce/blip-image-captioning-base")
        >>> captioner.generate_text(images)
        ['two cats sleeping on a couch']
        >>> captioner.generate_text(images, task="summary", strategy="beam")
    """

    def __init__(
        self,
        vision: Mapping[str, Any],
        text: Mapping[str, Any],
        text_spec: TextSpec | Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.text_spec = (
            text_spec if isinstance(text_spec, TextSpec) else TextSpec.model_validate(text_spec)
        )
        policy = {"dtype": self.dtype_policy}
        self.vision = VisionTransformer(**vision, name="vision", **policy)
        self.decoder = TextDecoder(
            **text,
            vocabulary_size=len(self.text_spec.vocabulary),
            memory_dim=self.vision.hidden_dim,
            name="decoder",
            **policy,
        )
        self._own = {"vision": dict(vision), "text": dict(text)}
        # Behind a function, where Keras does not take the graphs for layers of this model.
        self._greedy_graph = functools.lru_cache(maxsize=_CACHED_GRAPHS)(self._make_greedy_graph)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights, once."""
        if self.built:  # type: ignore[has-type]
            return
        size = self.vision.image_size
        self.vision.build((None, size, size, 3))
        self.decoder.build((None, None))
        self.built = True

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Return next-token logits."""
        memories = self.decoder.project_memory(self.vision(inputs["images"], training=training))

        def score(ids: Any) -> Any:
            mask = inputs.get("mask")
            logits, _ = self.decoder(ids, memories, padding_mask=mask, training=training)
            return logits

        ids = inputs["ids"]
        if isinstance(ids, Mapping):
            return {name: score(tokens) for name, tokens in ids.items()}
        return score(ids)

    def encode(self, images: Any) -> Any:
        """Encode images.

        Shapes:
            images: Raw pixels, `(batch, size, size, 3)`
            Out: `(batch, 1 + (size / patch_size)², hidden_dim)`
        """
        return self.vision(images, training=False)

    def generate_text(
        self,
        images: Any,
        task: Literal["caption", "summary"] = "caption",
        prompt: str | None = None,
        **options: Any,
    ) -> list[str]:
        """Generate a text for each image.

        Args:
            images: See :meth:`generate`.
            task: ``caption`` without a prompt, or ``summary`` with the prompt of that name.
            prompt: A prompt of your own.
            **options: Options of :meth:`generate`.

        Raises:
            ConfigError: As :meth:`generate`, and if the task is unknown.
        """
        if prompt is None and task != "caption":
            prompts = dict(self.text_spec.prompts)
            prompt = prompts.get(task) if isinstance(task, str) else None
            if prompt is None:
                known = ["caption", *prompts]
                raise zoo.errors.ConfigError(
                    "this captioner does not have that task",
                    findings=[zoo.Finding("task", task, f"one of {', '.join(known)}")],
                    fix="use a prompt of your own",
                )
        found = self.generate(images, prompt, **options)
        return zoo.runtime.decode_text(found, self.text_spec)

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
    ) -> NDArray[np.int32]:
        """Generate token ids for each image.

        Greedy search is a single graph with a key-value cache. Beam search scores a text by its log
        probability over its length to the power of ``length_penalty``. Both return the tokens of
        the reference, ``BlipForConditionalGeneration`` of the package transformers.

        Args:
            images: Raw pixels, whole numbers from 0 to 255, `(batch, size, size, 3)`.
            prompt: Text, or ids `(batch, time)` that start with the start token. Padding belongs at
                the front.
            mask: Which ids of the prompt are real, bool `(batch, time)`.
            max_new_tokens: Maximum number of new tokens, the end token included.
            strategy: ``greedy`` or ``beam``.
            beams: Number of beams.
            length_penalty: 0 for none; higher values give longer texts.
            early_stopping: Whether beam search ends as soon as there are as many finished texts as
                beams.

        Returns:
            Ids `(batch, time)` after the prompt, with the end token, padded.

        Raises:
            ConfigError: If an option is out of range, prompt and text exceed the maximum length, or
                no word of a prompt is known.
            DataError: If images or ids do not fit the captioner.
        """
        pixels = check_images(images, self.vision.image_size)
        ids, real = prompt_tokens(prompt, mask, len(pixels), self.text_spec)
        options = {
            "max_new_tokens": max_new_tokens,
            "strategy": strategy,
            "beams": beams,
            "length_penalty": length_penalty,
            "early_stopping": early_stopping,
        }
        check_options(options, ids.shape[1], self.decoder.max_positions)
        given: dict[str, Any] = {"images": pixels, "ids": ids, "mask": real}
        if strategy == "greedy":
            found = self._greedy_graph(ids.shape[1], max_new_tokens).predict_on_batch(given)
            return _trimmed(np.asarray(found, np.int32), self.text_spec.end)
        return beam_search(
            self,
            given,
            beams=beams,
            length_penalty=length_penalty,
            early_stopping=early_stopping,
            limit=max_new_tokens,
        )

    @classmethod
    def from_pretrained(
        cls, source: str | Path = DEFAULT, *, revision: str | None = None, sha256: str | None = None
    ) -> BlipCaptioner:
        """Load a captioner from a folder or from a repository of the hub.

        The folder has ``config.json``, ``vocab.txt`` (or ``tokenizer.json``) and
        ``model.safetensors``, as ``BlipForConditionalGeneration.save_pretrained`` and the
        tokenizer's write them.

        Args:
            source: A folder, or the name of a repository.
            revision: Commit, branch or tag of the repository; by default the pinned one, or main.
            sha256: Expected SHA-256 of the weights file.

        Raises:
            DatasetUnavailable: If it is missing and cannot be downloaded.
            ChecksumMismatch: If a file is not the pinned one.
            Incompatible: If it holds another model, a pickle, or tensors that do not fit.
            ConfigError: If its sizes are out of range.
            DataError: If a file cannot be read.
            MissingExtra: If transformers or safetensors is not installed.
        """
        folder = find_folder(source, revision=revision, sha256=sha256)
        found = read_folder(folder)
        vision = {**found.vision, "image_size": found.side}
        captioner = cls(vision, found.text, found.text_spec, name="captioner")
        captioner.build()
        read_weights(captioner, folder)
        return captioner

    def get_config(self) -> dict[str, Any]:
        """Return the model's configuration."""
        base = keras.layers.Layer.get_config(self)
        return {**base, **self._own, "text_spec": self.text_spec.model_dump(mode="json")}

    @classmethod
    def from_config(cls, config: dict[str, Any], **_: Any) -> BlipCaptioner:
        """Create a model from its configuration."""
        return cls(**config)

    def _make_greedy_graph(self, time: int, steps: int) -> keras.Model:
        """Return the greedy-search graph for a length of prompt and text."""
        size = self.vision.image_size
        images = keras.Input((size, size, 3), dtype="uint8", name="images")
        ids = keras.Input((time,), dtype="int32", name="ids")
        real = keras.Input((time,), dtype="bool", name="mask")
        found = GreedySearch(self, steps, name="greedy_search")(images, ids, real)
        return keras.Model({"images": images, "ids": ids, "mask": real}, found)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GreedySearch(keras.layers.Layer):
    """Greedy search as a layer, from images to token ids.

    Args:
        captioner: The captioner.
        steps: Maximum number of new tokens.

    Call arguments:
        images: As :meth:`BlipCaptioner.generate` takes them.
        ids: The prompt, `(batch, time)`.
        real: Which ids are real, bool `(batch, time)`.

    Returns:
        Ids, int32 `(batch, steps)`
    """

    def __init__(self, captioner: BlipCaptioner, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.captioner, self.steps = captioner, steps

    def call(self, images: Any, ids: Any, real: Any) -> Any:
        """Generate token ids."""
        captioner = self.captioner
        memories = captioner.decoder.project_memory(captioner.encode(images))
        return greedy_search(
            captioner.decoder,
            memories,
            ids,
            real,
            steps=self.steps,
            end=captioner.text_spec.end,
            pad=captioner.text_spec.pad,
        )

    def compute_output_spec(self, images: Any, ids: Any, real: Any) -> Any:
        """Return the output spec."""
        return keras.KerasTensor((images.shape[0], self.steps), dtype="int32")


def _trimmed(ids: NDArray[np.int32], end: int) -> NDArray[np.int32]:
    """Return ids without the columns after the end of every text."""
    ended = ids == end
    lengths = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, ids.shape[1])
    return ids[:, : int(lengths.max())]
