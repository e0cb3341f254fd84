"""Open what is diagnosed: the model, its data, and a copy that can be trained."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.errors import ConfigError, DataError, Finding
from zoo.spec import SAMPLE_WEIGHT
from zoo_inspect.opening import load_keras_file

if TYPE_CHECKING:
    import keras

Array = np.ndarray[Any, Any]

MAX_EXAMPLES = 1024
"""Examples that are looked at; of all others only whether they are finite numbers."""
MAX_DRAWN = 256
"""The same for a named model on its own data, some of which is drawn example by example."""
MAX_BATCH = 64
_MAX_SCAN = 2**29


@dataclass(frozen=True)
class Subject:
    """A model with the data that it would be trained on.

    Attributes:
        name: Name of the model.
        source: What the data is, in words.
        model: The model itself. It is not changed.
        x: Inputs of the examples, as the model takes them.
        y: Targets; ``None`` if it learns without.
        weights: Weight of each example; ``None`` without.
        whole: All inputs and targets that are in memory, by name, for a search for bad values.
        batch_size: Examples of a step.
        shuffled: Whether the training shuffles the examples.
        target: What was given: a name or a run, for a model of the zoo.
        config: Configuration of a model of the zoo.
        missing: Names of inputs where NaN stands for a missing value.
    """

    name: str
    source: str
    model: keras.Model
    x: Any
    y: Any
    weights: Array | None
    whole: Mapping[str, Array]
    batch_size: int
    shuffled: bool
    target: Any = None
    config: Any = None
    missing: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(leaves(self.x)[0])

    def rows(self, positions: Array) -> tuple[Any, Any, Any]:
        """Return inputs, targets and weights of some examples."""
        import keras

        def pick(tree: Any) -> Any:
            return keras.tree.map_structure(lambda leaf: leaf[positions], tree)

        weights = None if self.weights is None else self.weights[positions]
        return pick(self.x), None if self.y is None else pick(self.y), weights

    def inputs(self) -> dict[str, Array]:
        """Return the inputs by name."""
        return _named(self.x, "input", getattr(self.model, "input_names", None))


def leaves(tree: Any) -> list[Array]:
    """Return the arrays of a nested structure."""
    import keras

    return [leaf for leaf in keras.tree.flatten(tree) if leaf is not None]


def open_subject(
    target: Any,
    data: Any,
    *,
    data_options: Mapping[str, Any],
    batch_size: int | None,
    config: Mapping[str, Any],
) -> Subject:
    """Open a model with its data.

    Raises:
        ConfigError: If the target is none, or was not compiled.
        DataError: If the data is none, or has no examples.
    """
    if isinstance(target, str | Path) and Path(target).suffix == ".keras":
        target = load_keras_file(Path(target), compiled=True)
    elif isinstance(target, str | Path) and Path(target).exists():
        target = zoo.Run(target)
    if isinstance(target, str | zoo.Run):
        return _of_zoo(target, data, data_options, batch_size, config)
    if config:
        raise ConfigError(
            "this model has no configuration",
            findings=[Finding(next(iter(config)), "a value", "left out")],
        )
    import keras

    if not isinstance(target, keras.Model):
        wanted = "a compiled Keras model, a .keras file, a run, or the name of a model"
        wrong = Finding("target", type(target).__name__, wanted)
        raise ConfigError("this cannot be diagnosed", findings=[wrong])
    if getattr(target, "optimizer", None) is None:
        raise ConfigError(
            f"{target.name} is not compiled",
            why="the diagnosis trains a copy of it with its own loss and optimizer",
            fix="model.compile(optimizer=..., loss=...) before it is diagnosed or saved",
        )
    if data is None or isinstance(data, str | Path):
        if data is None and not hasattr(target, "blueprint"):
            raise DataError(
                f"there is no data for {target.name}",
                why="only models of the zoo know what they are trained on",
                fix="give the training data: diagnose(model, (x, y)), or --data",
            )
        return _with_dataset(target, data, data_options, batch_size)
    if isinstance(data, tuple | list):
        return _plain(target, data, batch_size or 32, shuffled=False)
    return _batched(target, data, batch_size)


def _of_zoo(
    target: str | zoo.Run,
    data: Any,
    data_options: Mapping[str, Any],
    batch_size: int | None,
    config: Mapping[str, Any],
) -> Subject:
    options = dict(data_options)
    if data is None and isinstance(target, str):
        # Drawn and described images take minutes; a sample shows the same.
        options.setdefault("max_examples", MAX_DRAWN)
    plan = {} if batch_size is None else {"batch_size": batch_size}
    setup = zoo.prepare_training(target, data, data_options=options, plan=plan, **config)
    blueprint = setup.model.blueprint if hasattr(setup.model, "blueprint") else None
    own = getattr(blueprint, "config", None)
    name = target if isinstance(target, str) else str(target.path)
    return _of_split(
        setup.model, setup.dataset, setup.plan.batch_size, name=name, target=target, config=own
    )


def _with_dataset(
    model: keras.Model, data: Any, options: Mapping[str, Any], batch_size: int | None
) -> Subject:
    """Open a Keras model with a dataset: its own, by name, or from files."""
    own: Any = getattr(model, "blueprint", None)
    found = zoo.dataset(own.data.id if data is None else data, **options)
    return _of_split(model, found, batch_size or 32, name=model.name)


def _of_split(
    model: keras.Model,
    dataset: Any,
    batch_size: int,
    *,
    name: str,
    target: Any = None,
    config: Any = None,
) -> Subject:
    split, spec = dataset.split("train"), dataset.spec
    if not len(split):
        raise DataError(f"{spec.id} has no training examples", fix="zoo datasets")
    random = np.random.default_rng(0)
    kept = np.sort(random.permutation(len(split))[:MAX_EXAMPLES])
    inputs, targets = split.take(kept)
    in_memory = split.arrays()
    whole: dict[str, Array] = {**inputs, **targets}
    if in_memory is not None and sum(a.nbytes for p in in_memory for a in p.values()) < _MAX_SCAN:
        whole = {**in_memory[0], **in_memory[1]}
    named = dict(targets)
    weights = named.pop(SAMPLE_WEIGHT, None)
    # A single input or target stands alone, as in training.
    names = [tensor.name for tensor in model.inputs]
    if len(names) == len(inputs) == 1:
        inputs = {names[0]: next(iter(inputs.values()))}  # a model of others names it otherwise
    absent = [each for each in names if each not in inputs]
    if absent:
        raise DataError(
            f"{spec.id} has no {absent[0]!r}, which {model.name} takes",
            fix="give the data that the model was made for",
        )
    x = inputs[names[0]] if len(names) == 1 else {each: inputs[each] for each in names}
    y = next(iter(named.values()), None) if len(named) <= 1 else named
    return Subject(
        name=name,
        source=f"{len(kept):,} of the {len(split):,} training examples of {spec.id}",
        model=model,
        x=x,
        y=y,
        weights=weights,
        whole=whole,
        batch_size=batch_size,
        shuffled=True,
        target=target,
        config=config,
        missing=tuple(tensor.name for tensor in spec.inputs if tensor.missing),
    )


def _plain(model: keras.Model, data: Any, batch_size: int, *, shuffled: bool) -> Subject:
    import keras

    if not 1 <= len(data) <= 3:
        raise DataError(
            "the data has no inputs and targets",
            why=f"expected (x, y) or (x, y, weights). Received: {len(data)} parts",
            fix="diagnose(model, (x, y))",
        )
    x, y, weights = (*data, None, None)[:3]

    def as_array(leaf: Any) -> Array:
        array = np.asarray(leaf)
        if array.dtype.kind not in "fiub" or not array.ndim:
            raise DataError(
                "the data is no array of numbers",
                why=f"Received: {type(leaf).__name__} of type {array.dtype}",
                fix="give numpy arrays whose first axis is the examples",
            )
        return array

    # A list of numbers is an array; a list of arrays is several inputs.
    x, y = (_leaf_lists(each) for each in (x, y))
    x = keras.tree.map_structure(as_array, x)
    y = None if y is None else keras.tree.map_structure(as_array, y)
    weights = None if weights is None else as_array(weights)
    counts = {len(leaf) for leaf in leaves([x, y, weights])}
    if len(counts) != 1 or not min(counts):
        raise DataError(
            "inputs and targets have different numbers of examples, or none",
            why=f"Received: {', '.join(map(str, sorted(counts)))}",
            fix="give as many targets as inputs",
        )
    count = counts.pop()
    kept = np.sort(np.random.default_rng(0).permutation(count)[:MAX_EXAMPLES])

    def pick(tree: Any) -> Any:
        return keras.tree.map_structure(lambda leaf: leaf[kept], tree)

    return Subject(
        name=model.name,
        source=f"{len(kept):,} of {count:,} given examples",
        model=model,
        x=pick(x),
        y=None if y is None else pick(y),
        weights=None if weights is None else weights[kept],
        whole={**_named(x, "input", getattr(model, "input_names", None)), **_named(y, "target")},
        batch_size=batch_size,
        shuffled=shuffled,
    )


def _batched(model: keras.Model, data: Any, batch_size: int | None) -> Subject:
    """Read the first batches of a dataset that gives batches."""
    import keras

    if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        raise DataError(
            "this is no data",
            why=f"Received: {type(data).__name__}",
            fix="diagnose(model, (x, y))",
        )
    batches, count = [], 0
    steps: Any = (data[i] for i in range(len(data))) if hasattr(data, "__getitem__") else data
    for batch in itertools.islice(steps, MAX_EXAMPLES):
        parts = batch if isinstance(batch, tuple) else (batch,)
        batches.append(keras.tree.map_structure(np.asarray, parts))
        count += len(leaves(parts)[0])
        if count >= MAX_EXAMPLES:
            break
    if not batches:
        raise DataError("the data has no batches", fix="diagnose(model, (x, y))")
    size = batch_size or len(leaves(batches[0])[0])
    joined = keras.tree.map_structure(lambda *each: np.concatenate(each), *batches)
    return _plain(model, joined, size, shuffled=False)


def _leaf_lists(tree: Any) -> Any:
    if isinstance(tree, list) and not any(hasattr(item, "shape") for item in tree):
        return np.asarray(tree)
    return tree


def _named(tree: Any, word: str, names: list[str] | None = None) -> dict[str, Array]:
    if tree is None:
        return {}
    if isinstance(tree, Mapping):
        return {str(key): value for key, value in tree.items()}
    found = leaves(tree)
    if names is None or len(names) != len(found):
        names = [word] if len(found) == 1 else [f"{word} {at}" for at in range(1, len(found) + 1)]
    return dict(zip(names, found, strict=True))
