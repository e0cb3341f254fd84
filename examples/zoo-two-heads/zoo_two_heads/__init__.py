"""A network with two inputs and two outputs, as a plugin for the zoo."""

import zoo


class TwoHeads(zoo.Architecture[zoo.ModelConfig]):
    """Convolutions on an image, joined with the columns of a table; a class and a number."""

    info = zoo.ArchitectureInfo(
        name="two_heads",
        summary="Network that reads a gauge from its image and the numbers printed on it.",
        tasks=("gauge-reading",),
        references=("Caruana 1997, Multitask learning, Machine Learning 28",),
        limits=("It reads only gauges that look like those of its training data.",),
    )
    Config = zoo.ModelConfig
    default_dataset = "gauges"

    def default_config(self, data):
        """Return the configuration and the plan to start from."""
        config = zoo.ModelConfig(optimizer={"learning_rate": 5e-3})
        return zoo.Recipe(config, zoo.TrainPlan(epochs=30))

    def build(self, config, data):
        """Return a compiled model, whose outputs have the names of their targets."""
        from keras import Input, Model, layers

        from zoo.layers import Normalization, make_optimizer, scale_image

        if data.task not in self.info.tasks:
            raise zoo.errors.ConfigError(f"two_heads reads gauges, and {data.id} has none")
        image, table = (Input(one.shape, dtype=one.dtype, name=one.name) for one in data.inputs)
        x = scale_image(image, data.inputs[0])
        for filters in (16, 32):
            x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.Concatenate()([layers.Flatten()(x), Normalization(name="standardize")(table)])
        x = layers.Dense(64, "relu")(layers.Dense(64, "relu")(x))
        state = layers.Dense(2, "softmax", name="state")(x)
        # One column, not none: then the loss is an error for each example, which its weight counts.
        reading = layers.Dense(1, name="reading")(x)
        model = Model([image, table], {"state": state, "reading": reading})
        losses = {"state": "sparse_categorical_crossentropy", "reading": "mse"}
        model.compile(make_optimizer(config.optimizer), losses)
        return model

    def adapt(self, model, inputs, targets):
        """Fit the means and deviations of the printed numbers."""
        model.get_layer("standardize").adapt(inputs["numeric"])

    def signatures(self, model, config, data):
        """Return ``predict``: the probabilities of the states, and the reading in bar."""
        state = zoo.TensorSpec(name="state", shape=(2,), labels=data.labels, role="probabilities")
        reading = zoo.TensorSpec(name="reading", shape=(1,), unit="bar", role="prediction")
        return (zoo.Signature("predict", model, data.inputs, (state, reading)),)

    def evaluate(self, predict_fns, split, data, *, config=None, reference=None):
        """Evaluate each head as if it were a model; the last, a classification, has tables."""
        scores, figures = {}, ()
        for task, name in (("regression", "reading"), ("classification", "state")):
            asked = {"task": task, "target": name, "output": name, "reference": reference}
            found = zoo.metrics.evaluate(predict_fns["predict"], split, data, **asked)
            scores |= {f"{name}_{key}": score for key, score in found.scores.items()}
            figures += found.figures
        parts = {"scores": scores, "tables": found.tables, "figures": figures}
        return zoo.Evaluation(task=data.task, examples=len(split), **parts)
