"""A network that colors gray images, as a plugin for the zoo."""

from pydantic import Field, PositiveInt

import zoo


class ColorizerConfig(zoo.ModelConfig):
    """Configuration of the network."""

    filters: tuple[PositiveInt, ...] = Field(
        (16, 32, 64, 64),
        min_length=2,
        max_length=6,
        description="Filters at each resolution, from half of the image's to the coarsest.",
    )


class Colorizer(zoo.Architecture[ColorizerConfig]):
    """Convolutions with a view of the whole image; only chroma is predicted, and luma is kept."""

    info = zoo.ArchitectureInfo(
        name="colorizer",
        summary="Convolutional network that predicts the colors of a gray image.",
        tasks=("colorization",),
        tags=("convolutional", "image"),
        references=(
            "Iizuka, Simo-Serra & Ishikawa 2016, Let there be color!, ACM Transactions on "
            "Graphics 35(4)",
            "Zhang, Isola & Efros 2016, Colorful image colorization, arXiv:1603.08511",
        ),
        limits=(
            "It knows no colors but those of things in its training images.",
            "Where a thing may have several colors, it gives one of them or one between.",
        ),
        license="Apache-2.0",
    )
    Config = ColorizerConfig
    default_dataset = "aircraft_colors"

    def default_config(self, data):
        """Return the configuration and the plan to start from."""
        config = ColorizerConfig(optimizer=zoo.OptimizerConfig(learning_rate=3e-3))
        return zoo.Recipe(config, zoo.TrainPlan(epochs=30, batch_size=32))

    def test_configs(self, data):
        """Return a network that trains in seconds."""
        config = ColorizerConfig(filters=(8, 8), optimizer=zoo.OptimizerConfig(learning_rate=0.02))
        return (zoo.Recipe(config, zoo.TrainPlan(epochs=3)),)

    def build(self, config, data):
        """Return a compiled model from gray levels to the chroma of every pixel."""
        from keras import Input, Model, layers

        from zoo.layers import make_optimizer, scale_image
        from zoo_colorizer.loss import ChromaLoss

        def convolve(x, filters, strides=1):
            x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
            return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

        if data.task not in self.info.tasks:
            raise zoo.errors.ConfigError(
                f"colorizer needs images in gray and in color, and {data.id} has none",
                fix="zoo train colorizer --data PHOTOS --data-option reader=color_photos",
            )

        def enlarge(x, rows, columns):
            # A side that is odd was rounded up where it was halved.
            x = layers.UpSampling2D(interpolation="bilinear")(x)
            return layers.Cropping2D(((0, x.shape[1] - rows), (0, x.shape[2] - columns)))(x)

        spec, skips = data.inputs[0], []
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        x = scale_image(image, spec)
        for filters in config.filters:
            x = convolve(x, filters, strides=2)
            skips.append(x)
        # What the whole image is like: the same gray is a white in shadow, or a yellow in light.
        whole = layers.Dense(skips.pop().shape[-1], "relu")(layers.GlobalAveragePooling2D()(x))
        x = layers.Add()([x, layers.Reshape((1, 1, -1))(whole)])
        while skips:
            fine = skips.pop()
            x = layers.Concatenate()([enlarge(x, *fine.shape[1:3]), fine])
            x = convolve(x, fine.shape[-1])
        chroma = layers.Rescaling(128)(layers.Conv2D(2, 3, padding="same", activation="tanh")(x))
        # Half of the resolution is enough for chroma, as in most JPEG files.
        chroma = enlarge(chroma, *spec.shape[:2])
        model = Model(image, chroma)
        model.compile(make_optimizer(config.optimizer), ChromaLoss())
        return model

    def signatures(self, model, config, data):
        """Return `predict`: the image in color, which has the luma of the gray image."""
        from keras import Model, ops

        from zoo_colorizer.chroma import TO_COLOR

        gray = ops.cast(model.input, "float32")
        color = ops.clip(gray + ops.matmul(model.output, TO_COLOR), 0, 255)
        output = data.targets[0].model_copy(update={"dtype": "float32"})
        return (
            zoo.Signature("predict", Model(model.input, {"color": color}), data.inputs, (output,)),
        )

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Measure the error of chroma, beside the nearest color and gray."""
        from zoo_colorizer.metrics import evaluate_colors

        return evaluate_colors(predict_fns["predict"], split, data, reference)
