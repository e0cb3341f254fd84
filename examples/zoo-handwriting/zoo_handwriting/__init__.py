"""Handwriting: a network that writes a text as the strokes of a pen, as a plugin for the zoo."""

import numpy as np
from pydantic import Field

import zoo


class HandwritingConfig(zoo.ModelConfig):
    """Configuration of the network, and of its hand."""

    units: int = Field(160, ge=1, le=2_048, description="Units of the LSTM.")
    bells: int = Field(5, ge=1, le=64, description="Gaussians of the window over the letters.")
    mixtures: int = Field(10, ge=1, le=128, description="Gaussians of the next point's density.")
    noise: float = Field(
        0.05, ge=0, le=1, description="Noise of the points that are read in training, in heights."
    )
    bias: float = Field(
        2.0, ge=0, le=10, description="How neat the writing is: 0 as in the data, 5 nearly fixed."
    )


class Handwriting(zoo.Architecture[HandwritingConfig]):
    """An LSTM that reads through a window and draws each point from a mixture of Gaussians."""

    info = zoo.ArchitectureInfo(
        name="handwriting",
        summary="LSTM with a mixture density output that writes a text by hand.",
        tasks=("handwriting",),
        tags=("recurrent", "generative"),
        references=(
            "Graves 2013, Generating sequences with recurrent neural networks, arXiv:1308.0850",
            "Bishop 1994, Mixture density networks, Aston University NCRG/94/004",
        ),
        limits=(
            "It writes the letters from a to z in one hand, and no other signs.",
            "A long text may miss a letter, or have one twice.",
        ),
        license="Apache-2.0",
    )
    Config = HandwritingConfig
    default_dataset = "pen_strokes"

    def default_config(self, data):
        """Return the configuration and the plan to start from."""
        optimizer = zoo.OptimizerConfig(learning_rate=5e-3, global_clipnorm=1)
        config = HandwritingConfig(optimizer=optimizer)
        return zoo.Recipe(config, zoo.TrainPlan(epochs=45, batch_size=48))

    def test_configs(self, data):
        """Return a small network."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2, global_clipnorm=1)
        config = HandwritingConfig(units=24, bells=2, mixtures=3, optimizer=optimizer)
        return (zoo.Recipe(config, zoo.TrainPlan(epochs=3, batch_size=16)),)

    def build(self, config, data):
        """Return a compiled model from a text and points to the density of each next point."""
        from keras import Input, Model, layers

        from zoo.layers import make_optimizer
        from zoo_handwriting.network import DensityLoss, Writer

        if data.task not in self.info.tasks:
            raise zoo.errors.ConfigError(
                f"handwriting needs texts and their strokes, and {data.id} has none",
                fix="zoo train handwriting --data pen_strokes",
            )
        text = data.inputs[0]
        letters = len(text.text.vocabulary) - 4
        core = Writer(letters, config.units, config.bells, config.mixtures, name="writer")
        inputs = Input(text.shape, dtype=text.dtype, name="text"), Input((None, 3), name="previous")
        # In training the points before are never quite right, as those that it draws will be.
        density = core(inputs[0], layers.GaussianNoise(config.noise)(inputs[1]))
        model = Model(dict(zip(("text", "previous"), inputs, strict=True)), density)
        model.compile(make_optimizer(config.optimizer), DensityLoss())
        return model

    def train(self, model, dataset, loop):
        """Train to predict each point from the true points before it (teacher forcing)."""
        loop.fit(model, zoo.MappedDataset(dataset, teacher_forcing))

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Measure the likelihood of strokes, and whether what it writes can be read."""
        from zoo_handwriting.metrics import evaluate_writing
        from zoo_handwriting.writing import write_specs

        specs = write_specs(data, config or HandwritingConfig())
        return evaluate_writing(predict_fns, specs, split, data, reference)

    def signatures(self, model, config, data):
        """Return `write`, a step of sampling, and `score`, a step with a given point."""
        from zoo_handwriting import writing

        core, (inputs, outputs) = model.get_layer("writer"), writing.write_specs(data, config)
        given, found = writing.score_specs(inputs)
        write = writing.make_write(core, inputs, config.bias)
        score = writing.make_score(core, given)
        samples = writing.halfway(inputs)
        return (
            zoo.Signature("write", write, inputs, outputs, samples=samples),
            zoo.Signature("score", score, given, found),
        )


def teacher_forcing(inputs, targets):
    """Return the text and the points before each point as inputs."""
    strokes = targets["strokes"]
    previous = np.pad(strokes[:, :-1], [(0, 0), (1, 0), (0, 0)])
    return {**inputs, "previous": np.maximum(previous, [-np.inf, -np.inf, 0])}, targets
