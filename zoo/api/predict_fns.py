"""Prediction functions: a Keras model or an artifact as a function of named arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.runtime import Session, load as load_artifact
from zoo.spec import Arrays, PredictFn, PredictFns

if TYPE_CHECKING:
    import keras

    from zoo.architecture import Signature


def signatures(model: keras.Model) -> Sequence[Signature]:
    """Return the signatures of a model: the graphs that it is exported as."""
    from zoo.api.model_factory import architecture_of, blueprint_of

    blueprint = blueprint_of(model)
    architecture = architecture_of(blueprint)
    return architecture.signatures(model, blueprint.config, blueprint.data)


def select_session(session: Session, signature: str | None) -> Session:
    """Return the session of a signature of an artifact."""
    if signature is None or signature == session.graph.signature:
        return session
    return load_artifact(session.source, signature=signature, threads=session.threads)


def session_predict_fns(session: Session) -> PredictFns:
    """Return a function per graph of an artifact; each is opened at its first call."""
    return {
        graph.signature: _lazy_run(session, graph.signature) for graph in session.manifest.graphs
    }


def _lazy_run(session: Session, signature: str) -> PredictFn:
    opened = functools.cache(lambda: select_session(session, signature))
    return lambda inputs: opened().run(inputs)


def keras_predict_fn(signature: Signature) -> PredictFn:
    """Return a function from named arrays to named arrays that calls a Keras model."""
    import keras

    model = signature.model
    call = model.predict_on_batch
    dynamic = any(None in tensor.shape[1:] for tensor in model.inputs)
    if dynamic and keras.backend.backend() == "tensorflow":
        call = _traced_once(model)

    def predict_fn(inputs: Arrays) -> Arrays:
        named = {tensor.name: inputs[tensor.name] for tensor in model.inputs}
        given: Any
        # Keras takes the structure that the model was made with: a tensor, a list, or a mapping.
        if isinstance(model.input, Mapping):
            given = named
        else:
            given = list(named.values())
            given = given if isinstance(model.input, Sequence) else given[0]
        outputs = call(given)
        if not isinstance(outputs, Mapping):
            values = outputs if isinstance(outputs, list | tuple) else [outputs]
            names = [tensor.name for tensor in signature.outputs]
            outputs = dict(zip(names, values, strict=True))
        return {name: np.asarray(value) for name, value in outputs.items()}

    return predict_fn


def _traced_once(model: keras.Model) -> Callable[[Any], Any]:
    """Return a model with dynamic lengths as one graph: Keras would trace one for each length."""
    import keras
    import tensorflow as tf

    taken = keras.tree.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), model.input)
    return tf.function(  # type: ignore[no-any-return]
        lambda given: model(given, training=False), input_signature=[taken], autograph=False
    )
