"""An autoencoder: an image becomes a short code, and the code the image again."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import zoo
from zoo import (
    DataSpec,
    Evaluation,
    Recipe,
    Signature,
    Split,
    TensorSpec,
    TrainLoop,
    TrainPlan,
)
from zoo.spec import Dataset, PredictFns
from zoo_autoencoder.config import AutoencoderConfig, NoiseConfig
from zoo_autoencoder.network import (
    CODE,
    DECODER,
    RECONSTRUCTION,
    code_range,
    encode,
    make_decoder,
)
from zoo_autoencoder.views import reflect, without

if TYPE_CHECKING:
    import keras


class Autoencoder(zoo.Architecture[AutoencoderConfig]):
    """Learns, from images alone, a code that they can be drawn from again."""

    info = zoo.ArchitectureInfo(
        name="autoencoder",
        summary="Autoencoder for images: compression, denoising, anomalies, a map of the data.",
        tasks=(zoo.Task.RECONSTRUCTION,),
        tags=("convolution", "dense", "generative", "image", "unsupervised"),
        references=(
            "Hinton & Salakhutdinov 2006, Reducing the dimensionality of data with neural networks",
            "Vincent et al. 2008, Extracting and composing robust features with denoising "
            "autoencoders",
            "Ng 2011, Sparse autoencoder, CS294A lecture notes",
            "Kingma & Welling 2013, Auto-encoding variational Bayes, arXiv:1312.6114",
            "Higgins et al. 2017, beta-VAE, ICLR",
        ),
        limits=(
            "An image of another kind comes out as the nearest thing that the code can say.",
            "A large error says that an image is unusual, and a small one does not say that it is "
            "usual: simple images, and with a long code similar ones, come out well without ever "
            "having been seen. A shorter code tells them better.",
            "Fine detail is lost first, because the squared error hardly counts it.",
            "It repairs the kind and the amount of damage that it was trained on.",
        ),
    )
    Config = AutoencoderConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[AutoencoderConfig]:
        """Return as many stages as the image has room for, and a code that suits its size."""
        spec = _image(data)
        side = min(int(size) for size in spec.shape[:2])
        if side < 16:
            values = math.prod(int(size) for size in spec.shape)
            small = AutoencoderConfig(
                kind="dense",
                code_size=max(1, min(8, values - 1)),
                units=(256, 128),
                optimizer=zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01, warmup=0.1),
            )
            return Recipe(small, TrainPlan(epochs=100, batch_size=32))
        # Found on the 55,000 images of MNIST. Larger pictures are fewer, as a rule, and their
        # network is deeper: smaller and more careful steps, and more of them.
        small_side = side < 56
        config = AutoencoderConfig(
            code_size=32 if small_side else 128,
            filters=(32, 64, 64, 96, 96)[: max(2, min(5, side.bit_length() - 3))],
            optimizer=zoo.OptimizerConfig(
                learning_rate=2e-2 if small_side else 3e-3, weight_decay=1e-4, warmup=0.1
            ),
        )
        if small_side:
            return Recipe(config, TrainPlan(epochs=15, batch_size=128))
        return Recipe(config, TrainPlan(epochs=60, batch_size=32, patience=15))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[AutoencoderConfig]]:
        """Return tiny autoencoders: a plain one, and a variational one that repairs damage."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01, warmup=0.1)
        plain = AutoencoderConfig(kind="dense", code_size=8, units=(32,), optimizer=optimizer)
        repairing = AutoencoderConfig(
            code_size=4,
            filters=(4,),
            noise=NoiseConfig(kind="masking"),
            variational=True,
            loss="bce",
            beta=0.01,
        )
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(plain, plan), Recipe(repairing, plan)

    def build(self, config: AutoencoderConfig, data: DataSpec) -> keras.Model:
        """Return a compiled ``keras.Model`` from raw pixels to raw pixels.

        Its targets are its inputs: ``model.fit(images, images)``.

        Shapes:
            In: `image` `(batch, height, width, channels)`, raw pixels.
            Out: `(batch, height, width, channels)`, raw pixels as floats.

        Raises:
            ConfigError: If the data has no image or one too small for the stages, the code is no
                smaller than the image, or a class that is held out does not exist.
        """
        import keras

        from zoo.layers import PixelError, PixelLoss, make_optimizer, scale_image

        spec = _image(data)
        _check(config, data)
        low, high = spec.range or (0.0, 255.0)
        image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        code = encode(scale_image(image, spec), config, spec)
        model = keras.Model(image, make_decoder(config, spec)(code), name=self.info.name)
        model.compile(
            optimizer=make_optimizer(config.optimizer),
            loss=PixelLoss(config.loss, low, high),
            metrics=[PixelError(low, high)],
        )
        return model

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train each image on itself; classes are looked at only to leave some out.

        Raises:
            DataError: If an image holds a value that is no number.
        """
        config: AutoencoderConfig = model.blueprint.config
        seen = zoo.MappedDataset(without(dataset, config.held_out), reflect(dataset.spec))
        loop.fit(model, seen)

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: AutoencoderConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Measure reconstructions: of clean and of damaged images, of familiar and unknown ones.

        Raises:
            ConfigError: If the data has no image, or not the classes that were held out.
            DataError: If there is nothing to measure on, or an image holds NaN.
            Diverged: If a reconstruction is not finite.
        """
        from zoo.metrics.corruptions import Corruption
        from zoo.metrics.reconstruction import evaluate_autoencoder

        config = config or AutoencoderConfig()
        noise = config.noise
        return evaluate_autoencoder(
            predict_fns,
            split,
            data,
            reference=reference,
            corruption=None if noise.kind == "none" else Corruption(noise.kind, noise.amount),
            held_out=config.held_out,
            prior=config.variational,
        )

    def signatures(
        self, model: keras.Model, config: AutoencoderConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``reconstruct``, ``encode`` and ``decode``.

        Shapes:
            reconstruct: `image` to `reconstruction`, raw, and `error`, the mean squared error of
                each image's values in 0..1 intensity: how unusual it is.
            encode: `image` to `code` `(batch, code_size)`.
            decode: `code` to `reconstruction`.
        """
        import keras
        from keras import ops

        spec = _image(data)
        low, high = spec.range or (0.0, 255.0)
        image = model.inputs[0]
        code = model.get_layer(CODE).output
        whole = model.outputs[0]
        apart = (ops.cast(image, whole.dtype) - whole) / (high - low)
        error = ops.mean(ops.square(apart), axis=(1, 2, 3))
        decoder: keras.Model = model.get_layer(DECODER)
        given = keras.Input((config.code_size,), name=CODE)
        taken = spec.model_copy(update={"inside": "scaled to 0..1"})
        back = TensorSpec(name=RECONSTRUCTION, shape=spec.shape, range=(low, high), unit=spec.unit)
        short = TensorSpec(name=CODE, shape=(config.code_size,), range=code_range(config))
        return (
            Signature(
                "reconstruct",
                keras.Model({spec.name: image}, {RECONSTRUCTION: whole, "error": error}),
                (taken,),
                (back, TensorSpec(name="error", inside="mean squared error, 0..1 intensity")),
            ),
            Signature("encode", keras.Model({spec.name: image}, {CODE: code}), (taken,), (short,)),
            Signature(
                "decode",
                keras.Model({CODE: given}, {RECONSTRUCTION: decoder(given)}),
                (short,),
                (back,),
            ),
        )


def _image(data: DataSpec) -> TensorSpec:
    image = data.input("image")
    if image is None or not image.is_image:
        raise zoo.errors.ConfigError(
            f"autoencoder needs images, and {data.id} has none",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train autoencoder --data FOLDER, with one folder of pictures a class",
        )
    if not all(isinstance(size, int) for size in image.shape):
        raise zoo.errors.ConfigError(
            f"autoencoder needs images of one size, and those of {data.id} are {image.shape}",
            why="a dense layer before the code has one weight a pixel",
            fix="--data-option image_size=64 stretches the pictures of a folder to one size",
        )
    return image


def _check(config: AutoencoderConfig, data: DataSpec) -> None:
    """Refuse what does not fit together, one finding each."""
    spec = _image(data)
    values = math.prod(int(size) for size in spec.shape)
    side = min(int(size) for size in spec.shape[:2])
    findings = []
    if config.code_size >= values:
        findings.append(
            zoo.Finding(
                "code_size",
                config.code_size,
                f"fewer than the {values} values of an image: a code that holds them all "
                "need not learn anything",
            )
        )
    room = side.bit_length() - 1
    if config.kind == "convolutional" and not 1 <= len(config.filters) <= room:
        findings.append(
            zoo.Finding(
                "filters",
                config.filters,
                f"1 to {room} stages: each halves the image, whose side is {side} pixels",
            )
        )
    classes = _classes(data)
    for name in config.held_out:
        if name not in classes:
            near = difflib.get_close_matches(name, classes, n=1)
            known = ", ".join(classes[:20]) or "none"
            findings.append(
                zoo.Finding(
                    "held_out", name, f"classes of {data.id}: {known}", near[0] if near else None
                )
            )
    if classes and not findings and len(config.held_out) >= len(classes):
        findings.append(
            zoo.Finding("held_out", config.held_out, "not every class: something must be learned")
        )
    if findings:
        count = len(findings)
        raise zoo.errors.ConfigError(
            f"autoencoder config: {count} wrong value{'s' if count > 1 else ''}",
            findings=findings,
            fix="zoo info autoencoder",
        )


def _classes(data: DataSpec) -> tuple[str, ...]:
    """Return the names of the data's classes, none if it has none."""
    return next((tensor.labels for tensor in data.targets if tensor.labels is not None), ())


__all__ = ["Autoencoder", "AutoencoderConfig"]
