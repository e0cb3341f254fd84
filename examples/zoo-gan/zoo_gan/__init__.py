"""Generative adversarial network of small images, as a plugin for the zoo."""

from pydantic import Field

import zoo
from zoo import OptimizerConfig, Score, TensorSpec

RMSPROP = OptimizerConfig(name="rmsprop", learning_rate=1e-3)  # momentum lets one network win


class GanConfig(zoo.BaseConfig):
    """Configuration of both networks, each with an optimizer."""

    noise: int = Field(32, ge=1, le=1_024, description="Size of the noise that becomes an image.")
    units: tuple[int, ...] = Field((256, 256), description="Units of each network's hidden layers.")
    critic: OptimizerConfig = Field(RMSPROP, description="Optimizer of the critic.")
    generator: OptimizerConfig = Field(RMSPROP, description="That of the generator.")


class Gan(zoo.Architecture[GanConfig]):
    """Generative adversarial network: a generator, and a critic that it learns to deceive."""

    info = zoo.ArchitectureInfo(
        name="gan",
        summary="Generative adversarial network that draws small images from noise.",
        tasks=("generation",),
        tags=("dense", "generative", "image"),
        references=("Goodfellow et al. 2014, Generative adversarial nets, arXiv:1406.2661",),
        limits=("Rare kinds of training images may be missing among the samples.",),
        license="Apache-2.0",
        backends=("tensorflow", "torch"),
    )
    Config = GanConfig
    default_dataset = "digits"

    def default_config(self, data):
        """Return the default plan: the best epoch is that with the most similar samples."""
        plan = zoo.TrainPlan(epochs=200, batch_size=64, monitor="chamfer_distance", mode="min")
        return zoo.Recipe(GanConfig(), plan)

    def test_configs(self, data):
        """Return small networks."""
        plan = zoo.TrainPlan(epochs=3, batch_size=32, monitor="chamfer_distance", mode="min")
        fast = OptimizerConfig(name="rmsprop", learning_rate=3e-3)
        config = GanConfig(noise=8, units=(64,), critic=fast, generator=fast)
        return (zoo.Recipe(config, plan),)

    def build(self, config, data):
        """Return the compiled critic of raw images, which has the generator in it."""
        from zoo.layers import make_optimizer
        from zoo_gan.networks import Networks

        spec = data.inputs[0]
        if not spec.is_image or spec.range is None:
            raise zoo.errors.ConfigError(f"gan needs images, and {data.id} has none")
        model = Networks(spec.model_dump(mode="json"), config.noise, list(config.units), name="gan")
        model.set_optimizers(make_optimizer(config.critic), make_optimizer(config.generator))
        return model

    def train(self, model, dataset, loop):
        """Train both networks, and compare samples with validation images after each epoch."""
        import keras

        from zoo_gan.networks import chamfer_distance, draw, images_of

        images = images_of(dataset.split("validation"), dataset.spec)
        noise = draw(len(images), model.settings["noise"])
        state = [model.chain.optimizer]  # that of the critic is model.optimizer

        def measure():
            samples = keras.ops.convert_to_numpy(model.generator(noise))
            return {"chamfer_distance": float(chamfer_distance(samples, images).mean())}

        loop.fit(model, dataset, measure=measure, state=state, loss="critic_loss")

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Compare images with samples, and with what stands for bad and for perfect ones."""
        import numpy as np

        from zoo.metrics.figures import Bars, ImageGrid, ImageRow
        from zoo_gan.networks import chamfer_distance, draw, images_of

        images = images_of(split, data)
        noise = draw(len(images), (config or GanConfig()).noise)
        random = np.random.default_rng(0)
        shown = {
            "samples": predict_fns["generate"]({"noise": noise})["image"],
            # What one draws who knows the values of each pixel, and nothing of its neighbors.
            "independent pixels": random.permuted(images, axis=0),
        }
        if reference is not None:
            known = random.permutation(images_of(reference, data))
            shown["training images"] = known[: len(images)]
        bars = {
            k: Score.of_mean(chamfer_distance(x, images), better="lower") for k, x in shown.items()
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
        """Return `criticize` for raw images, and `generate`, whose only input is drawn."""
        import keras

        image = data.inputs[0]
        generator = keras.Model(model.generator.input, {"image": model.generator.output})
        realness = TensorSpec(name="realness", shape=(1,), inside="logit: above 0 if it seems real")
        noise = TensorSpec(name="noise", shape=(config.noise,), role="noise", draw="normal")
        sample = TensorSpec(name="image", shape=image.shape, range=image.range, role="image")
        return (
            zoo.Signature("criticize", model, (image,), (realness,)),
            zoo.Signature("generate", generator, (noise,), (sample,)),
        )
