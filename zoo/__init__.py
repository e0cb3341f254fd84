"""Neural networks as plugins: find, build, train, evaluate, and export with a proof.

    >>> import zoo
    >>> zoo.list_models(task="classification")
    ['cnn', 'mlp_classifier']
    >>> model = zoo.build("cnn", weights="digits")   # an ordinary compiled Keras model
    >>> run = zoo.train("cnn", epochs=5)             # on data that works offline
    >>> zoo.evaluate(run).scores["accuracy"]
    >>> artifact = zoo.export(run)                   # exports/cnn/1, proven equal to the model

Names are imported when they are first used, so that ``import zoo`` costs next to nothing. It is
enough for ``keras.saving.load_model`` to open models of the zoo. Commands of packages may be
functions as well: ``zoo.inspect(model)`` does what ``zoo inspect`` does.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from zoo.keras_import import register_with_keras as _register_with_keras
from zoo.version import __version__ as __version__

if TYPE_CHECKING:
    from zoo import (
        console as console,
        data as data,
        errors as errors,
        layers as layers,
        metrics as metrics,
        runtime as runtime,
        sklearn as sklearn,
    )
    from zoo._model_types import *  # noqa: F403 - build, train and the functions of commands
    from zoo.api.artifacts import (
        Artifact as Artifact,
        verify as verify,
        verify_all as verify_all,
    )
    from zoo.api.batch_prediction import (
        PredictedBatch as PredictedBatch,
        predict_batches as predict_batches,
    )
    from zoo.api.catalog import (
        hooks as hooks,
        list_models as list_models,
        register as register,
    )
    from zoo.api.cross_validation import (
        CrossValidation as CrossValidation,
        crossvalidate as crossvalidate,
    )
    from zoo.api.datasets import (
        ReaderInfo as ReaderInfo,
        dataset as dataset,
        dataset_info as dataset_info,
        list_datasets as list_datasets,
        list_readers as list_readers,
        reader_info as reader_info,
        register_dataset as register_dataset,
    )
    from zoo.api.evaluation import evaluate as evaluate
    from zoo.api.export import export as export
    from zoo.api.model_info import info as info
    from zoo.api.plugins import doctor as doctor, plugins as plugins
    from zoo.api.prediction import (
        Predictor as Predictor,
        load as load,
        open_predictor as open_predictor,
        predict as predict,
    )
    from zoo.api.provenance import Trace as Trace, why as why
    from zoo.api.quantization import Quantization as Quantization, quantize as quantize
    from zoo.api.run import Comparison as Comparison, Run as Run, compare as compare
    from zoo.api.runs import RunEntry as RunEntry, runs as runs
    from zoo.api.sampling import sample as sample
    from zoo.api.training import (
        TrainingSetup as TrainingSetup,
        prepare_training as prepare_training,
    )
    from zoo.architecture import (
        API_VERSION as API_VERSION,
        Architecture as Architecture,
        ArchitectureInfo as ArchitectureInfo,
        Blueprint as Blueprint,
        Recipe as Recipe,
        Signature as Signature,
        TrainLoop as TrainLoop,
    )
    from zoo.config import (
        AugmentationConfig as AugmentationConfig,
        BaseConfig as BaseConfig,
        ModelConfig as ModelConfig,
        OptimizerConfig as OptimizerConfig,
        TrainPlan as TrainPlan,
    )
    from zoo.data.dataset import NamedDataset as NamedDataset
    from zoo.data.mapped import (
        DatasetView as DatasetView,
        MappedDataset as MappedDataset,
        Subset as Subset,
    )
    from zoo.errors import Finding as Finding, ZooError as ZooError
    from zoo.hookspecs import hookimpl as hookimpl
    from zoo.metrics import Evaluation as Evaluation, Score as Score
    from zoo.runtime import Prediction as Prediction, Session as Session
    from zoo.runtime.artifact_diff import diff as diff
    from zoo.runtime.benchmark import bench as bench
    from zoo.spec import (
        Arrays as Arrays,
        Column as Column,
        DataSpec as DataSpec,
        PredictFn as PredictFn,
        PredictFns as PredictFns,
        Split as Split,
        Task as Task,
        TensorSpec as TensorSpec,
        TextSpec as TextSpec,
    )
    from zoo.training.progress import Progress as Progress, ProgressBar as ProgressBar

_MODULES = {
    "zoo.api.artifacts": "Artifact verify verify_all",
    "zoo.api.batch_prediction": "PredictedBatch predict_batches",
    "zoo.api.catalog": "hooks list_models register",
    "zoo.api.cross_validation": "CrossValidation crossvalidate",
    "zoo.api.datasets": "ReaderInfo dataset dataset_info list_datasets list_readers reader_info "
    "register_dataset",
    "zoo.api.evaluation": "evaluate",
    "zoo.api.export": "export",
    "zoo.api.model_factory": "build",
    "zoo.api.model_info": "info",
    "zoo.api.plugins": "doctor plugins",
    "zoo.api.prediction": "Predictor load open_predictor predict",
    "zoo.api.provenance": "Trace why",
    "zoo.api.quantization": "Quantization quantize",
    "zoo.api.run": "Comparison Run compare",
    "zoo.api.runs": "RunEntry runs",
    "zoo.api.sampling": "sample",
    "zoo.api.training": "TrainingSetup prepare_training train",
    "zoo.config": "AugmentationConfig BaseConfig ModelConfig OptimizerConfig TrainPlan",
    "zoo.data.mapped": "DatasetView MappedDataset Subset",
    "zoo.data.dataset": "NamedDataset",
    "zoo.errors": "Finding ZooError",
    "zoo.hookspecs": "hookimpl",
    "zoo.metrics": "Evaluation Score",
    "zoo.runtime": "Prediction Session",
    "zoo.runtime.artifact_diff": "diff",
    "zoo.runtime.benchmark": "bench",
    "zoo.architecture": "API_VERSION Architecture ArchitectureInfo Blueprint Recipe Signature "
    "TrainLoop",
    "zoo.spec": "Arrays Column DataSpec PredictFn PredictFns Split Task TensorSpec TextSpec",
    "zoo.training.progress": "Progress ProgressBar",
}
_DEFINED_IN = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted([*_DEFINED_IN, "__version__"])  # noqa: PLE0605 - kept equal to the table by a test


# Type checkers know the names from the imports above.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _DEFINED_IN:
            value = getattr(importlib.import_module(_DEFINED_IN[name]), name)
        elif name in (
            "console",
            "data",
            "errors",
            "layers",
            "metrics",
            "runtime",
            "sklearn",
            "testing",
        ):
            value = importlib.import_module(f"zoo.{name}")
        elif name.startswith("_") or importlib.util.find_spec(f"zoo.{name}"):
            # ``from zoo import spec`` asks for an attribute before it imports the module.
            raise AttributeError(f"module 'zoo' has no attribute {name!r}")
        else:
            value = importlib.import_module("zoo.api.catalog").function_of_command(name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__


_register_with_keras()
