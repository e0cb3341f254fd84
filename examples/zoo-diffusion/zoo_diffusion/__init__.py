"""Denoising diffusion model of small images, as a plugin for the zoo."""

from pydantic import Field

import zoo
from zoo import TensorSpec


class DiffusionConfig(zoo.ModelConfig):
    """Configuration of the denoiser, and the number of its steps."""

    units: int = Field(256, ge=1, le=4_096, description="Units of each hidden layer.")
    depth: int = Field(3, ge=1, le=64, description="Number of residual blocks.")
    steps: int = Field(50, ge=2, le=1_000, description="Steps from noise to an image.")


class Diffusion(zoo.Architecture[DiffusionConfig]):
    """A network that learns to remove noise, and draws images by removing it step by step."""

    info = zoo.ArchitectureInfo(
        name="diffusion",
        summary="Denoising diffusion model that turns noise into small images step by step.",
        tasks=("generation",),
        tags=("dense", "generative", "image"),
        references=(
            "Ho et al. 2020, Denoising diffusion probabilistic models, arXiv:2006.11239",
            "Salimans & Ho 2022, Progressive distillation, arXiv:2202.00512",
        ),
        limits=("One weight per pixel and unit: not suited for large images.",),
        license="Apache-2.0",
    )
    Config = DiffusionConfig
    default_dataset = "digits"

    def default_config(self, data):
        """Return the default plan: samples go on improving while the loss hardly changes."""
        config = DiffusionConfig(optimizer=zoo.OptimizerConfig(learning_rate=2e-3))
        return zoo.Recipe(
            config, zoo.TrainPlan(epochs=300, batch_size=64, restore_best_weights=False)
        )

    def test_configs(self, data):
        """Return a small network."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2)
        config = DiffusionConfig(units=64, depth=1, steps=5, optimizer=optimizer)
        return (zoo.Recipe(config, zoo.TrainPlan(epochs=3, batch_size=32)),)

    def build(self, config, data):
        """Return a compiled model from raw images to the same, restored from half noise."""
        import keras

        from zoo.layers import make_optimizer, scale_image
        from zoo_diffusion.networks import DenoisingLoss, Noising, make_denoiser

        spec = data.inputs[0]
        if not spec.is_image or spec.range is None:
            raise zoo.errors.ConfigError(f"diffusion needs images, and {data.id} has none")
        low, high = spec.range
        image = keras.Input(spec.shape, dtype=spec.dtype, name=spec.name)
        scaled = scale_image(image, spec) * 2 - 1
        noisy, time = Noising()(scaled)
        clean = make_denoiser(spec.shape, config.units, config.depth)([noisy, time])
        clean = DenoisingLoss()(clean, scaled, time)
        restored = low + (clean + 1) * (high - low) / 2
        model = keras.Model(image, {"restored": restored}, name="diffusion")
        model.compile(make_optimizer(config.optimizer))
        return model

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Compare images with samples, and with what stands for bad and for perfect ones."""
        import numpy as np

        from zoo.metrics.figures import Bars, ImageGrid, ImageRow
        from zoo.runtime import Sampler
        from zoo_diffusion.networks import chamfer_distance, images_of

        images = images_of(split, data)
        sampler = Sampler(predict_fns["denoise"], *step_specs(data.inputs[0]))
        random = np.random.default_rng(0)
        shown = {
            "samples": sampler.run(len(images), (config or DiffusionConfig()).steps)["image"],
            # What one draws who knows the values of each pixel, and nothing of its neighbors.
            "independent pixels": random.permuted(images, axis=0),
        }
        if reference is not None:
            known = random.permutation(images_of(reference, data))
            shown["training images"] = known[: len(images)]
        bars = {
            name: zoo.Score.of_mean(chamfer_distance(x, images), better="lower")
            for name, x in shown.items()
        }
        rows = tuple(ImageRow.of(name, x[:10]) for name, x in shown.items())
        caption = "Mean from each sample and each image of the split to the nearest of the others."
        figures = (
            ImageGrid(title="Samples", rows=rows),
            Bars.of_scores(bars, title="Chamfer distance", caption=caption, label="gray levels"),
        )
        scores = {"chamfer_distance": bars["samples"]}
        scores["chamfer_distance_of_independent_pixels"] = bars["independent pixels"]
        return zoo.Evaluation(
            task="generation", examples=len(images), scores=scores, figures=figures
        )

    def signatures(self, model, config, data):
        """Return `denoise`, a step of sampling: its outputs are its next inputs."""
        from zoo_diffusion.networks import make_step

        low, high = data.inputs[0].range
        step = make_step(model.get_layer("denoiser"), config.steps, low, high)
        return (zoo.Signature("denoise", step, *step_specs(data.inputs[0])),)


def step_specs(image):
    """Return the inputs and the outputs of a step."""
    latent = TensorSpec(name="latent", shape=image.shape, role="state", draw="normal")
    step = TensorSpec(name="step", shape=(1,), role="state", draw="zeros", unit="steps")
    noise = TensorSpec(name="noise", shape=image.shape, role="noise", draw="normal")
    again = [
        spec.model_copy(update={"name": f"next_{spec.name}", "of": spec.name, "draw": None})
        for spec in (latent, step)
    ]
    found = TensorSpec(name="image", shape=image.shape, range=image.range, role="image")
    return (latent, step, noise), (*again, found)
