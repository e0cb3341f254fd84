"""Conversion of functional Keras models to ONNX graphs with tf2onnx."""

from __future__ import annotations

import contextlib
import functools
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.architecture import Signature
from zoo.errors import MissingExtra, Unsupported
from zoo.exporting.external_data import placeholder
from zoo.exporting.graph_checks import all_graphs
from zoo.spec import Arrays, TensorSpec

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 18
"""Version of the ONNX operator set: the newest that tf2onnx writes."""

_LOGGERS = ("tf2onnx", "tensorflow")

_LARGE = 2**20
"""Bytes from which a weight stays out of the conversion."""

_PREFIX = "large_weight_"


def require() -> None:
    """Check that the packages for an export are installed.

    Raises:
        MissingExtra: If one is missing.
    """
    import importlib.util

    for package in ("keras", "tensorflow", "onnx", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra("exporting", "keras", package)


class TracedModel:
    """A signature's model with lists of inputs and outputs, and the spec of each.

    Args:
        signature: The model and its declared tensors.

    Raises:
        Unsupported: If the model is not functional, or its tensors are not the declared ones.
    """

    def __init__(self, signature: Signature) -> None:
        import keras

        model = signature.model
        if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
            raise Unsupported(
                f"the model of the signature {signature.name!r} is not functional",
                why="only functional models have named inputs and outputs",
                fix="wrap it: keras.Model(inputs, outputs)",
            )
        if keras.backend.backend() != "tensorflow":
            raise Unsupported(
                f"Keras runs on {keras.backend.backend()}",
                why="the conversion needs the TensorFlow backend",
                fix="KERAS_BACKEND=tensorflow, and load the weights there",
            )
        self.signature, self.name = signature, signature.name
        self.order = [spec.name for spec in signature.outputs]
        self.inputs = _match("input", model.inputs, _keys(model.input), signature.inputs)
        self.outputs = _match("output", model.outputs, _keys(model.output), signature.outputs)
        self.model: keras.Model = keras.Model(list(model.inputs), list(model.outputs))

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray[Any, Any]]:
        """Return the outputs of the Keras model: the reference of every comparison."""
        inputs = [np.asarray(arrays[spec.name]).astype(spec.dtype) for spec in self.inputs]
        with _unoptimized():
            values = self._function(*inputs)
        return {s.name: np.asarray(v) for s, v in zip(self.outputs, values, strict=True)}

    @functools.cached_property
    def _function(self) -> Callable[..., Sequence[Any]]:
        """The model as a ``tf.function``."""
        import tensorflow as tf

        def call(*values: Any) -> Sequence[Any]:
            outputs = self.model(list(values), training=False)
            return outputs if isinstance(outputs, list | tuple) else [outputs]

        function: Callable[..., Sequence[Any]]
        function = tf.function(call, input_signature=self.tensor_specs())
        return function

    def tensor_specs(self) -> list[Any]:
        """Return a ``tf.TensorSpec`` for each input, with a dynamic batch size."""
        import tensorflow as tf

        return [
            tf.TensorSpec(
                (None, *(None if isinstance(size, str) else size for size in spec.shape)),
                spec.dtype,
                name=spec.name,
            )
            for spec in self.inputs
        ]


def _keys(structure: Any) -> list[str] | None:
    """Return the names of a dictionary of tensors in the order in which Keras flattens it."""
    return sorted(structure) if isinstance(structure, Mapping) else None


def _match(
    role: str, tensors: Sequence[Any], keys: list[str] | None, specs: Sequence[TensorSpec]
) -> tuple[TensorSpec, ...]:
    by_name = {spec.name: spec for spec in specs}
    names = keys or [getattr(tensor, "name", "") for tensor in tensors]
    if set(names) == set(by_name) and len(names) == len(tensors):
        ordered = tuple(by_name[name] for name in names)
    elif len(tensors) == len(specs):
        ordered = tuple(specs)
    else:
        raise Unsupported(
            f"the model has {len(tensors)} {role}s, and {len(specs)} are declared",
            why=f"model: {names}; declared: {sorted(by_name)}",
            fix="let Architecture.signatures declare every tensor once",
        )
    for tensor, spec in zip(tensors, ordered, strict=True):
        given = tuple(tensor.shape[1:])
        fits = len(given) == len(spec.shape) and all(
            size is None if isinstance(declared, str) else size in (None, declared)
            for size, declared in zip(given, spec.shape, strict=True)
        )
        if not fits or str(tensor.dtype) != spec.dtype:
            raise Unsupported(
                f"the {role} {spec.name!r} is declared as {spec.dtype}{list(spec.shape)}",
                why=f"the model's tensor is {tensor.dtype}{list(given)}",
                fix="let Architecture.signatures declare what the model has",
            )
    return ordered


@dataclass(frozen=True)
class ConvertedGraph:
    """An unchecked graph with the converter's names.

    Attributes:
        proto: The graph, with placeholders for its large weights.
        weights: The variable of each placeholder, by location.
    """

    proto: onnx.ModelProto
    weights: Mapping[str, keras.Variable]


def convert(model: TracedModel) -> ConvertedGraph:
    """Convert a model to ONNX with tf2onnx.

    Large weights stay out of the conversion: TensorFlow writes a graph with its constants as one
    message of at most 2 GB, and tf2onnx copies it dozens of times. Each is an input meanwhile.

    Raises:
        Unsupported: If tf2onnx cannot convert the model.
    """
    try:
        with _quiet():
            weights = large_weights(model.model)
            proto = _convert(model, weights)
            if folded := _constant_operands(proto, weights):
                weights = large_weights(model.model, exclude=folded)
                proto = _convert(model, weights)
    except Exception as error:  # tf2onnx raises whatever its handlers do
        raise Unsupported(
            f"the signature {model.name!r} cannot be converted to ONNX",
            why=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
            fix="replace the layer that tf2onnx does not know",
        ) from error
    inputs = [value for value in proto.graph.input if value.name not in weights]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    proto.graph.initializer.extend(placeholder(name, w) for name, w in weights.items())
    return ConvertedGraph(proto, weights)


def large_weights(
    model: keras.Model, exclude: Iterable[str] = (), *, large: int = _LARGE
) -> dict[str, keras.Variable]:
    """Return the large matrices of a model, by the name of the input that replaces each.

    Args:
        model: The model.
        exclude: Names of weights that the conversion must see.
        large: Least size in bytes.
    """
    import keras

    # A matrix is only multiplied by or looked up in. The conversion changes the layout of kernels
    # of convolutions, and merges the weights of a recurrent layer into one node: it must see those.
    layers = model._flatten_layers()  # noqa: SLF001 - model.layers has no nested layers
    recurrent = (layer for layer in layers if isinstance(layer, keras.layers.RNN))
    seen = {id(variable) for layer in recurrent for variable in layer.weights}
    found: dict[str, keras.Variable] = {}
    for number, variable in enumerate(model.weights):
        size = int(np.prod(variable.shape)) * np.dtype(np.float32).itemsize
        matrix = len(variable.shape) == 2 and str(variable.dtype) == "float32"
        if matrix and size >= large and id(variable) not in seen:
            seen.add(id(variable))
            found[f"{_PREFIX}{number}"] = variable
    return {name: variable for name, variable in found.items() if name not in set(exclude)}


def _constant_operands(proto: onnx.ModelProto, weights: Iterable[str]) -> set[str]:
    """Return the weights that a node with only constant inputs reads, such as a transpose.

    A conversion that sees such a weight folds the node, which then costs nothing at run time.
    """
    names = set(weights)
    constants = names | {tensor.name for tensor in proto.graph.initializer}
    found: set[str] = set()
    for graph in all_graphs(proto.graph):
        for node in graph.node:
            read = set(node.input) - {""}
            if read & names and read <= constants:
                found |= read & names
    return found


def _convert(model: TracedModel, weights: Mapping[str, keras.Variable]) -> onnx.ModelProto:
    """Convert a model with its large weights as inputs."""
    import keras
    import tensorflow as tf
    from tf2onnx import optimizer, tf_loader, tfonnx

    specs = model.tensor_specs()
    specs += [tf.TensorSpec(w.shape, w.dtype, name=name) for name, w in weights.items()]

    @tf.function(input_signature=specs)
    def answer(*values: Any) -> Any:
        inputs, given = values[: len(model.inputs)], values[len(model.inputs) :]
        pairs = list(zip(weights.values(), given, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return model.model(list(inputs), training=False)

    with tf.device("/cpu:0"):
        concrete = answer.get_concrete_function()
        # After the arguments come the captured tensors.
        inputs = [tensor.name for tensor in concrete.inputs[: len(specs)]]
        outputs = [tensor.name for tensor in concrete.outputs]
        frozen = tf_loader.from_function(concrete, inputs, outputs)
        renamed = dict(zip(inputs, [spec.name for spec in specs], strict=True))

        def run(*, catch_errors: bool) -> onnx.ModelProto:
            with tf.Graph().as_default() as graph:
                tf.import_graph_def(frozen, name="")
                made = tfonnx.process_tf_graph(
                    graph,
                    continue_on_error=True,
                    opset=OPSET,
                    custom_op_handlers={"Erfc": (_erfc, []), "Bitcast": (_sign_bit, [])},
                    input_names=inputs,
                    output_names=outputs,
                    tensors_to_rename=renamed,
                )
                made = optimizer.optimize_graph(made, catch_errors=catch_errors)
                proto: onnx.ModelProto = made.make_model("")
                return proto

        try:
            return run(catch_errors=False)
        except Exception:  # noqa: BLE001 - an optimization that fails is skipped
            # Copies the graph before each optimization, which takes most of the time.
            return run(catch_errors=True)


def _erfc(context: Any, node: Any, name: str, _: Any) -> None:
    """Convert ``Erfc``, which exact GELU uses and ONNX lacks, to ``1 - Erf``."""
    kind = context.get_dtype(node.output[0])
    source, target = node.input[0], node.output[0]
    shape = context.get_shape(target)
    from onnx import helper

    one = context.make_const(f"{name}__one", np.array(1, helper.tensor_dtype_to_np_dtype(kind)))
    context.remove_node(node.name)
    erf = context.make_node("Erf", [source])
    context.make_node(
        "Sub", [one.output[0], erf.output[0]], outputs=[target], dtypes=[kind], shapes=[shape]
    )


def _sign_bit(context: Any, node: Any, name: str, _: Any) -> None:
    """Convert the ``Bitcast`` by which Keras's argmax reads sign bits, and which ONNX lacks."""
    # Only the sign bit is right, so only a mask that keeps nothing else may read the result.
    # -0 is not less than 0, but 1/-0 is.
    source, target = node.input[0], node.output[0]
    floats, whole = context.get_dtype(source), context.get_dtype(target)
    readers = context.find_output_consumers(target)
    if not readers or not all(_keeps_sign_only(reader) for reader in readers):
        return
    shape = context.get_shape(target)
    from onnx import helper

    kind = helper.tensor_dtype_to_np_dtype(floats)
    zero = context.make_const(f"{name}__zero", np.array(0, kind)).output[0]
    one = context.make_const(f"{name}__one", np.array(1, kind)).output[0]
    context.remove_node(node.name)
    inverse = context.make_node("Div", [one, source])
    below = context.make_node("Less", [source, zero])
    under = context.make_node("Less", [inverse.output[0], zero])
    either = context.make_node("Or", [below.output[0], under.output[0]])
    number = context.make_node("Cast", [either.output[0]], attr={"to": whole})
    context.make_node("Neg", [number.output[0]], outputs=[target], dtypes=[whole], shapes=[shape])


def _keeps_sign_only(reader: Any) -> bool:
    masks = [source for source in reader.inputs if source is not None and source.is_const()]
    return reader.type == "BitwiseAnd" and any(
        mask.get_tensor_value(as_list=False) == np.iinfo(np.int32).min for mask in masks
    )


@contextlib.contextmanager
def _unoptimized() -> Iterator[None]:
    """Disable TensorFlow's graph optimizations inside a block.

    The outputs are then bit by bit those of eager execution, and do not depend on rewrites.
    """
    import tensorflow as tf

    name = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(name, False)
    try:
        tf.config.optimizer.set_experimental_options({name: True})
        yield
    finally:
        tf.config.optimizer.set_experimental_options({name: before})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the loggers and warnings of the converter inside a block."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
