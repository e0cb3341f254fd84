"""Load, verify and run artifacts with onnxruntime and numpy alone."""

from zoo.runtime._folder import MAX_BYTES
from zoo.runtime.beam_search import OURS, REFERENCE, Rule
from zoo.runtime.bench import BenchRow, bench
from zoo.runtime.decoding import Generation, generate
from zoo.runtime.diff import DiffReport, diff
from zoo.runtime.generator import Generator, load_generator
from zoo.runtime.gibbs import Chain, load_chain
from zoo.runtime.manifest import FORMAT_VERSION, Manifest, read_manifest
from zoo.runtime.prediction import Prediction
from zoo.runtime.repository import ModelReport, is_model, verify_model
from zoo.runtime.session import Session, load
from zoo.runtime.text import decode_text, encode_text
from zoo.runtime.verify import SignatureReport, VerifyReport, verify

__all__ = [
    "FORMAT_VERSION",
    "MAX_BYTES",
    "OURS",
    "REFERENCE",
    "BenchRow",
    "Chain",
    "DiffReport",
    "Generation",
    "Generator",
    "Manifest",
    "ModelReport",
    "Prediction",
    "Rule",
    "Session",
    "SignatureReport",
    "VerifyReport",
    "bench",
    "decode_text",
    "diff",
    "encode_text",
    "generate",
    "is_model",
    "load",
    "load_chain",
    "load_generator",
    "read_manifest",
    "verify",
    "verify_model",
]
