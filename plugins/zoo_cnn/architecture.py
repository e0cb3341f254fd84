"""Convolutional network (CNN) for image classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

import zoo
from zoo import DataSpec, Recipe, Signature, TensorSpec, TrainPlan

if TYPE_CHECKING:
    import keras

Width = Annotated[int, Field(ge=1, le=4_096)]
Stage = Annotated[tuple[Width, ...], Field(min_length=1, max_length=32)]


class CNNConfig(zoo.ModelConfig):
    """Configuration of a convolutional network."""

    filters: tuple[Stage, ...] = Field(
        ((32, 32), (64, 64)),
        min_length=1,
        max_length=8,
        description="Filters of each convolution, by stage; a pooling layer between stages halves "
        "the image.",
    )
    kernel_size: int = Field(3, ge=1, le=15, description="Kernel size, pixels.")
    stem_kernel_size: int = Field(
        3, ge=1, le=15, description="Kernel size of the first stage, pixels."
    )
    pooling: Literal["max", "average"] = Field("max", description="Pooling between stages.")
    activation: Literal["relu", "gelu", "silu", "tanh", "elu"] = Field(
        "relu", description="Activation after every convolution and hidden layer."
    )
    normalization: Literal["batch", "layer", "none"] = Field(
        "batch", description="Normalization between a convolution and its activation."
    )
    head: Literal["average", "max", "flatten"] = Field(
        "average",
        description="Global average or max pooling after the last stage, or 'flatten', which pools "
        "once more before.",
    )
    dense: tuple[Width, ...] = Field(
        (), max_length=8, description="Units of each dense layer before the last layer."
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout rate before the last layer.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Label smoothing factor.")
    augmentation: zoo.AugmentationConfig = Field(
        zoo.AugmentationConfig(), description="Random augmentation in training."
    )


class CNN(zoo.Architecture[CNNConfig]):
    """Stages of convolutions, pooling, and a softmax classifier."""

    info = zoo.ArchitectureInfo(
        name="cnn",
        summary="Convolutional network for classification of grayscale or color images.",
        tasks=(zoo.Task.CLASSIFICATION,),
        tags=("convolution", "image"),
        references=(
            "LeCun et al. 1998, Gradient-based learning applied to document recognition",
            "Simonyan & Zisserman 2015, Very deep convolutional networks, arXiv:1409.1556",
            "Lin, Chen & Yan 2014, Network in network, arXiv:1312.4400",
        ),
        limits=(
            "One class per image: no localization, no rejection of images of other classes.",
            "Images of another size are resized to the input size.",
        ),
    )
    Config = CNNConfig
    default_dataset = "digits"

    def default_config(self, data: DataSpec) -> Recipe[CNNConfig]:
        """Return a network whose depth fits the image size."""
        side = _side(_image(data))
        optimizer = zoo.OptimizerConfig(learning_rate=3e-3, weight_decay=0.05, warmup=0.1)
        if side < 16:
            augmentation = zoo.AugmentationConfig(rotation=8, shift=0.06, zoom=0.08, shear=0.08)
            config = CNNConfig(dropout=0.2, augmentation=augmentation, optimizer=optimizer)
            return Recipe(config, TrainPlan(epochs=30, batch_size=32, restore_best_weights=False))
        stages: tuple[tuple[int, ...], ...] = ((32,), (32, 48), (64, 64))
        if side >= 56:
            stages = (*stages, (96, 96))
        if side >= 112:
            stages = (*stages, (128, 128))
        config = CNNConfig(
            filters=stages,
            stem_kernel_size=5,
            head="flatten",
            dropout=0.3,
            augmentation=zoo.AugmentationConfig(rotation=15, shift=0.1, zoom=0.15, shear=0.2),
            optimizer=optimizer,
        )
        return Recipe(config, TrainPlan(epochs=40, batch_size=128))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[CNNConfig]]:
        """Return two tiny networks: one with dropout, augmentation and batch norm, one plain."""
        full = CNNConfig(
            filters=((8,), (16,)),
            dropout=0.1,
            augmentation=zoo.AugmentationConfig(rotation=8, shift=0.06, zoom=0.08, shear=0.08),
            optimizer=zoo.OptimizerConfig(learning_rate=3e-2, weight_decay=0.01, warmup=0.1),
        )
        plain = CNNConfig(
            filters=((8,),),
            normalization="none",
            head="flatten",
            dense=(8,),
            label_smoothing=0.1,
        )
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(full, plan), Recipe(plain, plan)

    def build(self, config: CNNConfig, data: DataSpec) -> keras.Model:
        """Build a compiled model from raw pixels to class probabilities.

        Shapes:
            In: `image` `(batch, height, width, channels)`, raw pixels.
            Out: `(batch, classes)`.

        Raises:
            ConfigError: If the data has no images, or they are too small for the stages.
        """
        import keras
        from keras import layers

        from zoo.layers import augment, compile_classifier, scale_image

        spec = _image(data)
        _check_depth(config, spec)
        pool = layers.MaxPooling2D if config.pooling == "max" else layers.AveragePooling2D
        poolings = _poolings(config)
        image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        x = augment(scale_image(image, spec), config.augmentation)
        for number, stage in enumerate(config.filters, start=1):
            kernel = config.stem_kernel_size if number == 1 else config.kernel_size
            for step, filters in enumerate(stage, start=1):
                name = f"{number}_{step}"
                x = layers.Conv2D(
                    filters,
                    kernel,
                    padding="same",
                    use_bias=config.normalization == "none",
                    kernel_initializer="he_normal",
                    name=f"conv_{name}",
                )(x)
                # Pooling before normalization and activation: a quarter of the work.
                if step == len(stage) and number <= poolings:
                    x = pool(2, name=f"pool_{number}")(x)
                x = self._activate(x, config, name)
        head = {
            "average": layers.GlobalAveragePooling2D,
            "max": layers.GlobalMaxPooling2D,
            "flatten": layers.Flatten,
        }[config.head]
        x = head(name="global_pooling")(x)
        for step, width in enumerate(config.dense, start=1):
            bias = config.normalization == "none"
            x = layers.Dense(
                width, use_bias=bias, kernel_initializer="he_normal", name=f"dense_{step}"
            )(x)
            x = self._activate(x, config, f"dense_{step}")
        if config.dropout:
            x = layers.Dropout(config.dropout, name="dropout")(x)
        outputs = layers.Dense(len(data.labels), activation="softmax", name="probabilities")(x)
        model = keras.Model(image, outputs, name=self.info.name)
        return compile_classifier(model, config.optimizer, smoothing=config.label_smoothing)

    def signatures(
        self, model: keras.Model, config: CNNConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``predict``: class probabilities."""
        from zoo.layers import classifier_signature

        return (classifier_signature(model, data, inside={"image": "scaled to 0..1"}),)

    def _activate(self, x: Any, config: CNNConfig, name: str) -> Any:
        from keras import layers

        if config.normalization == "batch":
            x = layers.BatchNormalization(momentum=0.9, name=f"norm_{name}")(x)
        elif config.normalization == "layer":
            x = layers.LayerNormalization(name=f"norm_{name}")(x)
        return layers.Activation(config.activation, name=f"{config.activation}_{name}")(x)


def _image(data: DataSpec) -> TensorSpec:
    image = data.input("image")
    if image is None or not image.is_image:
        raise zoo.errors.ConfigError(
            f"cnn needs images, and {data.id} has none",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="for the rows of a table: zoo train mlp_classifier --data FILE.csv",
        )
    return image


def _side(spec: TensorSpec) -> int:
    """Return the shorter side of an image, pixels."""
    return min(int(size) for size in spec.shape[:2])


def _poolings(config: CNNConfig) -> int:
    """Return the number of pooling layers: between stages, and before flattening."""
    return len(config.filters) - (config.head != "flatten")


def _check_depth(config: CNNConfig, spec: TensorSpec) -> None:
    side = _side(spec)
    most = side.bit_length() - 1
    if _poolings(config) > most:
        raise zoo.errors.ConfigError(
            "cnn config: 1 wrong value",
            findings=[
                zoo.Finding(
                    "filters",
                    config.filters,
                    f"{len(config.filters)} stages and the head {config.head!r} halve a side of "
                    f"{side} pixels {_poolings(config)} times; at most {most} times are possible",
                )
            ],
            fix="use fewer stages, or larger images",
        )
