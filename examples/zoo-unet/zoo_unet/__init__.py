"""U-Net for the zoo: the class of every pixel of an image."""

from pydantic import Field, PositiveInt

import zoo


class UNetConfig(zoo.ModelConfig):
    """Configuration of the network."""

    filters: tuple[PositiveInt, ...] = Field(
        (16, 32, 64), min_length=1, description="Filters at each resolution, from fine to coarse."
    )


class UNet(zoo.Architecture[UNetConfig]):
    """Convolutions down to coarse resolutions and up again, with skip connections."""

    info = zoo.ArchitectureInfo(
        name="unet",
        summary="U-Net that predicts the class of every pixel of an image.",
        tasks=("segmentation",),
        references=("Ronneberger, Fischer & Brox 2015, U-Net, arXiv:1505.04597",),
        limits=("It does not tell apart two objects of one class that touch.",),
    )
    Config = UNetConfig
    default_dataset = "unet_shapes"

    def default_config(self, data):
        """Keep the epoch with the best mean IoU of the validation split."""
        config = UNetConfig(optimizer=zoo.OptimizerConfig(learning_rate=3e-3))
        return zoo.Recipe(config, zoo.TrainPlan(epochs=10, batch_size=16, monitor="val_mean_iou"))

    def test_configs(self, data):
        """Return a network that trains in seconds."""
        config = UNetConfig(filters=(8, 8), optimizer=zoo.OptimizerConfig(learning_rate=0.03))
        return (zoo.Recipe(config, zoo.TrainPlan(epochs=3, monitor="val_mean_iou")),)

    def build(self, config, data):
        """Return a compiled model from raw pixels to the class probabilities of every pixel."""
        from keras import Input, Model, layers, metrics

        from zoo.layers import make_optimizer, scale_image

        def convolve(x, filters):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

        spec, classes, skips = data.inputs[0], len(data.labels), []
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        # Every pooling halves the sides, so they are padded to what can be halved so often.
        rows, columns = (-side % 2 ** (len(config.filters) - 1) for side in spec.shape[:2])
        x = layers.ZeroPadding2D(((0, rows), (0, columns)))(scale_image(image, spec))
        for filters in config.filters[:-1]:
            skips.append(convolve(x, filters))
            x = layers.MaxPooling2D()(skips[-1])
        x = convolve(x, config.filters[-1])
        while skips:
            # What pooling lost, the exact place of an edge, comes back by the skip connection.
            x = layers.Concatenate()([layers.UpSampling2D()(x), skips[-1]])
            x = convolve(x, skips.pop().shape[-1])
        x = layers.Conv2D(classes, 1, activation="softmax")(x)
        model = Model(image, layers.Cropping2D(((0, rows), (0, columns)), name="probabilities")(x))
        mean_iou = metrics.MeanIoU(classes, sparse_y_pred=False, name="mean_iou")
        optimizer = make_optimizer(config.optimizer)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=[mean_iou])
        return model

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Measure the mean IoU, beside that of the most frequent class of each gray level."""
        from zoo_unet.metrics import evaluate_masks

        return evaluate_masks(predict_fns["predict"], split, data, reference)

    def signatures(self, model, config, data):
        """Return `predict`; the export adds the mask, the most probable class of every pixel."""
        from zoo.layers import classifier_signature

        return (classifier_signature(model, data),)
