"""Transfer learning for the zoo: a new head on a trained backbone, trained in two phases."""

from pydantic import Field

import zoo


class FineTunedConfig(zoo.ModelConfig):
    """Configuration of the head and of the two phases."""

    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout before the head.")
    head_epochs: int = Field(5, ge=1, description="Epochs of the first phase, the head alone.")
    slower: float = Field(0.2, gt=0, le=1, description="Factor of the rate in the second phase.")


class FineTuned(zoo.Architecture[FineTunedConfig]):
    """A dense head on the convolutions of the zoo's own network for MNIST."""

    info = zoo.ArchitectureInfo(
        name="fine_tuned",
        summary="Head on a backbone trained on MNIST, trained first alone and then with it.",
        tasks=(zoo.Task.CLASSIFICATION,),
        references=(
            "Yosinski et al. 2014, How transferable are features in deep neural networks?",
        ),
        limits=("Images are seen in gray and in 28 x 28 pixels.",),
    )
    Config = FineTunedConfig
    default_dataset = "digits"

    def default_config(self, data):
        """Return a plan for the second phase; the first is part of the configuration."""
        config = FineTunedConfig(optimizer=zoo.OptimizerConfig(learning_rate=3e-3))
        return zoo.Recipe(config, zoo.TrainPlan(epochs=10))

    def test_configs(self, data):
        """Return phases that train in seconds."""
        optimizer = zoo.OptimizerConfig(learning_rate=1e-2)
        config = FineTunedConfig(head_epochs=2, optimizer=optimizer)
        return (zoo.Recipe(config, zoo.TrainPlan(epochs=2)),)

    def build(self, config, data):
        """Return a compiled model from raw pixels to class probabilities."""
        from keras import Input, Model, layers, ops

        from zoo.layers import compile_classifier, scale_image

        # The backbone takes what the published network has behind its scaling of pixels.
        source = zoo.build("cnn", data="mnist")
        ends = source.get_layer("scale").output, source.get_layer("global_pooling").output
        backbone = Model(*ends, name="backbone")
        spec = data.inputs[0]
        image = Input(spec.shape, dtype=spec.dtype, name=spec.name)
        gray = ops.mean(scale_image(image, spec), axis=-1, keepdims=True)
        x = backbone(layers.Resizing(28, 28)(gray))
        x = layers.Dropout(config.dropout)(x)
        probabilities = layers.Dense(len(data.labels), "softmax", name="probabilities")(x)
        return compile_classifier(Model(image, probabilities), config.optimizer)

    def load_pretrained(self, model):
        """Load the published weights; not called where the weights are those of a run."""
        published = zoo.build("cnn", weights="mnist").get_weights()
        model.get_layer("backbone").set_weights(published[:-2])  # all but those of its own head

    def train(self, model, dataset, loop):
        """Train the head on the frozen backbone, then everything at a lower rate."""
        from zoo.layers import compile_classifier

        config, backbone = model.blueprint.config, model.get_layer("backbone")
        backbone.trainable = False
        compile_classifier(model, config.optimizer)  # what is frozen counts when it is compiled
        loop.fit(model, dataset, phase="head", epochs=config.head_epochs)
        backbone.trainable = True
        lower = {"learning_rate": config.slower * config.optimizer.learning_rate}
        compile_classifier(model, config.optimizer.model_copy(update=lower))
        loop.fit(model, dataset, phase="all")
