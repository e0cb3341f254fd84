"""Object detector for the zoo: a fixed number of rows with boxes, scores and classes."""

from functools import partial

from pydantic import Field

import zoo

STRIDE = 4


class DetectorConfig(zoo.ModelConfig):
    """Configuration of the network and of its answer."""

    filters: int = Field(24, ge=1, description="Filters of the first convolution.")
    rows: int = Field(8, ge=1, description="Rows of the answer, boxes and padding.")
    threshold: float = Field(0.5, gt=0, lt=1, description="Least score of a box.")


class Detector(zoo.Architecture[DetectorConfig]):
    """The cell of a grid where an object has its center says its class and its sides."""

    info = zoo.ArchitectureInfo(
        name="detector",
        summary="Anchor-free object detector that finds the center and the sides of each box.",
        tasks=("detection",),
        references=(
            "Zhou, Wang & Krähenbühl 2019, Objects as points, arXiv:1904.07850",
            "Tian et al. 2019, FCOS: fully convolutional one-stage object detection",
        ),
        limits=("Of objects whose centers are less than two cells apart, it finds one.",),
    )
    Config = DetectorConfig
    default_dataset = "detector_shapes"

    def default_config(self, data):
        """Return a plan that suits some hundred images."""
        optimizer = zoo.OptimizerConfig(learning_rate=3e-3)
        return zoo.Recipe(DetectorConfig(optimizer=optimizer), zoo.TrainPlan(epochs=30))

    def test_configs(self, data):
        """Return a network that trains in seconds, and answers before it is sure."""
        optimizer = zoo.OptimizerConfig(learning_rate=2e-2)
        config = DetectorConfig(filters=8, threshold=0.1, optimizer=optimizer)
        return (zoo.Recipe(config, zoo.TrainPlan(epochs=6, batch_size=16)),)

    def build(self, config, data):
        """Return a compiled model from raw pixels to a grid of classes and sides."""
        from keras import Input, Model, layers

        from zoo.layers import make_optimizer, scale_image
        from zoo_detector.grid import side_loss

        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        x = scale_image(image, spec)
        # Two of the convolutions halve the sides: a cell has STRIDE x STRIDE pixels.
        for factor, strides in ((1, 1), (1, 2), (2, 1), (2, 2), (4, 1)):
            x = layers.Conv2D(factor * config.filters, 3, strides, "same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        classes = len(data.labels)
        heat = layers.Conv2D(classes, 1, activation="sigmoid", name="heat")(x)
        sides = layers.Conv2D(4, 1, activation="softplus", name="sides")(x)
        model = Model(image, {"heat": heat, "sides": sides})
        loss = {"heat": "binary_crossentropy", "sides": side_loss}
        model.compile(make_optimizer(config.optimizer), loss)
        return model

    def train(self, model, dataset, loop):
        """Train on grids, which are made of the boxes batch by batch."""
        from zoo_detector.grid import to_grid

        _, *cells, classes = model.output["heat"].shape
        function = partial(to_grid, cells=cells, stride=STRIDE, classes=classes)
        loop.fit(model, zoo.MappedDataset(dataset, function))

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Measure the F1 score at an intersection over union of 0.5."""
        from zoo_detector.metrics import evaluate_boxes

        return evaluate_boxes(predict_fns["predict"], split, data, reference)

    def signatures(self, model, config, data):
        """Return `predict`: the boxes, the surest first, and how many there are."""
        from keras import Model

        from zoo_detector.data import row_specs
        from zoo_detector.grid import to_rows

        boxes, label, count = row_specs(config.rows, data.labels)
        score = zoo.TensorSpec(
            name="score", shape=label.shape, role="score", of="boxes", rows="count"
        )
        answer = Model(
            model.input,
            to_rows(**model.output, stride=STRIDE, rows=config.rows, threshold=config.threshold),
        )
        return (zoo.Signature("predict", answer, data.inputs, (boxes, score, label, count)),)
