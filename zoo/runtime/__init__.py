"""Load, verify and run artifacts with onnxruntime and numpy, without Keras."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.runtime.artifact_diff import DiffReport as DiffReport, diff as diff
    from zoo.runtime.benchmark import BenchRow as BenchRow, bench as bench
    from zoo.runtime.decoding import (
        Generation as Generation,
        Generator as Generator,
        generate as generate,
        load_generator as load_generator,
    )
    from zoo.runtime.inputs import encode as encode
    from zoo.runtime.manifest import Manifest as Manifest, read_manifest as read_manifest
    from zoo.runtime.prediction import Prediction as Prediction
    from zoo.runtime.sampling import (
        Sampler as Sampler,
        draw_input as draw_input,
        load_sampler as load_sampler,
    )
    from zoo.runtime.session import Session as Session, load as load
    from zoo.runtime.text import decode_text as decode_text, encode_text as encode_text
    from zoo.runtime.triton_config import (
        served_shape as served_shape,
        served_type as served_type,
    )
    from zoo.runtime.verification import (
        SignatureReport as SignatureReport,
        VerifyReport as VerifyReport,
        VerifyResult as VerifyResult,
        find_artifacts as find_artifacts,
        verify as verify,
        verify_all as verify_all,
    )

_MODULES = {
    "benchmark": ("BenchRow", "bench"),
    "decoding": ("Generation", "Generator", "generate", "load_generator"),
    "artifact_diff": ("DiffReport", "diff"),
    "inputs": ("encode",),
    "manifest": ("Manifest", "read_manifest"),
    "prediction": ("Prediction",),
    "sampling": ("Sampler", "draw_input", "load_sampler"),
    "session": ("Session", "load"),
    "text": ("decode_text", "encode_text"),
    "triton_config": ("served_shape", "served_type"),
    "verification": (
        "SignatureReport",
        "VerifyReport",
        "VerifyResult",
        "find_artifacts",
        "verify",
        "verify_all",
    ),
}
_MODULE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE)  # noqa: PLE0605 - type checkers read the imports above


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # Opening one artifact must not load what compares, times or decodes others.
        if name not in _MODULE:
            raise AttributeError(f"module 'zoo.runtime' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"zoo.runtime.{_MODULE[name]}"), name)
        globals()[name] = value
        return value
