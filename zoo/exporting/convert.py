"""From a functional Keras model to an ONNX graph, by tf2onnx."""

from __future__ import annotations

import contextlib
import functools
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.architecture import Signature
from zoo.errors import MissingExtra, Unsupported
from zoo.exporting.weights import Converted, LeftOut, foldable, left_out, put_back
from zoo.spec import Arrays, TensorSpec

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 18
"""The newest opset that tf2onnx writes."""

_LOGGERS = ("tf2onnx", "tensorflow")


def require() -> None:
    """Check that everything an export needs is installed.

    Raises:
        MissingExtra: If it is not.
    """
    import importlib.util

    for package in ("keras", "tensorflow", "onnx", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra("exporting", "keras", package)


class Traced:
    """A signature's model as a list of tensors in, a list of tensors out, each with its spec.

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
                f"the signature {signature.name!r} is no functional model",
                why="names of inputs and outputs survive the conversion of functional models only",
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
        """Return the Keras model's outputs: the reference of every comparison."""
        taken = [np.asarray(arrays[spec.name]).astype(spec.dtype) for spec in self.inputs]
        with _unoptimized():
            values = self._function(*taken)
        return {s.name: np.asarray(v) for s, v in zip(self.outputs, values, strict=True)}

    @functools.cached_property
    def _function(self) -> Callable[..., Sequence[Any]]:
        """The model traced once: the same operations as one by one, without Python between them."""
        import tensorflow as tf

        def answer(*values: Any) -> Sequence[Any]:
            found = self.model(list(values), training=False)
            return found if isinstance(found, list | tuple) else [found]

        made: Callable[..., Sequence[Any]] = tf.function(answer, input_signature=self.tensors())
        return made

    def tensors(self) -> list[Any]:
        """Return what TensorFlow calls the inputs, of any number of examples."""
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
    """Return the names of a dictionary of tensors in Keras's own flattened order."""
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


def convert(traced: Traced) -> Converted:
    """Convert a model. What comes back is unchecked, and its names are tf2onnx's.

    Raises:
        Unsupported: If tf2onnx has no form for the model.
    """
    try:
        with _quiet():
            weights = left_out(traced.model)
            proto = _converted(traced, weights)
            if kept := foldable(proto, weights):
                weights = left_out(traced.model, kept)
                proto = _converted(traced, weights)
    except Exception as error:  # tf2onnx raises whatever its handlers do
        raise Unsupported(
            f"the signature {traced.name!r} has no ONNX form",
            why=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
            fix="replace the layer that tf2onnx does not know",
        ) from error
    return put_back(proto, weights)


def _converted(traced: Traced, weights: Sequence[LeftOut]) -> onnx.ModelProto:
    """Convert a model whose large weights are inputs."""
    import keras
    import tensorflow as tf
    from tf2onnx import optimizer, tf_loader, tfonnx

    taken = traced.tensors()
    taken += [tf.TensorSpec(w.variable.shape, w.variable.dtype, name=w.name) for w in weights]

    @tf.function(input_signature=taken)
    def answer(*values: Any) -> Any:
        given, stand_ins = values[: len(traced.inputs)], values[len(traced.inputs) :]
        pairs = [(item.variable, value) for item, value in zip(weights, stand_ins, strict=True)]
        with keras.StatelessScope(state_mapping=pairs):
            return traced.model(list(given), training=False)

    with tf.device("/cpu:0"):
        concrete = answer.get_concrete_function()
        # Behind the arguments come the tensors that the model holds itself.
        inputs = [tensor.name for tensor in concrete.inputs[: len(taken)]]
        outputs = [tensor.name for tensor in concrete.outputs]
        frozen = tf_loader.from_function(concrete, inputs, outputs)
        renamed = dict(zip(inputs, [spec.name for spec in taken], strict=True))

        def written(*, careful: bool) -> onnx.ModelProto:
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
                made = optimizer.optimize_graph(made, catch_errors=careful)
                proto: onnx.ModelProto = made.make_model("")
                return proto

        try:
            return written(careful=False)
        except Exception:  # noqa: BLE001 - an optimization that fails is left out
            # A copy of everything before each optimization: that takes most of the time.
            return written(careful=True)


def _erfc(context: Any, node: Any, name: str, _: Any) -> None:
    """Exact GELU lowers to Erfc, which ONNX lacks: write 1 - Erf."""
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
    """Keras's argmax asks for the sign bit by a Bitcast, which ONNX lacks: of -0, 1/x is below 0.

    Only a mask that keeps the sign bit may read the result, since no other bit is right.
    """
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
    """Keep TensorFlow from rewriting graphs for the length of a call.

    The operations then give bit by bit what they give one by one. A rewritten graph differs in the
    last places, and the reference would depend on the rewriting.
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
    """Silence the converter for the length of a call, and put everything back."""
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


def weights_hash(model: keras.Model) -> str:
    """Return the SHA-256 over a model's weights: types, shapes and values, in their order."""
    import hashlib

    digest = hashlib.sha256()
    for weight in model.weights:
        array = np.ascontiguousarray(weight.numpy())
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def weights_bytes(model: keras.Model) -> int:
    """Return how many bytes the weights of a model have."""
    return sum(weight.value.dtype.size * int(np.prod(weight.shape)) for weight in model.weights)


Converter = Callable[[Traced], Converted]


__all__ = ["OPSET", "Converter", "Traced", "convert", "require", "weights_bytes", "weights_hash"]
