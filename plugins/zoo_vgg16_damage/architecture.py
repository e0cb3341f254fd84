"""Dents and cracks, and damage of any other kind that pictures show, told apart."""

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
    """A small network in VGG's manner from scratch, or a backbone of ``keras.applications``."""

    info = zoo.ArchitectureInfo(
        name="vgg16_damage",
        summary="Tells damage in pictures apart, and where it is: from scratch or by transfer.",
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
            "It says one class a picture, also of a picture without any damage.",
            "Where it looked is coarse, and shows its reasons, which need not be the damage.",
            "Trained on drawn pictures it knows drawn pictures: photos want training on photos.",
            "A probability is calibrated for pictures like those it was validated on.",
            "It is no inspection: a person decides.",
        ),
    )
    Config = VGG16DamageConfig
    default_dataset = "aircraft_damage_synthetic"

    def default_config(self, data: DataSpec) -> Recipe[VGG16DamageConfig]:
        """Return a small network with as many stages as the picture has room for."""
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
        """Return two tiny networks; a backbone needs weights that are learned elsewhere."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, weight_decay=0.01, warmup=0.1)
        average = VGG16DamageConfig(stem=4, stages=((8,), (8,)), optimizer=optimizer)
        flat = average.model_copy(
            update={"head": HeadConfig(pooling="flatten", dense=(4,)), "class_weights": "none"}
        )
        plan = TrainPlan(epochs=6, batch_size=32)
        return Recipe(average, plan), Recipe(flat, plan)

    def build(self, config: VGG16DamageConfig, data: DataSpec) -> keras.Model:
        """Return a compiled ``keras.Model`` from raw pixels to class probabilities.

        A backbone is built with random weights: what it learned elsewhere comes into it by
        :meth:`load_pretrained`.

        Shapes:
            In: `image` `(batch, height, width, channels)`, raw pixels.
            Out: `(batch, classes)`.

        Raises:
            ConfigError: If the data has no pictures of one size, or they do not fit the network.
        """
        import keras

        from zoo.layers import compile_classifier
        from zoo_vgg16_damage.compact import compact
        from zoo_vgg16_damage.head import attach, make_head

        spec = _image(data)
        _positive(config, data)
        image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        if config.preset == "small":
            features = compact(image, config, spec)
        else:
            from zoo_vgg16_damage.transfer import see

            features = see(image, config, spec)
        answer = attach(features, make_head(config.head, len(data.labels)))
        model = keras.Model(image, answer, name=self.info.name)
        return compile_classifier(model, config.optimizer)

    def load_pretrained(self, model: keras.Model) -> None:
        """Load the backbone's weights.

        Raises:
            DatasetUnavailable: If they are not here and cannot be downloaded.
            ChecksumMismatch: If the download is another file.
            DataError: If the file does not fit the backbone.
        """
        config: VGG16DamageConfig = model.blueprint.config
        if config.is_frozen:
            from zoo_vgg16_damage.backbones import load_pretrained

            load_pretrained(model, config)

    def adapt(self, model: keras.Model, inputs: Arrays, targets: Arrays) -> None:
        """Weigh the classes by how rare they are."""
        import numpy as np

        from zoo.layers import compile_classifier

        data, config = model.blueprint.data, model.blueprint.config
        if config.class_weights == "none":
            return
        classes = len(data.labels)
        counts = np.bincount(targets[_target(data).name].reshape(-1), minlength=classes)
        present = int((counts > 0).sum())
        weights = counts.sum() / (present * np.maximum(counts, 1))
        compile_classifier(model, config.optimizer, class_weights=weights.tolist())

    def train(self, model: keras.Model, dataset: Dataset, loop: TrainLoop) -> None:
        """Learn, in two phases with a backbone; then choose temperature and threshold.

        Raises:
            ConfigError: If the features need more room on disk than is allowed.
            StorageError: If they cannot be written.
        """
        from zoo_vgg16_damage.deciding import decide

        config: VGG16DamageConfig = model.blueprint.config
        if config.is_frozen:
            from zoo_vgg16_damage.transfer import teach

            teach(model, dataset, loop)
        else:
            loop.fit(model, dataset)
        decide(model, dataset.split("validation"), _positive(config, dataset.spec))

    def evaluate(
        self,
        predict_fns: PredictFns,
        split: Split,
        data: DataSpec,
        *,
        config: VGG16DamageConfig | None = None,
        reference: Split | None = None,
    ) -> Evaluation:
        """Measure the classes, the threshold and the curves, beside simpler methods.

        Raises:
            ConfigError: If the model gives no probabilities.
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
        """Return what the model can be asked.

        Shapes:
            predict: raw to `probabilities` `(batch, classes)`, and of two classes `threshold`
                `(batch,)`: from where on the one that is looked for is said to be there.
            where: raw to `evidence` `(batch, rows, columns, classes)`, nats.
        """
        from zoo_vgg16_damage.signatures import published

        return published(model, config, data, _positive(config, data))


def _target(data: DataSpec) -> TensorSpec:
    return next(tensor for tensor in data.targets if tensor.labels is not None)


def _image(data: DataSpec) -> TensorSpec:
    image = data.input("image")
    if image is None or not image.is_image:
        raise zoo.errors.ConfigError(
            f"vgg16_damage needs pictures, and {data.id} has none",
            why=f"its inputs are {', '.join(tensor.name for tensor in data.inputs)}",
            fix="zoo train vgg16_damage --data FOLDER, with one folder of pictures a class",
        )
    if not all(isinstance(size, int) for size in image.shape):
        raise zoo.errors.ConfigError(
            f"vgg16_damage needs pictures of one size, and those of {data.id} are {image.shape}",
            why="what is exported has a fixed size",
            fix="--data-option image_size=224 brings the pictures of a folder to one size",
        )
    return image


def _positive(config: VGG16DamageConfig, data: DataSpec) -> int:
    """Return the index of the class that is looked for."""
    labels = data.labels
    if config.positive is None:
        return 0
    if config.positive in labels:
        return labels.index(config.positive)
    raise zoo.errors.ConfigError(
        "vgg16_damage config: 1 wrong value",
        findings=[zoo.Finding("positive", config.positive, f"one of {', '.join(labels[:20])}")],
        fix="zoo info vgg16_damage",
    )


__all__ = ["VGG16Damage"]
