"""One way to ask: a Keras model and an artifact as functions from named arrays to named arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.architecture import Signature
from zoo.runtime import Session, load as load_artifact
from zoo.spec import Arrays, PredictFn

if TYPE_CHECKING:
    import keras


def another_session(session: Session, signature: str | None) -> Session:
    """Return the session of another signature of the same artifact."""
    if signature is None or signature == session.graph.signature:
        return session
    return load_artifact(session.source, signature=signature, threads=session.threads)


def session_predict_fn(session: Session, signature: str) -> PredictFn:
    """Return a graph's forward; it is opened when it is first asked."""

    @functools.cache
    def opened() -> Session:
        return another_session(session, signature)

    return lambda inputs: opened().run(inputs)


def keras_predict_fn(signature: Signature) -> PredictFn:
    """Return a function from named arrays to named arrays that asks a Keras model."""
    import keras

    model = signature.model
    ask = model.predict_on_batch
    dynamic = any(None in tensor.shape[1:] for tensor in model.inputs)
    if dynamic and keras.backend.backend() == "tensorflow":
        ask = _traced_once(model)

    def predict_fn(inputs: Arrays) -> Arrays:
        named = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
        given: Any
        # Keras takes and gives what the model was made with: one tensor, some, or named ones.
        if isinstance(model.input, Mapping):
            given = named
        else:
            given = list(named.values())
            given = given if isinstance(model.input, Sequence) else given[0]
        outputs = ask(given)
        if not isinstance(outputs, Mapping):
            values = outputs if isinstance(outputs, list | tuple) else [outputs]
            names = [tensor.name for tensor in signature.outputs]
            outputs = dict(zip(names, values, strict=True))
        return {name: np.asarray(value) for name, value in outputs.items()}

    return predict_fn


def _traced_once(model: keras.Model) -> Callable[[Any], Any]:
    """Return a model of any length as one graph: Keras traces one for each length it meets."""
    import keras
    import tensorflow as tf

    taken = keras.tree.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), model.input)
    return tf.function(  # type: ignore[no-any-return]
        lambda given: model(given, training=False), input_signature=[taken], autograph=False
    )


__all__ = ["another_session", "keras_predict_fn", "session_predict_fn"]
