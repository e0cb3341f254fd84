"""Open what is to be looked into: a model, a file, a run or a name, with an input for it."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.errors import ConfigError, DataError, Finding
from zoo.runtime import encode

if TYPE_CHECKING:
    import keras

Array = np.ndarray[Any, Any]

_UNKNOWN_SIZE = 8
"""Size of an axis of any length, for random inputs."""


@dataclass(frozen=True)
class Target:
    """What is looked into.

    Attributes:
        model: The model to call.
        inputs: What it is called with.
        name: Its name.
        source: What the inputs are, in words.
        predictor: The model of the zoo that it is part of, if it is one.
        signature: The signature that it is.
        arrays: The inputs of the signature by name, with the batch axis.
        data: Opens the dataset of the model.
    """

    model: keras.Model
    inputs: Any
    name: str
    source: str
    predictor: zoo.Predictor | None = None
    signature: Any = None
    arrays: Mapping[str, Array] | None = None
    data: Callable[[], Any] | None = None


def open_target(target: Any, x: Any, signature: str | None) -> Target:
    """Open what is looked into, and the inputs for it.

    Raises:
        ConfigError: If it is nothing that can be looked into, or has no such signature or example.
        DataError: If a file is no model, or the inputs cannot be made.
    """
    if isinstance(target, str | Path) and Path(target).suffix == ".keras":
        target = load_keras_file(Path(target))
    plain = not isinstance(target, str | Path | zoo.Run | zoo.Session)
    if plain and not hasattr(target, "layers"):
        wanted = "a Keras model, a .keras file, a run, or the name of a model"
        wrong = Finding("target", type(target).__name__, wanted)
        raise ConfigError("this cannot be looked into", findings=[wrong])
    if plain and not hasattr(target, "blueprint"):
        if signature is not None:
            wrong = Finding("signature", signature, "none: only models of the zoo have signatures")
            raise ConfigError("the model cannot be called like this", findings=[wrong])
        inputs, source = _plain_inputs(target, x)
        return Target(target, inputs, target.name, source)
    model, data = _zoo_model(target)
    predictor = zoo.open_predictor(model)
    chosen: Any = _signature(predictor, signature)
    if x is None or isinstance(x, int):
        arrays, source = _example(data(), chosen, 0 if x is None else x)
    else:
        arrays = encode(x, chosen.inputs)
        count = len(next(iter(arrays.values())))
        source = "given" if count == 1 else f"the first of {count:,} given examples"
        arrays = {name: array[:1] for name, array in arrays.items()}
    taken: Any = {tensor.name: arrays[tensor.name] for tensor in chosen.model.inputs}
    if not isinstance(chosen.model.input, Mapping):
        taken = list(taken.values())
        taken = taken if isinstance(chosen.model.input, Sequence) else taken[0]
    return Target(chosen.model, taken, predictor.name, source, predictor, chosen, arrays, data)


def _zoo_model(target: Any) -> tuple[keras.Model, Callable[[], Any]]:
    """Return a model of the zoo, and a function that opens its data."""
    if isinstance(target, str) and not Path(target).exists():
        about = zoo.info(target)
        known = [weights["id"] for weights in about.weights]
        best = about.default_dataset if about.default_dataset in known else (*known, None)[0]
        # Weights in the name, cnn:mnist, stand for themselves.
        named = target.rpartition(":")[2] in known
        target = zoo.build(target, weights=None if named else best)
    elif isinstance(target, str | Path):
        target = zoo.load(target)
    if isinstance(target, zoo.Session):
        raise ConfigError(
            f"{target.source} is an artifact, which has no layers",
            findings=[Finding("target", target.source, "a model, a run or a .keras file")],
            fix="zoo inspect the run that it was exported from; zoo why shows it",
        )
    if isinstance(target, zoo.Run):
        return target.model, target.dataset
    return target, lambda: zoo.dataset(target.blueprint.data.id)


def load_keras_file(path: Path, *, compiled: bool = False) -> keras.Model:
    """Load a ``.keras`` file.

    Args:
        path: The file.
        compiled: Whether to load its loss and optimizer too.

    Raises:
        DataError: If it is no model, or cannot be loaded.
    """
    if not zipfile.is_zipfile(path):  # asked first, because Keras takes seconds to import
        raise DataError(
            f"{path} is not a model that can be loaded",
            why="a .keras file is a zip archive; this is none, or it is not there",
            fix="save it with model.save(...)",
        )
    import keras

    try:
        with warnings.catch_warnings():
            # An optimizer that took no step has nothing to load.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            return keras.models.load_model(path, compile=compiled)
    except Exception as error:  # Keras raises many types on damaged files
        raise DataError(
            f"{path} is not a model that can be loaded",
            why=" ".join(str(error).split())[:300],
            fix="save it with model.save(...), and import the module of its own layers first",
        ) from error


def _signature(predictor: zoo.Predictor, name: str | None) -> Any:
    known = predictor.signatures
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise ConfigError(
            f"the model has no signature {name!r}",
            findings=[Finding("signature", name, f"one of {', '.join(known)}")],
        )
    return known[name]


def _example(dataset: Any, signature: Any, index: int) -> tuple[dict[str, Array], str]:
    """Return one example of the test split, and what it is."""
    split = dataset.split("test")
    if not 0 <= index < len(split):
        found = Finding("input", index, f"from 0 to {len(split) - 1:,}")
        raise ConfigError("there is no such example", findings=[found])
    inputs, targets = split.take(np.array([index]))
    absent = [spec.name for spec in signature.inputs if spec.name not in inputs]
    if absent:
        raise DataError(
            f"the data has no {absent[0]!r}",
            why=f"the signature {signature.name!r} takes what no dataset has",
            fix="choose another signature, or give the input",
        )
    words = f"test example {index} of {dataset.spec.id}"
    labels = {spec.name: spec.labels for spec in dataset.spec.targets if spec.labels}
    for name, names in labels.items():
        if targets[name].size == 1:
            words += f", {name} {names[int(targets[name].reshape(-1)[0])]}"
    return dict(inputs), words


def _plain_inputs(model: keras.Model, x: Any) -> tuple[Any, str]:
    """Return the inputs of a model that is not of the zoo: as given, or random numbers."""
    if x is not None and not isinstance(x, int):
        return x, "given"
    tensors = getattr(model, "inputs", None)
    if not tensors:
        raise DataError(
            f"{model.name} says nothing of its inputs",
            why="it is a subclass of keras.Model, or has not been built",
            fix="give an input: inspect(model, x)",
        )
    random = np.random.default_rng(0 if x is None else x)

    def draw(tensor: Any) -> Array:
        shape = (1, *(_UNKNOWN_SIZE if size is None else size for size in tensor.shape[1:]))
        if "int" in str(tensor.dtype) or "bool" in str(tensor.dtype):
            return random.integers(0, 2, shape).astype(tensor.dtype)
        return random.standard_normal(shape).astype(tensor.dtype)

    import keras

    structure = tensors[0] if isinstance(model, keras.Sequential) else model.input
    return keras.tree.map_structure(draw, structure), "random numbers"
