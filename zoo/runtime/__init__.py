"""Load, verify and run artifacts with onnxruntime and numpy alone."""

from zoo.runtime._folder import MAX_BYTES
from zoo.runtime.bench import BenchRow, bench
from zoo.runtime.manifest import FORMAT_VERSION, Manifest, read_manifest
from zoo.runtime.prediction import Prediction
from zoo.runtime.session import Session, load
from zoo.runtime.verify import SignatureReport, VerifyReport, verify

__all__ = [
    "FORMAT_VERSION",
    "MAX_BYTES",
    "BenchRow",
    "Manifest",
    "Prediction",
    "Session",
    "SignatureReport",
    "VerifyReport",
    "bench",
    "load",
    "read_manifest",
    "verify",
]
