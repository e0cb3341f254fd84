"""The verbs behind the public names: the one room that sees all the others together."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.api.artifacts import (
        Artifact as Artifact,
        bench as bench,
        diff as diff,
        export as export,
        verify as verify,
        verify_all as verify_all,
    )
    from zoo.api.catalog import (
        ModelInfo as ModelInfo,
        hooks as hooks,
        info as info,
        list_models as list_models,
        listings as listings,
        register as register,
        registry as registry,
    )
    from zoo.api.comparison import Comparison as Comparison, compare as compare
    from zoo.api.cross_validation import (
        CrossValidation as CrossValidation,
        Fold as Fold,
        crossvalidate as crossvalidate,
    )
    from zoo.api.damage import DamageReport as DamageReport, damage_report as damage_report
    from zoo.api.doctor import doctor as doctor
    from zoo.api.model_factory import dataset as dataset
    from zoo.api.models import build as build
    from zoo.api.plugins import plugins as plugins, require_order as require_order
    from zoo.api.prediction import evaluate as evaluate, load as load, predict as predict
    from zoo.api.provenance import Trace as Trace, why as why
    from zoo.api.pruning import Pruning as Pruning, prune as prune
    from zoo.api.quantization import Quantization as Quantization, quantize as quantize
    from zoo.api.reporting import write_report as write_report
    from zoo.api.run import Run as Run, run_schema as run_schema
    from zoo.api.runs import RunEntry as RunEntry, runs as runs
    from zoo.api.sampling import sample as sample, write_samples as write_samples
    from zoo.api.serving import serve as serve
    from zoo.api.training import train as train

_HOME = {
    "Artifact": "artifacts",
    "Comparison": "comparison",
    "CrossValidation": "cross_validation",
    "DamageReport": "damage",
    "Fold": "cross_validation",
    "ModelInfo": "catalog",
    "Pruning": "pruning",
    "Quantization": "quantization",
    "Run": "run",
    "RunEntry": "runs",
    "Trace": "provenance",
    "bench": "artifacts",
    "build": "models",
    "compare": "comparison",
    "crossvalidate": "cross_validation",
    "damage_report": "damage",
    "dataset": "model_factory",
    "diff": "artifacts",
    "doctor": "doctor",
    "evaluate": "prediction",
    "export": "artifacts",
    "hooks": "catalog",
    "info": "catalog",
    "list_models": "catalog",
    "listings": "catalog",
    "load": "prediction",
    "plugins": "plugins",
    "predict": "prediction",
    "prune": "pruning",
    "quantize": "quantization",
    "register": "catalog",
    "registry": "catalog",
    "require_order": "plugins",
    "run_schema": "run",
    "runs": "runs",
    "sample": "sampling",
    "serve": "serving",
    "train": "training",
    "verify": "artifacts",
    "verify_all": "artifacts",
    "why": "provenance",
    "write_report": "reporting",
    "write_samples": "sampling",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one table says what there is and where


# Type checkers know the names from the imports above, and that there are no others.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'zoo.api' has no attribute {name!r}")
        # Each module is imported when it is needed: a listing must not pay for a session.
        value = getattr(importlib.import_module(f"zoo.api.{_HOME[name]}"), name)
        globals()[name] = value
        return value
