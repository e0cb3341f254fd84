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
        verify_model as verify_model,
    )
    from zoo.api.asking import evaluate as evaluate, load as load, predict as predict
    from zoo.api.blueprints import dataset as dataset
    from zoo.api.catalog import (
        ModelInfo as ModelInfo,
        hooks as hooks,
        info as info,
        list_models as list_models,
        listings as listings,
        register as register,
        registry as registry,
    )
    from zoo.api.comparing import Comparison as Comparison, compare as compare
    from zoo.api.damage import DamageReport as DamageReport, damage_report as damage_report
    from zoo.api.folds import (
        CrossValidation as CrossValidation,
        Fold as Fold,
        crossvalidate as crossvalidate,
    )
    from zoo.api.health import doctor as doctor
    from zoo.api.learning import train as train
    from zoo.api.ledger import RunEntry as RunEntry, runs as runs
    from zoo.api.models import build as build
    from zoo.api.provenance import plugins as plugins, require_order as require_order
    from zoo.api.pruning import Pruning as Pruning, prune as prune
    from zoo.api.reporting import write_report as write_report
    from zoo.api.run import Run as Run, run_schema as run_schema
    from zoo.api.sampling import sample as sample, write_samples as write_samples
    from zoo.api.serving import serve as serve
    from zoo.api.tracing import Trace as Trace, why as why
    from zoo.api.variants import Quantisation as Quantisation, quantise as quantise

_HOME = {
    "Artifact": "artifacts",
    "Comparison": "comparing",
    "CrossValidation": "folds",
    "DamageReport": "damage",
    "Fold": "folds",
    "ModelInfo": "catalog",
    "Pruning": "pruning",
    "Quantisation": "variants",
    "Run": "run",
    "RunEntry": "ledger",
    "Trace": "tracing",
    "bench": "artifacts",
    "build": "models",
    "compare": "comparing",
    "crossvalidate": "folds",
    "damage_report": "damage",
    "dataset": "blueprints",
    "diff": "artifacts",
    "doctor": "health",
    "evaluate": "asking",
    "export": "artifacts",
    "hooks": "catalog",
    "info": "catalog",
    "list_models": "catalog",
    "listings": "catalog",
    "load": "asking",
    "plugins": "provenance",
    "predict": "asking",
    "prune": "pruning",
    "quantise": "variants",
    "register": "catalog",
    "registry": "catalog",
    "require_order": "provenance",
    "run_schema": "run",
    "runs": "ledger",
    "sample": "sampling",
    "serve": "serving",
    "train": "learning",
    "verify": "artifacts",
    "verify_model": "artifacts",
    "why": "tracing",
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
