"""Neural networks as plugins: find, build, train, evaluate, and export with a proof.

    >>> import zoo
    >>> zoo.list_models(task="classification")
    ['cnn', 'mlp_classifier']
    >>> model = zoo.build("cnn", weights="digits")   # an ordinary compiled Keras model
    >>> run = zoo.train("cnn", epochs=5)             # on data that works offline
    >>> zoo.evaluate(run).scores["accuracy"]
    >>> artifact = zoo.export(run)                   # exports/cnn/1, proven equal to the model

Names are imported when they are first used, so that ``import zoo`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo.version import __version__ as __version__

if TYPE_CHECKING:
    from zoo import errors as errors, layers as layers, metrics as metrics, runtime as runtime
    from zoo.api import (
        Artifact as Artifact,
        Comparison as Comparison,
        CrossValidation as CrossValidation,
        Quantization as Quantization,
        Run as Run,
        RunEntry as RunEntry,
        Trace as Trace,
        bench as bench,
        build as build,
        compare as compare,
        crossvalidate as crossvalidate,
        damage_report as damage_report,
        dataset as dataset,
        diff as diff,
        doctor as doctor,
        evaluate as evaluate,
        export as export,
        hooks as hooks,
        info as info,
        list_models as list_models,
        load as load,
        plugins as plugins,
        predict as predict,
        quantize as quantize,
        register as register,
        runs as runs,
        sample as sample,
        serve as serve,
        train as train,
        verify as verify,
        verify_all as verify_all,
        why as why,
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
        ModelConfig as ModelConfig,
        OptimizerConfig as OptimizerConfig,
        TrainPlan as TrainPlan,
    )
    from zoo.data.mapped import (
        DatasetView as DatasetView,
        MappedDataset as MappedDataset,
        Subset as Subset,
    )
    from zoo.errors import Finding as Finding, ZooError as ZooError
    from zoo.hookspecs import hookimpl as hookimpl
    from zoo.metrics import Evaluation as Evaluation, Score as Score
    from zoo.runtime import Prediction as Prediction, Session as Session
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
    from zoo.training.progress import Progress as Progress

_HOMES = {
    "zoo.api": (
        "Artifact",
        "Comparison",
        "CrossValidation",
        "Quantization",
        "Run",
        "RunEntry",
        "Trace",
        "bench",
        "build",
        "compare",
        "crossvalidate",
        "damage_report",
        "dataset",
        "diff",
        "doctor",
        "evaluate",
        "export",
        "hooks",
        "info",
        "list_models",
        "load",
        "plugins",
        "predict",
        "quantize",
        "register",
        "sample",
        "serve",
        "train",
        "verify",
        "verify_all",
        "why",
    ),
    "zoo.api.runs": ("runs",),
    "zoo.config": ("AugmentationConfig", "ModelConfig", "OptimizerConfig", "TrainPlan"),
    "zoo.data.mapped": ("DatasetView", "MappedDataset", "Subset"),
    "zoo.errors": ("Finding", "ZooError"),
    "zoo.hookspecs": ("hookimpl",),
    "zoo.metrics": ("Evaluation", "Score"),
    "zoo.runtime": ("Prediction", "Session"),
    "zoo.architecture": (
        "API_VERSION",
        "Architecture",
        "ArchitectureInfo",
        "Blueprint",
        "Recipe",
        "Signature",
        "TrainLoop",
    ),
    "zoo.spec": (
        "Arrays",
        "Column",
        "DataSpec",
        "PredictFn",
        "PredictFns",
        "Split",
        "Task",
        "TensorSpec",
        "TextSpec",
    ),
    "zoo.training.progress": ("Progress",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605 - kept equal to the table by a test


# Type checkers know the names from the imports above, and that there are no others.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            value = getattr(importlib.import_module(_HOME[name]), name)
        elif name in ("errors", "layers", "metrics", "runtime", "testing"):
            value = importlib.import_module(f"zoo.{name}")
        else:
            raise AttributeError(f"module 'zoo' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
