"""The plugin: which captioner fits some data, how it learns, what it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import zoo
from zoo import (
    DataSpec,
    Evaluation,
    Recipe,
    Signature,
    Split,
    Task,
    TensorSpec,
    TrainLoop,
    TrainPlan,
)
from zoo.spec import Dataset, PredictFns
from zoo_blip_captioner.config import BlipCaptionerConfig, TextConfig, VisionConfig
from zoo_blip_captioner.learning import known, longest, taught, widths

if TYPE_CHECKING:
    import keras

_TOKENS = 16
"""Tokens a side that a small captioner has at most."""


class BlipCaptioning(zoo.Architecture[BlipCaptionerConfig]):
    """BLIP's captioner: a small one for drawings, or its own size for its published weights."""

    info = zoo.ArchitectureInfo(
        name="blip_captioner",
        summary="BLIP: says in words what a picture shows; small from scratch, or the published.",
        tasks=(Task.CAPTIONING,),
        tags=("attention", "image", "text", "transfer"),
        references=(
            "Li et al. 2022, BLIP: Bootstrapping language-image pre-training, arXiv:2201.12086",
            "Dosovitskiy et al. 2021, An image is worth 16x16 words, arXiv:2010.11929",
            "Devlin et al. 2019, BERT, arXiv:1810.04805",
            "Xiao et al. 2021, Early convolutions help transformers see better, arXiv:2106.14881",
        ),
        limits=(
            "The small captioner knows drawn aircraft alone: of a photo it says something fluent "
            "about an aircraft that is not there.",
            "It always says something, and never that it does not know.",
            "What it says of a photo may be wrong in kind, number, place and color: it is no "
            "inspection, and a person decides.",
            "The published captioner learned from pictures and texts of the web, with their "
            "prejudices.",
        ),
    )
    Config = BlipCaptionerConfig
    default_dataset = "aircraft_captions_synthetic"

    def default_config(self, data: DataSpec) -> Recipe[BlipCaptionerConfig]:
        """Return a small captioner whose patches are as many as suit the picture."""
        side = int(_image(data).shape[0])
        patch = next(
            (p for p in range(16, side + 1, 16) if side % p == 0 and side // p <= _TOKENS), 16
        )
        config = BlipCaptionerConfig(vision=VisionConfig(patch=None if patch == 16 else patch))
        return Recipe(config, TrainPlan(epochs=8, batch_size=32))

    def resolve_pretrained(self, weights: str) -> tuple[BlipCaptionerConfig, DataSpec] | None:
        """Return what a published captioner is made of: of a folder, or of a repository.

        Raises:
            DatasetUnavailable: If it is not here, and cannot be downloaded.
            Incompatible: If it holds another model, or a pickle.
            ConfigError: If its sizes are out of range.
            DataError: If a file cannot be read.
        """
        from zoo_blip_captioner.hub import find_folder, is_named
        from zoo_blip_captioner.pretrained import read_folder

        if not is_named(weights):
            return None
        folder = find_folder(weights)
        found = read_folder(folder)
        side, words = found.side, found.words
        config = BlipCaptionerConfig(
            preset="base",
            pretrained=weights,
            vision=VisionConfig(**found.vision),
            text=TextConfig(**found.text),
        )
        image = TensorSpec(name="image", shape=(side, side, 3), dtype="uint8", range=(0, 255))
        caption = TensorSpec(name="caption", shape=("time",), dtype="int32", text=words)
        name = Path(weights).name if folder == Path(weights) else weights
        data = DataSpec(id=name, task=Task.CAPTIONING, inputs=(image,), targets=(caption,))
        return config, data

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[BlipCaptionerConfig]]:
        """Return two tiny captioners: without convolutions before the patches, and with some."""
        patch = self.default_config(data).config.sizes().vision["patch"]
        small = {"width": 16, "layers": 1, "heads": 2, "feed_forward": 32}
        stem = ((4,), (8,), (8,), (16,)) if patch == 16 else ()
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, warmup=0.05, global_clipnorm=1.0)
        plain = BlipCaptionerConfig(
            vision=VisionConfig(patch=patch, stem=(), **small),
            text=TextConfig(**small),
            optimizer=optimizer,
        )
        seen = plain.model_copy(update={"vision": VisionConfig(patch=patch, stem=stem, **small)})
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(plain, plan), Recipe(seen, plan)

    def build(self, config: BlipCaptionerConfig, data: DataSpec) -> keras.Model:
        """Return a compiled model from a picture and the words before each word to their scores.

        Shapes:
            In: `image` `(batch, size, size, 3)`, raw pixels; of each text of the data
                `previous_NAME` `(batch, time)`, the start sign first.
            Out, by the text's name: logits `(batch, time, vocabulary)`; and as `glance`, which
                words the caption has: logits `(batch, vocabulary)`.

        Raises:
            ConfigError: If the data has no square pictures or no texts with a vocabulary, or they
                do not fit the network.
        """
        from zoo_blip_captioner.captioner import BlipCaptioner
        from zoo_blip_captioner.teaching import teachable

        vision, text = _sides(config, data)
        captioner = BlipCaptioner(vision, text, known(data.targets[0]), name="captioner")
        captioner.build()
        captioner.vision.trainable = not config.freeze_encoder
        return teachable(captioner, config, data)

    def load_pretrained(self, model: keras.Model) -> None:
        """Load what a captioner learned elsewhere, if the configuration names one.

        Raises:
            DatasetUnavailable: If it is not here, and cannot be downloaded.
            ChecksumMismatch: If it is another file than is meant.
            ConfigError: If it has other sizes or words than the model.
            Incompatible: If its tensors do not fit, or it holds a pickle alone.
            DataError: If it cannot be read.
        """
        config: BlipCaptionerConfig = model.blueprint.config
        if config.pretrained is None:
            return
        from zoo_blip_captioner.checkpoint import read_weights
        from zoo_blip_captioner.hub import find_folder
        from zoo_blip_captioner.pretrained import check_fit
        from zoo_blip_captioner.teaching import captioner_of

        folder = find_folder(config.pretrained, revision=config.revision, sha256=config.sha256)
        captioner = captioner_of(model)
        check_fit(captioner, config, folder)
        read_weights(captioner, folder)

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train by teacher forcing: the captioner is told the true words before each place."""
        config: BlipCaptionerConfig = model.blueprint.config
        change = taught(dataset.spec, widths(dataset), glances=config.glances)
        loop.fit(model, zoo.MappedDataset(dataset, change))

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: BlipCaptionerConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Measure what is written about each picture, with one beam."""
        from zoo.metrics.captioning import evaluate_captions

        return evaluate_captions(predict_fns, split, data, reference=reference)

    def signatures(
        self, model: keras.Model, config: BlipCaptionerConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``encode``, ``decode`` and ``write``."""
        from zoo_blip_captioner.signatures import published
        from zoo_blip_captioner.teaching import captioner_of

        return published(captioner_of(model), data)


def _sides(
    config: BlipCaptionerConfig, data: DataSpec
) -> tuple[dict[str, object], dict[str, object]]:
    """Return what the two sides are made from, for this data."""
    sizes, side = config.sizes(), int(_image(data).shape[0])
    _texts(data)
    vision = {**sizes.vision, "image_size": side}
    text = {**sizes.text}
    patch, room, needed = vision["patch"], text.get("positions"), longest(data)
    if side % patch:
        raise zoo.errors.ConfigError(
            "blip_captioner config: 1 wrong value",
            findings=[zoo.Finding("vision.patch", patch, f"a divisor of {side} pixels a side")],
            fix=f"choose another, or --data-option image_size={max(patch, side // patch * patch)}",
        )
    if room is None:
        text["positions"] = needed
    elif room < needed:
        raise zoo.errors.ConfigError(
            "blip_captioner config: 1 wrong value",
            findings=[zoo.Finding("text.positions", room, f"at least {needed}, as the data needs")],
            fix="choose more, or --data-option max_length=N takes shorter texts alone",
        )
    return vision, text


def _image(data: DataSpec) -> TensorSpec:
    spec = data.inputs[0]
    if data.task != Task.CAPTIONING or not spec.is_image:
        raise zoo.errors.ConfigError(
            f"blip_captioner needs pictures with captions, and {data.id} has none",
            why=f"it is data for {data.task.value}, with "
            f"{', '.join(tensor.name for tensor in (*data.inputs, *data.targets))}",
            fix="zoo train blip_captioner --data FOLDER, with captions.jsonl beside the pictures",
        )
    rows, columns, channels = spec.shape
    if rows != columns or channels != 3 or not isinstance(rows, int):
        raise zoo.errors.ConfigError(
            f"blip_captioner needs square pictures in colors, and those of {data.id} are "
            f"{list(spec.shape)}",
            why="its patches lie in a square of a fixed size",
            fix="--data-option image_size=96 --data-option channels=3 brings them to that",
        )
    return spec


def _texts(data: DataSpec) -> None:
    for target in data.targets:
        if target.text is None or len(target.text.vocabulary) < 5:
            raise zoo.errors.ConfigError(
                f"the vocabulary of {target.name!r} of {data.id} is not known",
                why="it is learned from the training split when the data is opened",
                fix=f"give the data itself, not its description: zoo.dataset({data.id!r})",
            )
        if target.text.vocabulary != known(data.targets[0]).vocabulary:
            raise zoo.errors.ConfigError(
                f"the texts of {data.id} have different vocabularies",
                why="one side of the captioner writes them all",
                fix="give data whose texts share one",
            )


__all__ = ["BlipCaptioning"]
