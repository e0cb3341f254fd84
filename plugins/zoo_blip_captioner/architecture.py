"""BLIP image captioner: a small one from scratch, or the published one."""

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
from zoo_blip_captioner.teacher_forcing import (
    max_text_length,
    teacher_forcing,
    text_spec_of,
    used_lengths,
)

if TYPE_CHECKING:
    import keras

_TOKENS = 16
"""Maximum number of tokens per side of a small captioner."""


class BlipCaptioning(zoo.Architecture[BlipCaptionerConfig]):
    """BLIP image captioner."""

    info = zoo.ArchitectureInfo(
        name="blip_captioner",
        summary="BLIP image captioner: small from scratch, or with published weights.",
        tasks=(Task.CAPTIONING,),
        tags=("attention", "image", "text", "transfer"),
        references=(
            "Li et al. 2022, BLIP: Bootstrapping language-image pre-training, arXiv:2201.12086",
            "Dosovitskiy et al. 2021, An image is worth 16x16 words, arXiv:2010.11929",
            "Devlin et al. 2019, BERT, arXiv:1810.04805",
            "Xiao et al. 2021, Early convolutions help transformers see better, arXiv:2106.14881",
        ),
        limits=(
            "The small captioner knows synthetic aircraft images only: photos get fluent captions "
            "of aircraft that are not there.",
            "Every image gets a caption, without a measure of confidence.",
            "Captions of photos may be wrong in kind, number, place and color; they do not replace "
            "an inspection by a person.",
            "The published captioner was trained on images and texts of the web, and has their "
            "biases.",
        ),
    )
    Config = BlipCaptionerConfig
    default_dataset = "aircraft_captions_synthetic"

    def default_config(self, data: DataSpec) -> Recipe[BlipCaptionerConfig]:
        """Return a small captioner with a patch size that fits the images."""
        side = int(_image(data).shape[0])
        patch = next(
            (p for p in range(16, side + 1, 16) if side % p == 0 and side // p <= _TOKENS), 16
        )
        config = BlipCaptionerConfig(vision=VisionConfig(patch_size=None if patch == 16 else patch))
        return Recipe(config, TrainPlan(epochs=8, batch_size=32))

    def resolve_pretrained(self, weights: str) -> tuple[BlipCaptionerConfig, DataSpec] | None:
        """Return configuration and data spec of a published captioner, by folder or repository.

        Raises:
            DatasetUnavailable: If it is missing and cannot be downloaded.
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
        side, words = found.side, found.text_spec
        config = BlipCaptionerConfig(
            preset="base",
            pretrained=weights,
            vision=VisionConfig(**found.vision),
            text=TextConfig(**found.text),
        )
        image = TensorSpec(
            name="image", shape=(side, side, 3), dtype="uint8", range=(0, 255), role="image"
        )
        caption = TensorSpec(name="caption", shape=("time",), dtype="int32", text=words)
        name = Path(weights).name if folder == Path(weights) else weights
        data = DataSpec(id=name, task=Task.CAPTIONING, inputs=(image,), targets=(caption,))
        return config, data

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[BlipCaptionerConfig]]:
        """Return two tiny captioners, without and with a convolutional stem."""
        patch = self.default_config(data).config.sizes().vision["patch_size"]
        small = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2, "intermediate_dim": 32}
        stem = ((4,), (8,), (8,), (16,)) if patch == 16 else ()
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, warmup=0.05, global_clipnorm=1.0)
        plain = BlipCaptionerConfig(
            vision=VisionConfig(patch_size=patch, stem=(), **small),
            text=TextConfig(**small),
            optimizer=optimizer,
        )
        seen = plain.model_copy(
            update={"vision": VisionConfig(patch_size=patch, stem=stem, **small)}
        )
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(plain, plan), Recipe(seen, plan)

    def build(self, config: BlipCaptionerConfig, data: DataSpec) -> keras.Model:
        """Build a compiled training model from images and previous tokens to next-token logits.

        Shapes:
            In: `image` `(batch, size, size, 3)`, raw pixels; for each text of the data
                `previous_NAME` `(batch, time)`, start token first.
            Out, by the text's name: logits `(batch, time, vocabulary)`; and as `bag_of_words`, the
                logits of the words of the caption `(batch, vocabulary)`.

        Raises:
            ConfigError: If the data has no square images or no texts with a vocabulary, or they
                do not fit the network.
        """
        from zoo_blip_captioner.captioner import BlipCaptioner
        from zoo_blip_captioner.training_model import build_training_model

        vision, text = _model_sizes(config, data)
        captioner = BlipCaptioner(vision, text, text_spec_of(data.targets[0]), name="captioner")
        captioner.build()
        captioner.vision.trainable = not config.freeze_encoder
        return build_training_model(captioner, config, data)

    def load_pretrained(self, model: keras.Model) -> None:
        """Load the pretrained weights of the configuration, if it has any.

        Raises:
            DatasetUnavailable: If they are missing and cannot be downloaded.
            ChecksumMismatch: If a file is not the expected one.
            ConfigError: If they have other sizes or another vocabulary than the model.
            Incompatible: If the tensors do not fit, or there is only a pickle.
            DataError: If a file cannot be read.
        """
        config: BlipCaptionerConfig = model.blueprint.config
        if config.pretrained is None:
            return
        from zoo_blip_captioner.checkpoint import read_weights
        from zoo_blip_captioner.hub import find_folder
        from zoo_blip_captioner.pretrained import check_compatible
        from zoo_blip_captioner.training_model import captioner_of

        folder = find_folder(config.pretrained, revision=config.revision, sha256=config.sha256)
        captioner = captioner_of(model)
        check_compatible(captioner, config, folder)
        read_weights(captioner, folder)

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train with teacher forcing."""
        config: BlipCaptionerConfig = model.blueprint.config
        change = teacher_forcing(
            dataset.spec, used_lengths(dataset), use_bag_of_words=config.use_bag_of_words
        )
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
        """Evaluate greedy captions."""
        from zoo.metrics.captioning import evaluate_captions

        return evaluate_captions(predict_fns, split, data, reference=reference)

    def signatures(
        self, model: keras.Model, config: BlipCaptionerConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``encode``, ``decode`` and ``generate``."""
        from zoo_blip_captioner.signatures import make_signatures
        from zoo_blip_captioner.training_model import captioner_of

        return make_signatures(captioner_of(model), data)


def _model_sizes(
    config: BlipCaptionerConfig, data: DataSpec
) -> tuple[dict[str, object], dict[str, object]]:
    """Return the sizes of encoder and decoder for this data."""
    sizes, side = config.sizes(), int(_image(data).shape[0])
    _texts(data)
    vision = {**sizes.vision, "image_size": side}
    text = {**sizes.text}
    patch, room, needed = vision["patch_size"], text.get("max_positions"), max_text_length(data)
    if side % patch:
        raise zoo.errors.ConfigError(
            "blip_captioner config: 1 wrong value",
            findings=[
                zoo.Finding("vision.patch_size", patch, f"a divisor of {side} pixels a side")
            ],
            fix=f"choose another, or --data-option image_size={max(patch, side // patch * patch)}",
        )
    if room is None:
        text["max_positions"] = needed
    elif room < needed:
        raise zoo.errors.ConfigError(
            "blip_captioner config: 1 wrong value",
            findings=[
                zoo.Finding("text.max_positions", room, f"at least {needed}, as the data needs")
            ],
            fix="use more, or --data-option max_length=N",
        )
    return vision, text


def _image(data: DataSpec) -> TensorSpec:
    spec = data.inputs[0]
    if data.task != Task.CAPTIONING or not spec.is_image:
        raise zoo.errors.ConfigError(
            f"blip_captioner needs images with captions, and {data.id} has none",
            why=f"it is data for {data.task}, with "
            f"{', '.join(tensor.name for tensor in (*data.inputs, *data.targets))}",
            fix="zoo train blip_captioner --data FOLDER, with captions.jsonl beside the images",
        )
    rows, columns, channels = spec.shape
    if rows != columns or channels != 3 or not isinstance(rows, int):
        raise zoo.errors.ConfigError(
            f"blip_captioner needs square color images, and those of {data.id} are "
            f"{list(spec.shape)}",
            why="its patches form a square grid of fixed size",
            fix="--data-option image_size=96 --data-option channels=3 resizes them",
        )
    return spec


def _texts(data: DataSpec) -> None:
    for target in data.targets:
        if target.text is None or len(target.text.vocabulary) < 5:
            raise zoo.errors.ConfigError(
                f"the vocabulary of {target.name!r} of {data.id} is not known",
                why="it is learned from the training split when the data is opened",
                fix=f"pass the dataset itself, not its spec: zoo.dataset({data.id!r})",
            )
        if target.text.vocabulary != text_spec_of(data.targets[0]).vocabulary:
            raise zoo.errors.ConfigError(
                f"the texts of {data.id} have different vocabularies",
                why="one decoder generates them all",
                fix="use data whose texts share one",
            )
