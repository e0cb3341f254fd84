"""Small networks with everything that conversions get wrong, and what exporting them needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo.architecture import Architecture, ArchitectureInfo, Blueprint, Signature
from zoo.config import ModelConfig
from zoo.spec import Column, DataSpec, Task, TensorSpec

CLASSES = ("cat", "dog", "fish", "owl")
PROBABILITIES = TensorSpec(name="probabilities", shape=(len(CLASSES),), role="probabilities")
LABEL = TensorSpec(name="label", dtype="int64", labels=CLASSES)
IMAGE = TensorSpec(
    name="image", shape=(6, 6, 1), dtype="uint8", range=(0, 255), inside="scaled", role="image"
)
NUMERIC = TensorSpec(
    name="numeric",
    shape=(3,),
    missing=True,
    columns=(Column(name="age", unit="year"), Column(name="height", unit="m"), Column(name="pay")),
)
CATEGORICAL = TensorSpec(
    name="categorical",
    shape=(2,),
    dtype="int32",
    columns=(
        Column(name="color", categories=("blue", "red")),
        Column(name="size", categories=("l", "m", "s")),
    ),
)
ROW = TensorSpec(name="x", shape=(4,), range=(-1, 1))
SERIES = TensorSpec(name="series", shape=("time", 2), range=(-2, 2))


class Config(ModelConfig):
    """Nothing to choose."""


class Tiny(Architecture[Config]):
    """Stands for any architecture: these tests build its models themselves."""

    info = ArchitectureInfo(
        name="tiny", summary="A network for tests", tasks=(Task.CLASSIFICATION,)
    )
    Config = Config
    default_dataset = "digits"

    def build(self, config: Config, data: DataSpec) -> Any:
        raise NotImplementedError


def blueprint(*inputs: TensorSpec, task: str = Task.CLASSIFICATION) -> Blueprint:
    targets = (LABEL,) if task == Task.CLASSIFICATION else ()
    return Blueprint(
        "tiny", Config(), DataSpec(id="toy", task=task, inputs=inputs, targets=targets)
    )


def randomize(model: Any, seed: int = 0) -> Any:
    """Give every weight a value far from where it starts, statistics included."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        low, high = (0.02, 1.5) if "variance" in weight.path else (-0.6, 0.6)
        if "count" not in weight.path:
            weight.assign(rng.uniform(low, high, weight.shape).astype(weight.dtype))
    return model


def _live_norm() -> Any:
    import keras
    from keras import ops

    class LiveNorm(keras.layers.BatchNormalization):
        """Uses the statistics of the batch, as in training."""

        def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
            mean, variance = ops.moments(x, axes=[0, 1, 2])
            return (x - mean) * ops.rsqrt(variance + self.epsilon) * self.gamma + self.beta

    return LiveNorm


def _live_dropout() -> Any:
    import keras

    class LiveDropout(keras.layers.Dropout):
        """Drops, as in training."""

        def call(self, x: Any, training: Any = None) -> Any:
            return super().call(x, training=True)

    return LiveDropout


def cnn(**fault: Any) -> Any:
    """An image classifier; a keyword changes one thing that a converter may get wrong."""
    import keras
    from keras import layers

    image = keras.Input((6, 6, 1), name="image", dtype="uint8")
    x = layers.Rescaling(fault.get("scale", 1 / 255))(image)
    x = layers.RandomRotation(0.1, seed=3)(x)
    if fault.get("transposed_image"):
        x = layers.Permute((2, 1, 3))(x)
    if fault.get("padding") == "shifted":
        x = layers.ZeroPadding2D(((0, 2), (0, 2)))(x)
        x = layers.Conv2D(4, 3, padding="valid", use_bias=False, name="conv")(x)
    else:
        x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(x)
    norm = _live_norm() if fault.get("training_norm") else layers.BatchNormalization
    x = norm(epsilon=fault.get("epsilon", 1e-3), name="norm")(x)
    x = layers.Activation(fault.get("activation", "gelu"), name="act")(x)
    x = (
        layers.MaxPooling2D(2, padding="same")(x)
        if fault.get("pool") == "max"
        else layers.AveragePooling2D(2)(x)
    )
    x = layers.Flatten()(x)
    x = (_live_dropout() if fault.get("dropout") else layers.Dropout)(0.3, seed=4)(x)
    x = layers.Dense(5, activation="tanh", name="hidden")(x)
    x = layers.Dense(5, activation="tanh", name="square")(x)
    chances = layers.Dense(len(CLASSES), activation=fault.get("last", "softmax"), name="head")(x)
    return randomize(keras.Model(image, {"probabilities": chances}))


def tabular(**fault: Any) -> Any:
    """Two inputs, missing values handled inside, a normalization whose statistics were fitted.

    A keyword changes one thing that a converter may get wrong.
    """
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(11)
    numeric = keras.Input((3,), name="numeric")
    categorical = keras.Input((2,), name="categorical", dtype="int32")
    missing = ops.isnan(numeric)
    norm = layers.Normalization()
    fitted = np.array([[20, 1.5, 1000], [60, 1.9, 9000], [40, 1.7, 3000]], "float32")
    norm.adapt(fitted[: fault.get("fitted_on", 3)])
    x = norm(ops.where(missing, ops.zeros_like(numeric), numeric))
    if not fault.get("missing_is_zero"):
        x = ops.where(missing, ops.zeros_like(x), x)
    flags = ops.cast(ops.logical_not(missing) if fault.get("flags") else missing, "float32")
    chosen = ops.mod(categorical + 1, 4) if fault.get("off_by_one") else categorical
    codes = layers.Flatten()(layers.Embedding(4, 3)(chosen))
    x = layers.Concatenate()([flags, x, codes] if fault.get("order") else [x, flags, codes])
    x = layers.LayerNormalization(epsilon=fault.get("epsilon", 1e-3))(
        layers.Dense(8, activation="relu")(x)
    )
    chances = layers.Dense(len(CLASSES), activation="softmax")(x)
    return keras.Model({"numeric": numeric, "categorical": categorical}, {"probabilities": chances})


def recurrent(layer: str = "LSTM", *, drop_last: bool = False, **fault: Any) -> Any:
    """A regression over a series of any length; ``fault`` goes to its last recurrent layer."""
    import keras
    from keras import layers

    series = keras.Input((None, 2), name="series")
    x = series[:, :-1] if drop_last else series
    x = layers.Bidirectional(getattr(layers, layer)(4, return_sequences=True))(x)
    x = getattr(layers, layer)(3, name="last", **fault)(x)
    return randomize(keras.Model(series, {"value": layers.Dense(1)(x)}), 1)


def autoencoder() -> tuple[Signature, ...]:
    """Three graphs of one model, one of them with two outputs of the same shape."""
    import keras
    from keras import layers

    shape = (4,)
    keras.utils.set_random_seed(2)
    x = keras.Input(shape, name="x")
    code = layers.Dense(4, activation="tanh")(x)
    z = keras.Input(shape, name="z")
    decoder = layers.Dense(4)
    spec = TensorSpec(name="x", shape=shape, range=(-1, 1))
    codes = TensorSpec(name="z", shape=shape, range=(-1, 1))
    out = TensorSpec(name="rebuilt", shape=shape)
    return (
        Signature(
            "predict", keras.Model(x, {"rebuilt": decoder(code), "z": code}), (spec,), (out, codes)
        ),
        Signature("encode", keras.Model(x, {"z": code}), (spec,), (codes,)),
        Signature("decode", keras.Model(z, {"rebuilt": decoder(z)}), (codes,), (out,)),
    )


def wide() -> Any:
    """A network with matrices of 1.08 MB, which a conversion leaves out, of 416 KB, and small."""
    import keras
    from keras import layers

    row = keras.Input((4,), name="x")
    x = layers.Dense(520, "tanh", name="first")(row)
    x = layers.Dense(520, "tanh", name="second")(x)
    x = layers.Dense(200, "tanh", name="third")(x)
    answer = layers.Dense(len(CLASSES), "softmax", name="head")(x)
    model = keras.Model(row, {"probabilities": answer})
    random = np.random.default_rng(7)
    for weight in model.weights:
        spread = 1 / np.sqrt(weight.shape[0])
        weight.assign(random.normal(0, spread, weight.shape).astype("float32"))
    return model


def samples(*names: str, count: int = 16) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(5)
    numeric = rng.uniform([18, 1.4, 800], [70, 2.0, 9000], (count, 3)).astype("float32")
    numeric[1, 0] = np.nan
    everything = {
        "image": rng.integers(0, 256, (count, 6, 6, 1), dtype=np.uint8),
        "numeric": numeric,
        "categorical": rng.integers(0, [3, 4], (count, 2)).astype("int32"),
        "series": rng.normal(size=(count, 7, 2)).clip(-2, 2).astype("float32"),
        "x": rng.uniform(-1, 1, (count, 4)).astype("float32"),
        "z": rng.uniform(-1, 1, (count, 4)).astype("float32"),
    }
    return {name: everything[name] for name in names}


def export_cnn(out: Path, **options: Any) -> Path:
    from zoo.exporting.export import export_artifact

    return export_artifact(
        blueprint(IMAGE),
        Tiny(),
        [Signature("predict", cnn(), (IMAGE,), (PROBABILITIES,))],
        out=out,
        samples=samples("image"),
        **options,
    )


def export_wide(out: Path, **options: Any) -> Path:
    from zoo.exporting.export import export_artifact

    return export_artifact(
        blueprint(ROW),
        Tiny(),
        [Signature("predict", wide(), (ROW,), (PROBABILITIES,))],
        out=out,
        samples=samples("x"),
        **options,
    )


def export_tabular(out: Path, **options: Any) -> Path:
    from zoo.exporting.export import export_artifact

    return export_artifact(
        blueprint(NUMERIC, CATEGORICAL),
        Tiny(),
        [Signature("predict", tabular(), (NUMERIC, CATEGORICAL), (PROBABILITIES,))],
        out=out,
        samples=samples("numeric", "categorical"),
        **options,
    )
