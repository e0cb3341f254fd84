"""Image classifier of damage: a small VGG-style CNN, or transfer learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import zoo
from zoo import (
    Arrays,
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
from zoo_vgg16_damage.config import HeadConfig, VGG16DamageConfig

if TYPE_CHECKING:
    import keras


class VGG16Damage(zoo.Architecture[VGG16DamageConfig]):
    """Small VGG-style CNN from scratch, or a pretrained backbone of ``keras.applications``."""

    info = zoo.ArchitectureInfo(
        name="vgg16_damage",
        summary="Damage classification with saliency maps: small CNN or transfer learning.",
        tasks=(zoo.Task.CLASSIFICATION,),
        tags=("convolution", "image", "transfer"),
        references=(
            "Simonyan & Zisserman 2015, Very deep convolutional networks, arXiv:1409.1556",
            "Yosinski et al. 2014, How transferable are features in deep neural networks?, "
            "arXiv:1411.1792",
            "Zhou et al. 2016, Learning deep features for discriminative localization, "
            "arXiv:1512.04150",
            "Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391",
            "Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599",
        ),
        limits=(
            "One class per image, also for images without damage.",
            "Saliency maps are coarse, and show the evidence used, which need not be the damage.",
            "Trained on synthetic images, it is not valid for photos: train it on photos.",
            "Probabilities are calibrated for images like those of the validation split.",
            "It does not replace an inspection by a person.",
        ),
    )
    Config = VGG16DamageConfig
    default_dataset = "aircraft_damage_synthetic"

    def default_config(self, data: DataSpec) -> Recipe[VGG16DamageConfig]:
        """Return a small network whose depth fits the image size."""
        side = min(int(size) for size in _image(data).shape[:2])
        stages: tuple[tuple[int, ...], ...] = ((24,), (48, 48), (96, 96))
        if side < 16:
            stages = ((24, 24), (48, 48))
        if side >= 160:
            stages = (*stages, (128, 128))
        config = VGG16DamageConfig(
            stages=stages,
            optimizer=zoo.OptimizerConfig(learning_rate=3e-3, weight_decay=0.05, warmup=0.1),
        )
        return Recipe(config, TrainPlan(epochs=20, batch_size=32))

    def test_configs(self, data: DataSpec) -> Sequence[Recipe[VGG16DamageConfig]]:
        """Return two tiny networks; a backbone would need pretrained weights."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01, warmup=0.1)
        average = VGG16DamageConfig(stem=4, stages=((8,), (8,)), optimizer=optimizer)
        flat = average.model_copy(
            update={"head": HeadConfig(pooling="flatten", dense=(4,)), "class_weights": "none"}
        )
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(average, plan), Recipe(flat, plan)

    def build(self, config: VGG16DamageConfig, data: DataSpec) -> keras.Model:
        """Build a compiled model from raw pixels to class probabilities.

        A backbone is built with random weights; :meth:`load_pretrained` loads pretrained ones.

        Shapes:
            In: `image` `(batch, height, width, channels)`, raw pixels.
            Out: `(batch, classes)`.

        Raises:
            ConfigError: If the data has no images of one size, or they do not fit the network.
        """
        import keras

        from zoo.layers import compile_classifier
        from zoo_vgg16_damage.network import attach_head, make_head, small_network

        spec = _image(data)
        _positive(config, data)
        image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        if config.preset == "small":
            features = small_network(image, config, spec)
        else:
            from zoo_vgg16_damage.transfer import backbone_features

            features = backbone_features(image, config, spec)
        probabilities = attach_head(features, make_head(config.head, len(data.labels)))
        model = keras.Model(image, probabilities, name=self.info.name)
        return compile_classifier(model, config.optimizer)

    def load_pretrained(self, model: keras.Model) -> None:
        """Load the pretrained weights of the backbone.

        Raises:
            DatasetUnavailable: If they are missing and cannot be downloaded.
            ChecksumMismatch: If the download is another file.
            DataError: If the file does not fit the backbone.
        """
        config: VGG16DamageConfig = model.blueprint.config
        if config.is_pretrained:
            from zoo_vgg16_damage.backbones import load_pretrained

            load_pretrained(model, config)

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Set class weights from the class frequencies."""
        import numpy as np

        from zoo.layers import compile_classifier
        from zoo_vgg16_damage.examples import label_name

        data, config = model.blueprint.data, model.blueprint.config
        if config.class_weights == "none":
            return
        classes = len(data.labels)
        counts = np.bincount(targets[label_name(data)].reshape(-1), minlength=classes)
        present = int((counts > 0).sum())
        weights = counts.sum() / (present * np.maximum(counts, 1))
        compile_classifier(model, config.optimizer, class_weights=weights.tolist())

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Train, in two phases with a backbone; then calibrate temperature and threshold.

        Raises:
            ConfigError: If the cached features would exceed the size limit.
            StorageError: If they cannot be written.
        """
        from zoo_vgg16_damage.calibration import calibrate

        config: VGG16DamageConfig = model.blueprint.config
        if config.is_pretrained:
            from zoo_vgg16_damage.transfer import train_transfer

            train_transfer(model, dataset, loop)
        else:
            loop.fit(model, dataset)
        calibrate(model, dataset.split("validation"), _positive(config, dataset.spec))

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: VGG16DamageConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Evaluate classes, threshold and curves beside baselines.

        Raises:
            ConfigError: If the model has no probabilities.
            DataError: If the split is empty.
            Diverged: If a probability is not finite.
        """
        from zoo_vgg16_damage.evaluation import evaluate_damage

        config = config or VGG16DamageConfig()
        return evaluate_damage(
            predict_fns, split, data, positive=_positive(config, data), reference=reference
        )

    def signatures(
        self, model: keras.Model, config: VGG16DamageConfig, data: DataSpec
    ) -> Sequence[Signature]:
        """Return ``predict`` and ``saliency``.

        Shapes:
            predict: raw to `probabilities` `(batch, classes)`; binary classifiers also return
                `threshold` `(batch,)`, the least probability of the positive class.
            saliency: raw to `evidence` `(batch, rows, columns, classes)`, nats.
        """
        from zoo_vgg16_damage.signatures import make_signatures

        return make_signatures(model, config, data, _positive(config, data))


def _image(data: DataSpec) -> TensorSpec:
    image = data.input("image")
    if image is None or not image.is_image:
        raise zoo.errors.ConfigError(
            f"vgg16_damage needs images, and {data.id} has none",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train vgg16_damage --data FOLDER, with one folder of images per class",
        )
    if not all(isinstance(size, int) for size in image.shape):
        raise zoo.errors.ConfigError(
            f"vgg16_damage needs images of one size, and those of {data.id} are {image.shape}",
            why="the exported graph has a fixed input size",
            fix="--data-option image_size=224 resizes the images of a folder to one size",
        )
    return image


def _positive(config: VGG16DamageConfig, data: DataSpec) -> int:
    """Return the index of the positive class."""
    labels = data.labels
    if config.positive_class is None:
        return 0
    if config.positive_class in labels:
        return labels.index(config.positive_class)
    raise zoo.errors.ConfigError(
        "vgg16_damage config: 1 wrong value",
        findings=[
            zoo.Finding("positive_class", config.positive_class, f"one of {', '.join(labels[:20])}")
        ],
        fix="zoo info vgg16_damage",
    )
