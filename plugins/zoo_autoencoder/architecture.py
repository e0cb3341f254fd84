"""Dense, convolutional, denoising, sparse and variational autoencoders for images."""

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
from zoo_autoencoder.datasets import exclude_classes, inputs_as_targets
from zoo_autoencoder.network import (
    CODE,
    DECODER,
    RECONSTRUCTION,
    build_decoder,
    build_encoder,
    code_range,
)

if TYPE_CHECKING:
    import keras


class Autoencoder(zoo.Architecture[AutoencoderConfig]):
    """Autoencoder for images: encoder, code and decoder, trained without labels."""

    info = zoo.ArchitectureInfo(
        name="autoencoder",
        summary="Autoencoder for images: compression, denoising, anomaly detection, visualization.",
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
            "Images unlike the training data are reconstructed as the nearest image that the code "
            "can represent.",
            "A large reconstruction error indicates an anomaly, but a small one does not exclude "
            "it: simple images, and with a long code similar ones, are reconstructed well without "
            "having been seen. A shorter code detects more anomalies.",
            "Reconstructions are blurred: the squared error has little weight on fine detail.",
            "Denoising works for the kind and amount of corruption seen in training.",
        ),
    )
    Config = AutoencoderConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[AutoencoderConfig]:
        """Return an autoencoder whose depth and code size fit the image size."""
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
        # Tuned on MNIST. Data sets of larger images are usually smaller and the network is deeper:
        # a lower learning rate and more epochs.
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
        """Return tiny autoencoders: a dense one, and a variational denoising one."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01, warmup=0.1)
        plain = AutoencoderConfig(kind="dense", code_size=8, units=(32,), optimizer=optimizer)
        denoising = AutoencoderConfig(
            code_size=4,
            filters=(4,),
            noise=NoiseConfig(kind="masking"),
            variational=True,
            loss="bce",
            beta=0.01,
        )
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(plain, plan), Recipe(denoising, plan)

    def build(self, config: AutoencoderConfig, data: DataSpec) -> keras.Model:
        """Build a compiled model from raw pixels to reconstructed raw pixels.

        Its targets are its inputs: ``model.fit(images, images)``.

        Shapes:
            In: `image` `(batch, height, width, channels)`, raw pixels.
            Out: `(batch, height, width, channels)`, raw pixels as floats.

        Raises:
            ConfigError: If the data has no images or they are too small for the stages, the code is
                not smaller than the image, or a held-out class does not exist.
        """
        import keras

        from zoo.layers import PixelError, PixelLoss, make_optimizer, scale_image

        spec = _image(data)
        _check(config, data)
        low, high = spec.range or (0.0, 255.0)
        image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        code = build_encoder(scale_image(image, spec), config, spec)
        model = keras.Model(image, build_decoder(config, spec)(code), name=self.info.name)
        model.compile(
            optimizer=make_optimizer(config.optimizer),
            loss=PixelLoss(config.loss, low, high),
            metrics=[PixelError(low, high)],
        )
        return model

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train with the images as targets; classes are used only to hold some out.

        Raises:
            DataError: If an image has a value that is not finite.
        """
        config: AutoencoderConfig = model.blueprint.config
        kept = exclude_classes(dataset, config.held_out)
        loop.fit(model, zoo.MappedDataset(kept, inputs_as_targets(dataset.spec)))

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: AutoencoderConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Evaluate reconstruction, denoising and anomaly detection.

        Raises:
            ConfigError: If the data has no images, or lacks a held-out class.
            DataError: If the split is empty, or an image has NaN.
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
                each image in 0..1 intensity (anomaly score).
            encode: `image` to `code` `(batch, code_size)`.
            decode: `code` to `reconstruction`.
        """
        import keras
        from keras import ops

        spec = _image(data)
        low, high = spec.range or (0.0, 255.0)
        image = model.inputs[0]
        code = model.get_layer(CODE).output
        reconstruction = model.outputs[0]
        difference = (ops.cast(image, reconstruction.dtype) - reconstruction) / (high - low)
        error = ops.mean(ops.square(difference), axis=(1, 2, 3))
        decoder: keras.Model = model.get_layer(DECODER)
        code_input = keras.Input((config.code_size,), name=CODE)
        image_spec = spec.model_copy(update={"inside": "scaled to 0..1"})
        reconstruction_spec = TensorSpec(
            name=RECONSTRUCTION, shape=spec.shape, range=(low, high), unit=spec.unit, role="image"
        )
        code_spec = TensorSpec(name=CODE, shape=(config.code_size,), range=code_range(config))
        taken = code_spec
        if config.variational:  # its codes are normal a priori, so that it generates
            taken = code_spec.model_copy(update={"role": "noise", "draw": "normal"})
        return (
            Signature(
                "reconstruct",
                keras.Model({spec.name: image}, {RECONSTRUCTION: reconstruction, "error": error}),
                (image_spec,),
                (
                    reconstruction_spec,
                    TensorSpec(name="error", inside="mean squared error, 0..1 intensity"),
                ),
            ),
            Signature(
                "encode", keras.Model({spec.name: image}, {CODE: code}), (image_spec,), (code_spec,)
            ),
            Signature(
                "decode",
                keras.Model({CODE: code_input}, {RECONSTRUCTION: decoder(code_input)}),
                (taken,),
                (reconstruction_spec,),
            ),
        )


def _image(data: DataSpec) -> TensorSpec:
    image = data.input("image")
    if image is None or not image.is_image:
        raise zoo.errors.ConfigError(
            f"autoencoder needs images, and {data.id} has none",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train autoencoder --data FOLDER, with one folder of images per class",
        )
    if not all(isinstance(size, int) for size in image.shape):
        raise zoo.errors.ConfigError(
            f"autoencoder needs images of one size, and those of {data.id} are {image.shape}",
            why="a dense layer before the code has one weight per pixel",
            fix="--data-option image_size=64 resizes the images of a folder to one size",
        )
    return image


def _check(config: AutoencoderConfig, data: DataSpec) -> None:
    """Check that configuration and data fit together, with one finding per problem."""
    spec = _image(data)
    values = math.prod(int(size) for size in spec.shape)
    side = min(int(size) for size in spec.shape[:2])
    findings = []
    if config.code_size >= values:
        findings.append(
            zoo.Finding(
                "code_size",
                config.code_size,
                f"fewer than the {values} values of an image, so that the code has to compress",
            )
        )
    most = side.bit_length() - 1
    if config.kind == "convolutional" and not 1 <= len(config.filters) <= most:
        findings.append(
            zoo.Finding(
                "filters",
                config.filters,
                f"1 to {most} stages: each halves the image, whose side is {side} pixels",
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
        findings.append(zoo.Finding("held_out", config.held_out, "at least one class to train on"))
    if findings:
        count = len(findings)
        raise zoo.errors.ConfigError(
            f"autoencoder config: {count} wrong value{'s' if count > 1 else ''}",
            findings=findings,
            fix="zoo info autoencoder",
        )


def _classes(data: DataSpec) -> tuple[str, ...]:
    """Return the names of the data's classes, if it has any."""
    return next((tensor.labels for tensor in data.targets if tensor.labels is not None), ())
